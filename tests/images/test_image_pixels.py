"""Whether the pixels of a file can be decoded, against OpenCV; and what is told of a PNG without decoding it."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from sam3_contract.errors import ImageError
from sam3_contract.images import decode, examine, is_sound, jpeg, png, read_header
from sam3_contract.images.bounds import is_bounded
from sam3_contract.images.rough_size import rough_size
from tests.properties import examples

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


def chunk(kind: bytes, body: bytes = b"", *, damage: int = 0) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ damage)


def png_of(
    pixels: bytes = zlib.compress(ROWS), *, before: bytes = b"", behind: bytes = b"", damage: int = 0, **header: int
) -> bytes:
    fields = {"width": WIDTH, "height": HEIGHT, "bits": 8, "colours": 2, "compression": 0, "filters": 0, "interlace": 0}
    head = struct.pack(">IIBBBBB", *(fields | header).values())
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before
    return start + chunk(b"IDAT", pixels, damage=damage) + behind + chunk(b"IEND")


def by_tags(pixels: bytes, tags: dict[int, tuple[int, int]]) -> bytes:
    """Write a TIFF: a type and a value for each tag, the pixels behind them."""
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(tags.items()))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + pixels


def bmp_head(size: int, *, bits: int = 24, compression: int = 0, colours: int = 0, **_: int) -> bytes:
    if size == 12:
        head = struct.pack("<IHHHH", size, WIDTH, HEIGHT, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", size, WIDTH, HEIGHT, 1, bits, compression, 0, 0, 0, colours, 0)
    return head.ljust(size, b"\0")


def bmp(pixels: bytes, palette: bytes = b"", size: int = 40, **fields: int) -> bytes:
    body = bmp_head(size, **fields) + palette
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(pixels), 0, 0, 14 + len(body)) + body + pixels


def pam(kind: bytes = b"RGB", depth: int = 3, most: int = 255, *, before: bytes = b"") -> bytes:
    head = b"WIDTH 30\nHEIGHT 20\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n" % (depth, most, kind)
    return b"P7\n" + before + head + bytes(WIDTH * HEIGHT * depth * (2 if most > 255 else 1))


HDR_HEAD = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 20 +X 30\n"
FLAT = bytes([10, 20, 30, 128]) * (WIDTH * HEIGHT)
RUNS = b"".join(bytes([WIDTH, 7, 0, 0]) for _ in range(HEIGHT)) + b"\0\1"
MASKS = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
ROWS_OF_32_BITS = bytes(4 * WIDTH * HEIGHT)
PAGE = {256: (4, WIDTH), 257: (4, HEIGHT), 258: (3, 8), 259: (3, 1), 262: (3, 1), 277: (3, 1), 278: (4, HEIGHT)}
PAGE |= {273: (4, 134), 279: (4, WIDTH * HEIGHT)}

FILES = {
    "AVIF": written("AVIF"),
    "AVIF of another brand": written("AVIF").replace(b"ftypavif", b"ftypmiaf"),
    "BMP of OS/2": bmp(bytes(92 * HEIGHT), size=12),
    "BMP of OS/2 in 36 bytes": bmp(bytes(92 * HEIGHT), size=36),
    "BMP of 4 bits": bmp(bytes(16 * HEIGHT), bytes(64), bits=4),
    "BMP in runs": bmp(RUNS, bytes(1024), bits=8, compression=1),
    "BMP of 4 bits in runs": bmp(RUNS, bytes(64), bits=4, compression=2),
    "BMP of 16 bits by masks": bmp(bytes(60 * HEIGHT), MASKS, bits=16, compression=3),
    "BMP of 32 bits": bmp(ROWS_OF_32_BITS, bits=32),
    "BMP of 32 bits without its masks": bmp(ROWS_OF_32_BITS, bits=32, compression=3),
    "BMP of version 5": bmp(bytes(92 * HEIGHT), size=124),
    "HDR": cv2.imencode(".hdr", RGB.astype(np.float32))[1].tobytes(),
    "HDR flat": HDR_HEAD + FLAT,
    "HDR of RGBE": HDR_HEAD.replace(b"RADIANCE", b"RGBE") + FLAT,
    "HDR with a comment": HDR_HEAD.replace(b"FORMAT", b"# words\nFORMAT") + FLAT,
    "PAM": pam(),
    "PAM grey": pam(b"GRAYSCALE", 1),
    "PAM grey with alpha": pam(b"GRAYSCALE_ALPHA", 2),
    "PAM with alpha": pam(b"RGB_ALPHA", 4),
    "PAM of 16 bits": pam(most=65_535),
    "PAM with a comment": pam(before=b"# words\n"),
    "PFM": cv2.imencode(".pfm", RGB.astype(np.float32))[1].tobytes(),
    "PFM grey": cv2.imencode(".pfm", RGB[..., 0].astype(np.float32))[1].tobytes(),
    "PFM of big numbers": b"PF\n30 20\n1.0\n" + bytes(12 * WIDTH * HEIGHT),
    "TIFF in 64 bits": written("TIFF", big_tiff=True),
    "TIFF of signed numbers": by_tags(bytes(600), PAGE | {339: (3, 2)}),
    "GIF and words behind it": written("GIF") + b"words",
    "PNG with a palette and words behind it": written("PNG", PHOTO.convert("P"))
    + b"words behind it, more than a chunk",
    "PNG animated and words behind it": written("PNG", save_all=True, append_images=[PHOTO.rotate(90)]) + b"words" * 9,
    "PNG and words behind it": png_of() + b"words behind it, more than a chunk",
    "PNG of a damaged colour profile": png_of(before=chunk(b"cHRM", b"1")),
    "PNG of far too much text": png_of(before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_500_000))) * 2),
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
    "PNM of other signs behind its numbers": b"P5\n30,20;255\xff" + bytes(600),
    "PNM of an empty comment behind its width": b"P5\n30#\n20 255\n" + bytes(600),
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
MORE_THAN_NEEDED = {"JPEG with other bytes in the place of its end"} | {
    name for name in FILES if "words" in name or name.startswith("BMP") or "PNG of far" in name
}


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", sorted(FILES.keys() - MORE_THAN_NEEDED))
def test_what_was_cut_short_is_taken_only_if_opencv_takes_it(name: str, kept: float) -> None:
    content = FILES[name][: int(len(FILES[name]) * kept)]

    assert not taken(content)
    assert by_opencv(content) is None


@given(
    name=st.sampled_from(sorted(FILES)),
    changes=st.lists(st.tuples(st.integers(0, 3_000), st.sampled_from([0, 1, 0x7F, 0xFF]) | st.integers(0, 255))),
    end=st.none() | st.integers(0, 3_000),
)
def test_what_was_damaged_is_taken_if_opencv_takes_it(
    name: str, changes: list[tuple[int, int]], end: int | None
) -> None:
    damaged = bytearray(FILES[name])
    for place, value in changes:
        damaged[place % len(damaged)] = value
    content = bytes(damaged[:end])
    assume(content)
    sides = rough_size(content)
    # OpenCV would take minutes and gigabytes for some of them.
    assume(sides is None or sides[0] * sides[1] < 10**6)
    assume(is_bounded(content, "PNG" if content.startswith(png.START) else ""))

    pixels = by_opencv(png.still(content))  # it may not survive an animation

    assert taken(content) == (pixels is not None)
    if pixels is not None:
        assert read_header(content).size in {pixels.shape[:2], pixels.shape[1::-1]}


def test_progressive_jpeg_of_a_thousand_scans_is_not_drawn() -> None:
    large = written("JPEG", Image.new("L", (2048, 2048)), progressive=True)
    content = large[:-2] + bytes.fromhex("ffda0008010100010500") * 1_000 + large[-2:]

    assert taken(large)
    assert not taken(content)


def test_jpeg_of_a_thousand_scans_behind_an_end_that_is_words_is_not_drawn() -> None:
    large = written("JPEG", Image.new("L", (2048, 2048)), progressive=True, comment=b"\xff\xd9")
    content = large[:-2] + bytes.fromhex("ffda0008010100010500") * 1_000 + large[-2:]

    assert taken(large)
    assert not taken(content)


@pytest.mark.parametrize("progressive", [False, True])
def test_what_looks_like_scans_in_words_of_a_jpeg_and_behind_it_is_not_counted(progressive: bool) -> None:
    comment = b"\xff\xda" * 1_000
    film = written("JPEG", Image.new("L", (2048, 2048)), progressive=progressive, comment=comment) + comment

    assert taken(film)
    assert decode(film, read_header(film)) is not None


@pytest.mark.parametrize("kind", [b"tEXt", b"abCd", b"IDAT"])
def test_png_whose_chunk_says_to_be_of_gigabytes_is_not_tried(kind: bytes) -> None:
    content = FILES["PNG of a damaged colour profile"]
    content = content[:33] + b"\x7f\xff\xff\xff" + kind + content[33:]

    assert not is_bounded(content, "PNG")
    assert not taken(content)


def test_tiff_of_huge_tiles_is_not_tried() -> None:
    tags = {tag: value for tag, value in PAGE.items() if tag not in {273, 278, 279}}
    tiles = {322: (3, 8192), 323: (3, 8192), 324: (4, 134), 325: (4, 100)}

    assert not taken(by_tags(bytes(200), tags | tiles))


@pytest.mark.parametrize(
    "content",
    [
        b"PF\n" + b"1" * 10**6,
        b"P7\n" + b"\n" * 60_000 + b" " * 60_000,
        b"P6" + b"#\n" * 30_000 + b"x",
        b"P6#" * 20_000,
        b"\xff\xd8\xff\xda\0\2" + b"\xff" * 100_000 + b"\0",
        b"#?RADIANCE" + b"\n" * 60_000,
        b"\0\0\0 ftypavif" + b"ispe" * 10_000,
    ],
    ids=["digits", "blanks", "comments", "comments that end nowhere", "a run of FFs", "lines", "boxes"],
)
def test_header_that_goes_on_and_on_is_refused_at_once(content: bytes) -> None:
    assert not taken(content)


@pytest.mark.parametrize("name", ["HDR", "PAM", "PFM"])
def test_image_that_is_too_large_to_be_tried_is_taken_at_its_word(name: str) -> None:
    places = {"HDR": (b"-Y 20 +X 30", b"-Y 5000 +X 6000"), "PFM": (b"30 20", b"6000 5000"), "PAM": (b"30\nHEIGHT 20",)}
    old, new = (*places[name], b"6000\nHEIGHT 5000")[:2]

    header = read_header(FILES[name].replace(old, new))

    assert (header.format, header.size) == (name, (5000, 6000))


@pytest.mark.parametrize("table", ["Huffman", "quantization", "frame", "scan"])
def test_jpeg_of_a_table_that_no_decoder_can_use_is_refused(table: str) -> None:
    content = bytearray(written("JPEG"))
    marker, place, value = {
        "Huffman": (b"\xff\xc4", 5, 0xFF),
        "quantization": (b"\xff\xdb", 4, 9),
        "frame": (b"\xff\xc0", 11, 0x51),
        "scan": (b"\xff\xda", 5, 9),
    }[table]
    content[content.index(marker) + place] = value

    assert by_opencv(bytes(content)) is None
    assert not taken(bytes(content))


def test_jpeg_is_certain_only_of_samplings_that_opencv_draws() -> None:
    """Each layer's factors have to divide the largest ones, across and down."""
    content = bytearray(written("JPEG"))
    place = content.index(b"\xff\xc0") + 11
    every = [across << 4 | down for across in range(1, 5) for down in range(1, 5)]
    seen = set()
    for samplings in itertools.product(every, repeat=3):
        content[place : place + 9 : 3] = bytes(samplings)
        if jpeg.is_common(bytes(content)):
            seen.add(samplings)
            assert by_opencv(bytes(content)) is not None, samplings

    assert {(0x11,) * 3, (0x22, 0x11, 0x11), (0x21, 0x11, 0x11), (0x11, 0x22, 0x11)} <= seen


