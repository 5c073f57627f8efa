"""Print what was asked for; exit status 1 if a target is missed."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import verify
from benchmarks.verify.causes import report_of_causes
from benchmarks.verify.faultless import report_of_faultless
from benchmarks.verify.faults import report_of_faults
from benchmarks.verify.finding import PROFILES
from benchmarks.verify.mutants import report_of_mutants
from benchmarks.verify.timing import report_of_time
from mock_server.faults import FAULTS, parse
from sam3_contract.errors import UsageError


def main() -> int:
    """Print all of it; exit status 1 if a target is missed."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.verify", description=verify.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", nargs="+", metavar="NAME", default=list(FAULTS), help="by default the catalogue")
    parser.add_argument("--seeds", type=int, default=50, help="of the faultless mock, in each profile; 0 for none")
    parser.add_argument("--profile", choices=PROFILES, default="documented", help="of the faulty mock")
    parser.add_argument("--seed", type=int, default=0, help="of the faulty mock")
    parser.add_argument("--mutants", nargs="*", metavar="NAME", help="defective servers instead; by default all")
    parser.add_argument("--causes", nargs="*", metavar="FAULT", help="what the first screen says; by default of all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    asked = parser.parse_args()
    try:
        for text in asked.faults:
            parse(text)
    except UsageError as error:
        parser.error(str(error))
    figures, met = {}, []
    reports: tuple[tuple[str, Any], ...] = (
        ("found", partial(report_of_faults, asked.faults, asked.profile, asked.seed)),
        ("faultless", partial(report_of_faultless, asked.seeds) if asked.seeds else None),
        ("time", report_of_time),
    )
    if asked.mutants is not None:
        reports = (("mutants", partial(report_of_mutants, asked.mutants, asked.seed)),)
    if asked.causes is not None:
        reports = (("causes", partial(report_of_causes, asked.causes, asked.seed)),)
    for name, report in reports:
        if report is not None:
            figures[name], is_met = report()
            met.append(is_met)
            print()
    if asked.json:
        asked.json.write_text(
            json.dumps({"profile": asked.profile, "seed": asked.seed, **figures}, indent=2), encoding="utf-8"
        )
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
