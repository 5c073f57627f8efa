"""Headers of images against OpenCV, which the service decodes them with; and base64 as leniently as there."""

from __future__ import annotations

import base64
import io
import resource
import struct
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sam3_contract.errors import ImageError
from sam3_contract.images import (
    ImageHeader,
    TooLargeError,
    bytes_from_base64,
    jpeg,
    read_header,
)
from sam3_contract.images import base64 as base64_decoding

HEIGHT, WIDTH = 23, 31
RGB = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
PHOTO = Image.fromarray(RGB)
FLIPPED = PHOTO.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def by_pillow(image: Image.Image, name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def by_opencv(suffix: str, pixels: np.ndarray[Any, Any]) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


def oriented(name: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return by_pillow(PHOTO, name, exif=exif)


def bmp_from_the_top() -> bytes:
    content = bytearray(by_pillow(PHOTO, "BMP"))
    content[22:26] = struct.pack("<i", -HEIGHT)
    return bytes(content)


def png_of(width: int, height: int) -> bytes:
    """Write a PNG that declares a size and holds no pixels."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", b""), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


FILES: dict[str, bytes] = {
    "JPEG": by_pillow(PHOTO, "JPEG"),
    "JPEG progressive": by_pillow(PHOTO, "JPEG", progressive=True),
    "JPEG grey": by_pillow(PHOTO.convert("L"), "JPEG"),
    "JPEG CMYK": by_pillow(PHOTO.convert("CMYK"), "JPEG"),
    "JPEG with a thumbnail": by_pillow(PHOTO, "JPEG", comment=by_pillow(PHOTO.resize((5, 4)), "JPEG")),
    "JPEG and another behind it": by_pillow(PHOTO, "MPO", save_all=True, append_images=[PHOTO.resize((9, 8))]),
    "JPEG and words behind it": by_pillow(PHOTO, "JPEG") + b"words",
    "PNG": by_pillow(PHOTO, "PNG"),
    "PNG grey": by_pillow(PHOTO.convert("L"), "PNG"),
    "PNG of a palette": by_pillow(PHOTO.convert("P"), "PNG"),
    "PNG with alpha": by_pillow(PHOTO.convert("RGBA"), "PNG"),
    "PNG grey with alpha": by_pillow(PHOTO.convert("LA"), "PNG"),
    "PNG of 1 bit": by_pillow(PHOTO.convert("1"), "PNG"),
    "PNG of 16 bits": by_opencv(".png", RGB.astype(np.uint16) * 257),
    "PNG grey of 16 bits": by_opencv(".png", RGB[..., 0].astype(np.uint16) * 257),
    "PNG animated": by_pillow(PHOTO, "PNG", save_all=True, append_images=[FLIPPED]),
    "PNG and words behind it": by_pillow(PHOTO, "PNG") + b"words",
    "WebP": by_pillow(PHOTO, "WEBP"),
    "WebP lossless": by_pillow(PHOTO, "WEBP", lossless=True),
    "WebP with alpha": by_pillow(PHOTO.convert("RGBA").resize((WIDTH, HEIGHT)), "WEBP"),
    "WebP animated": by_pillow(PHOTO, "WEBP", save_all=True, append_images=[FLIPPED], duration=100),
    "GIF": by_pillow(PHOTO, "GIF"),
    "GIF animated": by_pillow(PHOTO, "GIF", save_all=True, append_images=[FLIPPED]),
    "BMP": by_pillow(PHOTO, "BMP"),
    "BMP of 1 bit": by_pillow(PHOTO.convert("1"), "BMP"),
    "BMP of a palette": by_pillow(PHOTO.convert("P"), "BMP"),
    "BMP with alpha": by_pillow(PHOTO.convert("RGBA"), "BMP"),
    "BMP from the top": bmp_from_the_top(),
    "TIFF": by_pillow(PHOTO, "TIFF"),
    "TIFF by LZW": by_pillow(PHOTO, "TIFF", compression="tiff_lzw"),
    "TIFF by Deflate": by_pillow(PHOTO, "TIFF", compression="tiff_adobe_deflate"),
    "TIFF by JPEG": by_pillow(PHOTO, "TIFF", compression="jpeg"),
    "TIFF of 16 bits": by_opencv(".tiff", RGB.astype(np.uint16) * 257),
    "TIFF of two pages": by_pillow(PHOTO, "TIFF", save_all=True, append_images=[PHOTO.resize((5, 4))]),
}
WHOLE_FILES_ONLY = [
    name
    for name in FILES
    # Of an animated PNG OpenCV shows the first frame, if that is whole.
    if name.startswith(("JPEG", "PNG", "WebP")) and "behind" not in name and name != "PNG animated"
]


def size_by_opencv(content: bytes) -> tuple[int, ...] | None:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return None if pixels is None else pixels.shape[:2]


@pytest.mark.parametrize("name", FILES)
def test_size_is_the_one_opencv_decodes_to(name: str) -> None:
    header = read_header(FILES[name])

    assert header.size == size_by_opencv(FILES[name]) == (HEIGHT, WIDTH)
    assert (header.width, header.height) == (WIDTH, HEIGHT)
    assert header.format == name.split()[0].upper()
    assert header.orientation == 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (40, 1), (257, 3), (300, 1000)])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".bmp", ".tiff"])
def test_size_is_told_of_any_shape(suffix: str, height: int, width: int) -> None:
    content = by_opencv(suffix, np.full((height, width, 3), 99, np.uint8))

    assert read_header(content).size == (height, width)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_orientation_is_applied_as_opencv_applies_it(name: str, orientation: int) -> None:
    content = oriented(name, orientation)

    header = read_header(content)

    assert header.orientation == orientation
    assert header.size == size_by_opencv(content)
    assert header.size == ((WIDTH, HEIGHT) if orientation >= 5 else (HEIGHT, WIDTH))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_webp_is_not_turned(orientation: int) -> None:
    """Measured with OpenCV 4.12, which the service runs; OpenCV 5.0 turns it."""
    assert read_header(oriented("WEBP", orientation)) == ImageHeader("WEBP", WIDTH, HEIGHT)


SHORT, LONG, BYTE = 3, 4, 1


def exif_of(orientation: int, *, kind: int = SHORT, endian: str = ">") -> bytes:
    """Write EXIF that holds nothing but the orientation, as a value of the given type of TIFF."""
    value = struct.pack(
        endian + {SHORT: "HH", LONG: "I", BYTE: "B3x"}[kind], *[orientation, 0][: 2 if kind == 3 else 1]
    )
    order = b"MM" if endian == ">" else b"II"
    return order + struct.pack(endian + "HIHHHI", 42, 8, 1, 0x0112, kind, 1) + value + bytes(4)


def with_app1(*bodies: bytes) -> bytes:
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in bodies)
    return FILES["JPEG"][:2] + segments + FILES["JPEG"][2:]


# Each was decoded with OpenCV 4.12.0, the service's; of those marked, OpenCV 5.0 thinks otherwise.
EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0<x/>"
TURNED_BY_OPENCV_4_12 = {
    "SHORT": (with_app1(EXIF + exif_of(6)), True),
    "SHORT, little end": (with_app1(EXIF + exif_of(6, endian="<")), True),
    "LONG": (with_app1(EXIF + exif_of(6, kind=LONG)), False),
    "LONG, little end": (with_app1(EXIF + exif_of(6, kind=LONG, endian="<")), True),
    "BYTE": (with_app1(EXIF + exif_of(6, kind=BYTE)), False),
    "BYTE, little end": (with_app1(EXIF + exif_of(6, kind=BYTE, endian="<")), True),
    "XMP in front (5.0: turned)": (with_app1(XMP, EXIF + exif_of(6)), False),
    "XMP behind": (with_app1(EXIF + exif_of(6), XMP), True),
    "upright in front": (with_app1(EXIF + exif_of(1), EXIF + exif_of(6)), False),
    "upright behind": (with_app1(EXIF + exif_of(6), EXIF + exif_of(1)), True),
    "two bytes in front (5.0: turned)": (with_app1(b"ab", EXIF + exif_of(6)), False),
    "another name (5.0: not turned)": (with_app1(b"ABCDEF" + exif_of(6)), True),
}


@pytest.mark.parametrize("name", TURNED_BY_OPENCV_4_12)
def test_jpeg_is_turned_where_opencv_4_12_turns_it(name: str) -> None:
    content, turned = TURNED_BY_OPENCV_4_12[name]

    assert read_header(content).size == ((WIDTH, HEIGHT) if turned else (HEIGHT, WIDTH))
    if "5.0" not in name:
        assert size_by_opencv(content) == read_header(content).size


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tags(number: int) -> bytes:
    """Write tags of a TIFF whose values no reader needs."""
    return b"".join(struct.pack("<HHII", tag, 1, 50_000, 9) for tag in range(20_000, 20_000 + number))


PARTS = 100_000
JP2 = by_pillow(PHOTO, "JPEG2000")
ENDLESS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: FILES["JPEG"][:2] + b"\xff\xfe\0\2" * PARTS + FILES["JPEG"][2:],
    "JPEG with metadata": lambda: oriented("JPEG", 6)[:2] + b"\xff\xfe\0\2" * 4000 + oriented("JPEG", 6)[2:],
    "PNG": lambda: FILES["PNG"][:33] + chunk(b"teXt") * PARTS + FILES["PNG"][33:],
    "PNG behind the pixels": lambda: FILES["PNG"][:-12] + chunk(b"teXt") * PARTS + FILES["PNG"][-12:],
    "GIF": lambda: FILES["GIF"][:781] + b"\x21\xfe" + b"\1a" * PARTS + b"\0" + FILES["GIF"][781:],
    "TIFF": lambda: b"II*\0\x08\0\0\0" + struct.pack("<H", 30_000) + tags(30_000),
    "TIFF of long values": lambda: (
        b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 273, 1, 5_000_000, 9) + bytes(6_000_000)
    ),
    "JP2": lambda: JP2[:12] + struct.pack(">I4s", 8, b"free") * PARTS + JP2[12:],
    "PNM": lambda: b"P6\n#" + b"x" * PARTS + b"\n3 2 255\n" + bytes(18),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_header_of_more_parts_than_any_program_writes_is_refused(name: str) -> None:
    with pytest.raises(ImageError, match=r"has more parts than any program writes|is cut short"):
        read_header(ENDLESS[name]())


def test_fill_bytes_of_a_jpeg_are_passed_over() -> None:
    content = oriented("JPEG", 6)

    assert read_header(content[:2] + b"\xff" * 1000 + content[2:]).orientation == 6


@pytest.mark.parametrize("orientation", range(1, 5))
def test_upright_orientation_of_a_tiff_is_told(orientation: int) -> None:
    content = oriented("TIFF", orientation)

    assert read_header(content).orientation == orientation
    assert read_header(content).size == size_by_opencv(content) == (HEIGHT, WIDTH)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF"])
def test_orientation_that_is_none_is_upright(name: str, orientation: int) -> None:
    header = read_header(oriented(name, orientation))

    assert (header.orientation, header.size) == (1, (HEIGHT, WIDTH))


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", WHOLE_FILES_ONLY)
def test_file_that_was_cut_short_is_refused(name: str, kept: float) -> None:
    content = FILES[name][: int(len(FILES[name]) * kept)]

    with pytest.raises(ImageError):
        read_header(content)
    assert size_by_opencv(content) is None


@pytest.mark.parametrize("name", ["JPEG", "JPEG progressive", "PNG", "WebP", "WebP lossless"])
def test_file_is_refused_wherever_it_was_cut(name: str) -> None:
    for length in range(len(FILES[name])):
        with pytest.raises(ImageError):
            read_header(FILES[name][:length])


def test_missing_end_is_named() -> None:
    with pytest.raises(ImageError) as caught:
        read_header(FILES["PNG"][:-12])

    length = len(FILES["PNG"]) - 12
    assert str(caught.value) == f"the PNG is cut short: its end is missing after {length} bytes"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no image",
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x00" * 100,
        b"PK\x03\x04",
        b"\x89PNG\r\n\x1a\r",
        b"GIF7",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"\xff\xd8",
        base64.b64encode(FILES["PNG"]),
        b" " + FILES["PNG"],
    ],
    ids=["nothing", "words", "PDF", "SVG", "zeros", "zip", "bad PNG", "GIF7", "sound", "2 bytes", "base64", "space"],
)
def test_what_is_no_image_is_refused(content: bytes) -> None:
    with pytest.raises(ImageError):
        read_header(content)
    assert not content or size_by_opencv(content) is None


@pytest.mark.parametrize(
    "content",
    [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*"],
    ids=["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "TIFF from the other end"],
)
def test_first_bytes_alone_are_no_image(content: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow's, about the TIFF

        with pytest.raises(ImageError):
            read_header(content)


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (0, 0)])
def test_image_without_pixels_is_refused(width: int, height: int) -> None:
    gif = bytearray(b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0;")

    for content in (bytes(gif), png_of(width, height)):
        with pytest.raises(ImageError):
            read_header(content)


@pytest.mark.parametrize(
    "content",
    [
        png_of(32_000, 32_000),
        b"GIF89a" + struct.pack("<HH", 32_000, 32_000) + b"\0\0\0\x2c" + struct.pack("<HHHH", 0, 0, 3, 2) + b"\0\2\0;",
        b"BM" + struct.pack("<IHHI IiiHHIIiiII", 54, 0, 0, 54, 40, 32_000, 32_000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", 32_000, 32_000) + b"\3\1\x11\0\2\x11\0\3\x11\0"
        b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0\0\xff\xd9",
    ],
    ids=["PNG", "GIF", "BMP", "JPEG"],
)
def test_huge_size_is_told_without_memory_or_warning(content: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header = read_header(content)

    assert header.size == (32_000, 32_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kilobytes; the pixels would be three


def jpeg_of(width: int, height: int) -> bytes:
    drawn = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    place = drawn.index(b"\xff\xc0") + 5
    return drawn[:place] + struct.pack(">HH", height, width) + drawn[place + 4 :]


def gif_of(width: int, height: int) -> bytes:
    sides = struct.pack("<HH", width, height)
    return b"GIF89a" + sides + b"\0\0\0\x2c\0\0\0\0" + sides + b"\0\2\1\0\0;"


@pytest.mark.parametrize(
    ("content", "opencv_fails"),
    [
        (png_of(32_769, 32_768), True),
        (png_of(999_999, 1_074), True),
        (png_of(2**20 + 1, 1), False),
        (png_of(1, 1_000_001), False),
        (png_of(2**31 - 1, 2), False),
        (b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI\x50\0\x20\2\x2b\xd5\xb3\x7f" + png_of(4, 3)[8:], False),
        (jpeg_of(40_000, 40_000), True),
        (jpeg_of(65_500, 65_500), True),
        (jpeg_of(65_501, 65_501), False),
        (jpeg_of(65_501, 1), False),
        (jpeg_of(1_000, 65_535), False),
        (gif_of(65_535, 65_535), True),
    ],
    ids=[*["PNG"] * 5, "CgBI", *["JPEG"] * 5, "GIF"],
)
def test_size_that_is_not_decoded_is_refused_as_opencv_fails_on_it_or_finds_no_image(
    content: bytes, opencv_fails: bool
) -> None:
    with pytest.raises(ImageError) as refused:
        read_header(content)

    assert isinstance(refused.value, TooLargeError) is opencv_fails
    if not content.startswith(b"GIF"):  # which only some builds of OpenCV decode
        assert told_by_opencv(content) == ("fails" if opencv_fails else None)


def told_by_opencv(content: bytes) -> str | None:
    try:
        return None if cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is None else "decodes"
    except cv2.error:
        return "fails"


def told_or_refused(content: bytes) -> bool:
    """Read a header; anything raised other than an ImageError fails the test."""
    try:
        header = read_header(content)
    except ImageError:
        return False
    assert header.width > 0
    assert header.height > 0
    return True


@given(st.binary(max_size=120))
def test_arbitrary_bytes_are_told_or_refused(content: bytes) -> None:
    told_or_refused(content)


# Pillow warns of what is damaged in a TIFF or in EXIF data, which is no reason to refuse it.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "start",
    [
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe1",
        b"\xff\xd8\xff\xc0\0\x11\x08",
        b"\x89PNG\r\n\x1a\n",
        FILES["PNG"][:33],
        b"RIFF",
        b"BM",
        FILES["BMP"][:18],
        b"II*\0",
        b"II*\0\x08\0\0\0\x03\0",
        b"MM\0*\0\0\0\x08\0\x03",
    ],
    ids=lambda start: ascii(start[:20])[2:-1],
)
@given(rest=st.binary(max_size=150))
def test_arbitrary_bytes_behind_the_first_are_told_or_refused(start: bytes, rest: bytes) -> None:
    told_or_refused(start + rest)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["JPEG", "PNG", "BMP", "TIFF", "TIFF by LZW"])
@given(data=st.data(), value=st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255))
def test_file_with_one_byte_changed_is_told_or_refused(name: str, data: st.DataObject, value: int) -> None:
    content = bytearray(FILES[name])
    place = data.draw(st.integers(0, min(60, len(content) - 1)) | st.integers(0, len(content) - 1))
    content[place] = value

    told_or_refused(bytes(content))


def told_slowly(content: bytes) -> ImageHeader | None:
    """Read a JPEG's header with Pillow; ``None`` if it is refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jpeg, "plain_size", lambda _: None)
        try:
            return read_header(content)
        except ImageError:
            return None


PLAIN_JPEGS = {
    "colour": by_pillow(PHOTO, "JPEG"),
    "grey": by_pillow(PHOTO.convert("L"), "JPEG"),
    "comment": by_pillow(PHOTO, "JPEG", dpi=(72, 72), comment=b"a comment"),
    "restarts": by_pillow(PHOTO, "JPEG", restart_marker_rows=1),
    "OpenCV": by_opencv(".jpg", RGB),
}


@pytest.mark.parametrize("name", PLAIN_JPEGS)
def test_plain_jpeg_is_read_without_pillow(name: str) -> None:
    assert jpeg.plain_size(PLAIN_JPEGS[name]) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    "content",
    [oriented("JPEG", 6), by_pillow(PHOTO, "JPEG", progressive=True), by_pillow(PHOTO, "PNG"), b"", b"\xff\xd8\xff"],
)
def test_what_is_no_plain_jpeg_is_left_to_pillow(content: bytes) -> None:
    assert jpeg.plain_size(content) is None


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(
    name=st.sampled_from(sorted(PLAIN_JPEGS)),
    changes=st.lists(
        st.tuples(st.integers(0, 650), st.sampled_from([0, 1, 8, 0xC0, 0xDA, 0xE1, 0xFF]) | st.integers(0, 255))
    ),
    end=st.none() | st.integers(0, 700),
)
def test_plain_jpeg_is_read_as_pillow_reads_it(name: str, changes: list[tuple[int, int]], end: int | None) -> None:
    content = bytearray(PLAIN_JPEGS[name])
    for place, value in changes:
        content[place % len(content)] = value
    damaged = bytes(content[:end])

    size = jpeg.plain_size(damaged)

    assert size is None or ImageHeader("JPEG", *size) == told_slowly(damaged)


def as_pybase64_1_0_decodes(value: str) -> bytes | None:
    """Decode letter by letter; None if padding is missing or a letter is not ASCII."""
    letters, signs = "", 0
    for letter in value:
        if not letter.isascii():
            return None
        if letter == "=" and len(letters) % 4 >= 2:
            signs += 1
            if len(letters) % 4 + signs == 4:
                return base64.b64decode(letters + "=" * signs)
        elif letter.isalnum() or letter in "+/":
            letters, signs = letters + letter, 0
    return None if len(letters) % 4 else base64.b64decode(letters)


@given(
    st.text("ABab01+/== \n-_\u00e9", max_size=16)
    | st.lists(st.binary(max_size=7), max_size=3).map(
        lambda raw: "".join(base64.b64encode(one).decode() for one in raw)
    )
)
def test_base64_is_decoded_as_pybase64_1_0_does(value: str) -> None:
    expected = as_pybase64_1_0_decodes(value)
    try:
        assert bytes_from_base64(value) == expected
    except ImageError as error:
        assert expected is None or (expected, str(error)) == (b"", "Empty image payload.")  # noqa: PT017


@given(
    st.text("ABab01+/= \n-_\u00e9", max_size=16)
    | st.binary(max_size=12).map(lambda raw: base64.b64encode(raw).decode())
)
def test_base64_is_decoded_as_by_the_lenient_decoder_alone(value: str) -> None:
    def decoded(decode: Any) -> Any:
        try:
            return decode(value)
        except ImageError as error:
            return str(error)

    assert decoded(bytes_from_base64) == (decoded(base64_decoding._leniently_decoded) or "Empty image payload.")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
@given(data=st.data(), value=st.integers(0, 255))
def test_exif_with_one_byte_changed_is_told_or_refused(name: str, data: st.DataObject, value: int) -> None:
    content = bytearray(oriented(name, 6))
    start = content.find(b"II*\0") if name != "JPEG" else content.find(b"Exif")
    content[data.draw(st.integers(max(start, 0), min(max(start, 0) + 40, len(content) - 1)))] = value

    told_or_refused(bytes(content))


# ---------------------------------------------------------------- base64


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("QUJD", b"ABC"),
        ("QUI=", b"AB"),
        ("QQ==", b"A"),
        ("QU JD", b"ABC"),
        ("QUJD\r\n", b"ABC"),
        ("\tQ\nU*J#D!", b"ABC"),
        ("\x00QUJD\x7f", b"ABC"),
        ("QUJD=", b"ABC"),
        ("QUJD====", b"ABC"),
        ("QUI==", b"AB"),
        ("QUI===", b"AB"),
        ("QUI=QUJD", b"AB"),
        ("QQ==QUJD", b"A"),
        ("QQ=\n=QUJD", b"A"),
        ("Q=UJD", b"ABC"),
        ("QU=JD", b"ABC"),
        ("=QUJD=QUI=QQ", b"ABCAB"),
        ("QUJD-_", b"ABC"),
        ("data:image/png;base64,QUJD", b"ABC"),
        ("data:image/jpeg;base64,QUJD", b"ABC"),
        ("data:image/jpg;base64,QU\nJD", b"ABC"),
        ("data:image/webp;base64,QUJD", b"ABC"),
        ("data:image/anything;base64,QUJD", b"ABC"),
    ],
)
def test_base64_is_decoded_as_leniently_as_the_server_does(value: str, content: bytes) -> None:
    assert bytes_from_base64(value) == content


