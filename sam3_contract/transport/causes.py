"""What is under the layers of an error of the HTTP libraries."""

from __future__ import annotations

from typing import Any

__all__ = ["layers_of", "system_cause"]


def layers_of(error: BaseException) -> list[Any]:
    """List an error and what it was made of, the innermost last."""
    layers: list[Any] = [error]
    for layer in layers:
        behind = None if layer.__suppress_context__ else layer.__context__
        inner = (getattr(layer, "reason", None), layer.__cause__, behind, *layer.args)
        layers += [one for one in inner if isinstance(one, BaseException) and one not in layers]
    return layers


def system_cause(error: BaseException) -> str:
    """Find the operating system's sentence; never the library's own, which would show the URL with its key.

    Example:
        >>> system_cause(RuntimeError("https://example.com?api_key=secret", OSError(111, "Connection refused")))
        'connection refused'
    """
    sentences = (layer.strerror for layer in layers_of(error) if isinstance(layer, OSError))
    return next((str(one).lower() for one in sentences if one), type(error).__name__)
