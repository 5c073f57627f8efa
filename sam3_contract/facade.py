"""Packages whose names are imported from their modules when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def facade(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make what a package takes for its ``__getattr__`` and ``__dir__``.

    To be used where no type checker looks, which takes every name for known that a ``__getattr__`` might answer.

    Args:
        package: Its ``__name__``.
        homes: For each name, the module that holds it.
    """
    names = vars(sys.modules[package])

    def look_up(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        names[name] = value  # the next time it is simply there
        return value

    def listed() -> list[str]:
        return sorted({*names, *homes})

    return look_up, listed
