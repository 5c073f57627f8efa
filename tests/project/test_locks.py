"""The lock files hold what pyproject.toml asks for, each package by hash."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.servers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
RUN = [*EXTRAS["httpx"], *EXTRAS["aiohttp"], *EXTRAS["fuzz"]]
CLIENTS = (ROOT / "requirements" / "clients.in").read_text(encoding="utf-8").splitlines()
WANTED = {
    "dev": [*PROJECT["project"]["dependencies"], *EXTRAS["dev"], *RUN],
    "run": [*PROJECT["project"]["dependencies"], *RUN],
    "build": [*PROJECT["dependency-groups"]["build"], *PROJECT["build-system"]["requires"]],
    "site": PROJECT["dependency-groups"]["site"],
    "clients": [line for line in CLIENTS if not line.startswith("#")],
}


# What is no requirement of its own: the library that its types and words come from requires it.
BROUGHT = {"gevent": "locust", "mcp_types": "mcp", "pydantic_core": "pydantic"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(name: str) -> dict[str, tuple[str, str]]:
    """Version and text of each locked package; the same package may be locked for other Pythons again."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=\S+==)", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    found = (re.match(r"([\w.-]+)==([^\s;]+)", entry) for entry in entries if entry.strip())
    return {normal(one[1]): (one[2], one.string) for one in found if one}


def unmet(wanted: Iterable[str], name: str) -> set[str]:
    versions = locked(name)
    asked = [Requirement(text) for text in wanted]
    return {
        str(one)
        for one in asked
        if normal(one.name) != "sam3-contract"
        and (normal(one.name) not in versions or versions[normal(one.name)][0] not in one.specifier)
    }


@pytest.mark.parametrize("name", WANTED)
def test_every_requirement_is_locked_to_a_version_that_it_allows(name: str) -> None:
    assert unmet(WANTED[name], name) == set()


@pytest.mark.parametrize("name", WANTED)
def test_every_locked_package_has_a_hash(name: str) -> None:
    assert {package for package, (_, text) in locked(name).items() if "--hash=sha256:" not in text} == set()


def test_a_requirement_that_the_lock_does_not_meet_is_found() -> None:
    assert unmet(["numpy>=999", "no-such-package"], "dev") == {"numpy>=999", "no-such-package"}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_what_is_imported_is_required() -> None:
    """Else it is there only as long as a library that we require happens to require it."""
    extras = [text for name, texts in EXTRAS.items() if name != "dev" for text in texts]
    required = {normal(Requirement(text).name) for text in [*PROJECT["project"]["dependencies"], *extras]}
    files = [file for folder in ("sam3_contract", "mock_server") for file in (ROOT / folder).rglob("*.py")]
    names = {name for file in files for name in imported(file)} - sys.stdlib_module_names
    packages = packages_distributions()
    missing = {name for name in names if not required & set(map(normal, packages.get(name, [name])))}

    assert len(names) > 20
    assert missing - {"sam3_contract", "mock_server", "_typeshed"} == BROUGHT.keys()  # the last for type checkers alone
    for name, by in BROUGHT.items():
        assert by in required
        assert normal(name) in {normal(Requirement(text).name) for text in requires(by) or ()}
