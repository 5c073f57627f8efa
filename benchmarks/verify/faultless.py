"""What `verify` reports of the faultless mock: false alarms."""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks.verify.finding import AS_IT_IS, PROFILES, by_verify, mock, verdict


def report_of_faultless(seeds: int) -> tuple[dict[str, Any], bool]:
    """Print what `verify` reports of the faultless mock, in both profiles, over seeds."""
    alarms: dict[str, list[str]] = {}
    for profile in PROFILES:
        runs = [by_verify(mock(profile=profile, seed=seed), AS_IT_IS) for seed in range(seeds)]
        alarms[profile] = [
            f"seed {seed}: {' '.join(run.checks)}{run.error}"
            for seed, run in enumerate(runs)
            if run.checks or run.error
        ]
        silent = Counter(code for run in runs for code in run.inconclusive)
        words = ", ".join(f"{code} in {count}" for code, count in sorted(silent.items())) or "none"
        most = max(run.calls for run in runs)
        print(f"faultless mock, {profile}, {seeds} seeds: {len(alarms[profile])} false alarms in at most {most} calls")
        print(f"  inconclusive: {words}")
        for alarm in alarms[profile]:
            print(f"  {alarm}")
    met = not any(alarms.values())
    print(f"  no false alarm: {verdict(met)}")
    return {"seeds": seeds, "false_alarms": alarms}, met
