"""Files that decoders read and Pillow does not write: what cameras and other programs make of a picture."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Field = tuple[int, int, int, bytes]
"""Of a directory of TIFF: tag, type, count, and the values' bytes."""

FILM: Final = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) * 2
"""What telephones put behind a JPEG: the beginning of a film of the moment."""
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE: Final = {3: 2, 4: 6}  # of a PNG, by the number of its channels
_ADAM7: Final = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_PIECE: Final = 8192  # bytes of pixels in a chunk, as libpng writes them
_ASCII, _SHORT, _LONG, _UNDEFINED = 2, 3, 4, 7
_ORIENTATION: Final = 0x0112
_TILE: Final = 64
_STRIP: Final = 16  # rows
_DEFLATE, _RGB, _BY_CHANNEL = 8, 2, 2
_NONE, _TO_THE_LEFT = 1, 2  # what pixels are written as differences from
_HEAD: Final = 8  # bytes in front of the first directory


def exif(orientation: int, endian: str) -> bytes:
    """Write EXIF as cameras do: the tag among others, notes of the maker, a place, and a small picture of its own.

    The small picture is the other way round, and lies otherwise than the tag says.

    Args:
        orientation: What the tag says; 0 for what no picture has.
        endian: ``<`` if the lower byte of a number comes first, ``>`` if the higher one does.
    """
    number, long = struct.Struct(f"{endian}H").pack, struct.Struct(f"{endian}I").pack
    maker, place = b"Maker\0II*\0" + bytes(range(200)), b"N\0"
    first = [
        (0x010F, _ASCII, 6, b"Maker\0"),
        (_ORIENTATION, _SHORT, 1, number(orientation)),
        (0x8769, _LONG, 1, b""),
        (0x8825, _LONG, 1, b""),
    ]
    # Sides that are not the picture's: nothing goes by them.
    of_exif = [(0x927C, _UNDEFINED, len(maker), maker), (0xA002, _LONG, 1, long(40)), (0xA003, _LONG, 1, long(30))]
    of_place = [(0x0001, _ASCII, 2, place)]
    small = _small_picture()
    of_small = [
        (0x0103, _SHORT, 1, number(6)),
        (_ORIENTATION, _SHORT, 1, number(1 if orientation > 1 else 6)),
        (0x0201, _LONG, 1, b""),
        (0x0202, _LONG, 1, long(len(small))),
    ]
    starts = [_HEAD]
    for fields in (first, of_exif, of_place, of_small):
        starts.append(starts[-1] + len(_directory(fields, 0, endian)))
    first[2:] = [(0x8769, _LONG, 1, long(starts[1])), (0x8825, _LONG, 1, long(starts[2]))]
    of_small[2] = (0x0201, _LONG, 1, long(starts[4]))
    directories = (
        _directory(first, starts[0], endian, behind=starts[3]),
        _directory(of_exif, starts[1], endian),
        _directory(of_place, starts[2], endian),
        _directory(of_small, starts[3], endian),
    )
    return b"Exif\0\0" + _head(endian) + b"".join(directories) + small


def tiff(pixels: Pixels, orientation: int = 1) -> bytes:
    """Write a TIFF with the higher byte of a number first, each channel by itself: in tiles, or turned, in many strips.

    In strips there is of each pixel what it differs by from the one on its left.

    Args:
        pixels: As they lie in the file, RGB, shape ``(height, width, 3)``.
        orientation: How they have to be turned to be upright. OpenCV gets tiles wrong that are turned.
    """
    height, width, channels = pixels.shape
    tiled = orientation == 1
    across, down, predictor = (_TILE, _TILE, _NONE) if tiled else (width, _STRIP, _TO_THE_LEFT)
    # Tiles are whole ones, the last strip is not.
    rows = np.pad(pixels, ((0, -height % down), (0, -width % across), (0, 0))) if tiled else _differences(pixels)
    pieces = [
        zlib.compress(rows[top : top + down, left : left + across, channel].tobytes(), 1)
        for channel in range(channels)
        for top in range(0, height, down)
        for left in range(0, width, across)
    ]

    def fields(places: Sequence[int]) -> list[Field]:
        where, lengths = _longs(places), _longs([len(piece) for piece in pieces])
        fields_of_pieces: list[Field] = [(324, *where), (325, *lengths)] if tiled else [(273, *where), (279, *lengths)]
        shapes = [(322, *_shorts(across)), (323, *_shorts(down))] if tiled else [(278, *_shorts(down))]
        return sorted(
            [
                *((256, *_shorts(width)), (257, *_shorts(height)), (258, *_shorts(*[8] * channels))),
                *((259, *_shorts(_DEFLATE)), (262, *_shorts(_RGB)), (_ORIENTATION, *_shorts(orientation))),
                *((277, *_shorts(channels)), (284, *_shorts(_BY_CHANNEL)), (317, *_shorts(predictor))),
                *(*shapes, *fields_of_pieces),
            ]
        )

    place, places = _HEAD + len(_directory(fields([0] * len(pieces)), _HEAD, ">")), []
    for piece in pieces:
        places.append(place)
        place += len(piece)
    return _head(">") + _directory(fields(places), _HEAD, ">") + b"".join(pieces)


def _differences(pixels: Pixels) -> Pixels:
    return np.concatenate([pixels[:, :1], pixels[:, 1:] - pixels[:, :-1]], axis=1)  # modulo 256


