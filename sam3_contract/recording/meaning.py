"""What a request asks for: two that ask the same have one meaning, however they are written.

Not compared is what changes nothing in the answer: where the key is, the order of keys and headers, spaces, defaults
written out or left out, a request's own id, keys wherever they are. Images are compared by what they show, see
:mod:`~sam3_contract.recording.pictures`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from pydantic import ValidationError

from sam3_contract import wire
from sam3_contract.errors import ImageError
from sam3_contract.images import bytes_from_base64
from sam3_contract.recording.secrets import Secrets, loaded, without_image

_MODELS: Final[Mapping[str, type[wire.Request]]] = {
    "concept_segment": wire.LenientConceptSegmentRequest,
    "visual_segment": wire.LenientVisualSegmentRequest,
    "embed_image": wire.LenientEmbedImageRequest,
}
# What says who asks, not for what; the image is compared by itself.
_ASIDE: Final = frozenset({"id", "api_key", "usage_billable", "start", "source", "source_info", "image"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a request asks for.

    Attributes:
        operation: The ``operationId``.
        fields: Everything but the image, defaults included: JSON with its keys in order.
        image: A name that only the same image file or URL has; empty if none is sent.
        content: The image's file, if it was sent.
    """

    operation: str
    fields: bytes = field(repr=False)
    image: str
    content: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def rest(self) -> bytes:
        """A digest of all but the image."""
        return hashlib.sha256(self.operation.encode() + b"\0" + self.fields).digest()


def meaning_of(operation: str, body: bytes, secrets: Secrets = Secrets()) -> Meaning:  # noqa: B008 - it is frozen
    """Read what a request asks for.

    Args:
        operation: The ``operationId``.
        body: The request's body, unpacked.
        secrets: Those of the request: two that differ in nothing else are the same.

    Example:
        >>> body = b'{"prompts": [{"text": "dog"}], "image": {"type": "url", "value": "https://a.example/dog.jpg"}}'
        >>> again = body.replace(b'"prompts"', b'"format": "polygon", "api_key": "k", "prompts"')
        >>> meaning_of("concept_segment", body) == meaning_of("concept_segment", again)
        True
        >>> meaning_of("concept_segment", body) == meaning_of("concept_segment", body.replace(b"dog", b"cat"))
        False
    """
    decoded = loaded(body)
    if not isinstance(decoded, dict):
        plain = secrets.content(body) if decoded is None else _as_bytes(secrets.json(decoded))
        return Meaning(operation, orjson.dumps(f"sha256:{hashlib.sha256(plain).hexdigest()}"), "")
    image, content = _image(decoded.get("image"), secrets)
    fields = _fields(operation, secrets.json(without_image(decoded)))
    return Meaning(operation, _as_bytes(fields), image, content)


def differing(asked: Meaning, recorded: Meaning) -> list[str]:
    """List where two meanings of one operation differ, images apart.

    Example:
        >>> one, other = (meaning_of("embed_image", b'{"image_id": "%s"}' % name) for name in (b"a", b"b"))
        >>> differing(one, other)
        ["image_id is 'a', recorded was 'b'"]
    """
    before, after = (dict(_leaves(orjson.loads(one.fields), "")) for one in (asked, recorded))
    found = []
    for name in dict.fromkeys((*before, *after)):
        if before.get(name, _ABSENT) != after.get(name, _ABSENT):
            texts = [_shown(side.get(name, _ABSENT)) for side in (before, after)]
            found.append(f"{name or 'the body'} is {texts[0]}, recorded was {texts[1]}")
    return found


_ABSENT: Final = object()


def _shown(value: object) -> str:
    text = "absent" if value is _ABSENT else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _fields(operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a request to one form, in which the server's defaults are written out; one it refuses stays as it is."""
    try:
        parsed = wire.parse_request(_MODELS[operation], body, strict=False)
    except (ValidationError, RecursionError):
        return {name: value for name, value in body.items() if name not in _ASIDE}
    return parsed.model_dump(mode="json", exclude=set(_ASIDE), exclude_none=True)


def _image(image: Any, secrets: Secrets) -> tuple[str, bytes | None]:
    if image is None:
        return "", None
    if isinstance(image, Mapping) and isinstance(image.get("value"), str):
        if image.get("type") == "url":
            return f"url:{secrets.text(image['value'])}", None
        if image.get("type") == "base64":
            try:
                content = bytes_from_base64(image["value"])
            except ImageError:
                content = None
            if content is not None:
                return f"sha256:{hashlib.sha256(content).hexdigest()}", content
    return f"unread:{hashlib.sha256(_as_bytes(secrets.json(image))).hexdigest()}", None


def _as_bytes(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # halves of surrogate pairs, integers beyond 64 bits
        return orjson.dumps(f"sha256:{hashlib.sha256(repr(value).encode('utf-8', 'replace')).hexdigest()}")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    else:
        yield path, value
