"""Stores by their addresses."""

from __future__ import annotations

import math
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Final

from mock_server.store.protocol import Store
from sam3_contract.errors import StoreError, UsageError
from sam3_contract.extras import extra
from sam3_contract.files.bounded import open_regular

_SQLITE: Final = "sqlite:"
_MAGIC: Final = b"SQLite format 3\0"
_LITTLE: Final = 1024 * 1024
_REDIS: Final = ("redis://", "rediss://", "unix://")


def open_store(address: str, *, sessions: int, idle: float) -> Store:
    """Make the store of an address; nothing is asked of it yet.

    Args:
        address: ``sqlite:PATH`` for a file; ``redis://``, ``rediss://`` or ``unix://`` for a server that speaks
            Redis's protocol, as redis-py takes it.
        sessions: How many sessions there may be besides the default one.
        idle: Seconds after which one is forgotten that is not used.

    Raises:
        UsageError: If this is no address of a store, or what it takes is not installed.
    """
    if address.startswith(_SQLITE) and address != _SQLITE:
        # Only here: a mock that keeps everything to itself needs no SQLite.
        from mock_server.store.sqlite import SqliteStore  # noqa: PLC0415

        return SqliteStore(_file(address), sessions=sessions, idle=idle)
    if address.startswith(_REDIS):
        extra("redis", name="redis", need="a store at redis:// is reached with it")
        from mock_server.store.redis_protocol import RedisStore  # noqa: PLC0415 - an extra

        return RedisStore(address, sessions=sessions, idle=idle)
    # What was given is not repeated: it may hold a password.
    raise UsageError("a store is sqlite:PATH, redis://HOST:PORT, rediss://HOST:PORT or unix://PATH")


def check_store(address: str) -> None:
    """Make sure that a store can be used which is a file, before anybody counts on it: it is made, and written to.

    A server that speaks Redis's protocol is not asked: it may come later.

    Args:
        address: As for :func:`open_store`.

    Raises:
        UsageError: If the file cannot be used, named with the cause.
    """
    if not address.startswith(_SQLITE) or address == _SQLITE:
        return
    from mock_server.store.sqlite import SqliteStore  # noqa: PLC0415 - as above

    path = _file(address)
    try:
        reason = _no_place(path)
        if reason is None:
            with closing(SqliteStore(path, sessions=1, idle=math.inf)) as store:
                store.check()
    except (OSError, ValueError) as error:  # ValueError of a NUL
        reason = str(getattr(error, "strerror", None) or error)
    except StoreError as error:
        reason = f"{error.__cause__}{_full(path)}"
    if reason is not None:
        raise UsageError(f"the store cannot be kept in {path}: {reason}; sqlite:PATH takes another file")


def _file(address: str) -> Path:
    name = address.removeprefix(_SQLITE)
    if name == ":memory:":
        raise UsageError("sqlite::memory: is shared by nobody; without a store a mock keeps everything in memory")
    return Path(name)


def _full(path: Path) -> str:
    """Say that a disk is full, which SQLite calls an error of its own."""
    free = shutil.disk_usage(path.parent).free
    return f", with {free // 1024} KiB free on its disk" if free < _LITTLE else ""


def _no_place(path: Path) -> str | None:
    """Say why SQLite cannot keep anything in a file, which it would not, or should not, being no file of its own."""
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.is_dir():
        return "it is a folder"
    if path.exists():
        with open_regular(path) as file:
            start = file.read(len(_MAGIC))
        if start not in {b"", _MAGIC}:  # one of few bytes would be written over
            return "it is no SQLite file"
    if not os.access(path.parent, os.W_OK | os.X_OK):  # where it keeps a log beside the file
        return f"{path.parent} cannot be written to"
    return None
