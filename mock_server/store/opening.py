"""Stores by their addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mock_server.store.protocol import Store
from sam3_contract.errors import UsageError
from sam3_contract.extras import extra

_SQLITE: Final = "sqlite:"
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

        return SqliteStore(Path(address.removeprefix(_SQLITE)), sessions=sessions, idle=idle)
    if address.startswith(_REDIS):
        extra("redis", name="redis", need="a store at redis:// is reached with it")
        from mock_server.store.redis_protocol import RedisStore  # noqa: PLC0415 - an extra

        return RedisStore(address, sessions=sessions, idle=idle)
    # What was given is not repeated: it may hold a password.
    raise UsageError("a store is sqlite:PATH, redis://HOST:PORT, rediss://HOST:PORT or unix://PATH")
