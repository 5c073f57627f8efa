"""S: status, media type, JSON and schema, as the OpenAPI document has them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

import jsonschema_rs

from sam3_contract.checks.check import Breach, Check, Judgement, each, shown
from sam3_contract.exchanges.exchange import WRONG_KEY, Exchange, keys_sent
from sam3_contract.exchanges.measuring import number, predictions_of
from sam3_contract.files.json_positions import json_path
from sam3_contract.masks import parse_json
from sam3_contract.redaction import MASK, MIN_KEY, spellings_of
from sam3_contract.spec import Contract

GRACE = 1.0  # seconds
GRACE_OF_A_PREDICTION = 0.002  # seconds
_PROCESSING_TIME = "x-processing-time"
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
MAX_SCHEMA_BREACHES = 5  # of one answer; the first ones tell the story


def _status_is_expected(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    answered = [exchange for exchange in exchanges if not exchange.failure]
    found = []
    for exchange in answered:
        case = exchange.case
        if exchange.status not in case.expected:
            wanted = " or ".join(map(str, sorted(case.expected)))
            found.append(
                Breach(
                    "status",
                    f"{exchange.status} {shown(_words(exchange))}",
                    f"{wanted}, because the request {case.asks}",
                    exchange=exchange,
                    deviation=case.tolerated.get(exchange.status, ""),
                )
            )
    looked_for = {name for exchange in answered for name in exchange.case.tolerated.values()}
    return Judgement(len(answered), tuple(found), frozenset(looked_for - {breach.deviation for breach in found}))


def _status_is_documented(exchange: Exchange, contract: Contract) -> list[Breach] | None:
    if exchange.failure or exchange.case.method == "OPTIONS":
        return None  # the document has no preflights
    statuses = contract.operation(exchange.case.operation).answer_schemas
    if exchange.status in statuses:
        return []
    return [Breach("status", str(exchange.status), f"one of {', '.join(map(str, sorted(statuses)))}")]


def _media_type_is_documented(exchange: Exchange, contract: Contract) -> list[Breach] | None:
    media_types = contract.operation(exchange.case.operation).answer_schemas.get(exchange.status)
    if not media_types or exchange.case.method in {"HEAD", "OPTIONS"}:
        return None  # an unknown status, or one whose body the document leaves open
    if exchange.media_type in media_types:
        return []
    return [Breach("headers.content-type", shown(exchange.media_type), " or ".join(media_types))]


def _json_is_strict(exchange: Exchange, _: Contract) -> list[Breach] | None:
    if exchange.media_type != "application/json" or exchange.case.method == "HEAD":
        return None
    _, findings = parse_json(exchange.body)
    return [Breach(found.path, found.found, found.expected, found.diagnosis) for found in findings]


def _body_fits_schema(exchange: Exchange, contract: Contract) -> list[Breach] | None:
    schemas = contract.operation(exchange.case.operation).answer_schemas.get(exchange.status, {})
    schema = schemas.get(exchange.media_type) if exchange.case.method != "OPTIONS" else None
    unread = exchange.answer is None and exchange.body.strip() != b"null"
    if schema is None or exchange.media_type != "application/json" or unread:
        return None
    validator = _validator(contract, exchange.case.operation, exchange.status)
    try:
        errors = list(islice(validator.iter_errors(exchange.answer), MAX_SCHEMA_BREACHES))
    except ValueError:
        return None  # nested deeper than a validator goes, which `json_is_strict` reports
    return [_as_breach(error) for error in errors]


def _key_is_not_echoed(exchange: Exchange, _: Contract) -> list[Breach] | None:
    keys = dict(_keys_of(exchange))
    return [breach for key, name in keys.items() for breach in _echoes(exchange, key, name)] if keys else None


def _keys_of(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """List what was sent as a key, each with how to call it: a wrong one may be somebody's other key."""
    sent = {name: value for name, value in exchange.case.sent.items() if name != "api_key"}
    # Sent as a text or a name as well, it is echoed.
    if exchange.key and len(exchange.key) >= MIN_KEY and exchange.key not in shown(sent, limit=sys.maxsize):
        yield exchange.key, f"the API key ({MASK})"
    if exchange.key and WRONG_KEY in keys_sent(exchange.case.key_in, exchange.key):
        yield WRONG_KEY, f"the wrong key that was sent, {WRONG_KEY!r}"


def _echoes(exchange: Exchange, key: str, what: str) -> list[Breach]:
    forms = spellings_of(key)  # as it is, percent-encoded, in base64
    places = [f"headers.{name}" for name, value in exchange.headers.items() if any(form in value for form in forms)]
    places += ["body"] if any(form.encode("utf-8", "surrogatepass") in exchange.body for form in forms) else []
    return [Breach(place, what, "no trace of the key") for place in places]


