"""Commands of other programs, held to what they are given: files that there are, options that are taken."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn
from unittest.mock import patch

import click
import requests
from packaging.requirements import Requirement

from sam3_contract.cli.serve.command import serve
from sam3_contract.pytest_plugin.options import pytest_addoption
from tests.documents.blocks import Command
from tests.servers import ROOT

MAKEFILE: Final = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: Final = PROJECT["project"]["optional-dependencies"]


class Strict(argparse.ArgumentParser):
    """A parser that raises what it would exit with, and takes no option by its beginning."""

    def __init__(self) -> None:
        super().__init__(prog="a program of the pages", add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def make(command: Command, _: Path) -> None:
    (target,) = command.words[1:]
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"the Makefile has no target {target}"


def in_environment(command: Command, _: Path) -> None:
    """What the README says to do without make is what the Makefile does."""
    if command.words[:3] == ("python3", "-m", "venv"):
        assert command.words[3:] == (".venv",)
        return
    words = [command.program.removeprefix(".venv/bin/"), *command.words[1:]]
    script = f"$(BIN)/{' '.join(words)}".replace("-m pip install", "$(PIP)")
    made = MAKEFILE.replace("$(LOCKED)", "--no-deps --require-hashes --requirement")
    assert re.search(rf"^\t{re.escape(script)}$", made, re.MULTILINE), f"the Makefile does not do {script}"


def pip(command: Command, _: Path) -> None:
    parser = Strict()
    parser.add_argument("install", choices=["install"])
    parser.add_argument("what")
    what = parser.parse_args(command.words[1:]).what.replace("path/to/", "")
    asked = Requirement(what)
    assert asked.name == PROJECT["project"]["name"], f"{asked.name} is not this package"
    assert asked.extras <= set(EXTRAS), f"no extra of that name: {asked.extras}"


def curl(command: Command, _: Path) -> None:
    """Sent by another client, as curl would."""
    parser = Strict()
    parser.add_argument("url")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d")
    asked = parser.parse_args(command.words[1:])
    headers = dict(re.split(r": ", header, maxsplit=1) for header in asked.H)
    method = "GET" if asked.d is None else "POST"
    answer = requests.request(method, asked.url, headers=headers, data=asked.d, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()


class PytestOptions(Strict):
    """What the plugin adds its options to, in the place of pytest's own parser."""

    def getgroup(self, *_: str) -> PytestOptions:
        return self

    def addoption(self, *names: str, **more: Any) -> None:
        self.add_argument(*names, **more)

    def addini(self, *_: Any, **__: Any) -> None:
        """Of no command line."""


def pytest_options(command: Command, _: Path) -> None:
    """The plugin takes the options; what they do is run by its own tests."""
    parser = PytestOptions()
    pytest_addoption(parser)  # type: ignore[arg-type]
    parser.parse_args(command.words[1:])


def docker(command: Command, _: Path) -> None:
    """What it is given is of the Dockerfile and of `sam3-contract serve`; there may be no daemon here."""
    if command.words[1] == "build":
        build = Strict()
        build.add_argument("--tag", required=True)
        build.add_argument("folder")
        assert (ROOT / build.parse_args(command.words[2:]).folder / "Dockerfile").is_file()
        return
    run = Strict()
    run.add_argument("--rm", action="store_true")
    run.add_argument("--read-only", action="store_true")
    run.add_argument("--publish")
    run.add_argument("image")
    run.add_argument("rest", nargs=argparse.REMAINDER)
    assert command.words[1] == "run"
    asked = run.parse_args(command.words[2:])
    exposed = re.search(r"^EXPOSE (\d+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert exposed is not None
    assert asked.publish.endswith(f":{exposed[1]}"), f"{asked.publish} is not of port {exposed[1]}"
    serve.make_context("serve", ["--host", "0.0.0.0", *asked.rest])


def locust(command: Command, stage: Path) -> None:
    """Read by Locust's own parser; what it does with these options is run by tests/loading."""
    place = command.words.index("-f") + 1
    assert (stage / command.words[place]).is_file(), f"there is no {command.words[place]}"
    with patch.dict("os.environ", LOCUST_SKIP_MONKEY_PATCH="1"):  # else its import changes the sockets of this process
        from locust.argument_parser import get_parser  # noqa: PLC0415 - takes half a second
    get_parser().parse_args(list(command.words[1:]))


def schemathesis(command: Command, _: Path) -> None:
    """Read by its own command line; what it finds with these options is run by the tests of the hooks."""
    from schemathesis.cli import schemathesis as commands  # noqa: PLC0415 - takes half a second

    from sam3_contract import schemathesis_hooks  # noqa: PLC0415 - as above

    assert command.variables == {"SCHEMATHESIS_HOOKS": schemathesis_hooks.__name__}
    assert command.words[2] == "$(sam3-contract spec show --path)"
    run = commands.get_command(click.Context(commands), command.words[1])
    assert run is not None
    run.make_context("run", [str(ROOT / "openapi" / "sam3.yaml"), *command.words[3:]])


HELD: Final[Mapping[str, Callable[[Command, Path], None]]] = {
    "curl": curl,
    "docker": docker,
    "locust": locust,
    "make": make,
    "pip": pip,
    "pytest": pytest_options,
    "schemathesis": schemathesis,
    **dict.fromkeys(("python3", ".venv/bin/python", ".venv/bin/ruff", ".venv/bin/mypy"), in_environment),
}
