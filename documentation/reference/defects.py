"""A page for each defect of a mask: what it is, where it comes from, how to mend it."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from documentation.page import Page, facts, fenced, table
from sam3_contract.cli.masks.explain import explained
from sam3_contract.masks.catalogue.defect import Defect
from sam3_contract.masks.catalogue.lookup import DEFECTS

_FOLDER: Final = "reference/codes"
_KINDS: Final = {
    "MSK": "Masks of any format",
    "RLE": "Run lengths",
    "POL": "Polygons",
    "COC": "COCO files",
    "BIN": "Archives of arrays",
    "TXT": "The text of a file",
}


def defect_pages() -> list[Page]:
    """Make a page for each defect, and one that lists them."""
    return [Page(f"{_FOLDER}/index.md", _index()), *(Page(f"{_FOLDER}/{one.code}.md", _page(one)) for one in DEFECTS)]


def _index() -> str:
    parts = [
        "# Defects of masks",
        "What `sam3-contract masks check`, `find_defects` and the [checks](../checks/index.md) of masks find. Codes "
        "stay what they are from release to release.",
    ]
    for kind, defects in groupby(sorted(DEFECTS, key=lambda one: one.code), key=lambda one: one.code[:3]):
        rows = ([f"[{one.code}]({one.code}.md)", f"`{one.name}`", one.severity, one.meaning] for one in defects)
        parts += [f"## {_KINDS[kind]}", table(["code", "name", "severity", "meaning"], rows)]
    return "\n\n".join(parts) + "\n"


def _page(defect: Defect) -> str:
    example = [line.strip().removeprefix("example   ") for line in explained(defect)][6:]
    parts = [
        f"# {defect.code} {defect.name}",
        defect.meaning,
        facts([("severity", defect.severity), ("cause", defect.cause), ("mend", defect.mend)]),
        *(["## Example", fenced("\n".join(example), "text")] if example else []),
        "## On the command line",
        fenced(f"sam3-contract masks check answer.json\nsam3-contract masks explain {defect.code}"),
        "[All defects](index.md)",
    ]
    return "\n\n".join(parts) + "\n"
