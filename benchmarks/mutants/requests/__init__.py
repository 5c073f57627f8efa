"""What a server reads of a request, beside the image."""

from __future__ import annotations

from benchmarks.mutants.requests import (
    batches,
    boxes,
    clicks,
    exemplars,
    options,
    suppression,
    texts,
    thresholds,
    visual_batches,
)
from benchmarks.mutants.server import Mutant

__all__ = ["MUTANTS"]

MUTANTS: list[Mutant] = [
    mutant
    for kind in (thresholds, suppression, texts, exemplars, clicks, boxes, batches, visual_batches, options)
    for mutant in kind.MUTANTS
]
"""Those of the room, in order."""
