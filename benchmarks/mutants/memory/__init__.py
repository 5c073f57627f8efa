"""What a server keeps from one request to another."""

from __future__ import annotations

from benchmarks.mutants.memory import caches, embeddings, logits, names, sequence
from benchmarks.mutants.server import Mutant

__all__ = ["MUTANTS"]

MUTANTS: list[Mutant] = [mutant for kind in (caches, names, embeddings, logits, sequence) for mutant in kind.MUTANTS]
"""Those of the room, in order."""
