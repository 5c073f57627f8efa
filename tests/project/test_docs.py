"""What README and docs say is true: their examples run, their tables are complete, their commands are taken."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import click
import pytest

import sam3_contract
from mock_server.engines.specimens import SPECIMENS
from mock_server.faults import FAULTS
from sam3_contract.checks import CHECKS
from sam3_contract.cli import commands
from sam3_contract.masks.catalogue.lookup import DEFECTS
from tests.servers import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {page.name: page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}


def test_readme_examples_run() -> None:
    failures, attempted = doctest.testfile(str(ROOT / "README.md"), module_relative=False)

    assert attempted >= 8
    assert failures == 0


def test_examples_of_the_library_page_run() -> None:
    flags = doctest.ELLIPSIS
    failures, attempted = doctest.testfile(str(ROOT / "docs" / "library.md"), module_relative=False, optionflags=flags)

    assert attempted >= 25
    assert failures == 0


def test_library_page_lists_every_name_of_the_package() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGES["library.md"], flags=re.MULTILINE)) == set(sam3_contract.__all__)


def _inner_commands(command: click.Command) -> dict[str, click.Command]:
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: one for name, one in found.items() if one is not None}


@pytest.mark.parametrize("page", PAGES)
def test_page_names_no_command_or_option_that_does_not_exist(page: str) -> None:
    context = click.Context(commands)
    for name, rest in re.findall(r"sam3-contract ([a-z]+)([^\n`|]*)", PAGES[page]):
        command = commands.get_command(context, name)
        assert command is not None, name
        inner = _inner_commands(command)
        assert not inner or rest.split()[:1] == [] or rest.split()[0] in inner, rest
        taken = [command, *inner.values()]
        known = {option for one in taken for parameter in one.params for option in parameter.opts} | {"--help"}
        assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= known, (name, rest)


@pytest.mark.parametrize("option", sorted(set(re.findall(r"(?<=`)--(?!sam3)[a-z-]+", PAGES["mock.md"]))))
def test_page_on_the_mock_names_only_options_of_serve(option: str) -> None:
    command = commands.get_command(click.Context(commands), "serve")

    assert command is not None
    assert option in {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("page", ["mock.md", "offline.md"])
def test_page_names_every_specimen(page: str) -> None:
    assert [name for name in SPECIMENS if not re.search(rf"`(specimen:)?{name}`", PAGES[page])] == []


def test_readme_counts_no_more_than_there_is() -> None:
    (told,) = re.findall(r"over (\d+) checks, (\d+) faults and\s+(\d+) defects", README)

    assert all(int(number) < len(known) for number, known in zip(told, (CHECKS, FAULTS, DEFECTS), strict=True))


def test_readme_stays_short() -> None:
    assert len(README.splitlines()) < 150


@pytest.mark.parametrize("name", re.findall(r"\]\(([\w/-]+\.md)\)", README))
def test_readme_links_lead_to_files(name: str) -> None:
    assert (ROOT / name).is_file()


def test_makefile_has_the_targets_of_the_readme() -> None:
    makefile = Path(ROOT / "Makefile").read_text(encoding="utf-8")

    for target in re.findall(r"^make ([a-z]+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize(
    ("page", "least"), [("engines.md", 3), ("index.md", 6), ("offline.md", 7), ("masks.md", 3), ("scale.md", 3)]
)
def test_examples_of_the_page_run(page: str, least: int) -> None:
    failures, attempted = doctest.testfile(str(ROOT / "docs" / page), module_relative=False)

    assert attempted >= least
    assert failures == 0


def test_every_page_with_sessions_is_run() -> None:
    run = {"README.md", "library.md", "engines.md", "index.md", "offline.md", "masks.md", "scale.md"}

    assert {name for name, text in PAGES.items() if "\n>>> " in text} == run
