"""The shape of an entry in the defect catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sam3_contract.masks.catalogue.finding import Severity

__all__ = ["Defect"]


@dataclass(frozen=True, slots=True)
class Defect:
    """A kind of mistake that real payloads make.

    Attributes:
        code: Stable short code, such as ``RLE13``.
        name: The breach in words, such as ``counts_cut_short``.
        severity: ``error``, ``warning`` or ``note``.
        meaning: What is wrong, in a sentence.
        cause: How payloads come to be so.
        mend: What to do about it.
        example: A value that has this defect and no other: a mask payload; for ``COC`` a ``segmentation``, for ``TXT``
            the JSON text, for ``BIN`` the arrays of an npz as ``{name: (dtype, shape)}``, for ``forms_disagree`` the
            two formats.
        image_size: ``(height, width)`` in pixels that the example needs to show the defect.
        declared_format: What the prediction around the example calls its format.
    """

    code: str
    name: str
    severity: Severity
    meaning: str
    cause: str
    mend: str
    example: object
    image_size: tuple[int, int] | None = None
    declared_format: str | None = None
