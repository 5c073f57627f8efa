"""The store of several processes of one machine: a SQLite file. It lets one process write at a time."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from mock_server.store.protocol import Bounds, Codec, Log, Shelf, Tally, Value
from mock_server.store.sqlite_file import SqliteFile
from sam3_contract.errors import StoreError

T = TypeVar("T")

# Items are what stands on shelves and in logs; a piece is one of those, with what there is of it. Items have names on
# shelves only.
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS sessions (session TEXT PRIMARY KEY, used REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pieces (
    session TEXT, piece TEXT, number INTEGER, kept INTEGER, bytes INTEGER, dropped INTEGER, PRIMARY KEY (session, piece)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    session TEXT, piece TEXT, number INTEGER, name BLOB, family BLOB, weight INTEGER, value BLOB,
    PRIMARY KEY (session, piece, number), UNIQUE (session, piece, name)
);
CREATE INDEX IF NOT EXISTS families ON items (session, piece, family);
CREATE TABLE IF NOT EXISTS counts (
    session TEXT, tally TEXT, name TEXT, count INTEGER, used REAL, PRIMARY KEY (session, tally, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passed (session TEXT, tally TEXT, name TEXT, at REAL);
CREATE INDEX IF NOT EXISTS passing ON passed (session, tally, name, at);
CREATE TABLE IF NOT EXISTS single (
    session TEXT, name TEXT, version TEXT, value BLOB, PRIMARY KEY (session, name)
) WITHOUT ROWID;
"""
# What is written of a session that has ended meanwhile, by a request under way, ends as well. Not by OR IGNORE, which a
# statement with OR REPLACE would turn into its own.
_KNOWN: Final = "".join(
    f"CREATE TRIGGER IF NOT EXISTS {table}_known AFTER INSERT ON {table} "  # noqa: S608 - names of ours
    "WHEN NOT EXISTS (SELECT 1 FROM sessions WHERE session = NEW.session) "
    "BEGIN INSERT INTO sessions VALUES (NEW.session, (julianday('now') - 2440587.5) * 86400); END;"
    for table in ("items", "counts", "passed", "single")
)
_ALL: Final = ("sessions", "pieces", "items", "counts", "passed", "single")


class SqliteStore:
    """A store in a SQLite file.

    Args:
        path: The file; made if it is not there.
        sessions: How many sessions there may be besides the default one.
        idle: Seconds after which one is forgotten that is not used.
    """

    shared = True

    def __init__(self, path: Path, *, sessions: int, idle: float) -> None:
        self._file = SqliteFile(path, _TABLES + _KNOWN)
        self._sessions = sessions
        self._idle = idle

    def shelf(self, session: str, name: str, codec: Codec[T], bounds: Bounds[T]) -> Shelf[T]:
        """Take the shelf of that name."""
        return _SqliteShelf(self._file, (session, name), codec, bounds)

    def log(
        self,
        session: str,
        name: str,
        codec: Codec[T],
        bounds: Bounds[T],
        *,
        numbered: Callable[[T, int], T],  # noqa: ARG002 - what is written here has its number
    ) -> Log[T]:
        """Take the log of that name."""
        return _SqliteLog(self._file, (session, name), codec, bounds)

    def tally(self, session: str, name: str, *, most: int) -> Tally:
        """Take the tally of that name."""
        return _SqliteTally(self._file, (session, name), most)

    def value(self, session: str, name: str, codec: Codec[T], initial: T) -> Value[T]:
        """Take the value of that name."""
        return _SqliteValue(self._file, (session, name), codec, initial)

    def touch(self, session: str) -> None:
        """Say that a session is in use; forget those that are not, and those that are too many."""
        now = time.time()

        def touch(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?)", (session, now))
            over = "SELECT session FROM sessions WHERE session <> '' ORDER BY used DESC LIMIT -1 OFFSET ?"
            idle = "SELECT session FROM sessions WHERE session <> '' AND used < ?"
            found = connection.execute(over, (self._sessions,)).fetchall()
            found += connection.execute(idle, (now - self._idle,)).fetchall()
            for (name,) in found:
                _end(connection, name)

        self._file.write(touch)

    def check(self) -> None:
        """Make the file if it is not there, and write into it: that the default session is in use.

        Raises:
            StoreError: If that cannot be done; not if another process keeps it to itself for a while.
        """
        used = time.time()
        try:
            self._file.write(lambda file: file.execute("INSERT OR REPLACE INTO sessions VALUES ('', ?)", (used,)))
        except StoreError as error:
            cause = error.__cause__
            if not isinstance(cause, sqlite3.OperationalError) or cause.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise

    def end(self, session: str) -> None:
        """Forget a session and all that is its."""
        self._file.write(lambda connection: _end(connection, session))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _end(connection: sqlite3.Connection, session: str) -> None:
    for table in _ALL:
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608 - names of ours


