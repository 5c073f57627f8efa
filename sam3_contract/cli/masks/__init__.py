"""``sam3-contract masks``."""

from __future__ import annotations

import click

from sam3_contract.cli.lazy import LazyGroup

_HOME = "sam3_contract.cli.masks"


@click.group(
    cls=LazyGroup, homes={name: f"{_HOME}.{name}" for name in ("check", "convert", "explain", "merge", "show")}
)
def masks() -> None:
    """Masks in files: find their defects, convert them, draw them."""
