"""Keys, tokens and passwords of a call: found by their names wherever they stand, masked wherever they turn up.

A key may be the service's, that of the server an image lies on, or a proxy's; where a client puts it by mistake, it is
one as well. What is too short to be told from a word is masked only in its place.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, unquote_plus, urlencode, urlsplit, urlunsplit

import orjson

from sam3_contract.files.nesting import depth_of
from sam3_contract.recording.messages import Answer, Headers, Request
from sam3_contract.redaction import MASK, MIN_KEY, bytes_without_key, without_key

_NAME: Final = (
    r"(?:api[-_]?key|(?:access|auth|id|refresh|security)?[-_]?token|(?:client)?[-_]?secret|password|passwd"
    r"|x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|signature)"
)
_NAMED: Final = re.compile(rf"(?i)(?:.*[-_])?(?:{_NAME}|sig)")
_HEADER: Final = re.compile(
    r"(?i)(?:.*[-_])?(?:authorization|cookie|api-?key|(?:access|auth|subscription|roboflow)-key|token|secret|password|signature)"
)
# As in the query of a URL or a form, and in that of a URL which is percent-encoded into another. So short a name as
# `sig=` turns up in run lengths, which have no ampersand.
_IN_QUERY: Final = re.compile(rf"(?i)(?P<before>(?:(?<![a-z0-9]){_NAME}|(?<=&)sig)=)(?P<secret>[^&#\s\"'<>\\,;)}}\]]+)")
_IN_INNER_QUERY: Final = re.compile(
    rf"(?i)(?P<before>(?:(?<![a-z0-9])|(?<=%3F)|(?<=%26)|(?<=253F)|(?<=2526)){_NAME}%(?:25)*3D)"
    r"(?P<secret>(?:(?!%(?:25)*2[36])[^&#\s\"'<>\\,;)}\]])+)"
)
# As in JSON, also where that was cut, or stands in a text of JSON.
_IN_JSON: Final = re.compile(
    rf"(?i)(?P<before>[\"'](?:[\w-]*[-_])?{_NAME}\\*[\"']\s*:\s*\\*[\"'])(?P<secret>(?:[^\"'\\]|\\[^\"'])+)"
)
_IN_MULTIPART: Final = re.compile(
    rf"(?is)(?P<before>\bname=\"?(?:[\w-]*[-_])?{_NAME}\"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n)"
    r"(?P<secret>[^\r\n]+)"
)
_IN_ADDRESS: Final = re.compile(r"(?P<before>://)(?P<secret>[^/\s\"'<>@?#\\]+)(?=@)")
_PATTERNS: Final = (_IN_QUERY, _IN_INNER_QUERY, _IN_JSON, _IN_MULTIPART, _IN_ADDRESS)
_CUT_ESCAPE: Final = re.compile(r"\\u?[0-9a-fA-F]{0,3}\Z")
# A text without any of these, in lower case, holds nothing of the above: most answers are large, and hold none.
_HINTS: Final = (
    *("api_key", "api-key", "apikey", "accesskeyid", "token", "secret", "passw", "signature", "credential"),
    *("&sig=", "://"),
)
_LONG: Final = 2**10  # characters: what is shorter in the place of an image may be anything
_MOST_LEVELS: Final = 240  # of a JSON value; orjson writes no more than 254


@dataclass(frozen=True, slots=True)
class Secrets:
    """Secrets of one call.

    Attributes:
        values: Those that are long enough to be told from words.
    """

    values: tuple[str, ...] = field(default=(), repr=False)

    def text(self, text: str) -> str:
        """Mask secrets in a text.

        Example:
            >>> Secrets(("s3cret-key",)).text("https://me:pw@a.example/?api_key=k&of=s3cret-key")
            'https://***@a.example/?api_key=***&of=***'
        """
        if _may_hold_any(text):
            for pattern in _PATTERNS:
                text = pattern.sub(rf"\g<before>{MASK}", text)
        for secret in self.values:
            text = without_key(text, secret)
        return text

    def content(self, content: bytes) -> bytes:
        """Mask secrets in bytes; those that are no text hold no names."""
        try:
            return self.text(content.decode()).encode()
        except UnicodeDecodeError:
            for secret in self.values:
                content = bytes_without_key(content, secret)
            return content

    def json(self, value: Any) -> Any:
        """Mask secrets in every text of a JSON value, and whatever is called one.

        Example:
            >>> Secrets().json({"api_key": 12, "of": ["https://a.example/?token=abc"]})
            {'api_key': '***', 'of': ['https://a.example/?token=***']}
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(entry) for entry in value]
        if isinstance(value, dict):
            return {
                self.text(name): _masked(entry) if _NAMED.fullmatch(name) else self.json(entry)
                for name, entry in value.items()
            }
        return value

    def url(self, url: str) -> str:
        """Mask secrets in a URL, and leave out its user and fragment."""
        parts = urlsplit(url)
        query = urlencode(self.query(parts.query), safe="*")
        return self.text(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, "")))

    def query(self, query: str) -> list[tuple[str, str]]:
        """Mask secrets in a query, taken apart into names and values."""
        return [
            (self.text(name), MASK if value and _NAMED.fullmatch(name) else self.text(value))
            for name, value in parse_qsl(query, keep_blank_values=True)
        ]

    def headers(self, headers: Headers) -> Headers:
        """Mask secrets in headers."""
        return tuple((self.text(name), self._header(name, value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        if not _HEADER.fullmatch(name):
            return self.text(value)
        return f"Bearer {MASK}" if value[:7].lower() == "bearer " else MASK

    def answer(self, answer: Answer) -> Answer:
        """Mask secrets in an answer."""
        return Answer(answer.status, self.headers(answer.headers), self.content(answer.body), self.text(answer.reason))


def secrets_of(request: Request) -> Secrets:
    """Find the secrets that a request holds.

    Args:
        request: The request, its body unpacked.
    """
    query = urlsplit(request.url).query
    found = [value for name, value in parse_qsl(query) if _NAMED.fullmatch(name)]
    found += _in_text(query)
    for name, value in request.headers:
        found += _in_header(name, value)
    decoded = loaded(request.body)
    if decoded is not None:
        found += _in_json(without_image(decoded))
    if decoded is None or request.body.count(b'"api_key"') > 1:  # of which the parser keeps the last
        found += _in_text(request.body.decode("utf-8", "surrogateescape"))
    long = {one for one in found if len(one) >= MIN_KEY and MASK not in one}
    return Secrets(tuple(sorted(long, key=lambda one: (-len(one), one))))


def without_image(body: Any) -> Any:
    """Leave the image out of a body that was sent with one: it is long, and its characters are chance."""
    image = body.get("image") if isinstance(body, dict) else None
    value = image.get("value") if isinstance(image, dict) and image.get("type") == "base64" else None
    if not isinstance(image, dict) or not isinstance(value, str) or len(value) < _LONG or "://" in value:
        return body
    return {**body, "image": {**image, "value": ""}}


def loaded(body: bytes) -> Any:
    """Parse a body as the service does, which takes NaN, a byte order mark and UTF-16 as well.

    Args:
        body: The bytes.

    Returns:
        The value; ``None`` if it is no JSON, or nested deeper than is ever looked into.

    Example:
        >>> loaded(b'{"a": NaN}'), loaded('{"a": 1}'.encode("utf-16")), loaded(b'{"a"')
        ({'a': nan}, {'a': 1}, None)
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return None
    return value if depth_of(value) <= _MOST_LEVELS else None


def _masked(value: Any) -> Any:
    """Mask all that stands under a secret name; what is not there stays so."""
    if isinstance(value, list):
        return [_masked(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _masked(entry) for name, entry in value.items()}
    return value if value in (None, "") else MASK


def _in_header(name: str, value: str) -> Iterator[str]:
    if name.lower() in {"cookie", "set-cookie"}:
        return  # words, as often as not
    if not _HEADER.fullmatch(name):
        yield from _in_text(value)
        return
    scheme, *credentials = value.split() or [""]
    yield from credentials or [scheme]
    if scheme.lower() == "basic" and credentials:
        try:
            yield from base64.b64decode(credentials[0], validate=True).decode("utf-8", "replace").split(":", 1)
        except ValueError:
            return


def _in_json(value: Any, *, secret: bool = False) -> Iterator[str]:
    """List what is secret in a value; of one under a secret name all is."""
    if isinstance(value, list):
        for entry in value:
            yield from _in_json(entry, secret=secret)
    elif isinstance(value, dict):
        for name, entry in value.items():
            yield from _in_json(entry, secret=secret or _NAMED.fullmatch(name) is not None)
    elif secret:
        yield from () if value in (None, "") else (str(value),)
    elif isinstance(value, str):
        yield from _in_text(value)


def _in_text(text: str) -> Iterator[str]:
    if not _may_hold_any(text):
        return
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            secret = match["secret"]
            yield secret
            if pattern in {_IN_QUERY, _IN_INNER_QUERY}:
                yield from (unquote(secret), unquote_plus(secret), unquote(unquote(secret)))
            elif pattern is _IN_JSON:
                yield _unescaped(secret)
            elif pattern is _IN_ADDRESS:
                yield from map(unquote, secret.split(":", 1))


def _may_hold_any(text: str) -> bool:
    lowered = text.lower()
    return any(hint in lowered for hint in _HINTS)


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{_CUT_ESCAPE.sub("", text)}"'))
    except ValueError:
        return text
