"""Scenario files: YAML, JSON or TOML to plain values, and the line on which one of them stands."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import yaml

from mock_server.scenarios.mistakes import Mistake
from mock_server.scenarios.mistakes import Path as ValuePath
from sam3_contract.errors import ScenarioError
from sam3_contract.files import json_positions
from sam3_contract.files.bounded import open_regular
from sam3_contract.files.nesting import TooDeep, depth_of, events_within

FileFormat = Literal["yaml", "json", "toml"]

MOST_BYTES: Final = 1024 * 1024  # of a file; bodies that are larger stand in files of their own
_DEEPEST: Final = 64  # levels
_TOO_DEEP: Final = f"is nested more than {_DEEPEST} levels deep"
_FORMATS: Final[dict[str, FileFormat]] = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where scenarios come from.

    Attributes:
        value: What it holds.
        origin: Its name, for messages.
        folder: What the paths in it are relative to; ``None`` if it may name no files.
        line: Tells the line of a value; ``None`` if that cannot be told.
    """

    value: Any
    origin: str
    folder: Path | None = None
    line: Callable[[ValuePath], int | None] = lambda _: None

    def error(self, mistake: Mistake) -> ScenarioError:
        """Say where a mistake is."""
        line = self.line(mistake.path)
        origin = self.origin if line is None else f"{self.origin}, line {line}"
        return ScenarioError(f"{origin}: {mistake}", origin=self.origin, line=line)


def read(path: Path) -> Source:
    """Read a scenario file; its suffix tells the format.

    Raises:
        ScenarioError: If it cannot be read, is too large, or is not of its format.
    """
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise ScenarioError(f"{path}: has to end in {', '.join(_FORMATS)}", origin=str(path))
    try:
        with open_regular(path) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}", origin=str(path)) from error
    return parse(content, file_format, origin=str(path), folder=path.parent)


def parse(content: bytes, file_format: FileFormat, *, origin: str, folder: Path | None = None) -> Source:
    """Read scenarios from bytes.

    Args:
        content: The file.
        file_format: Its format.
        origin: Its name, for messages.
        folder: What the paths in it are relative to; ``None`` if it may name no files.

    Raises:
        ScenarioError: If it is too large, or not of its format.
    """
    if len(content) > MOST_BYTES:
        raise ScenarioError(f"{origin}: is larger than {MOST_BYTES} bytes; let `body_file` hold bodies", origin=origin)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(origin, line, f"byte {content[error.start]:#04x} is no UTF-8") from error
    value, line_of = _PARSERS[file_format](text, origin)
    if depth_of(value) - 1 > _DEEPEST:
        raise _unreadable(origin, None, _TOO_DEEP)
    return Source(value, origin, folder, line_of)


def _unreadable(origin: str, line: int | None, reason: str) -> ScenarioError:
    place = origin if line is None else f"{origin}, line {line}"
    return ScenarioError(f"{place}: {reason}", origin=origin, line=line)


LineOf = Callable[[ValuePath], int | None]


class _Loader(yaml.CSafeLoader):
    """Reads plain scalars as YAML 1.2 and JSON do: ``no`` and ``2026-11-22`` are texts."""


_Loader.yaml_implicit_resolvers = {}  # those of YAML 1.1, which every loader inherits
_TAG: Final = "tag:yaml.org,2002:"
for _kind, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", "n~\0"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(
        _TAG + _kind, re.compile(rf"^(?:{_pattern})$"), ["" if character == "\0" else character for character in _first]
    )
_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    "str": str,
    "bool": lambda text: text == "true",
    "null": lambda _: None,
    "int": int,
    "float": float,
}


