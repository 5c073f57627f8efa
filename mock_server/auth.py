"""The check of the API key: where it is looked for, and how its absence is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from werkzeug import Request

from mock_server.refusals import status_message

__all__ = ["check_key", "presented_key"]

_MISSING: Final = "Unauthorized api_key"
_REJECTED: Final = "Unauthorized api_key. This key is not authorized for serverless inference."


def presented_key(request: Request, read_body: Callable[[], Any]) -> str | None:
    """Find the key: the query's, else the Bearer header's, else the JSON body's.

    The first place that has one decides, even if that one is wrong and another would be right. An empty ``api_key=``
    is a key, and a wrong one.

    Args:
        request: What the client sent.
        read_body: Decodes the JSON body; called only if the other places have no key.
    """
    if "api_key" in request.args:
        return request.args["api_key"]
    scheme, _, credentials = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    body = read_body()
    key = body.get("api_key") if isinstance(body, dict) else None
    return key if isinstance(key, str) else None


def check_key(key: str | None, good_keys: frozenset[str] | None) -> None:
    """Refuse a missing or a wrong key.

    Args:
        key: What the client presented.
        good_keys: The keys that are right; ``None`` accepts every key that is not empty.

    Raises:
        Refusal: 401.
    """
    if key is None:
        raise status_message(401, _MISSING)
    if not key or (good_keys is not None and key not in good_keys):
        raise status_message(401, _REJECTED)
