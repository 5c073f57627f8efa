"""What a test is called within its module, by which its recordings and snapshots are found again."""

from __future__ import annotations

import re
from typing import Final

import pytest

_REPETITION: Final = "__pytest_repeat_step_number"
"""The parameter by which pytest-repeat runs a test several times; its id, such as ``2-10``, ends the test's name."""


def name_in_module(item: pytest.Item) -> str:
    """Name a test within its module; its node id may bear a group of pytest-xdist, its name a count of repetitions."""
    chain = item.listchain()
    inside = next((place for place, node in enumerate(chain, start=1) if isinstance(node, pytest.File)), 0)
    name = "::".join(node.name for node in chain[inside:])
    if _REPETITION in getattr(getattr(item, "callspec", None), "params", ()):
        return re.sub(r"(-|\[)\d+-\d+\]$", lambda found: "]" if found[1] == "-" else "", name)
    return name
