"""Files that are either as they were or as they shall be, whenever the process is killed.

One way to write for all of the project: a regular file is replaced when its new content is complete, a link is followed
to what it names, and what is no regular file (a device, a pipe, ``/dev/stdout``) is written into and stays what it is.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from sam3_contract.errors import OutputError

__all__ = ["make_folder", "remove_leftovers", "replacing", "write_atomically"]

_PREFIX: Final = ".sam3-"
_SUFFIX: Final = ".tmp"
_OLD: Final = 3600.0
"""Seconds after which a file that was never finished belongs to a process that was killed."""
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

    The content goes to a file of a fresh private name in the same folder, to the disk, and only then into place. A
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


def remove_leftovers(folder: Path, *, older_than: float = _OLD) -> None:
    """Remove what killed processes left unfinished in a folder.

    Args:
        folder: Where files were written.
        older_than: Seconds since the last write; what is younger may belong to a process at work.
    """
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        try:
            if time.time() - path.stat().st_mtime >= older_than:
                path.unlink()
        except FileNotFoundError:
            continue  # whoever wrote it was faster


def _is_written_into(path: Path) -> bool:
    if os.path.abspath(path).startswith(_SPECIAL):  # noqa: PTH100 - resolving would follow the link
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
    descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_mode_of(target))
        os.replace(name, target)  # noqa: PTH105 - the call that tests kill the process in
        _sync_folder(target.parent)
    finally:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)


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
