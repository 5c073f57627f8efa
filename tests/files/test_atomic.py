"""A file is as it was or as it shall be, whenever the process is killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sam3_contract.errors import OutputError
from sam3_contract.files.atomic import remove_leftovers, write_atomically

# The process is ended by a signal: no handler and no `finally` runs. While it writes, the kernel does it, at the
# thousandth byte; at other calls the process itself.
KILLED = """
import os, resource, signal, sys
from pathlib import Path
from sam3_contract.files.atomic import write_atomically

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
    with pytest.raises(OutputError, match=r"snapshot\.json cannot be written: No space left on device"):
        write_atomically(path, b"new")

    assert [(other.name, other.read_bytes()) for other in tmp_path.iterdir()] == [("snapshot.json", b"old")]


def test_write_into_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OutputError, match="cannot be written"):
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


def test_link_stays_a_link_and_what_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link, dangling = tmp_path / "there" / "file", tmp_path / "link", tmp_path / "dangling"
    target.write_bytes(b"old")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "there" / "new")

    write_atomically(link, b"one")
    write_atomically(dangling, b"two")

    assert link.is_symlink()
    assert dangling.is_symlink()
    assert (target.read_bytes(), dangling.read_bytes()) == (b"one", b"two")


def test_planted_names_are_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "out.json"
    victim.write_bytes(b"mine")
    for name in (".out.json.part", ".out.json.draft", f".out.json.{os.getpid()}"):
        (tmp_path / name).symlink_to(victim)

    write_atomically(path, b"new")

    assert (path.read_bytes(), victim.read_bytes()) == (b"new", b"mine")


def test_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()

    write_atomically(path, b"through")
    reader.join()

    assert read == [b"through"]
    assert path.is_fifo()


def test_device_is_written_into_and_stays_a_device(tmp_path: Path) -> None:
    path = tmp_path / "null"
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        path.write_bytes(b"")
    except OSError:
        pytest.skip("no device nodes can be made here")

    write_atomically(path, b"nowhere")

    assert path.is_char_device()
    assert list(tmp_path.iterdir()) == [path]


def test_standard_output_by_its_name_is_written_into(tmp_path: Path) -> None:
    program = "from sam3_contract.files.atomic import write_atomically as w; from pathlib import Path\n"
    program += "print('first', flush=True); w(Path('/dev/stdout'), b'second\\n'); print('third')"
    kept = tmp_path / "out"

    piped = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    with kept.open("wb") as file:
        subprocess.run([sys.executable, "-c", program], stdout=file, check=True)

    assert piped.stdout == b"first\nsecond\nthird\n"
    assert kept.read_bytes().startswith(b"first\n")
    assert b"second\n" in kept.read_bytes()


def test_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)

    write_atomically(path, b"new")

    assert stat.S_IMODE(path.stat().st_mode) == 0o640
