"""Stores by their addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mock_server.store.protocol import Store
from sam3_contract.errors import UsageError

_SQLITE: Final = "sqlite:"


def open_store(address: str, *, sessions: int, idle: float) -> Store:
    """Make the store of an address; nothing is asked of it yet.

    Args:
        address: ``sqlite:PATH`` for a file.
        sessions: How many sessions there may be besides the default one.
        idle: Seconds after which one is forgotten that is not used.

    Raises:
        UsageError: If this is no address of a store.
    """
    if address.startswith(_SQLITE) and address != _SQLITE:
        # Only here: a mock that keeps everything to itself needs no SQLite.
        from mock_server.store.sqlite import SqliteStore  # noqa: PLC0415

        return SqliteStore(Path(address.removeprefix(_SQLITE)), sessions=sessions, idle=idle)
    # What was given is not repeated: it may hold a password.
    raise UsageError("a store is sqlite:PATH")
