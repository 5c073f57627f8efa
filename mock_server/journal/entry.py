"""One request that the mock saw: what it asked for, and how it was answered.

Of the body the JSON is kept, with the image's value replaced by the digest of its file and without any API key. What
that JSON says is read when somebody asks: recording a request has to cost next to nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from mock_server.http.bodies import masked, masked_text
from mock_server.http.inspection import field_of, prompts_of, texts_of

KEPT: Final = 64 * 1024  # bytes of JSON; of a longer body what is long is cut
_LONGEST_TEXT: Final = 1000  # characters, of each text of a body that is cut
_LONGEST_LIST: Final = 64  # entries, of each list and object of such a body
_DEEPEST: Final = 8  # levels of such a body
_OVERHEAD: Final = 800  # bytes that the Python objects of one entry take besides its body


@dataclass(frozen=True, slots=True)
class EntryImage:
    """The image of a request.

    Attributes:
        kind: ``base64`` or ``url``, or what else the request said, in lower case.
        sha256: Hexadecimal digest of the file; of an image by URL only if a local file stands for it.
        url: Where it is, without any API key.
        format: ``JPEG``, ``PNG``, ...; ``None`` if the file is no image, or was not looked at.
        width: In pixels, after EXIF orientation.
        height: In pixels, after EXIF orientation.
        file_bytes: Size of the file.
        thumbnail: JPEG of at most 64 x 64 pixels, if the mock makes them.
    """

    kind: str
    sha256: str | None = None
    url: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    file_bytes: int | None = None
    thumbnail: bytes | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """Bring it to what JSON can say; the thumbnail as a data URI."""
        drawn = self.thumbnail and "data:image/jpeg;base64," + base64.b64encode(self.thumbnail).decode("ascii")
        names = ("kind", "sha256", "url", "format", "width", "height", "file_bytes")
        return {name: getattr(self, name) for name in names} | {"thumbnail": drawn}


@dataclass(frozen=True, slots=True)
class Entry:
    """One request.

    Attributes:
        number: Counts the requests from 1, in the order in which they were answered.
        method: HTTP method.
        path: Without the query.
        operation: Its ``operationId``; ``None`` for a path that is no operation.
        status: HTTP status of the answer.
        milliseconds: From its arrival at the application to its answer.
        body_bytes: Size of the body as it came.
        kept: The body as JSON, see :func:`kept_body`; empty if it was no JSON.
        image: The image, if the body held one.
        faults: The faults that were on for it.
        scenario: Name of the scenario that answered it.
        key_in_url: Whether the URL held an API key, which logs and proxies keep; a header is the place for it.
        session: The session that it named; ``None`` for the default one.
    """

    number: int
    method: str
    path: str
    operation: str | None
    status: int
    milliseconds: float
    body_bytes: int = 0
    kept: bytes = field(default=b"", repr=False)
    image: EntryImage | None = None
    faults: tuple[str, ...] = ()
    scenario: str | None = None
    key_in_url: bool = False
    session: str | None = None

    @property
    def body(self) -> Any:
        """The body, with ``sha256:...`` for the image's value; ``None`` if it was no JSON."""
        return json.loads(self.kept) if self.kept else None

    @property
    def body_sha256(self) -> str | None:
        """Digest of :attr:`kept`: two requests have the same if they ask the same of the same image."""
        return hashlib.sha256(self.kept).hexdigest() if self.kept else None

    @property
    def texts(self) -> list[str]:
        """The texts of the prompts, in order."""
        return texts_of(self.body)

    @property
    def image_id(self) -> str | None:
        """The client's name for the image."""
        name = field_of(self.body, "image_id")
        return name if isinstance(name, str) else None

    @property
    def format(self) -> str | None:
        """The format that was asked for; ``None`` if the request left it to the service."""
        format_name = field_of(self.body, "format")
        return format_name if isinstance(format_name, str) else None

    @property
    def memory(self) -> int:
        """What keeping it takes, in bytes, about."""
        drawn = len(self.image.thumbnail or b"") if self.image else 0
        return _OVERHEAD + len(self.kept) + len(self.path) + drawn

    def as_json(self) -> dict[str, Any]:
        """Bring it to what JSON can say."""
        body = self.body
        prompts = prompts_of(body)
        format_name, name = self.format, self.image_id
        return {
            "number": self.number,
            "method": self.method,
            "path": self.path,
            "operation": self.operation,
            "status": self.status,
            "milliseconds": round(self.milliseconds, 3),
            "texts": texts_of(body),
            "prompts": len(prompts),
            "points": sum(_length(prompt.get("points")) for prompt in prompts),
            "boxes": sum(_length(prompt.get("boxes")) + bool(prompt.get("box")) for prompt in prompts),
            "format": format_name,
            "threshold": field_of(body, "output_prob_thresh"),
            "thresholds": [prompt.get("output_prob_thresh") for prompt in prompts],
            "image": self.image and self.image.as_json(),
            "image_id": name,
            "body": body,
            "body_bytes": self.body_bytes,
            "body_sha256": self.body_sha256,
            "faults": list(self.faults),
            "scenario": self.scenario,
            "key_in_url": self.key_in_url,
            "session": self.session,
        }


