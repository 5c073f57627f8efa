"""``sam3-contract masks``."""

from __future__ import annotations

from typing import Final

import click

from sam3_contract.cli.lazy import LazyGroup

_ABOUT: Final = {
    "check": "Find what is wrong with masks, and say what to do about it.",
    "convert": "Write masks in another format.",
    "explain": "Explain a defect, or list them all.",
    "merge": "Put together what the shards of an audit found.",
    "show": "Draw masks over their photograph.",
}


@click.group(cls=LazyGroup, home="sam3_contract.cli.masks", about=_ABOUT)
def masks() -> None:
    """Masks in files: find their defects, convert them, draw them."""
