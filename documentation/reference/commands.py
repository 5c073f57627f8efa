"""A page for each command: its usage, what it does, and every option."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Final

import click

from documentation.page import Page, fenced, table
from sam3_contract.cli import commands

_FOLDER: Final = "reference/commands"
_PROGRAM: Final = "sam3-contract"

# Values that options take, by the option, or by what stands for a value in the help.
_VALUES: Final[Mapping[str | None, str]] = {
    "--allow-host": "mock.test",
    "--case": "concept_segment/shapes.png/rle",
    "--cluster": "tcp://scheduler:8786",
    "--column": "segmentation",
    "--operation": "visual_segment",
    "--page": "https://docs.roboflow.com/models/supported-models/sam3",
    "--shard": "1/64",
    "--since": "last/watch.json",
    "--store": "sqlite:mock.sqlite",
    "--allow-live": "https://serverless.roboflow.com",
    "--api-key-env": "MY_API_KEY",
    "--engine": "pixels",
    "--fault": "size_swapped",
    "--har": "traffic.har",
    "--image": "bus.jpg",
    "--ready-file": "mock.url",
    "--scenario": "scenarios.yaml",
    "--spec": "sam3.yaml",
    "ADDRESS": "192.168.0.7",
    "CODES": "M03,R",
    "CONCEPT": "dog",
    "CREDITS": "0.01",
    "DIR": "folder",
    "FILE": "file.json",
    "FILE.har": "traffic.har",
    "FILE.json": "request.json",
    "FILE.toml": "mock.toml",
    "DEFECTS": "POL,RLE04",
    "DIFFERENCE": "0.1",
    "DIR|MAP.json": "pictures",
    "HOST": "sam3.example.com",
    "ID": "visual_segment",
    "IOU": "0.95",
    "KEY": "a-key-of-yours",
    "KEY=STATUS": "old-key=402",
    "MIN": "60",
    "N": "8",
    "N/s|m|h": "30/m",
    "NAMES": "http,size_swapped",
    "OTHER": "other.json",
    "OUT": "results.json",
    "OUT.png": "masks.png",
    "PORT": "9002",
    "SECONDS": "30",
    "TOKEN": "a-token-of-yours",
    "URL": "https://serverless.roboflow.com",
    "URL=FILE": "https://example.com/bus.jpg=bus.jpg",
    "URL|mock|FILE.har": "yesterday.har",
    "WxH": "640x480",
    "X,Y": "310,220",
}


def command_pages() -> list[Page]:
    """Make a page for each command, and one that lists them."""
    found = dict(leaves())
    rows = ([f"[`{name}`]({_file(name)})", one.get_short_help_str(limit=200)] for name, one in found.items())
    text = (inspect.getdoc(commands) or "").replace("\b\n", "")
    parts = ["# Commands", _described(text), table(["command", "what it does"], rows)]
    pages = (Page(f"{_FOLDER}/{_file(name)}", _page(name, one)) for name, one in found.items())
    return [Page(f"{_FOLDER}/index.md", "\n\n".join(parts) + "\n"), *pages]


def leaves(group: click.Group = commands, before: str = _PROGRAM) -> Iterator[tuple[str, click.Command]]:
    """List the commands that do something, by what is typed."""
    context = click.Context(group, info_name=before)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from leaves(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def _file(name: str) -> str:
    return f"{name.removeprefix(_PROGRAM).strip().replace(' ', '-')}.md"


def _page(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    usage = command.get_usage(context).removeprefix("Usage: ")
    parts = [f"# {name}", fenced(usage, "text"), _described(inspect.cleandoc(command.help or ""))]
    options = [one for one in command.params if isinstance(one, click.Option)]
    if options:
        parts += ["## Options", *(_option(one, context) for one in options)]
    return "\n\n".join([*parts, "[All commands](index.md)"]) + "\n"


def _option(option: click.Option, context: click.Context) -> str:
    words, about = option.get_help_record(context) or (", ".join(option.opts), option.help or "")
    head = max(option.opts, key=len)
    example = f"{context.info_name} ... {' '.join(example_of(option))}"
    return f"### {head}\n\n{fenced(words, 'text')}\n\n{_escaped(about)}\n\nSuch as `{example}`."


def example_of(option: click.Option) -> list[str]:
    """Write an option with a value that it takes."""
    word = max(option.opts, key=len)
    return [word] if option.is_flag else [word, _value(option)]


def _value(option: click.Option) -> str:
    kind = option.type
    for name in (*option.opts, option.metavar):
        if name in _VALUES:
            return _VALUES[name]
    if isinstance(kind, click.Choice):
        return str(kind.choices[-1])
    if isinstance(option.default, bool | int | float | str) and option.default not in {"", 0}:
        return str(option.default)
    if isinstance(kind, click.IntRange | click.FloatRange):
        return f"{max(kind.min or 0, 1):g}"
    return {"integer": "7", "float": "0.5"}[kind.name]  # others want an entry above


def _described(text: str) -> str:
    """Bring a docstring of click's to Markdown: what stands indented behind a backspace is code."""
    parts = []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = part.replace("\b", "").strip("\n").splitlines()
        if "\b" in part and not lines[0].startswith("  ") and not all(line.startswith("  ") for line in lines[1:]):
            parts.append(fenced("\n".join(lines), "text"))  # a table of its own, kept as it stands
        elif all(line.startswith("  ") for line in lines):
            parts.append(fenced(inspect.cleandoc("\n".join(lines))))
        elif len(lines) > 1 and all(line.startswith("  ") for line in lines[1:]):
            parts += [_escaped(lines[0]), fenced(inspect.cleandoc("\n".join(["", *lines[1:]])))]
        else:
            parts.append(_escaped("\n".join(lines)))
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    """Keep what looks like a tag from being one."""
    return re.sub(r"<(?=\w)", "&lt;", text)
