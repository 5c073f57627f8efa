"""What a server makes of the picture that it is sent."""

from __future__ import annotations

from benchmarks.mutants.images import formats, likeness, orientation, pixels, sizes
from benchmarks.mutants.server import Mutant

__all__ = ["MUTANTS"]

MUTANTS: list[Mutant] = [mutant for kind in (orientation, formats, pixels, sizes, likeness) for mutant in kind.MUTANTS]
"""Those of the room, in order."""
