"""Requests of the last runs are kept, in a folder that is nobody else's."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sam3_contract.cli.verify.scratch import KEPT, folder_of_a_run


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def save_a_request() -> Path:
    folder = folder_of_a_run()
    folder.mkdir()
    (folder / "request.json").write_text("{}", "utf-8")
    return folder


def test_requests_of_the_last_runs_are_kept() -> None:
    folders = [save_a_request() for _ in range(KEPT + 4)]
    folder_of_a_run()  # of one that held, and saved nothing

    assert [folder.exists() for folder in folders] == [False] * 4 + [True] * KEPT
    assert folders[0].parent.stat().st_mode & 0o777 == 0o700


def test_folder_that_somebody_planted_is_left_alone(tmp_path: Path) -> None:
    own, elsewhere = folder_of_a_run().parent, tmp_path / "elsewhere"
    (elsewhere / "theirs").mkdir(parents=True)
    own.rmdir()
    own.symlink_to(elsewhere)

    assert save_a_request().parent == tmp_path
    assert [path.name for path in elsewhere.iterdir()] == ["theirs"]


def test_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    folder_of_a_run().parent.chmod(0o777)

    assert folder_of_a_run().parent == tmp_path
