"""Bodies that were packed for their way: unpacked before anything is looked for in them, or not kept at all.

Whoever searches a packed body finds no key in it, and whoever unpacks the recording does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sam3_contract.recording.messages import Headers, Request
from sam3_contract.recording.secrets import loaded
from sam3_contract.transport import packing
from sam3_contract.transport.packing import PackedError, content_of

__all__ = ["PackedError", "codings_of", "content_of", "unpacked"]

_MOST: Final = 2**26  # bytes of a request's body, unpacked
_NO_PACKING: Final = frozenset({"none", "utf-8", "utf8", "7bit", "8bit", "binary"})
"""What clients write there by mistake, and leaves a body as it is: a charset, a mail's encoding."""


def codings_of(headers: Headers) -> list[str]:
    """List how a body is packed, the outermost coding last, but for what is no packing.

    Example:
        >>> codings_of((("Content-Encoding", "utf-8"), ("content-encoding", "br")))
        ['br']
    """
    return [one for one in packing.codings_of(headers) if one not in _NO_PACKING]


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
