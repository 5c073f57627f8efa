"""A HAR file on disk: unpacked within a limit, parsed, and taken apart into entries."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from sam3_contract.errors import HarError
from sam3_contract.har.entry import Entry

__all__ = ["MAX_BYTES", "entries_of"]

MAX_BYTES: Final = 2**29
"""Of a file, unpacked: 512 MiB. It is parsed in memory, where it takes a few times as much."""

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_BOM: Final = b"\xef\xbb\xbf"
_ADVICE: Final = "a HAR file is what browsers and proxies save as HTTP archive"


def entries_of(path: Path) -> Iterator[Entry]:
    """List the entries of a file.

    Args:
        path: The file, packed with gzip or not.

    Raises:
        HarError: If the file cannot be read, is too large, is no JSON, or no HAR.
    """
    document = _parsed(path, _content(path))
    log = document.get("log") if isinstance(document, dict) else None
    if not isinstance(log, dict) or not isinstance(log.get("entries"), list):
        raise HarError(f"{path} is JSON but no HAR: it has no list log.entries; {_ADVICE}")
    for index, node in enumerate(log["entries"]):
        yield Entry(path, index, node)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if content.startswith(_GZIP):
            with gzip.open(path) as file:
                content = file.read(MAX_BYTES + 1)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise HarError(f"{path} is no whole gzip file: {error}") from error
    except OSError as error:
        raise HarError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise HarError(
            f"{path} holds more than {MAX_BYTES // 2**20} MiB; record less of it, or keep only the entries of the API"
        )
    if content.startswith(_ZIP):
        raise HarError(f"{path} is a zip archive; unpack it and give the .har file in it")
    return content.removeprefix(_BOM)


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        strict = error
    try:
        # Some recorders write what strict JSON has not: halves of surrogate pairs, NaN.
        return json.loads(content)
    except (ValueError, RecursionError):
        raise HarError(f"{path} is no JSON: {strict}; {_ADVICE}") from strict
