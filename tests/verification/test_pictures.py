"""The files that are sent show what they are meant to, by decoders that had no part in writing them."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.ExifTags import IFD

from sam3_contract.cases.pictures.encodings import ENCODINGS, OF_TWO_SHADES, Encoding
from sam3_contract.cases.pictures.views import grey_scene
from sam3_contract.images import read_header
from sam3_contract.images.scenes import Scene, built_in_scenes, further_scenes, mirrored, stencil

Pixels = NDArray[np.uint8]

SHAPES, AWKWARD = built_in_scenes()
CROWD, _, TINY, _, _, NARROW, _ = further_scenes()
OF_COLOURS = [
    pytest.param(scene, way, id=f"{name}, {scene.name}")
    for name, way in ENCODINGS.items()
    for scene in (AWKWARD, CROWD, TINY, NARROW)
    if way.lossless or scene is not TINY
]
OF_BLACK_AND_WHITE = [pytest.param(stencil(), way, id=name) for name, way in OF_TWO_SHADES.items()]
LOSS = 4.0  # levels that a pixel may be off on average
THUMBNAIL = b"\xff\xd8\xff"


def by_opencv(content: bytes) -> Pixels:
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded[:, :, ::-1], np.uint8)


def by_pillow(content: bytes) -> Pixels:
    picture = Image.open(io.BytesIO(content))
    if picture.mode.startswith("I"):
        return np.dstack([np.asarray(picture) // 257] * 3).astype(np.uint8)
    with_alpha = "transparency" in picture.info  # else Pillow warns
    return np.asarray(ImageOps.exif_transpose(picture.convert("RGBA") if with_alpha else picture).convert("RGB"))


@pytest.mark.parametrize("decode", [by_opencv, by_pillow])
@pytest.mark.parametrize(("scene", "way"), OF_COLOURS + OF_BLACK_AND_WHITE)
def test_file_shows_the_picture(scene: Scene, way: Encoding, decode: type) -> None:
    pixels = grey_scene(scene).pixels if way.grey and scene is not stencil() else scene.pixels
    content = way.write(pixels)

    off = np.abs(decode(content).astype(int) - pixels)
    assert off.mean() <= (0 if way.lossless else LOSS)
    assert read_header(content).size == scene.size


def test_jpegs_say_what_those_of_cameras_do() -> None:
    written = {name: ENCODINGS[name].write(SHAPES.pixels) for name in ("jpeg-turned-6", "jpeg-turned-2")}
    places = {name: content.partition(b"Exif\0\0")[2] for name, content in written.items()}

    assert [content[:2] for content in places.values()] == [b"II", b"MM"]
    assert [content.endswith(b"\xff\xd9") for content in written.values()] == [False, True]
    for name, content in written.items():
        tags = Image.open(io.BytesIO(content)).getexif()
        start = places[name].index(THUMBNAIL)
        assert tags[0x0112] == int(name[-1])
        assert tags.get_ifd(IFD.Exif)[0x927C].startswith(b"Maker")
        assert tags.get_ifd(IFD.GPSInfo)[1] == "N"
        assert tags.get_ifd(IFD.IFD1)[0x0201] == start
        assert Image.open(io.BytesIO(places[name][start:])).size == (40, 30)
        assert tags.get_ifd(IFD.IFD1)[0x0112] != tags[0x0112]


def test_colour_profiles_are_of_one_day_whenever_they_are_made() -> None:
    content = ENCODINGS["jpeg-described"].write(built_in_scenes()[0].pixels)
    profile: bytes = Image.open(io.BytesIO(content)).info["icc_profile"]

    # As ICC.1 has it: Pillow 12.0 reads months from 0 on.
    assert struct.unpack(">6H", profile[24:36]) == (2026, 1, 1, 0, 0, 0)


def test_one_file_differs_from_another_in_nothing_but_what_turns_it() -> None:
    """Whoever knows images by the pixels in their files takes them for one."""
    turned, plain = ENCODINGS["jpeg-turned-2"].write(SHAPES.pixels), ENCODINGS["jpeg"].write(mirrored(SHAPES).pixels)
    lying = [np.asarray(Image.open(io.BytesIO(content))) for content in (turned, plain)]

    assert np.array_equal(lying[0], lying[1])
    assert not np.array_equal(by_opencv(turned), by_opencv(plain))
