"""A page for each fault of the mock: what a client sees, which requests show it, how it is switched on."""

from __future__ import annotations

from typing import Final

from documentation.page import Page, facts, fenced, table
from mock_server.faults import FAULTS, Fault

_FOLDER: Final = "reference/faults"
_FAMILIES: Final = {
    "http": "The answer as HTTP",
    "schema": "The answer's JSON",
    "mask": "Pixels, and how they are written",
    "semantics": "What was asked, and what came of it",
}


def fault_pages() -> list[Page]:
    """Make a page for each fault, and one that lists them."""
    pages = (Page(f"{_FOLDER}/{fault.name}.md", _page(fault)) for fault in FAULTS.values())
    return [Page(f"{_FOLDER}/index.md", _index()), *pages]


def _index() -> str:
    parts = [
        "# Faults",
        f"The mock can break the contract in {len(FAULTS)} ways, each by name: for every request (`sam3-contract serve "
        "--fault NAME`), for one (header `X-Mock-Fault: NAME`), in a scenario, or in `pytest --sam3-mutate`, which "
        "runs a suite under each of them.",
    ]
    for family, title in _FAMILIES.items():
        found = sorted((one for one in FAULTS.values() if one.family == family), key=lambda one: one.name)
        rows = ([f"[`{one.name}`]({one.name}.md)", one.breaks] for one in found)
        parts += [f"## {title}", table(["name", "what a client sees"], rows)]
    return "\n\n".join(parts) + "\n"


def _page(fault: Fault) -> str:
    text = f"{fault.name}:{fault.parameter.default}" if fault.parameter else fault.name
    told = [
        ("family", _FAMILIES[fault.family]),
        ("operations", ", ".join(f"`{name}`" for name in fault.operations)),
        ("seen by", fault.when),
    ]
    if fault.parameter:
        told.append(("parameter", f"{fault.parameter.meaning}; by default `{fault.parameter.default}`"))
    commands = (
        f"sam3-contract serve --fault {text}      # every request",
        f"sam3-contract serve --fault {text}:1    # the first one only",
        f'curl -H "X-Mock-Fault: {text}" ...      # this one',
        f"sam3-contract verify mock --fault {text}",
    )
    parts = [f"# {fault.name}", fault.breaks, facts(told), "## Switched on", fenced("\n".join(commands))]
    parts.append("[All faults](index.md)")
    return "\n\n".join(parts) + "\n"
