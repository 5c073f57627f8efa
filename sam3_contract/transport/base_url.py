"""The URL that paths of the document are put behind."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from sam3_contract.errors import UsageError
from sam3_contract.loopback import is_loopback_host
from sam3_contract.spec import Contract


def base_url(text: str, contract: Contract) -> str:
    """Take the base URL of a server, without a slash at its end.

    Args:
        text: As a user wrote it.
        contract: Tells the paths that are put behind it.

    Raises:
        UsageError: If it is no URL, or one that nothing can be put behind.

    Example:
        >>> from sam3_contract.spec import load
        >>> base_url("http://127.0.0.1:9001/", load())
        'http://127.0.0.1:9001'
    """
    url = server_url(text)
    found = next((one.path for one in contract.operations if urlsplit(url).path.endswith(one.path)), None)
    if found is not None:
        raise UsageError(f"{text!r} is the URL of an operation; give what comes before {found}")
    return url


def server_url(text: str) -> str:
    """Take the URL of a server that any path can be put behind, without a slash at its end.

    Raises:
        UsageError: If it is none.
    """
    parts = _parts(text)
    if "?" in text or "#" in text:
        raise UsageError(
            f"{_without_query(text)!r} with a query or a fragment is no base URL; the paths come behind it. "
            f"Keys are read from the environment"
        )
    if "@" in parts.netloc:
        raise UsageError(f"the URL of {parts.hostname} holds a name or password; the service takes neither")
    return text.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the server of a URL is on this machine, by its name or address.

    Example:
        >>> is_loopback("http://localhost:9001"), is_loopback("http://[::1]/"), is_loopback("http://192.0.2.1")
        (True, True, False)
    """
    if {"\\", "@"} & {*url}:
        return False  # where such a URL leads, programs do not agree
    return is_loopback_host(urlsplit(url).hostname or "")


def names_a_host(parts: SplitResult) -> bool:
    """Check for a host, and a port if any, that can be connected to.

    Raises:
        ValueError: If the port is no number, or a part of the host's name is empty or too long for any.
    """
    return bool(parts.hostname and parts.hostname.encode("idna")) and parts.port != 0


def _parts(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and names_a_host(parts) and text.isprintable()
    except ValueError:  # a port that is no number, half an IPv6 address
        sound = False
    if not sound or " " in text:
        raise UsageError(f"{_without_query(text)!r} is no URL of a server; write it like http://127.0.0.1:9001")
    return parts


def _without_query(text: str) -> str:
    """Name a URL in a message, without the key that its query may hold."""
    return text.partition("?")[0].partition("#")[0]
