"""Images sent as base64, decoded as leniently as the server does."""

from __future__ import annotations

import re
import string
from typing import Final

import pybase64

from sam3_contract.errors import ImageError

# The only data URIs the server takes: other types, upper case and parameters are read as bad base64.
_DATA_URI: Final = re.compile(r"^data:image/[a-z]+;base64,")
_SKIPPED: Final = bytes({*range(256)} - {*string.ascii_letters.encode(), *string.digits.encode(), *b"+/="})
# Padding that fills four characters up ends the text, whatever follows; any other is passed over.
_WHOLE_FOURS: Final = re.compile(rb"(?:=*+[^=]=*+[^=]=?+[^=][^=])*+=*+")
_LAST_FOUR: Final = re.compile(rb"[^=]=*+[^=](?:==|=?+[^=]=)")


def bytes_from_base64(value: str) -> bytes:
    """Decode an image sent as base64, as leniently as the server does.

    Characters outside the alphabet are skipped, what follows the padding is ignored, a data URI's head is dropped;
    missing padding is an error.

    Args:
        value: What the request's ``image.value`` held.

    Raises:
        ImageError: If padding is missing or a character is not ASCII; ``"Empty image payload."`` if nothing is left.

    Example:
        >>> bytes_from_base64("data:image/png;base64,R0lG")
        b'GIF'
    """
    head = _DATA_URI.match(value)
    text = value[head.end() :] if head else value
    try:
        # Five times as fast as the lenient decoder, and whatever it takes that one decodes to the same bytes.
        content = pybase64.b64decode(text, validate=True)
    except ValueError:
        content = _leniently_decoded(text)
    if not content:
        raise ImageError("Empty image payload.")
    return content


def _leniently_decoded(text: str) -> bytes:
    """Decode as pybase64 1.0 does without ``validate``, which the server has; newer ones read on behind padding."""
    try:
        letters = text.encode("ascii").translate(None, _SKIPPED)
        if b"=" in letters.rstrip(b"="):
            letters = _up_to_padding(letters)
        kept = letters.rstrip(b"=")
        return pybase64.b64decode(kept + letters[len(kept) :][: -len(kept) % 4], validate=True)
    except ValueError as error:
        raise ImageError(f"base64 of {len(text)} characters cannot be decoded: {error}") from error


def _up_to_padding(letters: bytes) -> bytes:
    """Take what is in front of padding that counts, and pad it; without what does not count."""
    whole = _WHOLE_FOURS.match(letters)
    last = _LAST_FOUR.match(letters, whole.end() if whole else 0)
    return letters[: last.end() if last else None].translate(None, b"=") + b"==" * bool(last)
