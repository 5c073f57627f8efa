"""A ``segmentation`` of a COCO file, marked as one, so that nothing takes it for a mask of the service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["CocoSegmentation", "as_segmentation"]


@dataclass(frozen=True, slots=True)
class CocoSegmentation:
    """What stands under ``segmentation`` where COCO and the service mean different things by the same value.

    Attributes:
        value: The decoded JSON, unchecked: flat rings ``[x1, y1, x2, y2, ...]`` along the edges of pixels, or an RLE
            whose ``counts`` are a list, which COCO uses for crowds.
    """

    value: Any


def as_segmentation(value: Any) -> Any:
    """Mark a ``segmentation``, unless it is a compressed RLE, which means the same everywhere."""
    if isinstance(value, dict) and not isinstance(value.get("counts"), list):
        return value
    return CocoSegmentation(value)
