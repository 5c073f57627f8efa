"""What is under the layers of an error of the HTTP libraries."""

from __future__ import annotations

from http.client import IncompleteRead, RemoteDisconnected
from typing import Any, Final

__all__ = ["ToldError", "layers_of", "system_cause"]


class ToldError(Exception):
    """Says in its message what went wrong, for whoever looks for it under the errors of the HTTP libraries."""


# Whose messages are sentences of our own or of Python's, without a URL.
_SPEAKING: Final = (ToldError, IncompleteRead, RemoteDisconnected)


def layers_of(error: BaseException) -> list[Any]:
    """List an error and what it was made of, the innermost last."""
    layers: list[Any] = [error]
    for layer in layers:
        behind = None if layer.__suppress_context__ else layer.__context__
        inner = (getattr(layer, "reason", None), layer.__cause__, behind, *layer.args)
        layers += [one for one in inner if isinstance(one, BaseException) and one not in layers]
    return layers


def system_cause(error: BaseException) -> str:
    """Find our own sentence or the system's; never that of an HTTP library, which would show the URL with its key.

    Example:
        >>> system_cause(RuntimeError("https://example.com?api_key=secret", OSError(111, "Connection refused")))
        'connection refused'
    """
    for layer in layers_of(error):
        if isinstance(layer, _SPEAKING):
            return str(layer)
        if isinstance(layer, OSError) and layer.strerror:
            return layer.strerror.lower()
    return type(error).__name__
