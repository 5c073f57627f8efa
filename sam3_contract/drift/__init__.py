"""What has changed about a server since it was written to: its document, its answers, its deviations, its page."""

from __future__ import annotations

from sam3_contract.drift.drifts import Drift, Watch
from sam3_contract.drift.finding import of_deviations, of_document, of_page, of_run, of_snapshots, refusal_of
from sam3_contract.drift.last import Last, read_last
from sam3_contract.drift.page import Page, page_of

__all__ = [
    "Drift",
    "Last",
    "Page",
    "Watch",
    "of_deviations",
    "of_document",
    "of_page",
    "of_run",
    "of_snapshots",
    "page_of",
    "read_last",
    "refusal_of",
]
