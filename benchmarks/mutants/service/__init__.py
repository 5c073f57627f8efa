"""What is around a model: a web framework, keys, other requests at the same time."""

from __future__ import annotations

from benchmarks.mutants.server import Mutant
from benchmarks.mutants.service import failures, keys, load, mixing, refusals, transport

__all__ = ["MUTANTS"]

MUTANTS: list[Mutant] = [
    mutant for kind in (mixing, load, refusals, failures, keys, transport) for mutant in kind.MUTANTS
]
"""Those of the room, in order."""
