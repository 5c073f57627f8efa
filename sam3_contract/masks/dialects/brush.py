"""Label Studio's brush masks: the bytes of an RGBA image, packed bit by bit."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sam3_contract.errors import RleError

__all__ = ["Header", "alpha_of_brush", "header_of_brush"]

_CHANNELS: Final = 4
_HEADER_BITS: Final = 53


class Header(NamedTuple):
    """How a brush mask begins.

    Attributes:
        n_values: Numbers that are packed: four for each pixel.
        word_bits: Bits of each of them.
        length_bits: Bits that the length of a run may take, four choices.
    """

    n_values: int
    word_bits: int
    length_bits: tuple[int, ...]


class _Bits:
    """Reads numbers of any width from bytes, the highest bit first."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._at = 0

    def read(self, n_bits: int) -> int:
        end = self._at + n_bits
        if end > 8 * len(self._packed):
            raise RleError(
                f"the brush mask ends after {len(self._packed)} bytes, expected more: it is cut short", code="RLE13"
            )
        first, behind = self._at // 8, -(-end // 8)
        self._at = end
        window = int.from_bytes(self._packed[first:behind], "big")
        return window >> (8 * behind - end) & ((1 << n_bits) - 1)


def header_of_brush(packed: bytes) -> Header | None:
    """Read how a brush mask begins; None if it is too short to be one.

    Example:
        >>> header_of_brush(bytes([0, 0, 0, 96, 57, 27, 248])).n_values
        96
    """
    return _header(_Bits(packed)) if 8 * len(packed) >= _HEADER_BITS else None


def _header(bits: _Bits) -> Header:
    return Header(bits.read(32), bits.read(5) + 1, tuple(bits.read(4) + 1 for _ in range(4)))


def alpha_of_brush(packed: bytes, *, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Unpack where a brush mask is not transparent.

    Args:
        packed: The bytes of ``rle``.
        size: ``(height, width)`` of the image in pixels.

    Returns:
        Bitmap of shape ``(height, width)``.

    Raises:
        RleError: If it is cut short, or of another number of pixels.

    References:
        ``decode_rle`` of label-studio-converter; the packing is that of ``@thi.ng/rle-pack``.
    """
    bits = _Bits(packed)
    header = _header(bits)
    n_pixels = size[0] * size[1]
    if header.n_values != _CHANNELS * n_pixels:
        said = f"the brush mask is of {header.n_values / _CHANNELS:g} pixels"
        raise RleError(f"{said}, expected the image's {n_pixels} ({size[0]} x {size[1]})", code="RLE05")
    behind, opaque = _runs(bits, header)
    # The alpha of pixel k is number 4k + 3: of a run's pixels, those whose alpha lies in it.
    ends = np.minimum(behind, header.n_values) // _CHANNELS
    return np.repeat(opaque, np.diff(ends, prepend=0)).reshape(size)


def _runs(bits: _Bits, header: Header) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where each run of equal numbers ends, and whether they are other than 0."""
    behind: list[int] = []
    opaque: list[bool] = []
    place = 0
    while place < header.n_values:
        repeated = bits.read(1)
        length = bits.read(header.length_bits[bits.read(2)]) + 1
        if repeated:
            place += length
            behind.append(place)
            opaque.append(bits.read(header.word_bits) > 0)
        else:
            for _ in range(length):
                place += 1
                behind.append(place)
                opaque.append(bits.read(header.word_bits) > 0)
    return np.array(behind, np.int64), np.array(opaque, np.bool_)
