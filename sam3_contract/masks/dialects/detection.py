"""Which dialect of RLE a text or a list is: a proposal with its reason, and the alternative where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sam3_contract.masks.catalogue.lookup import finding_of
from sam3_contract.masks.dialects.brush import header_of_brush
from sam3_contract.masks.dialects.numbers import numbers_of
from sam3_contract.masks.rle.oddities import overlap_with_moved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sam3_contract.masks.catalogue.finding import Finding
    from sam3_contract.masks.dialects.dialect import Dialect

__all__ = ["Proposal", "finding_of_dialect", "proposed_dialect"]

_CHANNELS: Final = 4
_FEWEST_LISTED: Final = 3
"""Pairs from which on a list is taken for such: fewer are as likely run lengths of which one is missing."""
_DEFECTS: Final = {
    "kaggle": "counts_kaggle",
    "start-length": "counts_start_length",
    "cvat": "counts_cvat",
    "label-studio": "counts_label_studio",
    "uncompressed": "counts_written_out",
}


class Proposal(NamedTuple):
    """What an RLE seems to be.

    Attributes:
        dialect: Its name.
        why: What speaks for it, or what else it may be.
    """

    dialect: Dialect
    why: str

    @property
    def advice(self) -> str:
        """Say what speaks for it, and what reads it."""
        return f"{self.why}; `masks convert --from {self.dialect}` reads it"


def finding_of_dialect(counts: Any, *, size: tuple[int, int] | None, path: str) -> Finding | None:
    """Name the dialect that stands where COCO's RLE belongs.

    Args:
        counts: Text or a list.
        size: ``(height, width)`` of the image in pixels; None if not known.
        path: JSON path of the value.

    Returns:
        One finding; None if it is of no known dialect.
    """
    proposal = proposed_dialect(counts, size=size)
    if proposal is None:
        return None
    return finding_of(
        _DEFECTS[proposal.dialect],
        path=path,
        found=counts,
        expected="compressed text",
        diagnosis=proposal.advice,
    )


def proposed_dialect(counts: Any, *, size: tuple[int, int] | None) -> Proposal | None:
    """Propose the dialect of an RLE that is none of COCO's.

    Args:
        counts: Text or a list.
        size: ``(height, width)`` of the image in pixels; None if not known.

    Returns:
        The likeliest dialect; None if none fits.

    Example:
        Blocks of 2 x 2 pixels: as Kaggle has it, and as start and length along the rows.

        >>> proposed_dialect("6 2 10 2", size=(4, 6)).dialect, proposed_dialect("15 2 21 2", size=(4, 6)).dialect
        ('kaggle', 'start-length')
        >>> proposed_dialect([0, 4, 1, 1, 2, 2], size=(4, 6)).dialect
        'cvat'
    """
    numbers = numbers_of(counts)
    if numbers is None:
        return None
    listed = isinstance(counts, list) and len(numbers) < 2 * _FEWEST_LISTED
    pairs = None if listed else _proposal_of_pairs(numbers, size)
    if size is not None and int(numbers.sum()) == size[0] * size[1]:
        also = f"; it may as well be {pairs.dialect}" if pairs else ""
        return Proposal("uncompressed", f"the numbers add up to the image's pixels{also}")
    if _is_cvat(numbers):
        return Proposal("cvat", "the last four numbers are a box, which the others fill")
    if _is_brush(numbers, size):
        return Proposal("label-studio", "it begins as a brush mask does")
    return pairs


def _is_cvat(numbers: NDArray[np.int64]) -> bool:
    if len(numbers) <= 4:
        return False
    left, top, right, bottom = numbers[-4:].tolist()
    return bool(left <= right and top <= bottom and numbers[:-4].sum() == (right - left + 1) * (bottom - top + 1))


def _is_brush(numbers: NDArray[np.int64], size: tuple[int, int] | None) -> bool:
    if int(numbers.max()) > 255:
        return False
    header = header_of_brush(numbers.astype(np.uint8).tobytes())
    if header is None or header.word_bits != 8:
        return False
    return header.n_values % _CHANNELS == 0 if size is None else header.n_values == _CHANNELS * size[0] * size[1]


def _proposal_of_pairs(numbers: NDArray[np.int64], size: tuple[int, int] | None) -> Proposal | None:
    starts, lengths = numbers[0::2], numbers[1::2]
    if len(numbers) % 2 or not lengths.all() or (starts[1:] < (starts + lengths)[:-1]).any():
        return None
    end = int(starts[-1] + lengths[-1])
    pixels = None if size is None else size[0] * size[1]
    by_kaggle = starts[0] > 0 and (pixels is None or end - 1 <= pixels)
    by_rows = pixels is None or end <= pixels
    if by_kaggle and by_rows:
        return _likelier(starts, lengths, size)
    if by_kaggle:
        return Proposal("kaggle", "counted from 0 they would leave the image")
    return Proposal("start-length", "the first start is 0, and Kaggle counts from 1") if by_rows else None


def _likelier(starts: NDArray[np.int64], lengths: NDArray[np.int64], size: tuple[int, int] | None) -> Proposal:
    """Weigh two readings: a shape's pixels mostly have neighbours in it, in the next column or in the next row."""
    if size is None:
        return Proposal("kaggle", "it may as well be start-length: the size of the image would help to tell")
    height, width = size
    spans = np.stack((starts, starts + lengths), axis=1).ravel()
    runs = np.diff(spans, prepend=0, append=max(height * width, int(spans[-1])))
    down, along = (overlap_with_moved(runs, distance=side) for side in (height, width))
    if down == along:
        return Proposal("kaggle", "it may as well be start-length: both make as compact a shape")
    pair: tuple[Dialect, Dialect] = ("kaggle", "start-length")
    better, other = pair if down > along else pair[::-1]
    why = f"read as {better} it makes a compact shape, as {other} one that is less so"
    return Proposal(better, why)