def test_marker_among_the_pixels_of_a_jpeg_is_looked_at_more_closely() -> None:
    content = written("JPEG", PHOTO.resize((300, 200)))
    place = content.index(b"\xff\xda") + 600
    damaged = content[:place] + b"\xff\xc4\0\3\xff" + content[place:]

    assert not examine(damaged).certain
    assert taken(damaged) == (by_opencv(damaged) is not None)


def of_brands(*brands: bytes) -> bytes:
    """Write the beginning of a file in the container of ISO: its major brand, and those that it is compatible with."""
    return struct.pack(">I", 12 + 4 * len(brands)) + b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:]) + bytes(99)


@pytest.mark.parametrize("brands", [(b"heic",), (b"mif1", b"heic"), (b"heix", b"mif1"), (b"msf1", b"hevc")])
def test_photograph_in_heic_is_named_and_what_to_do_with_it(brands: tuple[bytes, ...]) -> None:
    with pytest.raises(ImageError, match="this is HEIC, which is not read: save it as JPEG"):
        read_header(of_brands(*brands))


@pytest.mark.parametrize("brands", [(b"isom", b"iso2", b"mp41"), (b"qt  ",)])
def test_film_is_no_image(brands: tuple[bytes, ...]) -> None:
    with pytest.raises(ImageError, match=r"no image starts with .*ftyp"):
        read_header(of_brands(*brands))