class _Items(Generic[T]):
    """What shelves and logs have in common: items that are bounded, the oldest going first."""

    memory = 0  # nothing of it is in this process

    def __init__(self, file: SqliteFile, place: tuple[str, str], codec: Codec[T], bounds: Bounds[T]) -> None:
        self._file = file
        self._place = place
        self._codec = codec
        self._bounds = bounds

    def clear(self) -> None:
        """Forget every value, and start counting from 1 again."""

        def clear(connection: sqlite3.Connection) -> None:
            for table in ("items", "pieces"):
                connection.execute(f"DELETE FROM {table} WHERE session = ? AND piece = ?", self._place)  # noqa: S608

        self._file.write(clear)

    def _select(self, what: str, rest: str = "", *values: object) -> list[Any]:
        query = f"SELECT {what} FROM items WHERE session = ? AND piece = ? {rest}"  # noqa: S608 - texts of ours
        return self._file.read(query, *self._place, *values)

    def _append(
        self, connection: sqlite3.Connection, make: Callable[[int], T], name: bytes | None, group: bytes
    ) -> None:
        there = connection.execute(
            "SELECT number, kept, bytes, dropped FROM pieces WHERE session = ? AND piece = ?", self._place
        ).fetchone()
        number, kept, weight, dropped = there or (0, 0, 0, 0)
        value = make(number + 1)
        item = (*self._place, number + 1, name, group, self._bounds.weigh(value), self._codec.encode(value))
        connection.execute("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)", item)
        kept, weight = kept + 1, weight + self._bounds.weigh(value)
        while kept > self._bounds.most or weight > self._bounds.most_bytes:
            oldest = "SELECT number, weight FROM items WHERE session = ? AND piece = ? ORDER BY number LIMIT 1"
            first, freed = connection.execute(oldest, self._place).fetchone()
            connection.execute(
                "DELETE FROM items WHERE session = ? AND piece = ? AND number = ?", (*self._place, first)
            )
            kept, weight, dropped = kept - 1, weight - freed, dropped + 1
        piece = (*self._place, number + 1, kept, weight, dropped)
        connection.execute("INSERT OR REPLACE INTO pieces VALUES (?, ?, ?, ?, ?, ?)", piece)


class _SqliteShelf(_Items[T]):
    def find(self, name: bytes) -> T | None:
        for (content,) in self._select("value", "AND name = ?", name):
            return self._codec.decode(content)
        return None

    def group(self, group: bytes) -> Sequence[T]:
        return [self._codec.decode(content) for (content,) in self._select("value", "AND family = ?", group)]

    def keep(self, name: bytes, value: T, *, group: bytes = b"") -> T:
        there = "SELECT value FROM items WHERE session = ? AND piece = ? AND name = ?"

        def keep(connection: sqlite3.Connection) -> T:
            for (content,) in connection.execute(there, (*self._place, name)):
                return self._codec.decode(content)
            self._append(connection, lambda _: value, name, group)
            return value

        return self._file.write(keep)


class _SqliteLog(_Items[T]):
    def add(self, make: Callable[[int], T]) -> None:
        self._file.write(lambda connection: self._append(connection, make, None, b""))

    def all(self) -> list[T]:
        return [self._codec.decode(content) for (content,) in self._select("value", "ORDER BY number")]

    @property
    def last(self) -> T | None:
        for (content,) in self._select("value", "ORDER BY number DESC LIMIT 1"):
            return self._codec.decode(content)
        return None

    @property
    def dropped(self) -> int:
        found = self._file.read("SELECT dropped FROM pieces WHERE session = ? AND piece = ?", *self._place)
        return found[0][0] if found else 0


