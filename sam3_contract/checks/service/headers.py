"""S: the headers around an answer: origins, request ids, character sets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message
from typing import Final

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from sam3_contract.checks.check import Breach, Check, Judgement, each, shown
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.spec import Contract

_REQUEST_ID: Final = "x-request-id"
OF_ANSWERS: Final = (_REQUEST_ID, "x-model-id", "x-processing-time")
"""What the document lists beside a 200."""
_OK: Final = 200
_NOT_ALLOWED: Final = 405
_UNANSWERED: Final = frozenset({401, 402})  # refused in front of what answers origins
_UNPACKED: Final = frozenset({"", "identity"})
_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)


def _origin_is_answered(exchange: Exchange, _: Contract) -> list[Breach] | None:
    origin = exchange.case.headers.get("origin")
    uncaught = exchange.status == 500 and exchange.media_type != "application/json"
    if origin is None or exchange.failure or exchange.status in _UNANSWERED or uncaught:
        return None
    wanted = {"access-control-allow-origin": origin}
    if exchange.case.method == "OPTIONS":
        wanted["access-control-allow-methods"] = exchange.case.headers.get("access-control-request-method", "POST")
        wanted["access-control-allow-headers"] = exchange.case.headers.get("access-control-request-headers", "")
    return [
        Breach(f"headers.{name}", shown(exchange.headers.get(name)), f"{value!r} or '*'")
        for name, value in wanted.items()
        if not _allows(exchange.headers.get(name, ""), value)
    ]


def _allows(header: str, wanted: str) -> bool:
    allowed = {part.strip().lower() for part in header.split(",")}
    return "*" in allowed or all(part.strip().lower() in allowed for part in wanted.split(","))


def _request_id_names_one_exchange(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Judge a run that sends an id of its own: recordings may hold one exchange twice."""
    if not any(_REQUEST_ID in exchange.case.headers for exchange in exchanges):
        return Judgement(0, ())
    found: list[Breach] = []
    first: dict[str, Exchange] = {}
    answered = [exchange for exchange in exchanges if exchange.headers.get(_REQUEST_ID)]
    for exchange in answered:
        own, sent = exchange.headers[_REQUEST_ID], exchange.case.headers.get(_REQUEST_ID)
        if sent is not None and _UUID.fullmatch(sent) and own != sent:
            found.append(Breach(_AT, shown(own), f"{sent!r}, the UUID that was sent", exchange=exchange))
        elif sent is None and first.setdefault(own, exchange) is not exchange:
            wanted, partner = f"another one than that of {first[own].case.id}", (first[own],)
            found.append(Breach(_AT, shown(own), wanted, exchange=exchange, beside=partner))
    return Judgement(len(answered), tuple(found[:8]))


def _headers_come_with_all(exchanges: Sequence[Exchange], _: Contract) -> Judgement:
    """Judge a run that sends a request id of its own: recordings may hold answers of several servers."""
    if not any(_REQUEST_ID in exchange.case.headers for exchange in exchanges):
        return Judgement(0, ())
    refused = [exchange for exchange in exchanges if exchange.status == _NOT_ALLOWED]
    answered = [exchange for exchange in exchanges if exchange.status == _OK and exchange.case.method == "POST"]
    found = [
        Breach("headers.allow", shown(None), "the methods that the path answers", exchange=exchange)
        for exchange in refused
        if "allow" not in exchange.headers
    ]
    first: dict[tuple[str, str], Exchange] = {}
    for exchange in answered:
        for name in OF_ANSWERS:
            if exchange.headers.get(name):
                first.setdefault((exchange.case.operation, name), exchange)
    for exchange in answered:
        for (operation, name), partner in first.items():
            if operation == exchange.case.operation and not exchange.headers.get(name):
                wanted = f"one, as with {partner.case.id}"
                found.append(Breach(f"headers.{name}", shown(None), wanted, exchange=exchange, beside=(partner,)))
    return Judgement(len(refused) + len(answered), tuple(found[:8]))


_AT: Final = f"headers.{_REQUEST_ID}"


def _charset_is_utf_8(exchange: Exchange, _: Contract) -> list[Breach] | None:
    if exchange.media_type != "application/json":
        return None
    header = Message()
    header["content-type"] = exchange.headers["content-type"]
    charset = header.get_param("charset")
    if charset is None or str(charset).lower() in {"utf-8", "utf8"}:
        return []
    return [Breach("headers.content-type", shown(charset), "utf-8, which JSON is always in, or no charset")]


def _packing_is_accepted(exchange: Exchange, _: Contract) -> list[Breach] | None:
    accepted = exchange.case.headers.get("accept-encoding")
    if accepted is None or exchange.failure:
        return None
    wanted = parse_accept_header(accepted, Accept)
    packed = [one.strip().lower() for one in exchange.headers.get("content-encoding", "").split(",")]
    unasked = [one for one in packed if one not in _UNPACKED and not wanted.quality(one)]
    return [
        Breach("headers.content-encoding", shown(one), f"one that the request accepts: {accepted}") for one in unasked
    ]


CHECKS = (
    Check(
        code="S11",
        name="origin_is_answered",
        law="A browser of another origin may ask, with any header it needs, and its preflight needs no key.",
        source="server",
        rule="#/paths",
        mend="Let the middleware for CORS stand outside of all others, and allow POST and content-type.",
        judge=each(_origin_is_answered),
        needs="a request with an Origin",
    ),
    Check(
        code="S12",
        name="request_id_names_one_exchange",
        law="`x-request-id` names one exchange: it is the UUID that the client sent, or a new one.",
        source="server",
        rule="#/components/headers/RequestId",
        mend="Make the id for each request, not for each process.",
        judge=_request_id_names_one_exchange,
        needs="a run that sends a request id, and answers that have one",
    ),
    Check(
        code="S13",
        name="charset_is_utf_8",
        law="The charset of JSON is left out, or is UTF-8.",
        source="derived",
        rule="",
        mend="JSON between systems is UTF-8 whatever a header says; some clients believe the header.",
        judge=each(_charset_is_utf_8),
    ),
    Check(
        code="S14",
        name="headers_come_with_all",
        law="A header that comes with one 200 comes with all of the operation, and a 405 says what is allowed.",
        source="server",
        rule="#/paths",
        mend="Set headers in one place that every answer passes, whichever handler wrote it.",
        judge=_headers_come_with_all,
        needs="a run that sends a request id",
    ),
    Check(
        code="S15",
        name="packing_is_accepted",
        law="An answer is packed in no way that the request does not accept.",
        source="derived",
        rule="",
        mend="Let whatever compresses answers, often a proxy, look at Accept-Encoding.",
        judge=each(_packing_is_accepted),
        needs="a request that says which packing it accepts",
    ),
)
