"""Read an OpenAPI document that somebody else serves or wrote: from a server, a file, or standard input."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

from sam3_contract.errors import TransportError
from sam3_contract.files.bounded import read_bounded
from sam3_contract.files.document_text import MAX_BYTES, UnreadableError, parse_document
from sam3_contract.transport.causes import layers_of, system_cause
from sam3_contract.transport.session import bound

SECONDS: Final = 30.0
_PIECE: Final = 64 * 1024  # bytes
_SUFFIXES: Final = (".json", ".yaml", ".yml")
_ACCEPT: Final = "application/json, application/yaml;q=0.9, */*;q=0.1"
_ACCEPT_PAGE: Final = "text/html, text/*;q=0.9, */*;q=0.1"


def read_document(source: str, *, seconds: float = SECONDS) -> Any:
    """Read a document.

    Args:
        source: A file, ``-`` for standard input, or a URL: of the document, or of a server, whose ``/openapi.json`` is
            read. Credentials are sent only if the URL itself holds them.
        seconds: How long a server may take, in all.

    Returns:
        A mapping that has ``paths``.

    Raises:
        TransportError: If it cannot be read, is larger than ``MAX_BYTES``, or is no OpenAPI document.
    """
    if source.lower().startswith(("http://", "https://")):
        return _from_server(source, seconds)
    name = shown_source(source)
    if source == "-" and sys.stdin is None:  # as after `<&-`, or under a supervisor
        raise TransportError(f"{name} cannot be read: it is closed")
    content = _bounded(sys.stdin.buffer, name) if source == "-" else _from_file(Path(source))
    return _parsed(content, name)


def read_page(url: str, *, seconds: float = SECONDS) -> bytes:
    """Read a web page.

    Args:
        url: Where it is. Credentials are sent only if it holds them.
        seconds: How long it may take, in all.

    Returns:
        What was answered with status 200, at most ``MAX_BYTES``.

    Raises:
        TransportError: If there is no such answer.
    """
    name = shown_source(url)
    return _fetched(url, name, time.monotonic() + seconds, seconds, wanted="a page", accept=_ACCEPT_PAGE)


def shown_source(source: str) -> str:
    """Name a source in a report, without what a URL may hold of credentials."""
    if not source.lower().startswith(("http://", "https://")):
        return "standard input" if source == "-" else source.encode("utf-8", "replace").decode()
    try:
        parts = urlsplit(source)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise TransportError(f"the URL cannot be read: {error}") from error
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", ""))


def _parsed(content: bytes, name: str) -> Any:
    try:
        document = parse_document(content)
    except UnreadableError as error:
        raise TransportError(f"{name} {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise TransportError(f"{name} has no paths: not an OpenAPI document")
    return document


def _from_file(path: Path) -> bytes:
    try:
        return read_bounded(path, most=MAX_BYTES)
    except OSError as error:
        raise TransportError(f"{path} cannot be read: {error.strerror}") from error


def _bounded(file: BinaryIO, name: str) -> bytes:
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise _too_large(name)
    return content


def _from_server(url: str, seconds: float) -> Any:
    """Read the document at a URL; unless the URL names a file, ``/openapi.json`` below it is tried first."""
    name = shown_source(url)
    parts = urlsplit(url)
    if not parts.hostname:
        raise TransportError(f"{name} is no URL of a server; write it like http://127.0.0.1:9001")
    below = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/openapi.json", fragment=""))
    candidates = [url] if parts.path.lower().endswith(_SUFFIXES) else [below, url]
    deadline = time.monotonic() + seconds
    refusal: TransportError | None = None  # the first address is the one that is worth telling of
    for candidate in candidates:
        shown = shown_source(candidate)
        try:
            return _parsed(_fetched(candidate, shown, deadline, seconds), shown)
        except TransportError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _fetched(
    url: str,
    name: str,
    deadline: float,
    seconds: float,
    *,
    wanted: str = "an OpenAPI document",
    accept: str = _ACCEPT,
) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise _too_slow(name, seconds)
    # An empty way of authentication, because without one requests would send what a .netrc has for the host.
    auth = None if urlsplit(url).username else _anonymously
    try:
        with _get(url, headers={"Accept": accept}, timeout=left, auth=auth) as answer:
            if answer.status_code != requests.codes.ok:
                raise TransportError(f"{name} answers {answer.status_code}, expected 200 and {wanted}")
            return _received(answer, name)
    except (requests.RequestException, HTTPError) as error:
        if any(isinstance(layer, requests.Timeout | TimeoutError) for layer in layers_of(error)):
            raise _too_slow(name, seconds) from error
        raise TransportError(f"{name} does not answer: {system_cause(error)}") from error


def _get(url: str, **options: Any) -> requests.Response:
    session = requests.Session()
    bound(session)
    return session.get(url, stream=True, **options)


def _received(answer: requests.Response, name: str) -> bytes:
    content = bytearray()
    while piece := answer.raw.read1(_PIECE, decode_content=True):
        content += piece
        if len(content) > MAX_BYTES:
            raise _too_large(name)
    return bytes(content)


def _anonymously(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _too_large(name: str) -> TransportError:
    return TransportError(f"{name} is larger than {MAX_BYTES} bytes")


def _too_slow(name: str, seconds: float) -> TransportError:
    return TransportError(f"{name} does not answer within {seconds:g} s")
