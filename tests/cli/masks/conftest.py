"""What tests of `sam3-contract masks` share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.masks.commands import Command


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return Command(monkeypatch, capsys)


@pytest.fixture
def photograph(command: Command) -> str:
    del command  # the folder is the one it runs in
    Image.fromarray(np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)).convert("RGB").save("photo.png")
    return "photo.png"
