"""Whether the pixels of a file can be decoded, against OpenCV; and what is told of a PNG without decoding it."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sam3_contract.errors import ImageError
from sam3_contract.images import decode, examine, is_sound, png, read_header

HEIGHT, WIDTH = 20, 30
Y, X = np.mgrid[:HEIGHT, :WIDTH]
RGB = np.stack([X * 8, Y * 12, X + Y], axis=-1).astype(np.uint8)
PHOTO = Image.fromarray(RGB)
ROWS = b"".join(b"\0" + row.tobytes() for row in RGB)


def written(name: str, image: Image.Image = PHOTO, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def by_opencv(content: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)


def taken(content: bytes) -> bool:
    try:
        header, certain = examine(content)
    except ImageError:
        return False
    return certain or is_sound(content, header)


def sun() -> bytes:
    pixels = RGB[..., ::-1].tobytes()
    return struct.pack(">8I", 0x59A66A95, WIDTH, HEIGHT, 24, len(pixels), 1, 0, 0) + pixels


FILES = {
    "AVIF": written("AVIF"),
    "AVIF with alpha": written("AVIF", PHOTO.convert("RGBA")),
    "JPEG2000": written("JPEG2000"),
    "JPEG2000 without boxes": written("JPEG2000", no_jp2=True),
    "JPEG2000 grey": written("JPEG2000", PHOTO.convert("L")),
    "PNM of colours": written("PPM"),
    "PNM grey": written("PPM", PHOTO.convert("L")),
    "PNM of bits": written("PPM", PHOTO.convert("1")),
    "PNM in words": b"P3\n# a comment\n30 20\n255\n" + b"1 2 3 " * 600,
    "PNM grey in words": b"P2 30 20 255 " + b"7 " * 600,
    "PNM of bits in words": b"P1 30 20 " + b"1 " * 600,
    "PNM of 16 bits": b"P6 30 20 65535\n" + bytes(3600),
    "SUN raster": sun(),
    "JPEG with other bytes in the place of its end": written("JPEG")[:-2] + bytes(16),
    "GIF": written("GIF"),
    "BMP": written("BMP"),
    "TIFF": written("TIFF"),
    "WEBP": written("WEBP"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_opencv_decodes_is_taken_in_its_size(name: str) -> None:
    content = FILES[name]

    header = read_header(content)

    assert header.format == name.split()[0]
    assert header.size == by_opencv(content).shape[:2] == (HEIGHT, WIDTH)
    assert taken(content)


# Whose last bytes nobody needs, or that OpenCV draws as far as they go.
MORE_THAN_NEEDED = {"JPEG with other bytes in the place of its end", "BMP"} | {
    name for name in FILES if "words" in name
}


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", sorted(FILES.keys() - MORE_THAN_NEEDED))
def test_what_was_cut_short_is_taken_only_if_opencv_takes_it(name: str, kept: float) -> None:
    content = FILES[name][: int(len(FILES[name]) * kept)]

    assert not taken(content)
    assert by_opencv(content) is None or name in {"TIFF", "GIF"}  # which OpenCV fills up


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["PNG", "JPEG", "TIFF"])
def test_pixels_are_turned_as_opencv_turns_them(name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = written(name, exif=exif)

    pixels = decode(content, read_header(content))

    assert pixels is not None
    np.testing.assert_array_equal(pixels, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["WEBP", "AVIF"])
def test_pixels_of_what_opencv_4_12_does_not_turn_are_not_turned(name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned, plain = (written(name, quality=100, exif=exif), written(name, quality=100))

    pixels = decode(turned, read_header(turned))

    assert pixels is not None
    np.testing.assert_array_equal(pixels, by_opencv(plain))


# ---------------------------------------------------------------- PNG


def chunk(kind: bytes, body: bytes = b"", *, damage: int = 0) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ damage)


def png_of(
    pixels: bytes = zlib.compress(ROWS), *, before: bytes = b"", behind: bytes = b"", damage: int = 0, **header: int
) -> bytes:
    fields = {"width": WIDTH, "height": HEIGHT, "bits": 8, "colours": 2, "compression": 0, "filters": 0, "interlace": 0}
    head = struct.pack(">IIBBBBB", *(fields | header).values())
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before
    return start + chunk(b"IDAT", pixels, damage=damage) + behind + chunk(b"IEND")


ORDINARY = {
    "colours": png_of(),
    "two pieces": png_of(zlib.compress(ROWS)[:50], behind=chunk(b"IDAT", zlib.compress(ROWS)[50:])),
    "words in front and behind": png_of(before=chunk(b"tEXt", b"a\0b"), behind=chunk(b"tIME", bytes(7))),
    "more than its rows": png_of(zlib.compress(ROWS + bytes(50))),
    "grey": written("PNG", PHOTO.convert("L")),
    "grey and alpha": written("PNG", PHOTO.convert("LA")),
    "alpha": written("PNG", PHOTO.convert("RGBA")),
    "bits": written("PNG", PHOTO.convert("1")),
    "16 bits": cv2.imencode(".png", RGB.astype(np.uint16) * 257)[1].tobytes(),
    "optimized": written("PNG", optimize=True),
    "by OpenCV": cv2.imencode(".png", RGB)[1].tobytes(),
}
LOOKED_AT = {
    "palette": written("PNG", PHOTO.convert("P")),
    "animated": written("PNG", save_all=True, append_images=[PHOTO.rotate(180)]),
    "small window": png_of(b"\x08\x1d" + zlib.compress(ROWS)[2:]),
}
BROKEN = {
    "wrong CRC": png_of(damage=1),
    "wrong Adler sum": png_of(zlib.compress(ROWS)[:-1] + b"\0"),
    "filter that is none": png_of(zlib.compress(b"\x09" + ROWS[1:])),
    "last filter that is none": png_of(zlib.compress(ROWS[: -3 * WIDTH - 1] + b"\x05" + ROWS[-3 * WIDTH :])),
    "a row too few": png_of(zlib.compress(ROWS[: -3 * WIDTH - 1])),
    "a byte too few": png_of(zlib.compress(ROWS[:-1])),
    "no pixels": png_of(b""),
    "unknown critical chunk": png_of(before=chunk(b"ABCD")),
    "palette that is missing": png_of(zlib.compress(bytes(31 * 20)), colours=3),
    "9 bits": png_of(bits=9),
    "unknown compression": png_of(compression=1),
    "unknown filters": png_of(filters=2),
    "unknown interlacing": png_of(interlace=7),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_png_is_told_without_decoding(name: str) -> None:
    assert png.is_sound(ORDINARY[name]) is True
    assert by_opencv(ORDINARY[name]) is not None


@pytest.mark.parametrize("name", LOOKED_AT)
def test_other_png_is_decoded_and_taken(name: str) -> None:
    assert png.is_sound(LOOKED_AT[name]) is None
    assert taken(LOOKED_AT[name])


@pytest.mark.parametrize("name", BROKEN)
def test_broken_png_is_refused_as_opencv_refuses_it(name: str) -> None:
    assert png.is_sound(BROKEN[name]) is None
    assert not taken(BROKEN[name])
    assert by_opencv(BROKEN[name]) is None


@pytest.mark.parametrize(("colours", "told"), [(2, True), (3, False)])
def test_png_that_unpacks_to_far_more_than_its_pixels_is_not_unpacked(colours: int, told: bool) -> None:
    assert png.is_sound(png_of(zlib.compress(ROWS + bytes(2**23)), colours=colours)) is told


@settings(max_examples=300)
@given(
    name=st.sampled_from([*ORDINARY, *LOOKED_AT]),
    place=st.floats(0, 1),
    value=st.integers(0, 255),
    repaired=st.booleans(),
)
def test_changed_png_is_taken_as_opencv_takes_it(name: str, place: float, value: int, repaired: bool) -> None:
    content = bytearray({**ORDINARY, **LOOKED_AT}[name])
    content[8 + int(place * (len(content) - 9))] = value
    changed = with_right_sums(bytes(content)) if repaired else bytes(content)
    try:
        header = read_header(changed)
    except ImageError:
        return
    if header.width * header.height <= 2**16:
        assert png.is_sound(changed) is not True or by_opencv(changed) is not None
        assert is_sound(changed, header) == (by_opencv(changed) is not None)


def with_right_sums(content: bytes) -> bytes:
    """Write a file again, the sum of each chunk as it has to be."""
    written_again, position = content[:8], 8
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        written_again += chunk(content[position + 4 : position + 8], content[position + 8 : position + 8 + length])
        position += 12 + length
    return written_again
