"""`sam3-contract masks` run in this process, and what it is given."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from sam3_contract.cli import main
from sam3_contract.testing import specimen

RLE = {"size": [4, 6], "counts": "5220;"}
CUT = {"size": [4, 6], "counts": "5220k"}
RING = [[[1, 1], [1, 3], [3, 3], [3, 1]]]
LOGITS = np.where(specimen("ring"), 3.5, -2.0).astype(np.float32)[None].repeat(3, axis=0)
LOW = np.zeros((3, 8, 8), np.float32)


class Outcome(NamedTuple):
    status: int
    stdout: str
    stderr: str


class Command:
    """Runs `sam3-contract masks` in this process, which saves the half second of starting another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Outcome:
        self._monkeypatch.setattr(sys, "argv", ["sam3-contract", "masks", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main(sys.argv[1:])  # without arguments it takes the process for its own
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        assert isinstance(exit_.value.code, int)
        return Outcome(exit_.value.code, said.out, said.err)


def prediction(payload: Any, declared: str | None = None, **more: Any) -> dict[str, Any]:
    return {"masks": payload, **({"format": declared} if declared else {}), **more}


def written(name: str, *values: Any) -> Path:
    path = Path(name)
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def findings_of(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.stdout.splitlines()[:-1]]


def totals_of(outcome: Outcome) -> dict[str, Any]:
    totals: dict[str, Any] = json.loads(outcome.stdout.splitlines()[-1])["totals"]
    return totals


def holed() -> np.ndarray:
    mask = np.zeros((40, 60), np.bool_)
    mask[5:35, 5:50] = True
    mask[10:20, 10:20] = False
    mask[14:16, 14:16] = True
    return mask


def plain() -> np.ndarray:
    mask = np.zeros((40, 60), np.bool_)
    mask[3:9, 30:58] = True
    return mask


def answer(*payloads: Any, declared: str = "rle") -> dict[str, Any]:
    predictions = [prediction(payload, declared, confidence=0.5 + index / 8) for index, payload in enumerate(payloads)]
    echo = {"prompt_index": 1, "type": "text", "text": "cup", "num_boxes": 0}
    return {"prompt_results": [{"prompt_index": 1, "echo": echo, "predictions": predictions}], "time": 0.1}


def npz_of(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
