"""What an image file says of itself: format, size, orientation, and whether its end is there.

Pillow reads most headers. Its plugins are used directly rather than ``PIL.Image.open``, whose limit on pixels is a
process-wide setting and whose plugins number dozens; the service decodes thirteen formats. What it does not read, or
takes for damaged, is decoded: OpenCV, which the service runs, has the last word.
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
    PpmImagePlugin,
    SunImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from sam3_contract.errors import ImageError
from sam3_contract.images import jpeg, png
from sam3_contract.images.bounds import may_be_tried
from sam3_contract.images.decoding import raw_pixels
from sam3_contract.images.image_header import ImageHeader
from sam3_contract.images.orientation import SIDEWAYS, orientation_of
from sam3_contract.images.rough_size import rough_size

MAX_SIDE: Final = 2**20
"""Pixels; OpenCV takes no larger side."""
MAX_PIXELS: Final = 2**30
"""OpenCV takes no more."""
_MAX_SIDES: Final = {"JPEG": jpeg.MAX_SIDE, "PNG": png.MAX_SIDE}  # of libraries that refuse what OpenCV would fail on
_STRIP_OFFSETS, _STRIP_LENGTHS, _TILE_OFFSETS, _TILE_LENGTHS = 273, 279, 324, 325  # tags of TIFF
_MAX_READS: Final = 4096  # that a header takes; each part takes a few
_MAX_OF_BRANDS: Final = 1024  # bytes of the box that names them
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_ISO_BRANDS: Final = frozenset({b"mif1", b"msf1", b"miaf"})  # of images, however they are coded
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
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

_FORMATS: Final[tuple[tuple[int, bytes, str, type[ImageFile] | None], ...]] = (
    (0, b"\xff\xd8\xff", "JPEG", JpegImagePlugin.JpegImageFile),
    (0, b"RIFF", "WEBP", WebPImagePlugin.WebPImageFile),
    (0, b"GIF8", "GIF", GifImagePlugin.GifImageFile),
    (0, b"BM", "BMP", BmpImagePlugin.BmpImageFile),
    (0, b"II*\0", "TIFF", TiffImagePlugin.TiffImageFile),
    (0, b"MM\0*", "TIFF", TiffImagePlugin.TiffImageFile),
    (0, b"II+\0", "TIFF", TiffImagePlugin.TiffImageFile),
    (0, b"MM\0+", "TIFF", TiffImagePlugin.TiffImageFile),
    (4, b"ftyp", "AVIF", AvifImagePlugin.AvifImageFile),  # if its brands say so
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000", Jpeg2KImagePlugin.Jpeg2KImageFile),
    (0, b"\xff\x4f\xff\x51", "JPEG2000", Jpeg2KImagePlugin.Jpeg2KImageFile),
    *((0, b"P%d" % kind, "PNM", PpmImagePlugin.PpmImageFile) for kind in range(1, 7)),
    (0, b"\x59\xa6\x6a\x95", "SUN", SunImagePlugin.SunImageFile),
    # These OpenCV reads by rules of its own, or Pillow only with everything that stands in front of the pixels.
    (0, png.START, "PNG", None),
    (0, b"P7", "PAM", None),
    (0, b"PF", "PFM", None),
    (0, b"Pf", "PFM", None),
    (0, b"#?RADIANCE", "HDR", None),
    (0, b"#?RGBE", "HDR", None),
)
_KNOWN: Final = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000, PNM, PAM, PFM, Radiance HDR and Sun raster"


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
            pixels tell, which are not looked at. PAM, PFM and Radiance HDR are decoded.

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
    name, plugin = _format_of(content)
    try:
        header = _header(content, name, plugin)
    except _TooManyPartsError:
        raise
    except ImageError:
        # Of some files OpenCV draws what others take for damaged.
        anyway = _by_decoding(content, name)
        if anyway is None:
            raise
        return Examined(anyway, certain=True)
    return Examined(header, certain=name == "JPEG" and jpeg.is_common(content))


def _format_of(content: bytes) -> tuple[str, type[ImageFile] | None]:
    found = next((known for known in _FORMATS if content.startswith(known[1], known[0])), None)
    brands = _brands(content) if found and found[2] == "AVIF" else frozenset()
    if _HEIC_BRANDS & brands and not _AVIF_BRANDS & brands:
        raise ImageError(f"this is HEIC, which is not read: save it as JPEG; known are {_KNOWN}")
    if found is None or (found[2] == "AVIF" and not (_AVIF_BRANDS | _ISO_BRANDS) & brands):
        raise ImageError(f"no image starts with {content[: 12 if found else 8]!r}; known are {_KNOWN}")
    return found[2:]


def _brands(content: bytes) -> frozenset[bytes]:
    """Read what a file of ISO's container says to be: its major brand, and those that it is compatible with."""
    end = min(int.from_bytes(content[:4], "big"), _MAX_OF_BRANDS)
    return frozenset({content[8:12], *(content[place : place + 4] for place in range(16, end, 4))})


