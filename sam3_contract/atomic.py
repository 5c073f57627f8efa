"""Files that are either as they were or as they shall be, whenever the process is killed."""

from __future__ import annotations

import os
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

from sam3_contract.errors import SnapshotError

__all__ = ["remove_leftovers", "write_atomically"]

_PREFIX: Final = ".sam3-"
_SUFFIX: Final = ".tmp"
_OLD: Final = 3600.0
"""Seconds after which a file that was never finished belongs to a process that was killed."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, and whoever comes after a crash, finds the old content or the new, whole.

    The content goes to a file of its own beside *path*, to the disk, and only then into place.

    Args:
        path: The file; folders that are missing are made.
        content: All of it.

    Raises:
        SnapshotError: If the file system does not allow it; what was there is still there.
    """
    unfinished = path.parent / f"{_PREFIX}{uuid.uuid4().hex}{_SUFFIX}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)  # noqa: PTH105 - the call that tests kill the process in
        _sync_folder(path.parent)
    except OSError as error:
        raise SnapshotError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def remove_leftovers(folder: Path, *, older_than: float = _OLD) -> None:
    """Remove what killed processes left unfinished in a folder.

    Args:
        folder: Where `write_atomically` wrote.
        older_than: Seconds since the last write; what is younger may belong to a process at work.
    """
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        try:
            if time.time() - path.stat().st_mtime >= older_than:
                path.unlink()
        except FileNotFoundError:
            continue  # whoever wrote it was faster


def _sync_folder(folder: Path) -> None:
    """Have the file's new name on the disk too; Windows has no such call."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
