"""A short run of the fuzzer, in a process of its own: a crash of native code is then a failed test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FUZZER = Path(__file__).parents[2] / "benchmarks" / "fuzz_masks.py"


@pytest.mark.parametrize("seed", [1, 2])
def test_mutations_end_in_findings_or_agree_with_the_oracles(seed: int) -> None:
    finished = subprocess.run(
        [sys.executable, str(FUZZER), "--rounds", "60", "--seed", str(seed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert finished.returncode == 0, finished.stderr
    assert f"seed {seed}: held" in finished.stdout