def _time_is_plausible(exchange: Exchange, _: Contract) -> list[Breach] | None:
    """Judge what the answer claims to have taken; a test double that claims a model's time gets some grace for it."""
    header = exchange.headers.get(_PROCESSING_TIME)
    if header is not None and not _DECIMAL.fullmatch(header):
        return [Breach(f"header {_PROCESSING_TIME}", shown(header), "a decimal number of seconds, 0 or more")]
    if not exchange.succeeded or number(exchange.answer.get("time")) is None:
        return None
    claimed = exchange.answer["time"]
    if claimed < 0:
        return [Breach("$.time", shown(claimed), "a number of seconds, 0 or more")]
    grace = GRACE + GRACE_OF_A_PREDICTION * len(predictions_of(exchange))
    if exchange.seconds <= 0 or claimed <= exchange.seconds + grace:
        return []
    in_milliseconds = claimed / 1000 <= exchange.seconds + grace
    why = "it looks like milliseconds" if in_milliseconds else ""
    return [
        Breach("$.time", shown(claimed), f"seconds, no more than the {exchange.seconds:.3f} s that the call took", why)
    ]


def _request_is_answered(exchange: Exchange, _: Contract) -> list[Breach]:
    if not exchange.failure:
        return []
    return [Breach("the connection", exchange.failure, "a whole answer, whatever its status")]


@lru_cache(maxsize=64)
def _validator(contract: Contract, operation: str, status: int) -> jsonschema_rs.Validator:
    schema = contract.operation(operation).answer_schemas[status]["application/json"]
    assert schema is not None
    return contract.validator(schema)


def _as_breach(error: jsonschema_rs.ValidationError) -> Breach:
    return Breach(json_path(error.instance_path), shown(error.instance), error.message.splitlines()[0][:200])


def _words(exchange: Exchange) -> str:
    """Take the sentence out of an error body, whichever family it is of."""
    if isinstance(exchange.answer, dict):
        return shown(exchange.answer.get("message", exchange.answer.get("detail", "")), limit=200).strip("'\"")
    return exchange.body[:200].decode("utf-8", "replace")


CHECKS = (
    Check(
        code="S01",
        name="status_is_expected",
        law="A good request is answered 200, a bad one with the 4xx that names its mistake.",
        source="docs and server",
        rule="#/paths",
        mend="Compare the request of the case with the document; look at the message in the answer.",
        judge=_status_is_expected,
    ),
    Check(
        code="S02",
        name="status_is_documented",
        law="Every status that comes is one the document lists for the operation.",
        source="docs and server",
        rule="#/paths",
        mend="Add the status to the document if the service really sends it, with its body.",
        judge=each(_status_is_documented, of_retried=False),  # a 429 that passes is no breach
    ),
    Check(
        code="S03",
        name="media_type_is_documented",
        law="The content type is one the document lists for the status.",
        source="docs and server",
        rule="#/paths",
        mend="A proxy in between answers HTML; a handler that forgets to declare its type answers text.",
        judge=each(_media_type_is_documented),
    ),
    Check(
        code="S04",
        name="body_fits_schema",
        law="The body fits the schema of its status: fields, types, bounds.",
        source="docs and server",
        rule="#/components/schemas",
        mend="Look at the named place; a client that reads this answer by the document fails there.",
        judge=each(_body_fits_schema),
    ),
    Check(
        code="S05",
        name="json_is_strict",
        law="A JSON body is strict JSON: no NaN, no infinity, no repeated keys.",
        source="derived",
        rule="",
        mend="Python's json writes NaN unless allow_nan=False; most other languages refuse to read it.",
        judge=each(_json_is_strict),
    ),
    Check(
        code="S06",
        name="key_is_not_echoed",
        law="The API key never comes back, right or wrong, neither in a body nor in a header.",
        source="derived",
        rule="#/components/securitySchemes",
        mend="Answers are logged and cached; mask the key where errors echo the request.",
        judge=each(_key_is_not_echoed),
        needs="an answer to a request with a key of at least 8 characters",
    ),
    Check(
        code="S07",
        name="time_is_plausible",
        law="`time` is a number of seconds, not negative, and not longer than the call itself took; "
        "`x-processing-time` is a decimal number.",
        source="docs",
        rule="#/components/schemas/ConceptSegmentResponse/properties/time",
        mend="Take the difference of a monotonic clock, in seconds.",
        judge=each(_time_is_plausible),
        needs="a successful answer with a number for its `time`",
    ),
    Check(
        code="S08",
        name="request_is_answered",
        law="Every request gets a whole answer: the connection is not cut, and the answer comes in time.",
        source="derived",
        rule="",
        mend="Look for workers that die, proxies that give up, and a content-length that the body does not have.",
        judge=each(_request_is_answered),
    ),
)
