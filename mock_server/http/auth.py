"""The check of the API key: where it is looked for, and how its absence is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from werkzeug import Request

from mock_server.http.query import parameters
from mock_server.http.refusals import Refusal, message, status_message

WRONG_KEY: Final = "wrong-key"
"""A key that is never good, so that clients can be shown a refusal without any settings."""

_MISSING: Final = "Unauthorized api_key"
_REJECTED: Final = "Unauthorized api_key. This key is not authorized for serverless inference."


# In the words of the server's source, as far as they are known.
_ACCESS: Final = "Unauthorized access to roboflow API - check API key and make sure the key is valid"
_VISIT: Final = (
    "Visit https://docs.roboflow.com/api-reference/authentication#retrieve-an-api-key to learn how to retrieve one."
)
_NO_CREDITS: Final = (
    "This workspace cannot currently spend credits for serverless inference. Verify billing or credit cap settings."
)
_REFUSALS: Final[Mapping[str, Callable[[], Refusal]]] = {
    "401": lambda: message(401, f"{_ACCESS} for workspace you use. {_VISIT}"),
    "402": lambda: status_message(402, _NO_CREDITS),
    "403": lambda: message(403, f"{_ACCESS} and have required scopes. {_VISIT}"),
    "423": lambda: message(423, "Roboflow API usage is paused."),
}
REFUSALS: Final = tuple(_REFUSALS)
"""How a known key may be refused: of another workspace, out of credits, lacking a scope, of a paused workspace."""


@dataclass(frozen=True, slots=True)
class KeySettings:
    """Which keys open the mock.

    Attributes:
        required: Whether a key is asked for at all.
        good: The keys that are accepted; ``None`` for every key but an empty one and :data:`WRONG_KEY`.
        refused: Keys that are known but refused, each with how: one of :data:`REFUSALS`.
    """

    required: bool = True
    good: frozenset[str] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)


def presented_key(request: Request, read_body: Callable[[], Any]) -> str | None:
    """Find the key: the query's, else the Bearer header's, else the JSON body's.

    The first place that has one decides, even if that one is wrong and another would be right. An empty ``api_key=``
    is a key, and a wrong one.

    Args:
        request: What the client sent.
        read_body: Decodes the JSON body; called only if the other places have no key.
    """
    in_query = parameters(request).get("api_key")
    if in_query is not None:
        return in_query
    scheme, _, credentials = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    body = read_body()
    key = body.get("api_key") if isinstance(body, dict) else None
    return None if key is None or isinstance(key, list | dict) else str(key)


def keys_sent(request: Request, body: Any) -> set[str]:
    """Collect every key that a request holds, in whichever place and whether it was looked at or not.

    Args:
        request: What the client sent.
        body: Its decoded body, as far as it was decoded.
    """
    in_body = body.get("api_key") if isinstance(body, dict) else None
    return {key for key in (presented_key(request, lambda: None), in_body) if isinstance(key, str) and key}


def check_key(key: str | None, settings: KeySettings) -> None:
    """Refuse a missing key, a wrong one, and one that is configured to be refused.

    Args:
        key: What the client presented.
        settings: Which keys are good, and which are refused in which way.

    Raises:
        Refusal: 401, or the status that the key is configured to get.
    """
    if not settings.required:
        return
    if key is None:
        raise status_message(401, _MISSING)
    if key in settings.refused:
        raise _REFUSALS[settings.refused[key]]()
    if not key or (key == WRONG_KEY if settings.good is None else key not in settings.good):
        raise status_message(401, _REJECTED)
