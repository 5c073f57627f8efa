"""The currency of the toolkit: a request, its answer, and what is known of the image."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from sam3_contract.errors import ImageError
from sam3_contract.images import ImageHeader, bytes_from_base64, read_header

if TYPE_CHECKING:
    from sam3_contract.images.scenes import Thing

T = TypeVar("T")

WRONG_KEY: Final = "wrong-key"
"""What is sent where a case asks for a key that no server knows."""

MASKS_HEADER: Final = "x-mock-masks"
"""The header by which a mock of ours says what it is; ``exact`` if it answers alike to the last pixel."""

KeyPlace = Literal[
    "query",
    "bearer",
    "lower_bearer",
    "upper_bearer",
    "body",
    "none",
    "empty",
    "wrong",
    "wrong_body",
    "query_first",
    "wrong_query_first",
    "wrong_bearer_first",
]
"""Where a case puts the API key; ``none`` sends no key, ``empty`` and ``wrong`` bad ones in the query, ``wrong_body``
a bad one in the body.

``lower_bearer`` and ``upper_bearer`` write the scheme in other letters, which means the same. Of several keys the first
counts: ``query_first`` sends the key in the query and wrong ones elsewhere, ``wrong_query_first`` a wrong one in the
query and the key elsewhere, ``wrong_bearer_first`` a wrong one in the header and the key in the body.
"""

_OK: Final = frozenset({200})


class KeysSent(NamedTuple):
    """What stands where a key may stand, in the order in which the service looks for it; ``None`` for nothing.

    Attributes:
        query: The parameter ``api_key``.
        bearer: What follows the scheme in the header.
        body: The field ``api_key``.
    """

    query: str | None = None
    bearer: str | None = None
    body: str | None = None


BAD_KEYS: Final = frozenset({"none", "empty", "wrong", "wrong_body", "wrong_query_first", "wrong_bearer_first"})
"""Places that are refused."""
_KEY: Final = "{key}"
_PLACES: Final[Mapping[KeyPlace, KeysSent]] = {
    "query": KeysSent(query=_KEY),
    "bearer": KeysSent(bearer=_KEY),
    "lower_bearer": KeysSent(bearer=_KEY),
    "upper_bearer": KeysSent(bearer=_KEY),
    "body": KeysSent(body=_KEY),
    "none": KeysSent(),
    "empty": KeysSent(query=""),
    "wrong": KeysSent(query=WRONG_KEY),
    "wrong_body": KeysSent(body=WRONG_KEY),
    "query_first": KeysSent(_KEY, WRONG_KEY, WRONG_KEY),
    "wrong_query_first": KeysSent(WRONG_KEY, _KEY, _KEY),
    "wrong_bearer_first": KeysSent(None, WRONG_KEY, _KEY),
}
_SCHEMES: Final[Mapping[str, str]] = {"lower_bearer": "bearer", "upper_bearer": "BEARER"}


def keys_sent(place: KeyPlace, key: str | None) -> KeysSent:
    """Tell what stands in each place of a key.

    Args:
        place: Where a case puts it.
        key: The key, or what is shown instead; ``None`` leaves it out.
    """
    return KeysSent(*(key if sent == _KEY else sent for sent in _PLACES[place]))


def scheme_of(place: KeyPlace) -> str:
    """Write the scheme before a key in the header."""
    return _SCHEMES.get(place, "Bearer")


@dataclass(frozen=True)
class Photograph:
    """An image to send.

    Attributes:
        name: What to call it in reports.
        content: The file.
        header: Its size and orientation.
        things: What is drawn in it, in the frame of its masks; empty if nobody knows.
    """

    name: str
    content: bytes = field(repr=False)
    header: ImageHeader
    things: tuple[Thing, ...] = field(default=(), repr=False)

    @cached_property
    def encoded(self) -> str:
        """The file as a request holds it: one text for all requests that send it."""
        return base64.b64encode(self.content).decode("ascii")


@dataclass(frozen=True, slots=True)
class Twin:
    """Says of a case that it asks the same of another view of the same image.

    Attributes:
        of: Id of the case that asks it of the image as it is.
        how: The view, such as ``mirrored``.
        undo: Brings a mask of this view, shape ``(height, width)``, into the frame of the image as it is.
        exact: Whether the very same bytes are sent, so that masks have to be equal; else they may differ a little.
        moved: Whether the pixels lie elsewhere in this view.
    """

    of: str
    how: str
    undo: Callable[[NDArray[np.bool_]], NDArray[np.bool_]] = field(repr=False)
    exact: bool = False
    moved: bool = False


@dataclass(frozen=True)
class Case:
    """One concrete request.

    Attributes:
        id: Stable name, for reports and for asking it again.
        operation: The ``operationId``.
        asks: The question it puts to the server, in one sentence.
        body: JSON body; bytes are sent as they are; ``None`` sends none.
        method: The HTTP method; that of the document by default.
        key_in: Where the API key is sent.
        expected: The statuses that keep the contract.
        tolerated: Further statuses, each with the id of the known deviation that explains it.
        image: What is known of the image it sends; ``None`` if it sends none, or one nobody could load.
        things: What is drawn in that image, if known.
        twin: Which other case asks the same of another view of the image.
        after: Ids of the cases that have to be answered before: it builds on what the server remembers of them.
        beside: Ids of the cases whose answers it is compared with.
        headers: Further headers of the request, names in lower case.
        query: Parameters of the URL beside the key.
        at_once: What the cases have in common that are to be under way at once; empty for a case by itself.
        spread_out: Whether its JSON is written with line breaks and escapes, and its fields in the reverse order.
        mistakes: Where in the body the mistakes are that the answer has to name, or where from ``query`` on; empty if
            they are in no one place.
        plain: The same request without what it says besides and what changes nothing; ``None`` if it says nothing else.
    """

    id: str
    operation: str
    asks: str
    body: Mapping[str, Any] | bytes | None
    method: str = "POST"
    key_in: KeyPlace = "query"
    expected: frozenset[int] = _OK
    tolerated: Mapping[int, str] = field(default_factory=dict)
    image: ImageHeader | None = None
    things: tuple[Thing, ...] = field(default=(), repr=False)
    twin: Twin | None = None
    after: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    at_once: str = ""
    spread_out: bool = False
    mistakes: tuple[tuple[str | int, ...], ...] = ()
    plain: Case | None = field(default=None, repr=False, compare=False)

    @cached_property
    def sent(self) -> Mapping[str, Any]:
        """The JSON body; empty if it is none."""
        return self.body if isinstance(self.body, Mapping) else {}

    @property
    def content(self) -> bytes:
        """The body's bytes as they go over the wire; not kept, as a run keeps its cases, with an image in each."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        if self.spread_out:
            return json.dumps(dict(list(self.body.items())[::-1]), indent=1).encode()
        try:
            return orjson.dumps(self.body)
        except orjson.JSONEncodeError:  # a number beyond 64 bits, half a surrogate pair: as a generator may make them
            return json.dumps(self.body).encode()

    @cached_property
    def signature(self) -> bytes:
        """What is asked, in a form that can be compared: the digest of the body, its keys in order."""
        if not isinstance(self.body, Mapping):
            return hashlib.sha256(self.content).digest()
        try:
            asked = orjson.dumps(self.body, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:  # nested too deeply, or a number beyond 64 bits: like no other request
            asked = hex(id(self.body)).encode()
        return hashlib.sha256(asked).digest()

    @classmethod
    def from_body(cls, operation: str, body: object, *, name: str = "given") -> Case:
        """Make a case of a body that came from elsewhere, such as a generator or a recording.

        Args:
            operation: The ``operationId``.
            body: The decoded JSON body.
            name: What to call it.
        """
        mapping = body if isinstance(body, Mapping) else None
        # An image_id may stand for an image the service saw earlier, whose size is not known here.
        remembered = operation == "visual_segment" and mapping is not None and mapping.get("image_id") is not None
        image = None if remembered else _header_of(mapping)
        content = None if mapping is not None or body is None else orjson.dumps(body)
        return cls(name, operation, "comes from elsewhere", mapping or content, image=image)


@dataclass(frozen=True, eq=False)
class Exchange:
    """A case and its answer.

    Attributes:
        case: What was asked.
        status: HTTP status of the answer.
        headers: Headers of the answer, names in lower case.
        body: The answer's bytes.
        seconds: From the first byte sent to the last received.
        key: The API key that was sent, to tell whether it comes back; never shown.
        failure: Why there is no whole answer although the server was reached, in a sentence; ``status`` is 0 then.
        exact: Whether the server is held to answer alike to the last pixel: because it says so, or the user does. It is
            never guessed from its answers: a good model draws flat shapes to the pixel as well.
        retried: The answers that came before, each of which asked for the request to be sent again.
    """

    case: Case
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0
    key: str | None = field(default=None, repr=False)
    failure: str = ""
    exact: bool = False
    retried: tuple[Exchange, ...] = ()
    _kept: dict[object, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def media_type(self) -> str:
        """The answer's media type without parameters, in lower case; empty if there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def answer(self) -> Any:
        """The decoded JSON body; ``None`` if it is no JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def succeeded(self) -> bool:
        """Whether this is a JSON answer of status 200."""
        return self.status == 200 and isinstance(self.answer, dict)


def kept(measure: Callable[[Exchange], T]) -> Callable[[Exchange], T]:
    """Keep with each exchange what a function makes of it: many checks ask for the same, and it is made once."""

    @wraps(measure)
    def measured(exchange: Exchange) -> T:
        if measure not in exchange._kept:  # noqa: SLF001 - the one place that keeps anything there
            exchange._kept[measure] = measure(exchange)  # noqa: SLF001
        made: T = exchange._kept[measure]  # noqa: SLF001
        return made

    return measured


def as_base64(photograph: Photograph) -> dict[str, str]:
    """Write an image as the ``image`` of a request."""
    return {"type": "base64", "value": photograph.encoded}


def _header_of(body: Mapping[str, Any] | None) -> ImageHeader | None:
    image = (body or {}).get("image")
    if not isinstance(image, Mapping) or image.get("type") != "base64" or not isinstance(image.get("value"), str):
        return None
    try:
        return read_header(bytes_from_base64(image["value"]))
    except ImageError:
        return None