@pytest.mark.parametrize(
    "value", ["QUI", "QQ", "QQ=", "Q", "QUJDQ", "QUJDQ-==", "QUJDQ_", "é", "QUJDé", "QUJD\u2028", "\ud800"], ids=ascii
)
def test_base64_without_its_padding_or_with_other_letters_is_refused(value: str) -> None:
    with pytest.raises(ImageError, match=rf"base64 of {len(value)} characters cannot be decoded: "):
        bytes_from_base64(value)


@pytest.mark.parametrize(
    "value", ["", "!!", "   ", "=", "====", "-_", "data:image/png;base64,", "data:image/png;base64,*"]
)
def test_base64_of_nothing_is_refused_as_empty(value: str) -> None:
    with pytest.raises(ImageError) as caught:
        bytes_from_base64(value)

    assert str(caught.value) == "Empty image payload."


@pytest.mark.parametrize(
    "head",
    [
        "data:image/svg+xml;base64,",
        "data:image/PNG;base64,",
        "DATA:image/png;base64,",
        "data:image/png;charset=utf-8;base64,",
        "data:application/octet-stream;base64,",
        " data:image/png;base64,",
        "data:image/png,",
        "data:;base64,",
    ],
)
def test_other_data_uris_are_read_as_base64_that_is_no_image(head: str) -> None:
    for name in ("JPEG", "PNG", "GIF", "BMP"):
        value = head + base64.b64encode(FILES[name]).decode()

        with pytest.raises(ImageError):
            read_header(bytes_from_base64(value))


@given(st.binary(min_size=1, max_size=50), st.randoms(use_true_random=False))
def test_base64_of_any_bytes_survives_what_the_server_skips(content: bytes, random: Any) -> None:
    letters = list(base64.b64encode(content).decode())
    for _ in range(random.randrange(6)):
        letters.insert(random.randrange(len(letters) + 1), random.choice(" \r\n\t*!.-_%"))
    head = random.choice(["", "data:image/png;base64,"])

    assert bytes_from_base64(head + "".join(letters)) == content


@given(st.text(max_size=30))
def test_any_text_is_decoded_or_refused(value: str) -> None:
    try:
        assert bytes_from_base64(value)
    except ImageError:
        return
