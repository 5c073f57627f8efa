"""What becomes of results on their way out."""

from __future__ import annotations

from benchmarks.mutants.results import echo, encodings, instances, masks
from benchmarks.mutants.server import Mutant

__all__ = ["MUTANTS"]

MUTANTS: list[Mutant] = [mutant for kind in (masks, encodings, instances, echo) for mutant in kind.MUTANTS]
"""Those of the room, in order."""