def _by_decoding(content: bytes, name: str) -> ImageHeader | None:
    sides = rough_size(content)
    pixels = raw_pixels(content, name) if sides is not None and may_be_tried(name, sides) else None
    if pixels is None:
        return None
    height, width, _ = pixels.shape
    orientation = orientation_of(name, content)
    return ImageHeader(name, *_turned((width, height), orientation), orientation)


def _header(content: bytes, name: str, plugin: type[ImageFile] | None) -> ImageHeader:
    """Read a header, and check that it may be true and that the end is there."""
    width, height, orientation, complete = _by_pillow(content, name, plugin) if plugin else _by_itself(content, name)
    if min(width, height) < 1:
        raise ImageError(f"a {name} of {width} x {height} pixels has none")
    if max(width, height) > _MAX_SIDES.get(name, max(width, height)):
        raise ImageError(f"a {name} of {width} x {height} pixels has a larger side than its decoder takes")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise TooLargeError(f"a {name} of {width} x {height} pixels is larger than OpenCV decodes")
    if not complete:
        raise ImageError(f"the {name} is cut short: its end is missing after {len(content)} bytes")
    return ImageHeader(name, width, height, orientation)


def _by_pillow(content: bytes, name: str, plugin: type[ImageFile]) -> tuple[int, int, int, bool]:
    """Read width, height, orientation, and whether the end is there."""
    try:
        # Pillow warns of what it then reads all the same; filters of warnings belong to the whole process.
        with _QUIET, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = plugin(_Bounded(content, name))
        if isinstance(image, TiffImagePlugin.TiffImageFile):  # of which Pillow turns the sides by itself
            return *image.size, orientation_of(name, content, image.tag_v2), _tiff_ends(image, content)
        orientation = orientation_of(name, content)
        return *_turned(image.size, orientation), orientation, name not in _ENDS or _ENDS[name](content)
    except _TooManyPartsError:
        raise
    except _DAMAGED as error:
        raise ImageError(f"the {name} header is damaged: {error}") from error


def _by_itself(content: bytes, name: str) -> tuple[int, int, int, bool]:
    """Read the same of what Pillow does not read, or not as OpenCV does.

    Raises:
        ImageError: If the file does not tell; or if only its pixels tell, and it is small enough to try them.
    """
    sides = rough_size(content)
    if sides is None:
        raise ImageError(f"the {name} header is damaged: it tells no size")
    if name != "PNG" and may_be_tried(name, sides):
        raise ImageError(f"the {name} cannot be decoded")
    orientation = orientation_of(name, content)
    return *_turned(sides, orientation), orientation, name not in _ENDS or _ENDS[name](content)


def _turned(sides: tuple[int, int], orientation: int) -> tuple[int, int]:
    return sides[::-1] if orientation in SIDEWAYS else sides


class TooLargeError(ImageError):
    """An image of more pixels than OpenCV decodes: the service fails on it, where it refuses what is no image."""


class _TooManyPartsError(ImageError):
    """A header that takes longer to read than any that a program writes."""


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
            raise _TooManyPartsError(f"the {self._name} header has more parts than any program writes")
        return part


def _bmp_ends(content: bytes) -> bool:
    return len(content) >= int.from_bytes(content[2:6], "little")


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


_ENDS: Final[dict[str, Callable[[bytes], bool]]] = {
    "JPEG": jpeg.has_end,
    "PNG": png.has_end,
    "WEBP": _webp_ends,
    "GIF": _gif_ends,
    "BMP": _bmp_ends,
}
