"""Libraries that only the extras of the package bring, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sam3_contract.errors import UsageError

__all__ = ["extra"]


def extra(module: str, *, name: str, need: str) -> Any:
    """Import a library that is not installed with the package itself.

    Args:
        module: What to import.
        name: The extra of this package that brings it.
        need: What cannot be done without it, to begin a sentence.

    Returns:
        The module, untyped: the library need not be there for the types to be checked.

    Raises:
        UsageError: If it is not installed; the message says how to get it.

    Example:
        >>> extra("no_such_library", name="zstd", need="what zstd packed is read with it")
        Traceback (most recent call last):
            ...
        sam3_contract.errors.UsageError: no_such_library is missing, and ...: pip install 'sam3-contract[zstd]'
    """
    try:
        return import_module(module)
    except ImportError as error:
        missing = f"{module.partition('.')[0]} is missing, and {need}"
        raise UsageError(f"{missing}: pip install 'sam3-contract[{name}]'") from error
