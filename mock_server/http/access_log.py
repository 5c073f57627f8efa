"""One line for each request that was answered, for people or for programs. API keys are masked wherever they show."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

import orjson
from flask import Flask, Response, g, request

from mock_server.http.auth import keys_sent
from mock_server.http.bodies import masked_text
from mock_server.http.session_address import HEADER as SESSION
from sam3_contract.redaction import MASK

LogFormat = Literal["none", "text", "json"]
Line = dict[str, Any]

_LONGEST: Final = 2000  # characters of a path or a query
_SECRET: Final = re.compile("key|secret|token|password", re.IGNORECASE)  # in the name of a parameter
_PLAIN: Final = "/*:,@~!"  # what is readable in a URL as it is


def install(
    app: Flask,
    line_format: LogFormat,
    operations: Collection[str],
    write: Callable[[str], object] = lambda line: sys.stderr.write(line),
) -> None:
    """Log the requests of an application; to be called before anything else is hooked into it.

    Args:
        app: The application.
        line_format: ``text`` or ``json`` lines; ``none`` for no log, which costs nothing.
        operations: Their ``operationId``, which are the names of their endpoints.
        write: Takes each line, its end included; standard error by default.
    """
    if line_format == "none":
        return
    written = _as_json if line_format == "json" else _as_text

    def begin() -> None:
        g.logged_from = time.perf_counter()

    def end(response: Response) -> Response:
        line = written(_line(response, operations))
        with contextlib.suppress(OSError):  # a log that nobody reads any more is no reason not to answer
            write(line)
        return response

    app.before_request(begin)
    # Flask calls what was registered first last: the log tells what goes out.
    app.after_request(end)


def _line(response: Response, operations: Collection[str]) -> Line:
    keys = keys_sent(request, g.get("body")) | g.get("keys", frozenset())
    endpoint = request.endpoint
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "client": request.remote_addr,
        "method": request.method,
        "path": masked_text(request.path, keys)[:_LONGEST],
        "query": _query(request.args.items(multi=True), keys)[:_LONGEST],
        "status": response.status_code,
        "milliseconds": round((time.perf_counter() - g.logged_from) * 1000, 3),
        "bytes_in": len(g.raw) if "raw" in g else request.content_length,
        "bytes_out": response.content_length,
        "operation": endpoint if endpoint in operations else None,
        "request_id": response.headers.get("x-request-id"),
        "faults": response.headers.get("x-mock-fault"),
        "session": response.headers.get(SESSION),
    }


def _query(pairs: Iterable[tuple[str, str]], keys: Collection[str]) -> str:
    shown = [
        (masked_text(name, keys), MASK if _SECRET.search(name) else masked_text(value, keys)) for name, value in pairs
    ]
    return urlencode(shown, safe=_PLAIN) if shown else ""


def _as_json(line: Line) -> str:
    return orjson.dumps(line).decode() + "\n"


def _as_text(line: Line) -> str:
    """Write a line for people; what is not there is left out."""
    # Quoted as on the wire: a path may hold line ends and whatever else a terminal obeys.
    target = quote(line["path"], safe=_PLAIN) + (f"?{line['query']}" if line["query"] else "")
    named = {
        "in": line["bytes_in"],
        "out": line["bytes_out"],
        "operation": line["operation"],
        "id": line["request_id"],
        "faults": line["faults"] and line["faults"].replace(", ", ","),
        "session": line["session"],
    }
    rest = " ".join(f"{name}={value}" for name, value in named.items() if value is not None)
    head = f'"{line["method"]} {target}" {line["status"]} {line["milliseconds"]:.1f}ms'
    return f"{line['time']} {line['client']} {head} {rest}\n"
