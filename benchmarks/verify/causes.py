"""What the terminal says first of each fault, and how long it is."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.verify.finding import CONTRACT, KEY, plan_of, verdict
from mock_server import Settings, create_app
from mock_server.faults import chapters
from mock_server.faults.fault import Chapter
from sam3_contract.report import as_text
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from sam3_contract.verification.causes import causes_of

LEAST_NAMED = 0.95  # of the faults, by the first cause that is told
MOST_LINES = 25


def report_of_causes(names: Sequence[str], seed: int) -> tuple[dict[str, Any], bool]:
    """Print what the terminal says first of each fault, and how long it is."""
    from tests.contract.test_contract import FOUND_BY  # noqa: PLC0415 - only here: it imports what tests take

    own = chapter_of_each()
    laws: dict[str, set[str]] = {}
    for fault, codes in FOUND_BY.items():
        laws.setdefault(own[fault.partition(":")[0]], set()).update(codes.split())
    rows: dict[str, Any] = {}
    for fault in names or FOUND_BY:
        app = create_app(Settings(api_keys=frozenset({KEY}), seed=seed, faults=(fault,)))
        run = runner.verify(WsgiTransport(app, CONTRACT, key=KEY), plan_of(by_url=False), CONTRACT)
        causes = causes_of(run.outcomes, run.exchanges)
        if not causes:  # shows with more calls than these, or is only counted
            continue
        lines = len(as_text(run, CONTRACT, width=0, again=lambda _: ["again"]).splitlines())
        first, chapter = causes[0].check.code, own[fault.partition(":")[0]]
        row = {
            "lines": lines,
            "first": first,
            "law": first in FOUND_BY[fault].split(),
            "chapter": first in laws[chapter],
        }
        rows[fault] = row
        told = "" if row["law"] else f"for {FOUND_BY[fault]}" if row["chapter"] else f"and nothing of {chapter}"
        print(f"{fault:44}{lines:4} lines  {first} {told}".rstrip(), flush=True)
    longest = max((row["lines"] for row in rows.values()), default=0)
    shares = {part: sum(row[part] for row in rows.values()) / max(len(rows), 1) for part in ("law", "chapter")}
    met = shares["chapter"] >= LEAST_NAMED and longest <= MOST_LINES
    print(f"\nfirst cause names the chapter in {shares['chapter']:.0%} of {len(rows)}, the law in {shares['law']:.0%}")
    print(f"{longest} lines at most")
    print(f"  at least {LEAST_NAMED:.0%} by chapter, and {MOST_LINES} lines: {verdict(met)}")
    return {"causes": rows, **shares}, met


def chapter_of_each() -> dict[str, str]:
    """Map each fault to the module of its chapter, such as ``run_lengths``."""
    found = pkgutil.walk_packages(chapters.__path__, f"{chapters.__name__}.")
    modules = [import_module(one.name) for one in found if not one.ispkg]
    return {
        fault.name: module.__name__.rpartition(".")[2]
        for module in modules
        for chapter in vars(module).values()
        if isinstance(chapter, Chapter)
        for fault in chapter.faults
    }
