"""Regression snapshots: answers that are kept, and later answers compared with them, mask by mask.

A snapshot keeps what was asked and what was found, as text that a person can review. Comparing tells three things
apart: the schema changed (a client that read the old answer trips over the new one), the model changed (masks moved,
appeared or vanished), and there was nothing to look at.
"""

from __future__ import annotations

from sam3_contract.snapshots.changes import (
    Change,
    InstanceChange,
    RequestChange,
    Tolerances,
    Verdict,
)
from sam3_contract.snapshots.comparing import compare_reading
from sam3_contract.snapshots.file_format import snapshot_from_text, text_from_snapshot
from sam3_contract.snapshots.folder import read_snapshot, safe_stem, snapshot_files, write_snapshot
from sam3_contract.snapshots.model import (
    ImageReference,
    Instance,
    KeptAnswer,
    KeptRequest,
    PromptInstances,
    Snapshot,
)
from sam3_contract.snapshots.picture import draw_change, write_picture
from sam3_contract.snapshots.reading import NoAnswerError, Reading, operation_of, read_answer, read_exchange
from sam3_contract.snapshots.report import as_json, lines_of
from sam3_contract.snapshots.requests import case_from_request, created_by, reference_to, snapshot_of

__all__ = [
    "Change",
    "ImageReference",
    "Instance",
    "InstanceChange",
    "KeptAnswer",
    "KeptRequest",
    "NoAnswerError",
    "PromptInstances",
    "Reading",
    "RequestChange",
    "Snapshot",
    "Tolerances",
    "Verdict",
    "as_json",
    "case_from_request",
    "compare_reading",
    "created_by",
    "draw_change",
    "lines_of",
    "operation_of",
    "read_answer",
    "read_exchange",
    "read_snapshot",
    "reference_to",
    "safe_stem",
    "snapshot_files",
    "snapshot_from_text",
    "snapshot_of",
    "text_from_snapshot",
    "write_picture",
    "write_snapshot",
]
