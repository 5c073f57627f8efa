"""The options `--select` and `--ignore`: codes, prefixes or names, by comma or each with an option of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

__all__ = ["select_and_ignore"]

Command = Callable[..., Any]


def select_and_ignore(metavar: str, *, what: str) -> Callable[[Command], Command]:
    """Give a command both options; what was given comes as a tuple of single words.

    Args:
        metavar: What stands for the words in the help.
        what: What is chosen from, in the plural.
    """
    option = partial(click.option, multiple=True, metavar=metavar, callback=_words_of)

    def add(command: Command) -> Command:
        ignoring = option("--ignore", help=f"Not these {what}.")(command)
        return option("--select", help=f"Only these {what}: codes, prefixes or names, by comma.")(ignoring)

    return add


def _words_of(context: click.Context, option: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    for value in values:
        if not value.replace(",", "").strip():  # to take all for what was meant would judge by what nobody chose
            raise click.BadParameter(f"{value!r} names nothing", ctx=context, param=option)
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())
