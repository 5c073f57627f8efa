"""A file is as it was or as it shall be, whenever the process is killed."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from sam3_contract.errors import OutputError
from sam3_contract.files import atomic
from sam3_contract.files.atomic import (
    check_output,
    check_output_folder,
    remove_leftovers,
    replacing,
    write_atomically,
)

# The process is ended by a signal: no handler and no `finally` runs. While it writes, the kernel does it, at the
# thousandth byte; at other calls the process itself.
KILLED = """
import os, resource, signal, sys
from pathlib import Path
from sam3_contract.files import atomic
from sam3_contract.files.atomic import write_atomically

call, name, nameless = sys.argv[1:]
if not nameless:
    atomic._NAMELESS = 0
if call == "write":
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
else:
    setattr(os, call, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
write_atomically(Path(name), b"new " * 100_000)
"""


@pytest.fixture
def nameless(tmp_path: Path) -> None:
    """Where the system has files without a name."""
    try:
        os.close(os.open(tmp_path, os.O_WRONLY | os.O_TMPFILE))
    except (AttributeError, OSError):  # pragma: no cover - not on Linux
        pytest.skip("no file can be without a name here")


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_killed_write_leaves_the_old_file_whole(tmp_path: Path, call: str) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(b"old")

    died = subprocess.run([sys.executable, "-c", KILLED, call, str(path), ""], check=False, timeout=60)

    assert died.returncode == -(signal.SIGXFSZ if call == "write" else signal.SIGKILL)
    assert path.read_bytes() == b"old"
    [leftover] = [other for other in tmp_path.iterdir() if other != path]
    assert leftover.stat().st_size == (1000 if call == "write" else 400_000)
    remove_leftovers(tmp_path)
    assert leftover.exists(), "a process may still be writing it"
    remove_leftovers(tmp_path, older_than=0)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("nameless")
def test_killed_write_leaves_nothing_where_a_file_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(b"old")

    died = subprocess.run([sys.executable, "-c", KILLED, "fsync", str(path), "x"], check=False, timeout=60)

    assert died.returncode == -signal.SIGKILL
    assert (list(tmp_path.iterdir()), path.read_bytes()) == ([path], b"old")


@pytest.mark.usefixtures("nameless")
def test_unfinished_file_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "masks.json"

    with replacing(path) as file:
        file.write(b"half")
        assert list(tmp_path.iterdir()) == []

    assert (list(tmp_path.iterdir()), path.read_bytes()) == ([path], b"half")


@pytest.mark.parametrize("kind", ["not on this file system", "not on this system", "no /proc"])
def test_file_system_without_such_files_gets_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    opened = os.open

    def refusing(path: Path, flags: int, *mode: int) -> int:
        if atomic._NAMELESS and flags & atomic._NAMELESS == atomic._NAMELESS:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return opened(path, flags, *mode)

    if kind == "not on this file system":
        monkeypatch.setattr(os, "open", refusing)
    elif kind == "not on this system":
        monkeypatch.setattr(atomic, "_NAMELESS", 0)
    else:
        monkeypatch.setattr(atomic, "_OWN_FILES", tmp_path / "proc")

    with replacing(tmp_path / "masks.json") as file:
        file.write(b"one")
        [draft] = tmp_path.iterdir()

    assert (draft.exists(), (tmp_path / "masks.json").read_bytes()) == (False, b"one")


@pytest.mark.usefixtures("nameless")
def test_name_that_is_taken_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(["taken", "taken", "free"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(names))
    (tmp_path / ".sam3-taken.tmp").symlink_to(tmp_path / "elsewhere")

    write_atomically(tmp_path / "masks.json", b"one")

    assert sorted(path.name for path in tmp_path.iterdir()) == [".sam3-taken.tmp", "masks.json"]


def test_leftovers_are_removed_and_nothing_that_they_name(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"kept")
    (tmp_path / ".sam3-link.tmp").symlink_to(tmp_path / "kept")
    (tmp_path / ".sam3-dangling.tmp").symlink_to(tmp_path / "nothing")
    (tmp_path / ".sam3-folder.tmp").mkdir()

    remove_leftovers(tmp_path, older_than=0)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".sam3-folder.tmp", "kept"]


def refused(path: Path, *, makes_folders: bool = False) -> str:
    """Why nothing can be written there."""
    with pytest.raises(OutputError, match=" cannot be written: ") as caught:
        check_output(path, makes_folders=makes_folders)
    return str(caught.value).removeprefix(f"{path} cannot be written: ")


def test_output_is_looked_at_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "link").symlink_to("old")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")  # one that nobody reads holds up whoever opens it
    before = {path: path.lstat() for path in tmp_path.iterdir()}

    for name in ("old", "link", "new", "pipe"):
        check_output(tmp_path / name)
    check_output(tmp_path / "far" / "away", makes_folders=True)
    check_output_folder(tmp_path / "far" / "away")
    check_output(Path(os.devnull))

    assert refused(tmp_path) == "Is a directory"
    assert refused(tmp_path / "far" / "away") == "No such file or directory"
    assert refused(tmp_path / "old" / "new") == "Not a directory"
    assert refused(tmp_path / "old" / "far" / "new", makes_folders=True) == "Not a directory"
    assert refused(tmp_path / "loop") == "Too many levels of symbolic links"
    assert refused(tmp_path / ("n" * 300)) == "File name too long"
    assert refused(Path("/dev/fd/9999")) == "No such file or directory"
    with pytest.raises(OutputError, match="old cannot be written: Not a directory"):
        check_output_folder(tmp_path / "old")
    assert {path: path.lstat() for path in tmp_path.iterdir()} == before


def test_folder_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere

    assert refused(tmp_path / "new") == refused(Path(os.devnull)) == "Permission denied"


def test_full_disk_is_seen_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.statvfs_result((4096, 4096, 1000, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)

    assert refused(tmp_path / "new") == "No space left on device"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no file system in memory")
def test_file_in_shared_memory_is_replaced_as_any_other() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for _ in range(2):
            write_atomically(Path(folder) / "masks.json", b"one")

        assert (Path(folder) / "masks.json").read_bytes() == b"one"


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
