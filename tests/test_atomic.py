"""A file is as it was or as it shall be, whenever the process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sam3_contract.atomic import remove_leftovers, write_atomically
from sam3_contract.errors import SnapshotError

# The process is ended by a signal: no handler and no `finally` runs. While it writes, the kernel does it, at the
# thousandth byte; at other calls the process itself.
KILLED = """
import os, resource, signal, sys
from pathlib import Path
from sam3_contract.atomic import write_atomically

call, name = sys.argv[1:]
if call == "write":
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
else:
    setattr(os, call, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
write_atomically(Path(name), b"new " * 100_000)
"""


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_killed_write_leaves_the_old_file_whole(tmp_path: Path, call: str) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(b"old")

    died = subprocess.run([sys.executable, "-c", KILLED, call, str(path)], check=False, timeout=60)

    assert died.returncode == -(signal.SIGXFSZ if call == "write" else signal.SIGKILL)
    assert path.read_bytes() == b"old"
    [leftover] = [other for other in tmp_path.iterdir() if other != path]
    assert leftover.stat().st_size == (1000 if call == "write" else 400_000)
    remove_leftovers(tmp_path)
    assert leftover.exists(), "a process may still be writing it"
    remove_leftovers(tmp_path, older_than=0)
    assert list(tmp_path.iterdir()) == [path]


def test_write_replaces_a_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "snapshot.json"

    write_atomically(path, b"one")
    write_atomically(path, b"two")

    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_write_that_fails_says_so_and_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SnapshotError, match=r"snapshot\.json cannot be written: No space left on device"):
        write_atomically(path, b"new")

    assert [(other.name, other.read_bytes()) for other in tmp_path.iterdir()] == [("snapshot.json", b"old")]


def test_write_into_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(SnapshotError, match="cannot be written"):
        write_atomically(tmp_path / "file" / "snapshot.json", b"new")


def test_readers_never_see_half_a_file_while_others_write(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    contents = [bytes([letter]) * 300_000 for letter in b"abcd"]
    write_atomically(path, contents[0])
    writers = [
        threading.Thread(target=lambda content=content: [write_atomically(path, content) for _ in range(10)])
        for content in contents
    ]
    for writer in writers:
        writer.start()

    seen = {path.read_bytes() for _ in range(100)}

    for writer in writers:
        writer.join()
    assert seen <= set(contents)
    assert list(tmp_path.iterdir()) == [path]
