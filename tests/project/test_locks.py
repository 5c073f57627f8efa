"""The lock files hold what pyproject.toml asks for, each package by hash."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable

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
