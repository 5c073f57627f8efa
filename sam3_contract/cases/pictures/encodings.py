"""One picture in many files: every kind of pixel and every turn that the service's formats have."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sam3_contract.cases.pictures import handmade

Pixels = NDArray[np.uint8]
Write = Callable[[Pixels], bytes]

_LYING: Final = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""For each EXIF orientation, how a picture has to lie in the file to be turned upright by it."""
_TURNED: Final = frozenset({3, 6, 8})
_HEAD: Final = frozenset({*range(0xE0, 0xF0), 0xFE})  # markers of what applications say of a JPEG, and of comments
_MADE_AT: Final = slice(24, 36)  # of a colour profile; as it is, files would be others each second
_NEW_YEAR: Final = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
_LONG_TEXT: Final = "a picture of many things " * 500
_QUICKLY: Final[Mapping[str, Any]] = {"lossless": True, "method": 0, "quality": 0}  # of what is lossless, the effort
_HALF_SEEN: Final = bytes(range(256))  # how opaque each entry of a palette is


@dataclass(frozen=True, slots=True)
class Encoding:
    """A way to write a picture.

    Attributes:
        name: What to call it, in words that fit "the image ...".
        suffix: Of the file.
        write: Makes the file of RGB pixels, shape ``(height, width, 3)``.
        lossless: Whether every pixel comes out as it went in.
        grey: Whether it holds no colours: only grey pictures survive it.
    """

    name: str
    suffix: str
    write: Write
    lossless: bool = True
    grey: bool = False


def _file(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def _lying(picture: Image.Image, orientation: int) -> Image.Image:
    """Lay a picture on the side from which a tag turns it upright."""
    turn = _LYING[orientation]
    return picture if turn is None else picture.transpose(turn)


def jpeg(orientation: int = 1) -> Write:
    """Write JPEGs that lie on a side, and a tag that turns them upright.

    Those that are turned and not mirrored are as cameras write them: they begin with that tag, have the lower byte of a
    number first, coarser colours, marks to begin again at, and a film behind their end. The others begin as libraries
    write them, have a colour profile in front of the tag, and a density that is not the same both ways.
    """
    of_cameras = orientation in _TURNED
    ways: dict[str, Any] = {"quality": 95, "subsampling": 0, "dpi": (200, 100)}
    ways |= {"subsampling": 2, "restart_marker_rows": 1} if of_cameras else {}

    def write(pixels: Pixels) -> bytes:
        lying = _lying(Image.fromarray(pixels), orientation)
        if orientation == 1:
            return _file(lying, "JPEG", **ways)
        exif = handmade.exif(orientation, "<" if of_cameras else ">")
        content = _file(lying, "JPEG", **ways, exif=exif, icc_profile=_profile())
        return _headed(content, b"\xe1") + handmade.FILM if of_cameras else _headed(content, b"\xe0\xe2\xe1")

    return write


def _headed(content: bytes, markers: bytes) -> bytes:
    """Put the segments that a JPEG begins with into another order, and leave out those whose marker is not listed."""
    segments: dict[int, bytes] = {}
    at = 2
    while content[at + 1] in _HEAD:
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        segments[content[at + 1]], at = content[at:end], end
    return content[:2] + b"".join(segments[marker] for marker in markers) + content[at:]


def _cmyk(pixels: Pixels) -> bytes:
    """Write a JPEG in CMYK, and behind its end another one, as telephones write the brightness of what is light."""
    content = _file(Image.fromarray(pixels).convert("CMYK"), "JPEG", quality=97, subsampling=0)
    return content + _file(Image.fromarray(255 - pixels[::4, ::4]), "JPEG")


def _coarse_jpeg(pixels: Pixels) -> bytes:
    """Write colours for each four pixels of a row, as films have them."""
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411]
    _, content = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95, *sampling])
    return content.tobytes()


def _grey_jpeg(pixels: Pixels) -> bytes:
    return _file(Image.fromarray(pixels[:, :, 0]), "JPEG", quality=95, exif=handmade.exif(1, ">"))


