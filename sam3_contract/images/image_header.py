"""What an image file says of itself, as far as masks need it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What an image file says of itself.

    Attributes:
        format: JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, JPEG2000, PNM, PAM, PFM, HDR or SUN.
        width: In pixels, turned as the service turns it: the frame that masks are in.
        height: In pixels, turned likewise.
        orientation: EXIF's number from 1 (upright) to 8, 1 where the service does not look at it.
    """

    format: str
    width: int
    height: int
    orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)``, the order of masks."""
        return self.height, self.width
