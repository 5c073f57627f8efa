"""What several worker processes remember together, in a SQLite file.

The first process that writes an ``image_id`` wins, in whichever process the others look: SQLite lets one write at a
time, and an entry that is there is left alone. Of a picture its digest and its size are kept, and which known image it
shows; masks follow from those. A file that cannot be written makes the mock forget, it never makes it fail.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

import orjson

from mock_server.annotations.library import Library
from mock_server.images.loading import Picture
from mock_server.operations.caches import (
    EMBEDDINGS_KEPT,
    LOGITS_KEPT,
    Caches,
    PromptKey,
    digest_of,
    grew_from,
    is_small,
    short,
)

PATIENCE: Final = 10.0  # seconds to wait until another process has written
_TABLES: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS embeddings (
    place INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB UNIQUE, digest BLOB, height INTEGER, width INTEGER,
    known INTEGER, file BLOB
);
CREATE TABLE IF NOT EXISTS logits (
    place INTEGER PRIMARY KEY AUTOINCREMENT, image BLOB, digest BLOB, asked BLOB, UNIQUE (image, digest)
);
"""

Found = TypeVar("Found")


def shared_caches(path: Path, library: Library, *, files: bool = False) -> Caches:
    """Remember things together with other processes.

    Args:
        path: The file that they share; made if it is not there.
        library: The known images, the same in each process.
        files: Whether the files of pictures are kept as well, for an engine that reads pixels.
    """
    file = SharedFile(path)
    file.prepare()
    return Caches(_SharedEmbeddings(file, library, files=files), _SharedLogits(file))


class SharedFile:
    """A SQLite file, opened by each process when it first needs it.

    Args:
        path: Where it is; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def prepare(self) -> None:
        """Make the file before several processes do so at once."""
        self.read("SELECT 1")
        with self._lock:
            if self._connection is not None:
                self._connection.close()  # no connection may be taken into another process
            self._connection = None

    def read(self, statement: str, *values: object) -> list[Any]:
        """Run a statement; nothing is found in a file that cannot be read."""
        return self._try(lambda connection: connection.execute(statement, values).fetchall(), otherwise=[])

    def write(self, *statements: tuple[str, Sequence[object]]) -> None:
        """Run statements together, or none of them."""

        def run(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                for statement, values in statements:
                    connection.execute(statement, values)

        self._try(run, otherwise=None)

    def _try(self, use: Callable[[sqlite3.Connection], Found], *, otherwise: Found) -> Found:
        with self._lock:
            try:
                return use(self._opened())
            except sqlite3.Error:
                return otherwise

    def _opened(self) -> sqlite3.Connection:
        # A connection that was open when the process was forked belongs to the other one.
        if self._connection is None or self._process != os.getpid():
            self._connection = sqlite3.connect(
                self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._process = os.getpid()
            with closing(self._connection.cursor()) as cursor:
                cursor.executescript(_TABLES)
        return self._connection


class _SharedEmbeddings:
    """Embeddings of all processes that use one file."""

    def __init__(self, file: SharedFile, library: Library, *, files: bool) -> None:
        self._file = file
        self._library = library
        self._files = files

    def find(self, image_id: str | None) -> Picture | None:
        """Look a picture up."""
        if image_id is None:
            return None
        query = "SELECT digest, height, width, known, file FROM embeddings WHERE name = ?"
        for digest, height, width, number, content in self._file.read(query, short(image_id)):
            size = (height, width)
            known = None if number is None else self._library.numbered(number, size=size)
            return Picture(digest, size, known, content)
        return None

    def keep(self, image_id: str, picture: Picture) -> Picture:
        """Remember a picture, unless the id has one; return the one it has."""
        number = None if picture.known is None else self._library.number_of(picture.known)
        self._file.write(
            (
                "INSERT OR IGNORE INTO embeddings (name, digest, height, width, known, file) VALUES (?, ?, ?, ?, ?, ?)",
                (short(image_id), picture.digest, *picture.size, number, picture.file if self._files else None),
            ),
            _drop_oldest("embeddings", EMBEDDINGS_KEPT),
        )
        return self.find(image_id) or picture

    def clear(self) -> None:
        """Forget every picture."""
        self._file.write(("DELETE FROM embeddings", ()))


class _SharedLogits:
    """Logits of all processes that use one file."""

    def __init__(self, file: SharedFile) -> None:
        self._file = file

    def find(self, image: str, prompts: Sequence[PromptKey]) -> bool:
        """Check whether there are logits to start from."""
        digest = digest_of(prompts)
        kept = self._file.read("SELECT digest, asked FROM logits WHERE image = ?", short(image))
        return any(one == digest or (before is not None and grew_from(_read(before), prompts)) for one, before in kept)

    def keep(self, image: str, prompts: Sequence[PromptKey]) -> None:
        """Remember that logits were kept."""
        whole = orjson.dumps([(one.box, sorted(one.clicks)) for one in prompts]) if is_small(prompts) else None
        self._file.write(
            (
                "INSERT OR IGNORE INTO logits (image, digest, asked) VALUES (?, ?, ?)",
                (short(image), digest_of(prompts), whole),
            ),
            _drop_oldest("logits", LOGITS_KEPT),
        )

    def clear(self) -> None:
        """Forget all of them."""
        self._file.write(("DELETE FROM logits", ()))


def _drop_oldest(table: str, kept: int) -> tuple[str, Sequence[object]]:
    newest = f"SELECT place FROM {table} ORDER BY place DESC LIMIT ?"  # noqa: S608 - a name of ours
    return f"DELETE FROM {table} WHERE place NOT IN ({newest})", (kept,)  # noqa: S608


def _read(text: bytes) -> list[PromptKey]:
    return [
        PromptKey(None if box is None else tuple(box), frozenset(map(tuple, clicks)))
        for box, clicks in orjson.loads(text)
    ]
