"""URLs as the library requests asks for them, with which the service fetches images."""

from __future__ import annotations

from requests import Request


def prepared(url: str) -> str:
    """Bring a URL to what is asked for: spaces are encoded, the host is in ASCII.

    Raises:
        ValueError: If it cannot be asked for.

    Example:
        >>> prepared(" https://münchen.example/a b.jpg")
        'https://xn--mnchen-3ya.example/a%20b.jpg'
    """
    return Request("GET", url).prepare().url or ""
