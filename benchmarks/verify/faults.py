"""Each fault of the catalogue: what `verify` finds of it, and what schemathesis alone does."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.verify.finding import (
    AS_IT_IS,
    URL,
    Counted,
    Found,
    Profile,
    Shown,
    by_budgets,
    by_verify,
    found_by_budget,
    mock,
    verdict,
)
from benchmarks.verify.schemathesis_alone import Alone
from mock_server.faults import parse
from sam3_contract import cases

LATE = "late is wrong only for who gives up waiting: over HTTP, and few calls, as each takes the whole timeout"
NO_URL = "needs --image-url, as no image on the network is everybody's"
SHOWN = {
    "slow": Shown("slow:3", LATE, calls=6, timeout=1.0),
    "body_drips": Shown("body_drips:30", LATE, calls=6, timeout=1.0),
    "rate_limited": Shown("rate_limited:0", "a second of waiting would show nothing more"),
    "url_refused": Shown("url_refused", NO_URL, by_url=True),
    "url_differs": Shown("url_differs", NO_URL, by_url=True),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One fault and what was found of it."""

    fault: str
    family: str
    ours: Found
    theirs: Found


def report_of_faults(faults: Sequence[str], profile: Profile, seed: int) -> tuple[dict[str, Any], bool]:
    """Print the table fault x found by, and what it comes to; tell whether the targets are met."""
    rows: list[Row] = []
    missed: list[str] = []
    apart: list[str] = []
    extra: list[str] = []
    alone, make = Alone(profile, seed), partial(mock, profile=profile, seed=seed)
    faultless = by_verify(make(), AS_IT_IS)
    control = Row("(none)", "", faultless, alone.judge(make(), AS_IT_IS))
    print(
        f"{'fault':34}{'verify: first checks':42}{'at':>4}{'calls':>6}   {'schemathesis alone':44}{'at':>4}{'calls':>6}"
    )
    print(line_of(control, ()), flush=True)
    for row in rows_of(faults, make, alone):
        rows.append(row)
        told = tuple(one for one in row.ours.deviations if one not in faultless.deviations)
        if not row.ours.checks:
            (apart if told and not row.ours.error else missed).append(row.fault)
            extra += [row.fault] if row.theirs.checks else []
        print(line_of(row, told), flush=True)
    found, most = sum(bool(row.ours.checks) for row in rows), max(row.ours.calls for row in rows)
    theirs, theirs_most = sum(bool(row.theirs.checks) for row in rows), max(row.theirs.calls for row in rows)
    print(
        f"\nverify found {found} of {len(rows)} in at most {most} calls; "
        f"schemathesis alone found {theirs} of {len(rows)} in {theirs_most} calls"
    )
    print(f"  half of what verify found, it found with its first {median_of(row.ours.at for row in rows)} answers")
    print(f"  schemathesis alone failed {len(alone.false_alarms)} times on the faultless mock; these do not count")
    for words, names in (
        ("missed by verify", missed),
        ("told by verify as a known deviation", apart),
        ("found by schemathesis alone and not by verify", extra),
    ):
        print(f"  {words}: {', '.join(names) or 'none'}")
    for row in (control, *rows):
        if row.ours.error:
            print(f"\n{row.fault}: {row.ours.error}", file=sys.stderr)
    print(f"  found with {found_by_budget([row.ours for row in rows])}")
    met = not missed and not control.ours.checks and not control.ours.error
    print(f"  every fault found: {verdict(met)}")
    return {"faults": [asdict(row) for row in rows], "false_alarms_of_schemathesis": len(alone.false_alarms)}, met


def rows_of(faults: Sequence[str], make: Callable[..., Counted], alone: Alone) -> Iterator[Row]:
    """Try both tools on each fault, each on a mock of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / URL.rpartition("/")[2]).write_bytes(cases.built_in_images()[0].content)
        for text in faults:
            shown = SHOWN.get(text) or Shown(text, "")
            by_url = folder if shown.by_url else None
            ours = by_budgets(partial(make, shown.fault, url_images=by_url), shown)
            yield Row(shown.fault, parse(text).fault.family, ours, alone.judge(make(shown.fault), shown))


def line_of(row: Row, told: tuple[str, ...]) -> str:
    """Write a line of the table; ``told`` are known deviations that the faultless mock does not show."""
    ours = " ".join(row.ours.checks[:5]) + (" ..." if len(row.ours.checks) > 5 else "")
    if not ours:
        silent = f"- inconclusive: {' '.join(row.ours.inconclusive)}" if row.ours.inconclusive else "-"
        ours = "ERROR, see below" if row.ours.error else f"deviation {told[0]}" if told else silent
    theirs = row.theirs.checks[0] + (" ..." if len(row.theirs.checks) > 1 else "") if row.theirs.checks else "-"
    at, theirs_at = row.ours.at or "", row.theirs.at or ""
    return f"{row.fault:34}{ours:42}{at:>4}{row.ours.calls:6}   {theirs:44}{theirs_at:>4}{row.theirs.calls:6}"


def median_of(values: Iterable[int | None]) -> int:
    """Take the median of what is known; 0 if nothing is."""
    return int(statistics.median([value for value in values if value is not None] or [0]))