@pytest.mark.parametrize("brands", [(b"avif", b"heic"), (b"mif1", b"miaf"), (b"isom", b"avis")])
def test_avif_is_known_by_any_of_its_brands(brands: tuple[bytes, ...]) -> None:
    with pytest.raises(ImageError, match="the AVIF header is damaged"):
        read_header(of_brands(*brands))


# OpenCV 5 has both functions in a module of their own.
LOG = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging
WARNING = 3


def moving(*, first_is_hidden: bool) -> bytes:
    """Animate a photograph; OpenCV 5.0 ends the process at one whose still image has no part in the animation."""
    content = written("PNG", save_all=True, append_images=[PHOTO.rotate(90)], default_image=first_is_hidden)
    assert (content.index(b"fcTL") > content.index(b"IDAT")) == first_is_hidden
    return content


@pytest.mark.parametrize("first_is_hidden", [False, True])
def test_animation_is_its_still_image(first_is_hidden: bool) -> None:
    content = moving(first_is_hidden=first_is_hidden)

    assert taken(content)
    np.testing.assert_array_equal(decode(content, read_header(content)), by_opencv(written("PNG")))


@pytest.mark.parametrize("first_is_hidden", [False, True])
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_no_change_of_an_animation_ends_the_process(first_is_hidden: bool, place: float, value: int) -> None:
    content = bytearray(moving(first_is_hidden=first_is_hidden))
    content[8 + int(place * (len(content) - 8))] = value

    assert isinstance(taken(with_right_sums(bytes(content))), bool)