def _parse_yaml(text: str, origin: str) -> tuple[Any, LineOf]:
    try:
        _refuse_references(text, origin)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _unreadable(origin, mark.line + 1 if mark else None, f"is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise _unreadable(origin, None, f"is no YAML: {error}".replace("\n", " ")) from error
    if root is None:
        raise _unreadable(origin, 1, "holds nothing")
    return _plain(root, origin), lambda path: _yaml_line(root, path)


def _refuse_references(text: str, origin: str) -> None:
    """Refuse aliases, by which a short file becomes a huge one, and what is nested too deeply."""
    try:
        for event in events_within(text, _DEEPEST, _Loader):
            if isinstance(event, yaml.AliasEvent):
                raise _unreadable(origin, _line(event), f"alias *{event.anchor} is not read; write it out")
    except TooDeep as error:
        raise _unreadable(origin, error.line, _TOO_DEEP) from error


def _line(what: yaml.Node | yaml.Event) -> int:
    return what.start_mark.line + 1 if what.start_mark else 1


def _plain(node: yaml.Node, origin: str) -> Any:
    """Turn what was composed into plain values; PyYAML's own constructor takes a name twice."""
    line = _line(node)
    kind = node.tag.removeprefix(_TAG)
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_plain(entry, origin) for entry in node.value]
    if isinstance(node, yaml.MappingNode) and kind == "map":
        found: dict[str, Any] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode) or name.tag != f"{_TAG}str":
                raise _unreadable(origin, _line(name), "a name has to be a text; put it in quotes")
            if name.value in found:
                raise _unreadable(origin, _line(name), f"{name.value!r} is given twice")
            found[name.value] = _plain(value, origin)
        return found
    if not isinstance(node, yaml.ScalarNode) or kind not in _SCALARS:
        raise _unreadable(origin, line, f"tag {node.tag!r} is not read")
    try:
        return _SCALARS[kind](node.value)
    except ValueError as error:
        raise _unreadable(origin, line, f"{node.value[:60]!r} is no {kind}") from error


def _yaml_line(node: yaml.Node, path: ValuePath) -> int:
    """Find the line of a value: of its name, if it has one."""
    line = _line(node)
    for step in path:
        if isinstance(node, yaml.MappingNode):
            name, node = next(pair for pair in node.value if pair[0].value == step)
            line = _line(name)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = _line(node)
    return line


def _parse_json(text: str, origin: str) -> tuple[Any, LineOf]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(name for index, (name, _) in enumerate(pairs) if name in dict(pairs[:index]))
            raise _unreadable(origin, None, f"{twice!r} is given twice")
        return found

    def constant(name: str) -> NoReturn:
        raise _unreadable(origin, None, f"{name} is no JSON")

    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise _unreadable(origin, error.lineno, f"is no JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(origin, None, f"is no JSON that can be read: {error}") from error
    return value, lambda path: json_positions.line_of(text, path)


def _parse_toml(text: str, origin: str) -> tuple[Any, LineOf]:
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"\(at line (\d+)", str(error))
        reason = re.sub(r" \(at .*\)$", "", str(error))
        raise _unreadable(origin, int(line[1]) if line else None, f"is no TOML: {reason}") from error
    return value, lambda path: _toml_line(text, path)


def _toml_line(text: str, path: ValuePath) -> int | None:
    """Search the line of a value: the last name of its path, in the table of its scenario."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if re.match(r"\s*\[\[\s*scenarios\s*\]\]", line)]
    first, end = 0, len(lines)
    if path[:1] == ("scenarios",) and len(path) > 1 and isinstance(path[1], int) and path[1] < len(starts):
        first = starts[path[1]]
        end = next((start for start in starts if start > first), end)
    names = [step for step in path if isinstance(step, str)]
    wanted = re.compile(rf"(?<![\w-])[\"']?{re.escape(names[-1])}[\"']?\s*[\].=]") if names else None
    found = (number for number in range(first, end) if wanted and wanted.search(lines[number]))
    number = next(found, first or None)
    return None if number is None else number + 1


_PARSERS: Final[dict[FileFormat, Callable[[str, str], tuple[Any, LineOf]]]] = {
    "yaml": _parse_yaml,
    "json": _parse_json,
    "toml": _parse_toml,
}
