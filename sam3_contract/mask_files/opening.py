"""Files of masks and images, opened whatever they are packed in."""

from __future__ import annotations

import codecs
import errno
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from sam3_contract.errors import UNJUDGED, ImageError, Sam3ContractError, UsageError
from sam3_contract.images import read_header
from sam3_contract.mask_files.urls import is_url, opened_url, shown, without_secrets
from sam3_contract.mask_files.zstd import ZSTD, DamagedZstd, ZstdStream

__all__ = [
    "CHUNK",
    "STANDARD_STREAM",
    "Size",
    "Source",
    "Unreadable",
    "bytes_of_file",
    "file_of",
    "image_size_from_options",
    "opened",
    "reading",
    "skip_byte_order_mark",
    "unpacked",
    "with_head",
]

Size = tuple[int, int]

STANDARD_STREAM: Final = "-"
"""Names standard input where something is read, and standard output where it is written."""
CHUNK: Final = 2**20
"""Bytes that are read at a time."""
_SIDE: Final = re.compile(r"0*[1-9][0-9]{0,5}")


class Unreadable(Sam3ContractError):  # noqa: N818 - says of a file what it is
    """A file cannot be read, or not to its end."""

    exit_status = UNJUDGED


@dataclass(frozen=True, slots=True)
class Source:
    """An open file of masks.

    Attributes:
        name: As the user calls it.
        stream: Its content, decompressed.
        packed: The file itself, whose position tells how far reading has come.
        n_bytes: Length of the file as it lies on disk; None for a pipe.
        is_packed: Whether the content had to be decompressed.
    """

    name: str
    stream: io.BufferedReader
    packed: IO[bytes]
    n_bytes: int | None
    is_packed: bool = False


@contextmanager
def opened(name: str) -> Iterator[Source]:
    """Open a file of masks; what gzip or zstd packed is unpacked.

    Args:
        name: Path or URL of the file; ``-`` for standard input.

    Raises:
        Unreadable: If it cannot be opened, or reading it goes wrong within the block.
    """
    with reading(name), file_of(name) as (packed, n_bytes):
        stream = with_head(packed)
        content = unpacked(stream)
        skip_byte_order_mark(content)
        yield Source(shown(name), content, packed, n_bytes, is_packed=content is not stream)


@contextmanager
def file_of(name: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """Open a file as it lies on disk, or with a service.

    Args:
        name: Path or URL; ``-`` for standard input.

    Yields:
        The file without a buffer, and its length in bytes; None for a pipe.

    Raises:
        OSError: If it cannot be opened.
        UsageError: If a library for it is missing.
    """
    if name == STANDARD_STREAM:
        if sys.stdin is None:  # as after `<&-`, or under a supervisor
            raise OSError(errno.EBADF, "standard input is closed")
        yield sys.stdin.buffer, None
    elif is_url(name):
        remote, n_bytes = opened_url(name)
        with remote:
            yield remote, n_bytes
    else:
        with Path(name).open("rb", buffering=0) as file:
            yield file, Path(name).stat().st_size


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Name the file of whatever goes wrong within the block.

    Raises:
        Unreadable: In place of what reading raises.
    """
    name, secret = shown(name), name
    try:
        yield
    except gzip.BadGzipFile as error:
        raise Unreadable(f"{name} is damaged gzip: {error}") from error
    except DamagedZstd as error:
        raise Unreadable(f"{name} is zstd that is damaged or cut short: {error}") from error
    except (EOFError, zlib.error) as error:
        raise Unreadable(f"{name} is gzip that is damaged or cut short: {error}") from error
    except OSError as error:
        reason = without_secrets(str(error.strerror or error).replace(secret, name))
        raise Unreadable(f"{name} cannot be read: {reason}") from error
    except UsageError as error:  # a library is missing
        raise Unreadable(f"{name} cannot be read: {error}") from error


def unpacked(stream: io.BufferedReader) -> io.BufferedReader:
    """Unpack what gzip or zstd packed; leave anything else as it is.

    Raises:
        UsageError: If it is zstd and the library for it is missing.
    """
    head = stream.peek(len(ZSTD))
    if head.startswith(b"\x1f\x8b"):
        return io.BufferedReader(gzip.GzipFile(fileobj=stream), CHUNK)
    if head.startswith(ZSTD):
        return io.BufferedReader(ZstdStream(stream), CHUNK)
    return stream


def skip_byte_order_mark(stream: io.BufferedReader[Any]) -> int:
    """Step over a byte order mark; return its length in bytes, 0 if there is none."""
    mark = codecs.BOM_UTF8
    return len(stream.read(len(mark))) if stream.peek(len(mark)).startswith(mark) else 0


def bytes_of_file(name: str) -> bytes:
    """Read a file at once.

    Raises:
        Unreadable: If it cannot be read.
    """
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror or error}") from error


def image_size_from_options(size: str | None, image: str | None) -> Size | None:
    """Take the image's size from what the user says of it.

    Args:
        size: Width and height in pixels, such as ``640x480``.
        image: An image file.

    Returns:
        ``(height, width)`` in pixels; None if neither is given.

    Raises:
        UsageError: If both are given, or the size is not of that format.
        Unreadable: If the image cannot be read.
        ImageError: If it is no image.

    Example:
        >>> image_size_from_options("640x480", None)
        (480, 640)
    """
    if size is not None and image is not None:
        raise UsageError("--image-size and --image are both given; one of them is enough")
    if image is not None:
        try:
            return read_header(bytes_of_file(image)).size
        except ImageError as error:
            raise ImageError(f"{image}: {error}") from error
    if size is None:
        return None
    width, cross, height = size.lower().partition("x")
    if not (cross and _SIDE.fullmatch(width) and _SIDE.fullmatch(height)):
        raise UsageError(f"--image-size is {size!r}, expected width x height in pixels, such as 640x480")
    return int(height), int(width)


class _Rejoined(io.RawIOBase):
    """A stream with the bytes put back that were read from it."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        super().__init__()
        self._head, self._rest = memoryview(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


def with_head(stream: IO[bytes], head: bytes = b"") -> io.BufferedReader:
    """Put the bytes back that were read from a stream."""
    return io.BufferedReader(_Rejoined(head, stream), CHUNK)