@pytest.mark.parametrize("start", [2**62, 2**63, 2**64 - 1])
@pytest.mark.parametrize("endian", "<>")
def test_directory_of_a_bigtiff_beyond_every_file_is_damage(start: int, endian: str) -> None:
    content = {"<": b"II", ">": b"MM"}[endian] + struct.pack(f"{endian}HHHQ", 43, 8, 0, start) + bytes(200)

    assert rough_size(content) is None
    assert not taken(content)


def test_opencv_says_nothing_of_a_damaged_file_and_keeps_its_level(capfd: pytest.CaptureFixture[str]) -> None:
    level = LOG.setLogLevel(WARNING)
    try:
        assert not taken(FILES["PNG of a damaged colour profile"][:-30])
        assert LOG.getLogLevel() == WARNING
    finally:
        LOG.setLogLevel(level)

    assert capfd.readouterr().err == ""


def test_level_of_opencv_4_is_set_by_its_own_function(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = [WARNING]
    monkeypatch.setattr(cv2, "setLogLevel", lambda level: levels.append(level) or levels[-2], raising=False)

    photograph = FILES["PNG of a damaged colour profile"]
    assert decode(photograph, read_header(photograph)) is not None

    assert levels == [WARNING, 0, WARNING]


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


@examples(150)
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
        pixels = by_opencv(png.still(changed))  # it may not survive an animation
        assert png.is_sound(changed) is not True or pixels is not None
        assert is_sound(changed, header) == (pixels is not None)


def with_right_sums(content: bytes) -> bytes:
    """Write a file again, the sum of each chunk as it has to be."""
    written_again, position = content[:8], 8
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        written_again += chunk(content[position + 4 : position + 8], content[position + 8 : position + 8 + length])
        position += 12 + length
    return written_again
