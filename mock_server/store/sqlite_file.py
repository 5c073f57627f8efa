"""A SQLite file that several processes write to: opened by each when it first needs it, and again after an error."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from sam3_contract.errors import StoreError

PATIENCE: Final = 10.0  # seconds to wait until another process has written
_PAUSE: Final = 0.01  # seconds between two tries to make a new file ready

T = TypeVar("T")


class SqliteFile:
    """A SQLite file.

    Args:
        path: Where it is; made if it is not there.
        tables: Statements that make its tables, if they are not there.
    """

    def __init__(self, path: Path, tables: str) -> None:
        self._path = path
        self._tables = tables
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def __del__(self) -> None:
        """Close it with its mock: nobody else may know of it, and Python warns of one that is left open."""
        self._close()

    def read(self, statement: str, *values: object) -> list[Any]:
        """Run a statement that changes nothing.

        Raises:
            StoreError: If the file cannot be read.
        """
        return self._with(lambda connection: connection.execute(statement, values).fetchall())

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run statements together, or none of them; nobody else writes meanwhile.

        Raises:
            StoreError: If the file cannot be written.
        """

        def run(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                return change(connection)

        return self._with(run)

    def close(self) -> None:
        """Close it; the next one who needs it opens it again."""
        with self._lock:
            self._close()

    def _with(self, use: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return use(self._opened())
            except sqlite3.Error as error:
                self._close()
                raise StoreError(f"the store of this mock, a SQLite file, cannot be used: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        # A connection that was open when the process was forked belongs to the other one.
        if self._connection is None or self._process != os.getpid():
            connection = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            self._connection, self._process = connection, os.getpid()
            _make_ready(connection, f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; {self._tables}")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None


def _make_ready(connection: sqlite3.Connection, script: str) -> None:
    """Run what a file needs before it is used, and may be run again.

    Of several processes that make one file a database with a write-ahead log at the same time, SQLite lets one, and
    refuses the others at once, whatever their timeout is.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.executescript(script)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return
