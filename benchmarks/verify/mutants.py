"""Servers with a conditional or partial defect: which are found with how many calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.mutants import MUTANTS, Mutant
from benchmarks.verify.finding import (
    AS_IT_IS,
    BUDGETS,
    KEY,
    Counted,
    Found,
    Shown,
    by_budgets,
    found_by_budget,
    verdict,
)
from mock_server import Settings, create_app

LEAST_FOUND = {60: 0.60, 150: 0.85}  # of the mutants, by budget
OF_CONNECTIONS = Shown("", "chunks and compression are of a connection, and there is none in the process", timeout=60)
MUTANTS_SHOWN = dict.fromkeys(("chunked_bodies_are_refused", "compressed_answers_are_cut"), OF_CONNECTIONS)


def report_of_mutants(names: Sequence[str], seed: int) -> tuple[dict[str, Any], bool]:
    """Print which defective servers are found with how many calls."""
    founds: dict[str, Found] = {}
    for name in names or MUTANTS:
        founds[name] = by_budgets(partial(mutated, MUTANTS[name], seed), MUTANTS_SHOWN.get(name, AS_IT_IS))
        one = founds[name]
        print(f"{name:62}{one.at or '-':>4}  {' '.join(one.checks[:6]) or one.error or '-'}", flush=True)
    print(f"\nmutants found with {found_by_budget(list(founds.values()))}")
    shares = {
        calls: sum(one.at is not None and one.at <= calls for one in founds.values()) / len(founds) for calls in BUDGETS
    }
    met = all(shares[calls] >= least for calls, least in LEAST_FOUND.items())
    wanted = ", ".join(f"{least:.0%} with {calls}" for calls, least in LEAST_FOUND.items())
    print(f"  at least {wanted}: {verdict(met)}")
    return {"mutants": {name: asdict(one) for name, one in founds.items()}}, met


def mutated(mutant: Mutant, seed: int) -> Counted:
    """Make a defective server."""
    app = create_app(Settings(api_keys=frozenset({KEY}), seed=seed)).wsgi_app
    return Counted(mutant.around(app))
