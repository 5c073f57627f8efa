"""The case that a HAR entry stands for: what was asked, without its key, and what may be expected of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, Final, get_args

import jsonschema_rs
import orjson
import pybase64

from sam3_contract.cases import FollowUp, Plan, built_in_images, plan
from sam3_contract.exchanges.deviations import deviation_explaining
from sam3_contract.exchanges.exchange import WRONG_KEY, Case, KeyPlace
from sam3_contract.files.nesting import depth_of
from sam3_contract.har.entry import Entry, Unusable
from sam3_contract.images import ImageHeader
from sam3_contract.redaction import MASK, bytes_without_key
from sam3_contract.spec import Contract

_REFUSED: Final = frozenset({400, 422})
_INTERNAL_ERROR: Final = 500
_MOST_LEVELS: Final = 250
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# What recorders put in the place of a secret: ours, schemathesis', browsers' and proxies'.
_MASKS: Final = frozenset({MASK, "[filtered]", "[redacted]", "redacted", "<redacted>", "[sanitized]"})


@dataclass(frozen=True, slots=True)
class Sent:
    """What an entry says of its request.

    Attributes:
        body: A JSON object, other bytes, or nothing; with its key.
        keys: What stands in the places of a key, in the order that the service reads them.
    """

    body: Mapping[str, Any] | bytes | None = field(repr=False)
    keys: tuple[tuple[KeyPlace, str], ...] = field(repr=False)

    @property
    def key(self) -> str | None:
        """The key that counts; ``None`` if there is none, the recorder took it out, or it was made up to be refused."""
        return next((key for _, key in self.keys if key not in {"", WRONG_KEY} and key.lower() not in _MASKS), None)

    @property
    def public_body(self) -> Mapping[str, Any] | bytes | None:
        """The body without a key."""
        if isinstance(self.body, Mapping):
            return {**self.body, "api_key": MASK} if isinstance(self.body.get("api_key"), str) else self.body
        return bytes_without_key(self.body, self.key) if self.body else self.body


def sent_in(entry: Entry) -> Sent:
    """Read what an entry says of its request.

    Raises:
        HarError: If the entry is malformed.
        Unusable: If the recording holds less of the body than was sent.
    """
    body = _body(entry)
    keys: list[tuple[KeyPlace, str]] = []
    if "api_key" in entry.query:
        keys.append(("query", entry.query["api_key"]))
    scheme, _, credentials = entry.request_headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        keys.append(("bearer", credentials.strip()))
    if isinstance(body, Mapping) and isinstance(body.get("api_key"), str):
        keys.append(("body", body["api_key"]))
    return Sent(body, tuple(keys))


def case_of(entry: Entry, sent: Sent, operation: str, contract: Contract, *, status: int) -> Case:
    """Make the case of an entry, without its key.

    Args:
        entry: The entry.
        sent: What it says of its request.
        operation: The ``operationId``.
        contract: Tells what is documented.
        status: Of the recorded answer, 0 if there is none.

    Raises:
        HarError: If what a recording of ours says of the case is malformed.
    """
    body = sent.public_body
    name = f"{entry.path.name}#{entry.index}"
    case = Case.from_body(operation, body if isinstance(body, Mapping) else None, name=name)
    case = replace(case, body=body, method=entry.method)
    if entry.own:
        return _own(entry, case)
    return replace(
        case,
        asks="keeps the document" if _keeps_the_document(case, contract) else "does not keep the document",
        key_in=_key_place(sent, status),
        expected=_expected_of(case, contract, status=status),
        tolerated=_tolerated_of(case, contract),
    )


def _own(entry: Entry, case: Case) -> Case:
    """Restore what a recording of ours says of the case."""
    own = entry.own
    scene = _scene_of(case, str(own.get("id")))
    if scene is not None:
        case = replace(case, things=scene.things, twin=scene.twin)
    try:
        image = own["image"]
        return replace(
            case,
            id=str(own["id"]),
            asks=str(own["asks"]),
            body=case.content if own["raw"] and case.body is not None else case.body,
            key_in=own["key_in"] if own["key_in"] in get_args(KeyPlace) else "query",
            expected=frozenset(map(int, own["expected"])),
            tolerated={int(status): str(name) for status, name in own["tolerated"].items()},
            image=ImageHeader(**image) if image is not None else None,
            after=tuple(map(str, own["after"])),
            beside=tuple(map(str, own["beside"])),
            headers={str(name): str(value) for name, value in own.get("headers", {}).items()},
            query={str(name): str(value) for name, value in own.get("query", {}).items()},
            at_once=str(own.get("at_once", "")),
            mistakes=tuple(_place(place) for place in own.get("mistakes", [own.get("mistake")]) if place),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise entry.malformed(f"_case is not as sam3-contract writes it: {error!r}") from error


def _place(steps: Sequence[Any]) -> tuple[str | int, ...]:
    return tuple(step if isinstance(step, int) else str(step) for step in steps)


def _scene_of(case: Case, name: str) -> Case | None:
    """Find the planned case that knows what no file can hold: what is drawn in the image, and the way back from a view.

    A case that was made of answers is in no plan; it shares its image with those that were.
    """
    made = _drawn_late(name)
    planned = (*_plan().cases, made) if made is not None else _plan().cases
    alike = [one for one in planned if one.sent.get("image") == case.sent.get("image")]
    own = [one for one in alike if one.id == name]
    plain = [replace(one, twin=None) for one in alike if one.things and "image_id" not in one.sent]
    follows_up = not any(one.id == name for one in planned)
    return next(iter(own or (plain if follows_up else ())), None)


@cache
def _plan() -> Plan:
    return plan(built_in_images())


@lru_cache(maxsize=64)
def _drawn_late(name: str) -> Case | None:
    """Make the case that a plan makes only when its turn comes; ``None`` if it is made of answers, or in no plan."""
    late = [entry for entry in _plan().entries if isinstance(entry, FollowUp) and entry.id == name]
    return late[0].make({}) if late else None


def _body(entry: Entry) -> Mapping[str, Any] | bytes | None:
    """Read the request's body: a JSON object, other bytes, or nothing."""
    content = entry.posted()
    for candidate in (content, _unmarked_base64(content)) if content else ():
        decoded = _json(candidate)
        if isinstance(decoded, dict) and not entry.own.get("raw"):
            # What is nested deeper than orjson writes is compared and kept as the bytes it came as.
            return decoded if depth_of(decoded) <= _MOST_LEVELS else content
    if not entry.own and entry.method not in _WITHOUT_BODY:
        _refuse_cut(content, entry)
    return content


