"""The options `--select` and `--ignore`: codes, prefixes or names, by comma or each with an option of its own."""

from __future__ import annotations

from collections.abc import Sequence

import click

__all__ = ["codes_of"]


def codes_of(context: click.Context, option: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Take the codes out of what was given, as the callback of an option.

    Raises:
        click.BadParameter: If there is none in it: to take all for what was meant would judge by what nobody chose.
    """
    for value in values:
        if not value.replace(",", "").strip():
            raise click.BadParameter(f"{value!r} names nothing", ctx=context, param=option)
    return tuple(code.strip() for value in values for code in value.split(",") if code.strip())
