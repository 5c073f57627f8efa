"""Take an API key out of what is written to a file or a terminal, however it is spelt there."""

from __future__ import annotations

import base64
import html
import json
import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "***"
"""What stands for a key."""

MIN_KEY: Final = 8
"""Characters; a shorter key turns up in words and in base64 by chance, so it is masked only where it stands alone."""


def note_on_keys_in_urls(requests: int) -> str:
    """Say that a client sends its key where logs keep it, and where to put it instead.

    Args:
        requests: How many of its requests did so.

    Example:
        >>> note_on_keys_in_urls(1)[:49]
        '1 request held the API key in its URL, where logs'
    """
    held = (
        "1 request held the API key in its URL" if requests == 1 else f"{requests} requests held the API key in the URL"
    )
    return f"{held}, where logs and proxies keep it; the header `Authorization: Bearer KEY` is the documented place"


def without_key(text: str, key: str | None) -> str:
    """Mask an API key in a text: as it is, percent-encoded, escaped for JSON or HTML, and in base64.

    Args:
        text: What is to be written.
        key: The key; nothing is masked without one.

    Example:
        >>> without_key("http://localhost/?api_key=s3cret%21pass, c2VjcmV0", "s3cret!pass")
        'http://localhost/?api_key=***, c2VjcmV0'
        >>> without_key("any key does; many do: 'any'", "any")
        "*** key does; many do: '***'"
    """
    if not key:
        return text
    if len(key) < MIN_KEY:
        return _standing_alone(key).sub(MASK, text)
    for spelling in spellings_of(key):
        text = text.replace(spelling, MASK)
    return text


def bytes_without_key(content: bytes, key: str | None) -> bytes:
    """Mask an API key in bytes, text or not; see `without_key`.

    Args:
        content: What is to be written.
        key: The key; nothing is masked without one.

    Example:
        >>> bytes_without_key(b"PK s3cret-key", "s3cret-key")
        b'PK ***'
    """
    if not key:
        return content
    mask = MASK.encode()
    if len(key) < MIN_KEY:
        return re.sub(_standing_alone(key).pattern.encode("utf-8", "surrogatepass"), mask, content)
    for spelling in spellings_of(key):
        content = content.replace(spelling.encode("utf-8", "surrogatepass"), mask)
    return content


@lru_cache(maxsize=64)
def spellings_of(key: str) -> tuple[str, ...]:
    """List how a key may be written, the longest spelling first.

    Args:
        key: At least `MIN_KEY` characters, for a spelling to be no coincidence.

    Returns:
        The key as it is, percent-encoded once and twice, escaped for JSON, HTML and XML, in hexadecimal, and for each
        of the three places that it may begin at in a base64 text, the characters that are the same whatever stands
        around it.
    """
    octets = key.encode("utf-8", "surrogatepass")
    spellings = {key, quote(octets, safe=""), quote(octets), quote_plus(octets)}
    spellings |= {re.sub("%..", lambda match: match[0].lower(), spelling) for spelling in spellings if spelling != key}
    spellings |= {json.dumps(key)[1:-1], json.dumps(key, ensure_ascii=False)[1:-1]}
    spellings |= {
        _as_scripts_do(key),
        json.dumps(key)[1:-1].replace("/", "\\/"),
        quote(quote(octets, safe=""), safe=""),
    }
    spellings |= {"".join(f"\\u{ord(one):04x}" for one in key), octets.hex(), octets.hex().upper()}
    spellings |= {html.escape(key), html.escape(key, quote=False), html.escape(key).replace("&quot;", "&#34;")}
    spellings |= {core.translate(alphabet) for core in _in_base64(octets) for alphabet in ({}, _URL_SAFE)}
    return tuple(sorted(spellings, key=len, reverse=True))


def _as_scripts_do(key: str) -> str:
    """Escape a key for JSON as servers do that keep it fit to stand in HTML."""
    return re.sub("[&<>]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(key)[1:-1])


_URL_SAFE: Final = str.maketrans("+/", "-_")


def _in_base64(octets: bytes) -> list[str]:
    """Encode a key as it looks behind 0, 1 and 2 other bytes, without the characters that those share in."""
    cores = []
    for before in range(3):
        text = base64.b64encode(b"\0" * before + octets).decode("ascii")
        cores.append(text[-(-before * 8 // 6) : (before + len(octets)) * 8 // 6])
    return cores


@lru_cache(maxsize=64)
def _standing_alone(key: str) -> re.Pattern[str]:
    spellings = sorted({key, quote(key, safe="")}, key=len, reverse=True)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, spellings))})(?![A-Za-z0-9])")
