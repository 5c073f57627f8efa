"""What an image file says of itself: format, size, orientation, and whether its end is there.

Pillow reads the headers. Its plugins are used directly rather than ``PIL.Image.open``, whose limit on pixels is a
process-wide setting and whose plugins number dozens; the service decodes ten formats.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from threading import Lock
from typing import Final, NamedTuple

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    SunImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from sam3_contract.errors import ImageError
from sam3_contract.images import jpeg, png
from sam3_contract.images.decoding import decode
from sam3_contract.images.image_header import ImageHeader
from sam3_contract.images.orientation import SIDEWAYS, orientation_of

MAX_TRIED: Final = 2**24
"""Pixels; an image of more is not decoded to find out whether it can be: that would hold up others."""
_STRIP_OFFSETS, _STRIP_LENGTHS, _TILE_OFFSETS, _TILE_LENGTHS = 273, 279, 324, 325  # tags of TIFF
_MAX_READS: Final = 4096  # that a header takes; each part takes a few
_MAX_OF_TIFF: Final = 4 * 2**20  # bytes of its tags; the pixels are not read
_QUIET: Final = Lock()
_DAMAGED: Final = (
    SyntaxError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    OverflowError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
)

_PLUGINS: Final[tuple[tuple[int, bytes, str, type[ImageFile]], ...]] = (
    (0, b"\xff\xd8\xff", "JPEG", JpegImagePlugin.JpegImageFile),
    (0, b"\x89PNG\r\n\x1a\n", "PNG", PngImagePlugin.PngImageFile),
    (0, b"RIFF", "WEBP", WebPImagePlugin.WebPImageFile),
    (0, b"GIF8", "GIF", GifImagePlugin.GifImageFile),
    (0, b"BM", "BMP", BmpImagePlugin.BmpImageFile),
    (0, b"II*\0", "TIFF", TiffImagePlugin.TiffImageFile),
    (0, b"MM\0*", "TIFF", TiffImagePlugin.TiffImageFile),
    *((4, b"ftyp" + brand, "AVIF", AvifImagePlugin.AvifImageFile) for brand in (b"avif", b"avis", b"mif1", b"msf1")),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000", Jpeg2KImagePlugin.Jpeg2KImageFile),
    (0, b"\xff\x4f\xff\x51", "JPEG2000", Jpeg2KImagePlugin.Jpeg2KImageFile),
    *((0, b"P%d" % kind, "PNM", PpmImagePlugin.PpmImageFile) for kind in range(1, 7)),
    (0, b"\x59\xa6\x6a\x95", "SUN", SunImagePlugin.SunImageFile),
)
_KNOWN: Final = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000, PNM and Sun raster"


class Examined(NamedTuple):
    """What a look at a file told.

    Attributes:
        header: What it says of itself.
        certain: Whether its structure tells that its pixels can be decoded; else :func:`is_sound` does.
    """

    header: ImageHeader
    certain: bool


def read_header(content: bytes) -> ImageHeader:
    """Read format, size and orientation from an image file's header.

    Args:
        content: The whole file; a file that was cut short is refused. Of AVIF, JPEG 2000, PNM and Sun raster only the
            pixels tell, which are not looked at.

    Raises:
        ImageError: If this is no image of a known format, the header is damaged, or the end is missing.

    Example:
        >>> gif = b"GIF89a" + bytes([3, 0, 2, 0, 0, 0, 0, 0x2C, 0, 0, 0, 0, 3, 0, 2, 0, 0, 2, 1, 0, 0, 0x3B])
        >>> read_header(gif).size
        (2, 3)
    """
    return examine(content).header


def examine(content: bytes) -> Examined:
    """Read a header as :func:`read_header` does, and say whether it tells that the pixels can be decoded.

    Raises:
        ImageError: As there.
    """
    plain = jpeg.plain_size(content)
    if plain is not None:
        return Examined(ImageHeader("JPEG", *plain), certain=True)
    found = next((known for known in _PLUGINS if content.startswith(known[1], known[0])), None)
    if found is None:
        raise ImageError(f"no image starts with {content[:8]!r}; known are {_KNOWN}")
    _, _, name, plugin = found
    try:
        header, complete = _read(content, name, plugin)
    except _DAMAGED as error:
        raise ImageError(f"the {name} header is damaged: {error}") from error
    if not complete:
        raise ImageError(f"the {name} is cut short: its end is missing after {len(content)} bytes")
    return Examined(header, certain=name == "JPEG" and jpeg.is_common(content))


def _read(content: bytes, name: str, plugin: type[ImageFile]) -> tuple[ImageHeader, bool]:
    # Pillow warns of what it then reads all the same; filters of warnings belong to the whole process.
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = plugin(_Bounded(content, name))
        orientation = orientation_of(name, image, content)
    if min(image.size) < 1:
        raise ImageError(f"a {name} of {image.width} x {image.height} pixels has none")
    # Pillow turns the sides of a TIFF by itself.
    sideways = orientation in SIDEWAYS and name != "TIFF"
    width, height = image.size[::-1] if sideways else image.size
    header = ImageHeader(name, width, height, orientation)
    return header, _is_complete(header, image, content)


class _Bounded(io.BytesIO):
    """A file of which so much is read and no more: headers of millions of parts would hold up others for seconds."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self._name = name
        self._reads = _MAX_READS
        self._bytes = _MAX_OF_TIFF if name == "TIFF" else 2 * len(content) + _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        part = super().read(size)
        self._reads -= 1
        self._bytes -= len(part)
        if self._reads < 0 or self._bytes < 0:
            raise ImageError(f"the {self._name} header has more parts than any program writes")
        return part


def _is_complete(header: ImageHeader, image: ImageFile, content: bytes) -> bool:
    """Tell from a file's structure whether its end is there."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _tiff_ends(image, content)
    if isinstance(image, BmpImagePlugin.BmpImageFile):
        return len(content) >= int.from_bytes(content[2:6], "little")
    if header.format == "JPEG" and not jpeg.has_end(content):
        # Other bytes may stand in the place of the end, if the pixels are all there.
        return header.width * header.height <= MAX_TRIED and decode(content, header) is not None
    return header.format not in _ENDS or _ENDS[header.format](content)


def _webp_ends(content: bytes) -> bool:
    return len(content) >= 8 + int.from_bytes(content[4:8], "little")


def _gif_ends(content: bytes) -> bool:
    return content.rstrip(b"\0").endswith(b";")


def _tiff_ends(image: TiffImagePlugin.TiffImageFile, content: bytes) -> bool:
    for offsets, lengths in ((_STRIP_OFFSETS, _STRIP_LENGTHS), (_TILE_OFFSETS, _TILE_LENGTHS)):
        pairs = zip(image.tag_v2.get(offsets, ()), image.tag_v2.get(lengths, ()), strict=False)
        if any(offset + length > len(content) for offset, length in pairs):
            return False
    return True


_ENDS: Final[dict[str, Callable[[bytes], bool]]] = {"PNG": png.has_end, "WEBP": _webp_ends, "GIF": _gif_ends}
