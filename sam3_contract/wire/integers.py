"""Integers as JSON Schema means them: 1.0 is one."""

from __future__ import annotations

__all__ = ["integral"]


def integral(value: object) -> object:
    """Turn a float without a fraction into the integer it is; leave everything else alone.

    Example:
        >>> integral(1.0), integral(1.5), integral("1.0")
        (1, 1.5, '1.0')
    """
    return int(value) if isinstance(value, float) and value.is_integer() else value
