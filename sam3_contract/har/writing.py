"""Exchanges, written as a HAR 1.2 document without the API key."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib import metadata
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import harfile
import orjson

from sam3_contract.exchanges.exchange import Case, Exchange, KeysSent, keys_sent
from sam3_contract.redaction import MASK, bytes_without_key, without_key
from sam3_contract.spec import Contract, load

_VERSION: Final = "HTTP/1.1"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMMENT: Final = "Times of day were not kept: the entries follow each other from 1970 on. The API key is taken out."
# For bodies that are no JSON, such as one that a case cut short.
_KEY_IN_TEXT: Final = re.compile(r'("api_key"\s*:\s*)"(?:[^"\\]|\\.)*"?')


def har_from_exchanges(
    exchanges: Iterable[Exchange], *, base_url: str, contract: Contract | None = None
) -> dict[str, Any]:
    """Write exchanges as a HAR document.

    The API key is nowhere in it: not in the query, the headers, the body's ``api_key``, nor where an answer repeats
    it. Images stay in the requests as they were sent.

    Args:
        exchanges: In the order they were sent.
        base_url: Where the paths of the document begin; anything but an ``http`` URL becomes ``http://localhost``.
        contract: Tells the path of each operation; the project's own by default.

    Returns:
        A JSON object. The field ``_case`` of an entry holds what `exchanges_from_har` needs to make the same case.
    """
    base, document = _plain_url(base_url), contract or load()
    started, entries = _EPOCH, []
    for exchange in exchanges:
        key = exchange.key
        path = document.operation(exchange.case.operation).path
        entries.append(
            {
                "startedDateTime": started.isoformat(timespec="milliseconds"),
                "time": exchange.seconds * 1000,
                "request": _request(exchange, without_key(base + path, key)),
                "response": response_of(exchange),
                "cache": {},
                "timings": harfile.Timings(send=0, wait=exchange.seconds * 1000, receive=0).asdict(),
                "_case": _case(exchange),
            }
        )
        started += timedelta(seconds=exchange.seconds)
    version = metadata.version("sam3-contract")
    creator = {"name": "sam3-contract", "version": version}
    return {"log": {"version": harfile.HAR_VERSION, "creator": creator, "comment": _COMMENT, "entries": entries}}


def _plain_url(url: str) -> str:
    """Reduce a URL to scheme, host and path: user names, passwords and queries may be secrets."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "http://localhost"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def _request(exchange: Exchange, url: str) -> dict[str, Any]:
    case = exchange.case
    sent = _keys_sent(case, exchange.key)
    named = {"content-type": "application/json", **case.headers}
    query = {**case.query, **({} if sent.query is None else {"api_key": sent.query})}
    headers = [harfile.Record(name.title(), value) for name, value in named.items()]
    if sent.bearer is not None:
        headers.append(harfile.Record("Authorization", f"Bearer {sent.bearer}"))
    request = harfile.Request(
        method=case.method,
        url=f"{url}?{urlencode(query, safe=MASK)}" if query else url,
        httpVersion=_VERSION,
        headers=headers,
        queryString=[harfile.Record(name, value) for name, value in query.items()],
        bodySize=len(_content_of(case)),
    ).asdict()
    if case.body is not None:
        request["postData"] = {"mimeType": "application/json", **_post_data(exchange)}
    return request


def _keys_sent(case: Case, key: str | None) -> KeysSent:
    return keys_sent(case.key_in, MASK if key else None)


def _post_data(exchange: Exchange) -> dict[str, str]:
    body = exchange.case.body
    if isinstance(body, Mapping):
        masked = keys_sent(exchange.case.key_in, MASK).body is not None or body.get("api_key") is not None
        content = _as_bytes({**body, "api_key": MASK}) if masked else _content_of(exchange.case)
    else:
        content = body or b""
    return post_data(content, key=exchange.key, is_json=isinstance(body, Mapping))


def post_data(content: bytes, *, key: str | None = None, is_json: bool = False) -> dict[str, str]:
    """Write a body as HAR has it: as text, or else as base64.

    Args:
        content: The body.
        key: Masked wherever it stands.
        is_json: Whether the field ``api_key`` is known to hold no key.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"text": _as_base64(bytes_without_key(content, key)), "_encoding": "base64"}
    text = text if is_json else _KEY_IN_TEXT.sub(rf'\1"{MASK}"', text)
    return {"text": without_key(text, key)}


def _content_of(case: Case) -> bytes:
    return _as_bytes(case.body) if isinstance(case.body, Mapping) else case.content


def _as_bytes(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # generated requests have integers beyond 64 bits
        return json.dumps(body).encode()


def response_of(exchange: Exchange) -> dict[str, Any]:
    """Write the answer of an exchange, without its key."""
    headers = [
        harfile.Record(without_key(name, exchange.key), without_key(value, exchange.key))
        for name, value in exchange.headers.items()
    ]
    response = harfile.Response(
        status=exchange.status,
        statusText=HTTPStatus(exchange.status).phrase if exchange.status in _STATUSES else "",
        httpVersion=_VERSION if exchange.status else "",
        headers=headers,
        content=_content(exchange),
        redirectURL=without_key(exchange.headers.get("location", ""), exchange.key),
        bodySize=len(exchange.body),
    ).asdict()
    if exchange.failure:
        response["_error"] = without_key(exchange.failure, exchange.key)
    return response


_STATUSES: Final = frozenset(map(int, HTTPStatus))


def _content(exchange: Exchange) -> harfile.Content:
    body = bytes_without_key(exchange.body, exchange.key)
    content = harfile.Content(
        size=len(body), mimeType=without_key(exchange.headers.get("content-type", ""), exchange.key)
    )
    try:
        content.text = body.decode()
    except UnicodeDecodeError:
        content.text, content.encoding = _as_base64(body), "base64"
    return content


def _as_base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _case(exchange: Exchange) -> dict[str, Any]:
    case = exchange.case
    return {
        "id": case.id,
        "operation": case.operation,
        "asks": without_key(case.asks, exchange.key),
        "key_in": case.key_in,
        "raw": isinstance(case.body, bytes),
        "expected": sorted(case.expected),
        "tolerated": {str(status): name for status, name in case.tolerated.items()},
        "image": asdict(case.image) if case.image else None,
        "after": list(case.after),
        "beside": list(case.beside),
        "headers": dict(case.headers),
        "query": dict(case.query),
        "at_once": case.at_once,
        "mistakes": [list(place) for place in case.mistakes],
        "exact": exchange.exact,
        "retried": [response_of(one) for one in exchange.retried],
    }
