"""``sam3-contract masks explain``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import click

from sam3_contract.masks.catalogue.defect import Defect
from sam3_contract.masks.catalogue.finding import shown
from sam3_contract.masks.catalogue.lookup import DEFECTS, defect_named
from sam3_contract.terminal import say

_LONGEST_EXAMPLE: Final = 100


@click.command()
@click.argument("defect", required=False, metavar="[CODE]")
def explain(defect: str | None) -> None:
    """Explain a defect, by its code or its name; without one, list them all.

    \b
      sam3-contract masks explain RLE04
      sam3-contract masks explain size_swapped
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    lines = _catalogue() if defect is None else explained(defect_named(defect))
    say("\n".join(lines))


def _catalogue() -> Iterator[str]:
    width = max(len(defect.name) for defect in DEFECTS)
    for defect in DEFECTS:
        yield f"{defect.code}  {defect.name:{width}}  {defect.severity:7}  {defect.meaning}"


def explained(defect: Defect) -> Iterator[str]:
    """Say all that there is to say of a defect, line by line."""
    yield f"{defect.code} {defect.name} ({defect.severity})"
    yield ""
    yield defect.meaning
    yield ""
    yield f"  cause     {defect.cause}"
    yield f"  mend      {defect.mend}"
    if defect.example is not None:
        yield f"  example   {_example(defect)}"
    if defect.declared_format is not None:
        yield f"            declared as format {defect.declared_format!r}"
    if defect.image_size is not None:
        height, width = defect.image_size
        yield f"            of an image {width} pixels wide and {height} high"


def _example(defect: Defect) -> str:
    if defect.code.startswith("TXT"):
        assert isinstance(defect.example, str)
        text = defect.example
    elif defect.code.startswith("BIN"):
        assert isinstance(defect.example, dict)
        text = ", ".join(f"{name}: dtype {dtype}, shape {shape}" for name, (dtype, shape) in defect.example.items())
    elif defect.name == "forms_disagree":
        assert isinstance(defect.example, tuple)
        text = " against ".join(map(json.dumps, defect.example))
    else:
        text = json.dumps(defect.example)
    return text if len(text) <= _LONGEST_EXAMPLE else shown(defect.example)