def entry_from_json(value: Any) -> Entry:
    """Read an entry from what :meth:`Entry.as_json` made of it.

    Example:
        >>> entry = Entry(1, "POST", "/sam3/embed_image", "embed_image", 200, 1.5, kept=b'{"image_id":"a"}')
        >>> entry_from_json(entry.as_json()) == entry
        True
    """
    names = ("number", "method", "path", "operation", "status", "milliseconds", "body_bytes", "scenario", "session")
    image, body = value["image"], value["body"]
    return Entry(
        **{name: value[name] for name in names},
        kept=b"" if body is None else _dumped(body),
        image=image and EntryImage(**{**image, "thumbnail": _from_uri(image["thumbnail"])}),
        faults=tuple(value["faults"]),
        key_in_url=value["key_in_url"],
    )


def _from_uri(uri: str | None) -> bytes | None:
    return base64.b64decode(uri.partition(",")[2]) if uri else None


def _dumped(body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # what only Python's parser reads, such as integers over 64 bits
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()


def kept_body(body: Any, *, size: int, digest: str | None, keys: Collection[str]) -> bytes:
    """Write what is kept of a body: small, and without a key.

    Args:
        body: The decoded body.
        size: Of the body as it came, in bytes; a large one that is not large by its image is cut.
        digest: Hexadecimal SHA-256 of the image's file, to stand for it.
        keys: The API keys that the request holds.

    Returns:
        JSON of at most :data:`KEPT` bytes; nothing for what cannot be written.
    """
    body, size = _without_image(body, size, digest)
    if size > KEPT:
        body = _cut(body, keys, _DEEPEST)
    try:
        text = _written(body, keys)
    except (RecursionError, ValueError):  # deeper than anything that is not refused, or NaN
        return b""
    # Copied, as orjson's own bytes hold on to the 4 KiB or more that they were written in.
    return bytes(memoryview(text)) if len(text) <= KEPT else b""


def _written(body: Any, keys: Collection[str]) -> bytes:
    try:
        text = orjson.dumps(body)
        found = b"api_key" in text or any(orjson.dumps(key)[1:-1] in text for key in keys)
        found = found or (b"://" in text and bool(keys))  # URLs spell keys in other ways
        return orjson.dumps(masked(body, keys)) if found else text
    except TypeError:  # what only Python's parser reads, such as integers over 64 bits
        return json.dumps(masked(body, keys), allow_nan=False, separators=(",", ":")).encode()


def _without_image(body: Any, size: int, digest: str | None) -> tuple[Any, int]:
    """Put the digest in the image's place; tell the size of the rest."""
    image = field_of(body, "image")
    value = image.get("value") if isinstance(image, dict) else None
    if not isinstance(value, str) or image["value"] == "" or str(image.get("type")).lower() == "url":
        return body, size
    stands = f"sha256:{digest}" if digest else f"{len(value)} characters"
    return {**body, "image": {**image, "value": stands}}, size - len(value)


def _cut(value: Any, keys: Collection[str], levels: int) -> Any:
    """Cut what is long or deep; a key that the cut would go through is masked before."""
    if isinstance(value, str):
        if len(value) <= _LONGEST_TEXT:
            return value
        start = masked_text(value[: _LONGEST_TEXT + max(map(len, keys), default=0)], keys)
        return f"{start[:_LONGEST_TEXT]}... ({len(value)} characters)"
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return f"... ({len(value)} entries)"
    left = len(value) - _LONGEST_LIST
    if isinstance(value, list):
        kept = [_cut(entry, keys, levels - 1) for entry in value[:_LONGEST_LIST]]
        return kept + [f"... ({left} more)"] * (left > 0)
    names = list(value)[:_LONGEST_LIST]
    shown = {_cut(name, keys, 1): _cut(value[name], keys, levels - 1) for name in names}
    return shown | ({"...": f"{left} more"} if left > 0 else {})


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0
