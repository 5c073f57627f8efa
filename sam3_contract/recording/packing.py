"""Bodies that were packed for their way: unpacked before anything is looked for in them, or not kept at all.

Whoever searches a packed body finds no key in it, and whoever unpacks the recording does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sam3_contract.errors import HarError, UsageError
from sam3_contract.extras import extra
from sam3_contract.recording.messages import Headers, Request
from sam3_contract.recording.secrets import loaded

_MOST: Final = 2**26  # bytes of a request's body, unpacked
_PIECE: Final = 2**10  # bytes that are unpacked at a time: zstd makes up to 32,000 of each, gzip 1,032
_MOST_CODINGS: Final = 4  # one around the other; anything in use has one
_UNCODED: Final = frozenset({"", "identity", "none", "utf-8", "utf8", "7bit", "8bit", "binary"})
"""What leaves a body as it is: `identity`, and what clients write there by mistake: a charset, a mail's encoding."""


class PackedError(HarError):
    """A body cannot be unpacked, so nobody knows what it holds; the message says what would."""


def codings_of(headers: Headers) -> list[str]:
    """List how a body is packed, the outermost coding last.

    Example:
        >>> codings_of((("Content-Encoding", "GZIP, identity"), ("content-encoding", "br")))
        ['gzip', 'br']
    """
    named = [value for name, value in headers if name.lower() == "content-encoding"]
    codings = [one.strip().lower() for value in named for one in value.split(",")]
    return [one for one in codings if one not in _UNCODED]


def unpacked(request: Request) -> Request:
    """Unpack the body of a request; JSON that claims to be packed is taken as it is.

    Raises:
        PackedError: If it cannot be unpacked, or not within bounds.
    """
    codings = codings_of(request.headers)
    if not codings or not request.body or loaded(request.body) is not None:
        return request
    headers = tuple(one for one in request.headers if one[0].lower() != "content-encoding")
    return replace(request, headers=headers, body=content_of(request.body, codings, most=_MOST))


def content_of(body: bytes, codings: list[str], *, most: int) -> bytes:
    """Unpack a body.

    Args:
        body: Its bytes.
        codings: How it is packed, the outermost coding last.
        most: How large it may be, in bytes, at each step.

    Raises:
        PackedError: If that cannot be done.
    """
    if len(codings) > _MOST_CODINGS:
        raise PackedError(f"the body is packed {len(codings)} times, so what it holds is not known")
    for coding in reversed(codings):
        unpack = _UNPACKERS.get(coding)
        if unpack is None:
            known = ", ".join(_UNPACKERS)
            raise PackedError(f"the body is packed in a way that is none of {known}, so what it holds is not known")
        try:
            body = unpack(body, most + 1)
        except UsageError as error:
            raise PackedError(f"the body is packed with {coding}: {error}") from error
        except (ValueError, zlib.error) as error:
            raise PackedError(f"the body says that it is packed with {coding}, and is not, or is not whole") from error
        if len(body) > most:
            raise PackedError(f"the body, packed with {coding}, is larger than {most} bytes")
    return body


def _inflated(body: bytes, most: int) -> bytes:
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # gzip and zlib, whichever it is; without a head, as some say
        try:
            return _members(body, bits, most)
        except zlib.error:
            continue
    raise ValueError("no deflated data")


def _members(body: bytes, bits: int, most: int) -> bytes:
    """Unpack one stream after another: gzip files may be joined, by the ten thousand."""
    content, stream = bytearray(), None
    for start in range(0, len(body), _PIECE):
        rest = body[start : start + _PIECE]
        while rest and len(content) < most:
            stream = stream or zlib.decompressobj(bits)
            content += stream.decompress(rest, most - len(content))
            rest, stream = (stream.unused_data, None) if stream.eof else (b"", stream)
    if stream is not None and len(content) < most:
        raise zlib.error("it is not whole")
    return bytes(content)


def _from_brotli(body: bytes, most: int) -> bytes:
    brotli: Any = extra("brotli", name="brotli", need="what it packed is read with it")
    machine = brotli.Decompressor()
    try:
        content: bytes = machine.process(body, output_buffer_limit=most)
        while not machine.is_finished() and len(content) < most:
            piece = machine.process(b"", output_buffer_limit=most - len(content))
            if not piece:
                raise ValueError("it is not whole")
            content += piece
    except TypeError as error:  # it takes no limit
        need = "brotli is older than 1.2, the first that unpacks within bounds"
        raise UsageError(f"{need}: pip install 'sam3-contract[brotli]'") from error
    except brotli.error as error:
        raise ValueError(str(error)) from error
    return content


def _from_zstd(body: bytes, most: int) -> bytes:
    zstandard: Any = extra("zstandard", name="zstd", need="what zstd packed is read with it")
    content, frame = bytearray(), None
    try:
        for start in range(0, len(body), _PIECE):
            rest = body[start : start + _PIECE]
            while rest and len(content) < most:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                content += frame.decompress(rest)
                rest, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    if frame is not None and len(content) < most:
        raise ValueError("it is not whole")
    return bytes(content)


_UNPACKERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _inflated,
    "x-gzip": _inflated,
    "deflate": _inflated,
    "br": _from_brotli,
    "zstd": _from_zstd,
}
