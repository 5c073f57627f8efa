"""The dialects of RLE that have a name, and a mask in one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Dialect", "DialectRle"]

Dialect = Literal["kaggle", "start-length", "cvat", "label-studio", "uncompressed"]


@dataclass(frozen=True, slots=True)
class DialectRle:
    """A mask in a dialect of RLE.

    Attributes:
        dialect: Which.
        counts: What stands in the file: text, or a list of numbers.
        size: ``[height, width]`` as it stands beside them; None if nothing does.
    """

    dialect: Dialect
    counts: Any = field(repr=False)
    size: Any = None
