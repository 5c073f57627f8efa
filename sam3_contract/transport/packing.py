"""How bodies are packed for their way, and what is in them: unpacked piece by piece, whole or not at all."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from sam3_contract.errors import Sam3ContractError, UsageError
from sam3_contract.extras import extra
from sam3_contract.transport.causes import ToldError

__all__ = ["PackedError", "codings_of", "content_of", "unpacking"]

_PIECE: Final = 2**10  # bytes that are unpacked at a time: zstd makes up to 32,000 of each, gzip 1,032
_MOST_CODINGS: Final = 4  # one around the other; anything in use has one


class PackedError(ToldError, Sam3ContractError):
    """A body cannot be unpacked, so nobody knows what it holds; the message says what would."""


def codings_of(headers: Iterable[tuple[str, str]]) -> list[str]:
    """List how a body is packed, the outermost coding last.

    Example:
        >>> codings_of((("Content-Encoding", "GZIP, identity"), ("content-encoding", "br")))
        ['gzip', 'br']
    """
    named = [value for name, value in headers if name.lower() == "content-encoding"]
    codings = [one.strip().lower() for value in named for one in value.split(",")]
    return [one for one in codings if one not in {"", "identity"}]


def content_of(body: bytes, codings: Sequence[str], *, most: int) -> bytes:
    """Unpack a body.

    Args:
        body: Its bytes.
        codings: How it is packed, the outermost coding last.
        most: How large it may be, in bytes.

    Raises:
        PackedError: If that cannot be done.
    """
    content = bytearray()
    for piece in unpacking([body], codings):
        content += piece
        if len(content) > most:
            raise PackedError(f"the body, packed with {', '.join(codings)}, is larger than {most} bytes")
    return bytes(content)


def unpacking(pieces: Iterable[bytes], codings: Sequence[str]) -> Iterator[bytes]:
    """Unpack a body as it comes, and no further than it is taken.

    Args:
        pieces: Of the body.
        codings: How it is packed, the outermost coding last.

    Raises:
        PackedError: If that cannot be done.
    """
    if len(codings) > _MOST_CODINGS:
        raise PackedError(f"the body is packed {len(codings)} times, so what it holds is not known")
    for coding in reversed(codings):
        pieces = _unpacked(pieces, coding)
    yield from pieces


def _unpacked(pieces: Iterable[bytes], coding: str) -> Iterator[bytes]:
    unpack = _UNPACKERS.get(coding)
    if unpack is None:
        known = ", ".join(_UNPACKERS)
        raise PackedError(f"the body is packed in a way that is none of {known}, so what it holds is not known")
    try:
        yield from unpack(_small(pieces))
    except UsageError as error:
        raise PackedError(f"the body is packed with {coding}: {error}") from error
    except (ValueError, zlib.error) as error:
        raise PackedError(f"the body says that it is packed with {coding}, and is not, or is not whole") from error


def _small(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut what comes into pieces that can be unpacked at a time; the first has more than a byte, if there is more."""
    held = b""
    for piece in pieces:
        held += piece
        if len(held) >= _PIECE:
            yield from (held[start : start + _PIECE] for start in range(0, len(held), _PIECE))
            held = b""
    if held:
        yield held


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack one stream after another: gzip files may be joined, by the ten thousand."""
    first = next(pieces, b"")
    # gzip or zlib, whichever it is; or without a head, as some understand deflate.
    bits = zlib.MAX_WBITS | 32 if _has_head(first) else -zlib.MAX_WBITS
    stream = None
    for piece in itertools.chain([first], pieces):
        rest = piece
        while rest:
            stream = stream or zlib.decompressobj(bits)
            yield stream.decompress(rest)
            rest, stream = (stream.unused_data, None) if stream.eof else (b"", stream)
    if stream is not None:
        raise zlib.error("it is not whole")


def _has_head(first: bytes) -> bool:
    return first[:2] == b"\x1f\x8b" or (first[:1] != b"" and first[0] & 15 == 8 and int.from_bytes(first[:2]) % 31 == 0)


def _from_brotli(pieces: Iterator[bytes]) -> Iterator[bytes]:
    brotli: Any = extra("brotli", name="brotli", need="what it packed is read with it")
    machine = brotli.Decompressor()
    try:
        for piece in pieces:
            yield machine.process(piece, output_buffer_limit=_PIECE**2)
            while not machine.can_accept_more_data():
                yield machine.process(b"", output_buffer_limit=_PIECE**2)
    except TypeError as error:  # it takes no limit
        need = "brotli is older than 1.2, the first that unpacks within bounds"
        raise UsageError(f"{need}: pip install 'sam3-contract[brotli]'") from error
    except brotli.error as error:
        raise ValueError(str(error)) from error
    if not machine.is_finished():
        raise ValueError("it is not whole")


def _from_zstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    zstandard: Any = extra("zstandard", name="zstd", need="what zstd packed is read with it")
    frame = None
    try:
        for piece in pieces:
            rest = piece
            while rest:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                yield frame.decompress(rest)
                rest, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    if frame is not None:
        raise ValueError("it is not whole")


_UNPACKERS: Final[dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]]] = {
    "gzip": _inflated,
    "x-gzip": _inflated,
    "deflate": _inflated,
    "br": _from_brotli,
    "zstd": _from_zstd,
}