class _SqliteTally:
    def __init__(self, file: SqliteFile, place: tuple[str, str], most: int) -> None:
        self._file = file
        self._place = place
        self._most = most

    def add(self, name: str, *, below: int | None = None) -> int | None:
        def add(connection: sqlite3.Connection) -> int | None:
            named = (*self._place, name)
            there = "SELECT count FROM counts WHERE session = ? AND tally = ? AND name = ?"
            found = connection.execute(there, named).fetchone()
            count: int = found[0] if found else 0
            if below is not None and count >= below:
                return None
            row = (*named, count + 1, time.time())
            connection.execute("INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?, ?)", row)
            if not found:
                self._drop_oldest(connection)
            return count + 1

        return self._file.write(add)

    def counts(self, names: Sequence[str]) -> list[int]:
        found = dict(self._file.read("SELECT name, count FROM counts WHERE session = ? AND tally = ?", *self._place))
        return [found.get(name, 0) for name in names]

    def admit(self, name: str, most: int, seconds: float, *, now: float | None = None) -> float | None:
        at = time.time() if now is None else now
        named = (*self._place, name)

        def admit(connection: sqlite3.Connection) -> float | None:
            holds = "session = ? AND tally = ? AND name = ?"
            connection.execute(f"DELETE FROM passed WHERE {holds} AND at <= ?", (*named, at - seconds))  # noqa: S608
            count = f"SELECT count(*), min(at) FROM passed WHERE {holds}"  # noqa: S608
            passed, first = connection.execute(count, named).fetchone()
            if passed < most:
                connection.execute("INSERT INTO passed VALUES (?, ?, ?, ?)", (*named, at))
                return None
            return seconds if first is None else float(first + seconds - at)

        return self._file.write(admit)

    def forget(self, names: Sequence[str]) -> None:
        self._file.write(lambda connection: self._delete(connection, names))

    def clear(self) -> None:
        def clear(connection: sqlite3.Connection) -> None:
            for table in ("counts", "passed"):
                connection.execute(f"DELETE FROM {table} WHERE session = ? AND tally = ?", self._place)  # noqa: S608

        self._file.write(clear)

    def _drop_oldest(self, connection: sqlite3.Connection) -> None:
        over = "SELECT name FROM counts WHERE session = ? AND tally = ? ORDER BY used DESC LIMIT -1 OFFSET ?"
        self._delete(connection, [name for (name,) in connection.execute(over, (*self._place, self._most))])

    def _delete(self, connection: sqlite3.Connection, names: Sequence[str]) -> None:
        for table in ("counts", "passed"):
            one = f"DELETE FROM {table} WHERE session = ? AND tally = ? AND name = ?"  # noqa: S608 - names of ours
            connection.executemany(one, [(*self._place, name) for name in names])


class _SqliteValue(Generic[T]):
    def __init__(self, file: SqliteFile, place: tuple[str, str], codec: Codec[T], initial: T) -> None:
        self._file = file
        self._place = place
        self._codec = codec
        self._initial = initial
        self._read: tuple[str, T] | None = None  # the version that was read last

    def read(self) -> T:
        version = self._file.read("SELECT version FROM single WHERE session = ? AND name = ?", *self._place)
        if not version:
            return self._initial
        known = self._read
        if known is not None and known[0] == version[0][0]:
            return known[1]
        found = self._file.read("SELECT version, value FROM single WHERE session = ? AND name = ?", *self._place)
        return self._decoded(found[0]) if found else self._initial

    def change(self, change: Callable[[T], T]) -> T:
        def write(connection: sqlite3.Connection) -> T:
            there = "SELECT version, value FROM single WHERE session = ? AND name = ?"
            found = connection.execute(there, self._place).fetchone()
            value = change(self._decoded(found) if found else self._initial)
            row = (*self._place, uuid.uuid4().hex, self._codec.encode(value))
            connection.execute("INSERT OR REPLACE INTO single VALUES (?, ?, ?, ?)", row)
            return value

        return self._file.write(write)

    def _decoded(self, row: tuple[str, bytes]) -> T:
        version, content = row
        value = self._codec.decode(content)
        self._read = version, value
        return value
