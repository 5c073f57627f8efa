"""Servers with one conditional or partial defect each, of the kinds that real services have.

They come from what a server consists of: decoders of images, a model's wrapper, caches, batches, a web framework. None
of them is in the mock's catalogue of faults: each is a WSGI application around the faultless mock, wrong only under its
condition. ``python -m benchmarks.verify --mutants`` tells which of them `verify` finds with how many calls.

Some were written by different people who thought of the same: those stand beside each other, the later one as a call
of the earlier, and count as often as they were thought of.
"""

from __future__ import annotations

from benchmarks.mutants import images, memory, requests, results, service
from benchmarks.mutants.server import Mutant

__all__ = ["MUTANTS", "Mutant"]

MUTANTS: dict[str, Mutant] = {
    mutant.name: mutant for room in (images, requests, results, memory, service) for mutant in room.MUTANTS
}
"""Every mutant by its name."""
