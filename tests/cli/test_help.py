"""Help as somebody reads it who meets the command line for the first time: whole, alike, with an example each."""

from __future__ import annotations

import re

import click
import pytest

from documentation.reference.commands import leaves
from sam3_contract.cli import commands
from tests.servers import run_command

LEAVES = dict(leaves())
GROUPS = ["", *sorted({" ".join(name.split()[1:-1]) for name in LEAVES} - {""})]
PLACEHOLDERS = re.compile(
    r"\b(INTEGER|FLOAT|TEXT|PATH|FILENAME|RANGE|FOLDER)\b"
)  # click's words, and a second one of ours


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_of_a_group_is_told_in_a_line_of_its_own(group: str) -> None:
    said = run_command(*group.split(), "--help", env={"COLUMNS": "80"}).stdout

    listed = said.partition("Commands:\n")[2].splitlines()
    assert len(listed) > 1
    assert [line for line in listed if line.endswith("...") or not re.match(r"  [a-z]+ +\S.*\.$", line)] == []


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_shows_how_it_is_typed(name: str) -> None:
    assert f"\n    {name}" in LEAVES[name].get_help(click.Context(LEAVES[name], info_name=name))


@pytest.mark.parametrize("name", LEAVES)
def test_values_of_options_are_named_by_what_they_are(name: str) -> None:
    context = click.Context(LEAVES[name], info_name=name)
    options = [one for one in LEAVES[name].params if isinstance(one, click.Option)]
    words = [record[0] for one in options if (record := one.get_help_record(context))]

    assert [word for word in words if PLACEHOLDERS.search(word.replace("sqlite:PATH", ""))] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["snapshot", "compar"], "no command named 'compar'; did you mean 'compare'?"),
        (["masks", "chek"], "no command named 'chek'; did you mean 'check'?"),
        (["faults", "xyzzy"], "no command named 'xyzzy'; known are explain, list"),
        (["spec", "sow"], "no command named 'sow'; did you mean 'show'?"),
    ],
)
def test_misspelt_command_is_answered_with_the_one_that_was_meant(arguments: list[str], says: str) -> None:
    result = run_command(*arguments)

    assert result.returncode == 2
    assert says in " ".join(result.stderr.split())


def test_program_says_what_to_begin_with() -> None:
    said = commands.get_help(click.Context(commands, info_name="sam3-contract"))

    assert all(
        f"  sam3-contract {words}" in said for words in ("serve", "verify http", "masks check", "checks explain")
    )
