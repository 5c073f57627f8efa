"""The page of the known deviations: where the server does otherwise than its documentation says."""

from __future__ import annotations

from documentation.page import Page, facts
from sam3_contract.spec import load


def deviation_page() -> Page:
    """List the deviations, with the days on which they were seen first and last."""
    parts = [
        "# Known deviations",
        "Where the documentation of the service and its open-source server differ. The mock plays the documentation's "
        "side unless it is started with `--profile observed`; `sam3-contract verify` reports these apart and does not "
        "count them, and says so if one is no longer seen.",
    ]
    for one in load().deviations:
        told = [
            ("operation", "all" if one.operation == "*" else f"`{one.operation}`"),
            ("documented", one.documented),
            ("observed", one.observed),
            ("seen", f"{one.since} to {one.until}, in `inference` {one.version}"),
        ]
        parts += [f"## {one.id}", facts(told)]
    return Page("reference/deviations.md", "\n\n".join(parts) + "\n")