def _sixteen_bits(pixels: Pixels) -> bytes:
    _, content = cv2.imencode(".png", pixels[:, :, ::-1].astype(np.uint16) * 257, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return content.tobytes()


def _sixteen_bits_of_grey(pixels: Pixels) -> bytes:
    _, content = cv2.imencode(".png", pixels[:, :, 0].astype(np.uint16) * 257, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return content.tobytes()


def _two_shades(file_format: str, **options: Any) -> Write:
    """Write black and white by one bit a pixel."""
    return lambda pixels: _file(Image.fromarray(pixels[:, :, 0] > 127), file_format, **options)


@cache
def _profile() -> bytes:
    """Make a colour profile that would exchange red and blue, if it were heeded: that of sRGB, in another order."""
    from PIL import ImageCms  # noqa: PLC0415 - few runs want it

    other = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[: _MADE_AT.start] + _NEW_YEAR + profile[_MADE_AT.stop :]
    return re.sub(b"[rb]XYZ", lambda found: other[found[0]], profile)


def _described_png(orientation: int) -> Write:
    """Write beside the pixels what many programs do, and what changes none of them: gamma, profile, density, text.

    There is an alpha channel too, the rows are interlaced, and the file is cut into many chunks, some of nobody's.
    """

    def write(pixels: Pixels) -> bytes:
        lying = np.asarray(_lying(Image.fromarray(pixels), orientation))
        return handmade.png_in_pieces(
            _with_alpha(lying),
            (b"gAMA", struct.pack(">I", 100_000)),  # 1.0: heeded, the picture would be far too light or dark
            (b"sBIT", bytes((5, 6, 5, 1))),
            (b"iCCP", b"sRGB\0\0" + zlib.compress(_profile())),
            (b"bKGD", struct.pack(">3H", 255, 0, 255)),
            (b"pHYs", struct.pack(">IIB", 2835, 5670, 1)),  # of pixels twice as high as wide
            (b"tEXt", b"Software\0sam3-contract"),
            (b"eXIf", handmade.exif(orientation, "<").removeprefix(b"Exif\0\0")),
            (b"prVt", b"of one program alone"),
        )

    return write


def _described_jpeg(orientation: int) -> Write:
    """Write a JPEG as a camera does: with profile, density, a comment, and a tag that turns it."""

    def write(pixels: Pixels) -> bytes:
        lying = _lying(Image.fromarray(pixels), orientation)
        described = {"icc_profile": _profile(), "dpi": (300, 300), "comment": b"drawn"}
        described |= {"exif": handmade.exif(orientation, ">")}
        content = _file(lying, "JPEG", quality=95, subsampling="4:2:2", **described)
        return _headed(content, b"\xe0\xe2\xe1\xfe") + b"\0" * 64

    return write


def _untouched_jpeg(pixels: Pixels) -> bytes:
    """Write a progressive JPEG of red, green and blue as they are; no program says how it lies: the tag is 0."""
    ways = {"progressive": True, "keep_rgb": True, "exif": handmade.exif(0, ">")}
    return _file(Image.fromarray(pixels), "JPEG", quality=95, **ways)


def _with_alpha(pixels: Pixels) -> bytes:
    """Write an alpha channel that would hide much of the picture, if it were heeded; interlaced, to ask for both."""
    alpha = np.full(pixels.shape[:2], 255, np.uint8)
    alpha[::2] = 0
    return handmade.interlaced_png(np.dstack([pixels, alpha]))


def _grey_with_alpha(pixels: Pixels) -> bytes:
    """Write a picture that is transparent everywhere, with a text as long as generators of pictures write their own."""
    alpha, said = np.zeros(pixels.shape[:2], np.uint8), PngInfo()
    said.add_text("Comment", _LONG_TEXT)
    picture = Image.fromarray(np.dstack([pixels[:, :, 0], alpha]), "LA")
    return _file(picture, "PNG", compress_level=1, pnginfo=said)


def _shuffled(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Write grey pixels by a palette whose entries are not in the order of their shades: entries, and RGB of each."""
    shades = (np.arange(256) * 167 + 31) % 256  # of each entry
    return np.argsort(shades).astype(np.uint8)[pixels[:, :, 0]], np.repeat(shades.astype(np.uint8), 3).reshape(-1, 3)


def _palette(file_format: str, **options: Any) -> Write:
    def write(pixels: Pixels) -> bytes:
        entries, palette = _shuffled(pixels)
        picture = Image.fromarray(entries, "P")
        picture.putpalette(palette.tobytes())
        return _file(picture, file_format, **options)

    return write


def _few_shades(bits: int) -> Write:
    """Write shades of grey by few bits a pixel, which lie from the lowest value to the highest."""
    return lambda pixels: handmade.grey_png((pixels[:, :, 0] >> (8 - bits)).astype(np.uint8), bits)


def _few_entries(bits: int) -> Write:
    """Write black and white by a palette of other colours beside, of few bits a pixel."""
    palette = np.arange(3 << bits, dtype=np.uint8).reshape(-1, 3)
    black, white = len(palette) - 2, 1
    palette[black], palette[white] = 0, 255

    def write(pixels: Pixels) -> bytes:
        picture = Image.fromarray(np.where(pixels[:, :, 0] > 127, white, black).astype(np.uint8), "P")
        picture.putpalette(palette.tobytes())
        return _file(picture, "PNG", bits=bits)

    return write


def _bmp_in_runs(pixels: Pixels) -> bytes:
    return handmade.bmp_in_runs(*_shuffled(pixels))


def _gif(*moments: Callable[[Pixels], Pixels]) -> Write:
    """Write a GIF with an entry for what is transparent, which nothing is, and a comment.

    Args:
        moments: Make the further frames of the picture, each with a palette of its own.
    """

    def write(pixels: Pixels) -> bytes:
        shown = [pixels, *(moment(pixels) for moment in moments)]
        first, *others = (
            Image.fromarray(one).quantize(255, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE) for one in shown
        )
        of_many = {"save_all": True, "append_images": others, "duration": 100, "loop": 0} if others else {}
        return _file(first, "GIF", transparency=255, comment=b"drawn", **of_many)

    return write


def _animated(file_format: str, **options: Any) -> Write:
    """Write a picture and, as a second frame, its negative."""

    def write(pixels: Pixels) -> bytes:
        frames = [Image.fromarray(pixels[:, :, 0]), Image.fromarray(255 - pixels[:, :, 0])]
        return _file(frames[0], file_format, save_all=True, append_images=frames[1:], duration=100, loop=0, **options)

    return write


def _alpha_webp(pixels: Pixels) -> bytes:
    """Write colours that are wholly transparent on every other line, which nothing may take for white or black."""
    alpha = np.full(pixels.shape[:2], 255, np.uint8)
    alpha[::2] = 0
    return _file(Image.fromarray(np.dstack([pixels, alpha])), "WEBP", exact=True, **_QUICKLY)


def _animated_webp(pixels: Pixels) -> bytes:
    frames = [Image.fromarray(pixels), Image.fromarray(255 - pixels)]
    return _file(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100, **_QUICKLY)


def _turned_png(orientation: int) -> Write:
    def write(pixels: Pixels) -> bytes:
        lying = _lying(Image.fromarray(pixels), orientation)
        return _file(lying, "PNG", compress_level=1, exif=handmade.exif(orientation, ">"))

    return write


def _turned_tiff(orientation: int) -> Write:
    return lambda pixels: handmade.tiff(np.asarray(_lying(Image.fromarray(pixels), orientation)), orientation)


def _previewed_tiff(pixels: Pixels) -> bytes:
    picture = Image.fromarray(pixels)
    pages = [picture, picture.reduce(8)]
    return _file(pages[0], "TIFF", compression="tiff_adobe_deflate", save_all=True, append_images=pages[1:])


def _plain(file_format: str, **options: Any) -> Write:
    return lambda pixels: _file(Image.fromarray(pixels), file_format, **options)


ENCODINGS: Final[Mapping[str, Encoding]] = {
    "png": Encoding("as PNG", "png", _plain("PNG", compress_level=1)),
    "png-16": Encoding("as PNG of 16 bits", "png", _sixteen_bits),
    "png-16-grey": Encoding("as grey PNG of 16 bits", "png", _sixteen_bits_of_grey, grey=True),
    "png-described": Encoding(
        "as interlaced PNG with alpha, gamma and profile, turned by EXIF tag 3", "png", _described_png(3)
    ),
    "png-alpha": Encoding("as interlaced PNG with an alpha channel", "png", _with_alpha),
    "png-interlaced": Encoding("as interlaced PNG", "png", handmade.interlaced_png),
    "png-palette": Encoding(
        "as PNG with a palette of transparent entries", "png", _palette("PNG", transparency=_HALF_SEEN), grey=True
    ),
    "png-grey": Encoding("as PNG with one channel", "png", lambda pixels: _plain("PNG")(pixels[:, :, 0]), grey=True),
    "png-grey-alpha": Encoding("as PNG with grey and alpha", "png", _grey_with_alpha, grey=True),
    "jpeg": Encoding("as JPEG", "jpg", jpeg(), lossless=False),
    "jpeg-progressive": Encoding("as progressive JPEG", "jpg", _untouched_jpeg, lossless=False),
    "jpeg-subsampled": Encoding("as JPEG with coarser colours", "jpg", _coarse_jpeg, lossless=False),
    "jpeg-cmyk": Encoding("as JPEG in CMYK", "jpg", _cmyk, lossless=False),
    "jpeg-grey": Encoding("as JPEG with one channel", "jpg", _grey_jpeg, lossless=False, grey=True),
    "jpeg-described": Encoding(
        "as JPEG with profile and density, turned by EXIF tag 6", "jpg", _described_jpeg(6), lossless=False
    ),
    "webp": Encoding("as WebP", "webp", _plain("WEBP", quality=92), lossless=False),
    "webp-lossless": Encoding("as lossless WebP", "webp", _plain("WEBP", **_QUICKLY)),
    "webp-alpha": Encoding("as WebP with an alpha channel", "webp", _alpha_webp),
    "webp-animated": Encoding("as the first frame of a WebP", "webp", _animated_webp),
    "gif": Encoding("as GIF", "gif", _gif(), lossless=False),
    "gif-animated": Encoding("as the first frame of a GIF", "gif", _gif(np.invert), lossless=False),
    "png-animated": Encoding("as the first frame of a PNG", "png", _animated("PNG"), grey=True),
    "bmp": Encoding("as BMP", "bmp", _plain("BMP")),
    "bmp-32": Encoding("as BMP of 32 bits, from the top", "bmp", handmade.bmp_from_the_top),
    "bmp-palette": Encoding("as BMP with a palette, in run lengths", "bmp", _bmp_in_runs, grey=True),
    "tiff": Encoding("as TIFF of tiles, channel by channel", "tiff", handmade.tiff),
    "tiff-pages": Encoding("as the first page of a TIFF", "tiff", _animated("TIFF"), grey=True),
    "tiff-deflate": Encoding("as deflated TIFF, with a preview behind it", "tiff", _previewed_tiff),
    **{
        f"{kind}-turned-{number}": Encoding(f"as {title} {number}", suffix, write(number), lossless)
        for number in (6, 8, 3, 7, 4, 2, 5)
        for kind, title, suffix, write, lossless in (
            ("jpeg", "JPEG, turned by EXIF tag", "jpg", jpeg, False),
            ("png", "PNG, turned by EXIF tag", "png", _turned_png, True),
            ("tiff", "TIFF, turned by its tag", "tiff", _turned_tiff, True),
        )
    },
}
"""Every way to write a picture, by name."""

OF_TWO_SHADES: Final[Mapping[str, Encoding]] = {
    "png-1": Encoding("as PNG of one bit", "png", _two_shades("PNG"), grey=True),
    "png-2": Encoding("as PNG of two bits", "png", _few_entries(2), grey=True),
    "png-4": Encoding("as PNG of four bits", "png", _few_entries(4), grey=True),
    "png-4-grey": Encoding("as grey PNG of four bits", "png", _few_shades(4), grey=True),
    "tiff-fax": Encoding("as TIFF of one bit, packed like a fax", "tiff", _two_shades("TIFF", compression="group4")),
}
"""Ways to write what is black and white alone, by name."""