def _shorts(*values: int) -> tuple[int, int, bytes]:
    return _SHORT, len(values), struct.pack(f">{len(values)}H", *values)


def _longs(values: Sequence[int]) -> tuple[int, int, bytes]:
    return _LONG, len(values), struct.pack(f">{len(values)}I", *values)


def _head(endian: str) -> bytes:
    return (b"II" if endian == "<" else b"MM") + struct.pack(f"{endian}HI", 42, _HEAD)


def _directory(fields: Sequence[Field], start: int, endian: str, behind: int = 0) -> bytes:
    """Write a directory of TIFF, and behind it what does not fit into its entries.

    Args:
        fields: In the order of their tags.
        start: Where it begins.
        endian: As of ``struct``.
        behind: Where the next directory begins; 0 for none.
    """
    entries, values = b"", b""
    rest = start + 2 + 12 * len(fields) + 4
    for tag, kind, count, value in fields:
        held = value.ljust(4, b"\0")
        if len(value) > 4:
            held = struct.pack(f"{endian}I", rest + len(values))
            values += value + b"\0" * (len(value) % 2)
        entries += struct.pack(f"{endian}HHI", tag, kind, count) + held
    return struct.pack(f"{endian}H", len(fields)) + entries + struct.pack(f"{endian}I", behind) + values


@cache
def _small_picture() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(file, "JPEG", quality=60)
    return file.getvalue()


def png_in_pieces(content: bytes, *said: tuple[bytes, bytes]) -> bytes:
    """Cut the pixels of a PNG into many chunks, one of them empty, and put others in front of them.

    Args:
        content: A PNG of one chunk of pixels, or of several.
        said: Kind and content of the chunks that are put there.
    """
    written, pixels = [_PNG], b"".join(data for kind, data in _chunks(content) if kind == b"IDAT")
    for kind, data in _chunks(content):
        if kind != b"IDAT":
            written.append(_chunk(kind, data))
        elif pixels:
            written += [_chunk(*one) for one in said]
            pieces = [pixels[at : at + _PIECE] for at in range(0, len(pixels), _PIECE)]
            written += [_chunk(b"IDAT", piece) for piece in (pieces[0], b"", *pieces[1:])]
            pixels = b""
    return b"".join(written)


def interlaced_png(pixels: Pixels) -> bytes:
    """Write a PNG in the seven passes of Adam7.

    Args:
        pixels: RGB or RGBA, shape ``(height, width, 3 or 4)``.
    """
    height, width, channels = pixels.shape
    rows = bytearray()
    for top, left, down, across in _ADAM7:
        part = pixels[top::down, left::across]
        for row in part if part.size else ():
            rows += b"\0" + row.tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[channels], 0, 0, 1)
    return _PNG + b"".join(
        _chunk(kind, data)
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 1)), (b"IEND", b""))
    )


def grey_png(shades: Pixels, bits: int) -> bytes:
    """Write a grey PNG of less than a byte a pixel, whose black is transparent, which nothing may take for white.

    Args:
        shades: In ``0 .. 2 ** bits - 1``, shape ``(height, width)``.
        bits: 1, 2 or 4.
    """
    height, width = shades.shape
    each = (shades[:, :, None] >> np.arange(bits - 1, -1, -1, dtype=np.uint8)) & 1
    rows = np.packbits(each.reshape(height, width * bits), axis=1)
    unfiltered = np.pad(rows, ((0, 0), (1, 0))).tobytes()
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    black, packed = bytes(2), zlib.compress(unfiltered)
    return _PNG + b"".join(
        _chunk(kind, data) for kind, data in ((b"IHDR", header), (b"tRNS", black), (b"IDAT", packed), (b"IEND", b""))
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at < len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4])
        yield content[at + 4 : at + 8], content[at + 8 : end]
        at = end + 4


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bmp_from_the_top(pixels: Pixels) -> bytes:
    """Write a BMP of 32 bits a pixel whose first row is the top one, and whose fourth byte says nothing."""
    height, width, _ = pixels.shape
    rows = np.dstack([pixels[:, :, ::-1], np.zeros((height, width), np.uint8)]).tobytes()
    return _bmp(width, -height, 32, 0, b"", rows)


def bmp_in_runs(pixels: Pixels, palette: Pixels) -> bytes:
    """Write a BMP with a palette in run lengths.

    Args:
        pixels: Entries of the palette, shape ``(height, width)``.
        palette: RGB of 256 entries, shape ``(256, 3)``.
    """
    rows = bytearray()
    for row in pixels[::-1]:
        ends = np.append(np.flatnonzero(np.diff(row)) + 1, row.size)
        for start, end in zip(np.append(0, ends[:-1]), ends, strict=True):
            whole, rest = divmod(int(end - start), 255)
            rows += bytes([255, row[start]]) * whole + (bytes([rest, row[start]]) if rest else b"")
        rows += b"\0\0"
    colours = np.dstack([palette[None, :, ::-1], np.zeros((1, 256), np.uint8)]).tobytes()
    return _bmp(pixels.shape[1], pixels.shape[0], 8, 1, colours, bytes(rows) + b"\0\1")


def _bmp(width: int, height: int, bits: int, packed: int, colours: bytes, rows: bytes) -> bytes:
    start = 14 + 40 + len(colours)
    head = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    sizes = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packed, len(rows), 2835, 2835, len(colours) // 4, 0)
    return head + sizes + colours + rows