def _refuse_cut(content: bytes | None, entry: Entry) -> None:
    """Refuse a body that is no JSON object, unless the recording says that it is all that was sent.

    Recorders leave bodies out, cut long ones, or put a sentence in their place. A masked key makes a body shorter as
    well, but leaves it JSON.

    Raises:
        Unusable: If the recording holds less than was sent, or does not say how much that was.
    """
    if content and _json(content) is not None:
        return
    lengths = [str(entry.request.get("bodySize")), entry.request_headers.get("content-length", "")]
    sizes = [int(length) for length in lengths if length.isascii() and length.isdigit()]
    held = len(content or b"")
    if not sizes or max(sizes) > held:
        cause = f": {held} of {max(sizes)} bytes" if sizes and held else "; record again with request bodies"
        raise Unusable(f"the recording does not hold the body of the request{cause}")


def _unmarked_base64(content: bytes) -> bytes:
    """Decode what schemathesis writes when it preserves bytes: base64 that nothing marks as such."""
    try:
        return pybase64.b64decode(content, validate=True)
    except ValueError:
        return b""


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def _key_place(sent: Sent, status: int) -> KeyPlace:
    if sent.keys:
        place, key = sent.keys[0]
        return "empty" if place == "query" and not key else place
    # Browsers take the Authorization header out of what they save: only the server tells that there was none.
    return "none" if status == 401 else "query"


def _expected_of(case: Case, contract: Contract, *, status: int) -> frozenset[int]:
    """Tell which statuses keep the contract, from the request, the document, and what came (0 for no answer).

    Whether a key was good, credits were left or an image could be loaded is not in the recording, so a documented
    answer is taken at its word. Not so a 500: the document lists it, but it always stands for a mistake of the server.
    """
    if status in contract.operation(case.operation).answer_schemas and status != _INTERNAL_ERROR:
        return frozenset({status})
    return frozenset({200}) if _keeps_the_document(case, contract) else _REFUSED


def _tolerated_of(case: Case, contract: Contract) -> dict[int, str]:
    """Name the known deviation that would explain an answer of 500 to such a request."""
    explained = deviation_explaining(case, _INTERNAL_ERROR)
    is_known = any(deviation.id == explained for deviation in contract.deviations)
    return {_INTERNAL_ERROR: explained} if is_known else {}


def _keeps_the_document(case: Case, contract: Contract) -> bool:
    validator = _validator(contract, contract.operation(case.operation).request_schema)
    return validator is None or validator.is_valid(dict(case.sent))


@lru_cache(maxsize=16)
def _validator(contract: Contract, schema: str) -> jsonschema_rs.Validator | None:
    return contract.validator({"$ref": f"#/components/schemas/{schema}"}) if schema else None
