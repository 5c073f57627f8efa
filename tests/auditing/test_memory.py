"""A batch gets the pages of the one before it, not new ones."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as pycocotools

AGAIN = """
import resource, sys
from sam3_contract.auditing.judging import judge_units
from sam3_contract.auditing.units import Terms, units_of

units = tuple(units_of([sys.argv[1]], Terms()))
judge_units(units, Terms())
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
judge_units(units, Terms())
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES_OF_THE_FILE = 2**22 // 2**12


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is about the allocator of glibc")
def test_judging_takes_no_new_pages_for_each_batch(tmp_path: Path) -> None:
    # A process of its own: what others freed in this one may have taught its allocator the same.
    mask = np.zeros((400, 300), np.uint8, order="F")
    mask[np.random.default_rng(1).integers(0, 400, 400), np.arange(400) % 290] = 1
    counts = pycocotools.encode(mask)["counts"].decode()
    line = json.dumps({"masks": {"size": [400, 300], "counts": counts}}) + "\n"
    path = tmp_path / "masks.jsonl"
    path.write_text(line * (2**22 // len(line)))

    # Dask leaves an allocator that gives memory back in the environment of whatever starts a worker of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", AGAIN, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)

    assert int(result.stdout) < PAGES_OF_THE_FILE
