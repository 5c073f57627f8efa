"""Files of anybody's: regular ones of a bounded length are read, nothing else holds the reader up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mock_server.scenarios import files
from sam3_contract.errors import BaselineError, ScenarioError
from sam3_contract.files.bounded import read_bounded
from sam3_contract.verification.baseline import Baseline


def test_regular_file_is_read_up_to_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")

    assert read_bounded(path, most=5) == b"12345"
    with pytest.raises(OSError, match="it has more than 4 bytes"):
        read_bounded(path, most=4)


def test_link_is_followed_only_where_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "file")

    assert read_bounded(link, most=5) == b"1"
    with pytest.raises(OSError, match="symbolic links"):
        read_bounded(link, most=5, follow_link=False)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "it")

    with pytest.raises(OSError, match="it is no regular file"):
        read_bounded(tmp_path / "it", most=5)


def test_name_that_no_file_can_have_is_an_error_like_any_other() -> None:
    with pytest.raises(OSError, match="null"):
        read_bounded(Path("a\0b"), most=5)


def test_scenario_and_baseline_are_no_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "it.json")

    with pytest.raises(ScenarioError, match="it is no regular file"):
        files.read(tmp_path / "it.json")
    with pytest.raises(BaselineError, match="it is no regular file"):
        Baseline.load(tmp_path / "it.json")
