"""Engines by their names: those of this package, and anybody's as ``MODULE:FACTORY``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from mock_server.engines.protocol import Engine
from mock_server.engines.synthetic import Synthetic
from sam3_contract.errors import UsageError


def _pixels(seed: int) -> Engine:
    # Only here: whoever does not look at pixels does not wait for what does.
    from mock_server.engines.pixels.engine import Pixels  # noqa: PLC0415

    return Pixels(seed)


OWN: Final[Mapping[str, Callable[[int], Engine]]] = {"synthetic": Synthetic, "pixels": _pixels}
"""What makes each engine of this package, given the seed."""


def engine_of(choice: str | Engine, seed: int = 0) -> Engine:
    """Make an engine.

    Args:
        choice: A name in :data:`OWN`; ``MODULE:FACTORY`` for what a function or class of a module makes when it is
            called without arguments; or an engine, which is taken as it is.
        seed: For engines of this package.

    Raises:
        UsageError: If there is no such engine, or what is made is none.

    Example:
        >>> engine_of("synthetic", seed=7)
        Synthetic(seed=7)
    """
    if not isinstance(choice, str):
        return _checked(choice, "engine=")
    if choice in OWN:
        return OWN[choice](seed)
    module, colon, factory = choice.partition(":")
    if not (module and colon and factory):
        raise UsageError(f"there is no engine {choice!r}; give {', '.join(OWN)} or MODULE:FACTORY")
    try:
        make = getattr(import_module(module), factory)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"engine {choice!r} cannot be imported: {error}") from error
    if not callable(make):
        raise UsageError(f"engine {choice!r} is {make!r}; what makes an engine is called without arguments")
    return _checked(make(), f"engine {choice!r}")


def _checked(engine: Engine, what: str) -> Engine:
    missing = [name for name in ("reads_pixels", "find", "segment") if not hasattr(engine, name)]
    if missing:
        raise UsageError(f"{what} is {engine!r}, which has no {' and no '.join(missing)}; see docs/engines.md")
    return engine
