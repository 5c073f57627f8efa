"""A file as a store is tried before anybody counts on it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from mock_server.serving.server import serve
from mock_server.settings import Settings
from mock_server.store.opening import check_store, open_store
from sam3_contract.errors import StoreError, UsageError


def refused(path: Path) -> str:
    """Why a file is no place for a store, without what stands around it."""
    with pytest.raises(UsageError, match="the store cannot be kept in ") as caught:
        check_store(f"sqlite:{path}")
    sentence = str(caught.value)
    assert (str(path) in sentence, "\n" in sentence) == (True, False)
    return sentence.removeprefix(f"the store cannot be kept in {path}: ").partition("; sqlite:PATH takes another")[0]


def test_place_that_cannot_be_a_store_is_named_with_its_cause(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("notes " * 500)
    (tmp_path / "short").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "none" / "file")
    os.mkfifo(tmp_path / "pipe")
    before = {path: path.lstat() for path in tmp_path.iterdir()}

    assert refused(tmp_path / "none" / "file") == f"there is no folder {tmp_path / 'none'}"
    assert refused(tmp_path) == "it is a folder"
    assert refused(tmp_path / "text") == refused(tmp_path / "short") == "it is no SQLite file"
    assert refused(tmp_path / "pipe") == "it is no regular file"
    assert refused(tmp_path / "link") == "unable to open database file"
    assert refused(tmp_path / ("n" * 300)) == "File name too long"
    assert {path: path.lstat() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_may_not_be_written_is_no_place(tmp_path: Path) -> None:  # pragma: no cover - not as root
    check_store(f"sqlite:{tmp_path / 'file'}")
    (tmp_path / "file").chmod(0o444)
    assert refused(tmp_path / "file") == "attempt to write a readonly database"

    tmp_path.chmod(0o555)
    assert refused(tmp_path / "new") == f"{tmp_path} cannot be written to"
    tmp_path.chmod(0o755)


def test_disk_that_is_full_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "damaged").write_bytes(b"SQLite format 3\0" + bytes(100))
    sentence = refused(tmp_path / "damaged")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 4096}))

    assert refused(tmp_path / "damaged") == f"{sentence}, with 4 KiB free on its disk"


def test_store_in_use_is_a_good_place_and_stays_as_it_is(tmp_path: Path) -> None:
    address = f"sqlite:{tmp_path / 'file'}"
    store = open_store(address, sessions=3, idle=60)
    tally = store.tally("one", "tally", most=3)
    store.touch("one")
    tally.add("x")

    check_store(address)

    assert tally.counts(["x"]) == [1]


def test_store_that_another_process_writes_is_a_good_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.store.sqlite_file.PATIENCE", 0)
    check_store(f"sqlite:{tmp_path / 'file'}")
    other = sqlite3.connect(tmp_path / "file", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    check_store(f"sqlite:{tmp_path / 'file'}")

    other.close()


def test_file_that_another_process_is_making_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that make one file at once SQLite refuses one without a pause, whatever its timeout is."""
    other = sqlite3.connect(tmp_path / "file", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    pauses: list[float] = []

    def has_made_it(seconds: float) -> None:
        pauses.append(seconds)
        other.execute("ROLLBACK")

    monkeypatch.setattr("time.sleep", has_made_it)
    store = open_store(f"sqlite:{tmp_path / 'file'}", sessions=3, idle=60)

    assert store.tally("one", "tally", most=3).add("x") == 1
    assert len(pauses) == 1
    other.close()


def test_file_that_another_process_holds_for_good_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.store.sqlite_file.PATIENCE", 0)
    other = sqlite3.connect(tmp_path / "file", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = open_store(f"sqlite:{tmp_path / 'file'}", sessions=3, idle=60)

    with pytest.raises(StoreError, match="database is locked"):
        store.tally("one", "tally", most=3).add("x")

    other.close()


def test_server_on_the_network_is_not_asked() -> None:
    check_store("redis://127.0.0.1:1")


def test_store_in_memory_is_none() -> None:
    with pytest.raises(UsageError, match="shared by nobody"):
        check_store("sqlite::memory:")


def test_mock_does_not_start_on_a_store_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be kept in .*: it is a folder"):
        serve(Settings(store=f"sqlite:{tmp_path}"), host="127.0.0.1", port=0)
