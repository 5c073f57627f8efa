"""Files that are either as they were or as they shall be, whenever the process is killed.

One way to write for all of the project: a regular file is replaced when its new content is complete, a link is followed
to what it names, and what is no regular file (a device, a pipe, ``/dev/stdout``) is written into and stays what it is.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from sam3_contract.errors import OutputError

__all__ = ["check_output", "check_output_folder", "make_folder", "remove_leftovers", "replacing", "write_atomically"]

_PREFIX: Final = ".sam3-"
_SUFFIX: Final = ".tmp"
_OLD: Final = 3600.0
"""Seconds after which a file that was never finished belongs to a process that was killed."""
_MEMORY: Final = "/dev/shm/"  # noqa: S108 - where Linux has files as everywhere
_NAMELESS: Final = getattr(os, "O_TMPFILE", 0)  # Linux
_OWN_FILES: Final = Path("/proc/self/fd")
_STREAMS: Final = {"stdout": 1, "stderr": 2}
_OPEN_ALREADY: Final = re.compile(r"/dev/(stdout|stderr)|/(?:dev|proc/self)/fd/([0-9]{1,5})")
_SPECIAL: Final = ("/dev/", "/proc/")
"""Where names stand for what is open already, be it a regular file: nothing is ever replaced there."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, and whoever comes after a crash, finds the old content or the new, whole.

    Args:
        path: The file; folders that are missing are made.
        content: All of it.

    Raises:
        OutputError: If the file system does not allow it; what was there is still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of *path* when the block ends, and not if it raises.

    The content goes to a private file in the same folder, to the disk, and only then into place. The file has no name
    until then where the system has such files, so that a process that is killed leaves nothing; else a fresh one. A
    link stays a link: what it names is replaced. What is no regular file is opened and written into.

    Args:
        path: The file, in a folder that is there.

    Raises:
        OutputError: If the file system does not allow it; what was there is still there.
    """
    try:
        if _is_written_into(path):
            with _opened(path) as file:
                yield file
            return
        target = Path(os.path.realpath(path))
        with _unfinished(target) as unfinished:
            yield unfinished
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def make_folder(folder: Path, option: str) -> None:
    """Make the folder of results before anything is sent: what can't be written in the end has been paid for.

    Args:
        folder: The folder; those above it are made too.
        option: What named it on the command line, for the message.

    Raises:
        OutputError: If it cannot be made, or nothing can be put there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}; {option} takes another folder") from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder} cannot be written to; {option} takes another folder")


def check_output(path: Path, *, makes_folders: bool = False) -> None:
    """Look whether a file can be written, before the work is done that it is for.

    Nothing is made, opened or changed; what only writing shows, writing still has to show.

    Args:
        path: The file.
        makes_folders: Whether folders that are missing will be made.

    Raises:
        OutputError: If it cannot be written, in the words of `replacing`.
    """
    _refuse_if_any(lambda: _obstacle(path, makes_folders=makes_folders), path)


def check_output_folder(folder: Path) -> None:
    """Look whether files can be put into a folder, which will be made if it is not there; as for `check_output`.

    Raises:
        OutputError: If they cannot.
    """
    _refuse_if_any(lambda: _obstacle_of_folder(folder, makes_folders=True), folder)


def _refuse_if_any(obstacle: Callable[[], int | None], path: Path) -> None:
    try:
        number = obstacle()
    except OSError as error:
        number = error.errno
    if number:
        raise OutputError(f"{path} cannot be written: {os.strerror(number)}")


def _obstacle(path: Path, *, makes_folders: bool) -> int | None:
    if _is_written_into(path):
        return None if os.access(path, os.W_OK) else errno.EACCES if path.exists() else errno.ENOENT
    if path.is_dir():
        return errno.EISDIR
    return _obstacle_of_folder(Path(os.path.realpath(path)).parent, makes_folders=makes_folders)


def _obstacle_of_folder(folder: Path, *, makes_folders: bool) -> int | None:
    while makes_folders and not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not stat.S_ISDIR(folder.stat().st_mode):
        return errno.ENOTDIR
    if not os.access(folder, os.W_OK | os.X_OK):
        return errno.EACCES
    room = os.statvfs(folder) if hasattr(os, "statvfs") else None
    return errno.ENOSPC if room and room.f_blocks and not room.f_bfree else None


def remove_leftovers(folder: Path, *, older_than: float = _OLD) -> None:
    """Remove what killed processes left unfinished in a folder.

    Args:
        folder: Where files were written.
        older_than: Seconds since the last write; what is younger may belong to a process at work.
    """
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):  # whoever wrote it was faster, or it is another's
            if time.time() - path.lstat().st_mtime >= older_than:
                path.unlink()


def _is_written_into(path: Path) -> bool:
    name = os.path.abspath(path)  # noqa: PTH100 - resolving would follow the link
    if name.startswith(_SPECIAL) and not name.startswith(_MEMORY):
        return True
    try:
        return not stat.S_ISREG(path.stat().st_mode) and not path.is_dir()
    except FileNotFoundError:
        return False


def _opened(path: Path) -> BinaryIO:
    """Open what is no regular file; what is open already goes on where it is."""
    found = _OPEN_ALREADY.fullmatch(os.path.abspath(path))  # noqa: PTH100
    if found is None:
        return path.open("ab")
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as one is that was closed
            stream.flush()
    number = _STREAMS.get(found[1]) if found[1] else int(found[2])
    return os.fdopen(os.dup(number or 0), "wb")


@contextmanager
def _unfinished(target: Path) -> Iterator[BinaryIO]:
    file, name = _draft_in(target.parent)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            name = name or _named(file, target.parent)
        Path(name).chmod(_mode_of(target))
        os.replace(name, target)  # noqa: PTH105 - the call that tests kill the process in
        _sync_folder(target.parent)
    finally:
        if name is not None:
            with suppress(OSError):
                Path(name).unlink(missing_ok=True)


def _draft_in(folder: Path) -> tuple[BinaryIO, str | None]:
    """Open a new file; without a name, where the system has such: it ends with its process, however that ends."""
    if _NAMELESS and _OWN_FILES.is_dir():
        with suppress(OSError):  # not on this file system; if it is another reason, the next call says so too
            return os.fdopen(os.open(folder, os.O_WRONLY | _NAMELESS, 0o600), "wb"), None
    descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
    return os.fdopen(descriptor, "wb"), name


def _named(file: BinaryIO, folder: Path) -> str:
    """Give a file a fresh name, as only a name can take the place of another."""
    while True:
        name = folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        with suppress(FileExistsError):
            # Any folder for src_dir_fd makes Python follow the link to the file; the path is absolute.
            os.link(_OWN_FILES / str(file.fileno()), name, src_dir_fd=file.fileno(), follow_symlinks=True)
            return str(name)


def _mode_of(target: Path) -> int:
    """Keep the permissions that there are; a new file gets the usual ones, not a temporary file's."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        usual = os.umask(0)
        os.umask(usual)
        return 0o666 & ~usual


def _sync_folder(folder: Path) -> None:
    """Have the file's new name on the disk too; Windows has no such call."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
