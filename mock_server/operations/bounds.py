"""How much one request may have drawn and written; beyond, the mock has no answer. The service has no such bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from mock_server.drawing.encoding import rings_from_patch, rle_from_patch
from mock_server.drawing.patches import Patch
from mock_server.engines.protocol import Instance
from mock_server.http.refusals import no_answer

MOST_DRAWN: Final = 2**29
"""Pixels of the windows of all masks of an answer: some seconds of work."""
MOST_HELD: Final = 2**26
"""Pixels of the windows of masks that are held together, to be compared."""
MOST_WRITTEN: Final = 16 * 1024 * 1024
"""Bytes of the masks of an answer, about."""
_BYTES_OF_POINT: Final = 12  # [1234,567], and a little more


class MaskWriter:
    """Writes the masks of one answer, one at a time, within the bounds.

    Args:
        format_name: ``polygon`` or ``rle``.
        size: ``(height, width)`` of the image.
    """

    def __init__(self, format_name: str, size: tuple[int, int]) -> None:
        self.format_name = format_name
        self._size = size
        self._drawn = 0
        self._written = 0

    def prediction(self, one: Instance) -> dict[str, Any]:
        """Write an instance as the service does, and let go of its mask.

        Raises:
            Refusal: 599 if the answer gets too large.
        """
        patch = one.patch
        one.release()
        self._drawn = _bounded(self._drawn + patch.pixels.size, MOST_DRAWN)
        masks, written = self._masks(patch)
        self._written += written
        if self._written > MOST_WRITTEN:
            raise no_answer(f"masks that take more than {MOST_WRITTEN} bytes to write")
        return {"masks": masks, "confidence": one.confidence, "format": self.format_name}

    def _masks(self, patch: Patch) -> tuple[Any, int]:
        if self.format_name == "rle":
            masks = rle_from_patch(patch, size=self._size)
            return masks, len(masks["counts"])
        rings = rings_from_patch(patch)
        return rings, _BYTES_OF_POINT * sum(map(len, rings))


def drawn(found: Iterable[Instance], *, most: int = MOST_DRAWN) -> Iterator[Patch]:
    """Draw masks one by one, within bounds.

    Args:
        found: Whose masks.
        most: How many pixels their windows may have in all.

    Raises:
        Refusal: 599 if they have more.
    """
    pixels = 0
    for one in found:
        patch = one.patch
        pixels = _bounded(pixels + patch.pixels.size, most)
        yield patch


def _bounded(pixels: int, most: int) -> int:
    if pixels > most:
        raise no_answer(f"masks of more than {most} pixels in all")
    return pixels
