"""A known picture is recognised whichever program wrote the file, another one is not, and little is decoded."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mock_server.annotations import known_images, library
from mock_server.annotations.annotated_image import AnnotatedImage
from mock_server.annotations.known_images import known_scenes, library_of
from mock_server.annotations.library import KnownImage, Later, Library, pixels_from_content
from sam3_contract.images import read_header
from sam3_contract.images.scenes import Scene, built_in_scenes, derived_scenes, further_scenes
from tests.mock_server.annotated_set import photograph, write_set
from tests.mock_server.client import png

EVERY = built_in_scenes() + derived_scenes() + further_scenes()
SHAPES = EVERY[0]
SCENES = library_of(coco=None, images=None, scenes=True)
_EXIF = 0x0112


def file_of(pixels: NDArray[np.uint8], form: str, mode: str = "RGB", **options: object) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, form, **options)
    return content.getvalue()


def turned(pixels: NDArray[np.uint8], form: str) -> bytes:
    """Write a file that shows the picture only to who minds its EXIF tag."""
    exif = Image.Exif()
    exif[_EXIF] = 6
    return file_of(np.rot90(pixels), form, exif=exif, quality=90)


def sixteen_bits(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", pixels[:, :, ::-1].astype(np.uint16) * 257)[1])


def found_in(shelves: Library, content: bytes) -> str | None:
    found = shelves.recognise(content, digest=hashlib.sha256(content).digest(), size=read_header(content).size)
    return None if found is None else found.name


WRITERS = {
    "PNG": lambda pixels: file_of(pixels, "PNG"),
    "PNG with alpha": lambda pixels: file_of(pixels, "PNG", "RGBA"),
    "PNG of 16 bits": sixteen_bits,
    "JPEG 85": lambda pixels: file_of(pixels, "JPEG", quality=85),
    "JPEG 95 without subsampling": lambda pixels: file_of(pixels, "JPEG", quality=95, subsampling=0),
    "JPEG turned by EXIF": lambda pixels: turned(pixels, "JPEG"),
    "WebP": lambda pixels: file_of(pixels, "WEBP", quality=80),
    "WebP without loss": lambda pixels: file_of(pixels, "WEBP", lossless=True),
    "BMP": lambda pixels: file_of(pixels, "BMP"),
    "TIFF": lambda pixels: file_of(pixels, "TIFF", compression="tiff_lzw"),
}


# Of fourteen by ten pixels nothing is left by a format that loses some.
LOSSLESS = {"PNG", "PNG with alpha", "PNG of 16 bits", "WebP without loss", "BMP", "TIFF"}


@pytest.mark.parametrize(
    ("scene", "writer"),
    [(scene, writer) for scene in EVERY for writer in WRITERS if scene.name != "tiny" or writer in LOSSLESS],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
def test_scene_is_recognised_in_every_format(scene: Scene, writer: str) -> None:
    assert found_in(SCENES, WRITERS[writer](scene.pixels)) == scene.name


@pytest.mark.parametrize("scene", [scene for scene in EVERY if scene.name.endswith("grey")], ids=str)
def test_grey_scene_is_recognised_as_a_grey_file(scene: Scene) -> None:
    assert found_in(SCENES, file_of(scene.pixels, "PNG", "L")) == scene.name
    assert found_in(SCENES, file_of(scene.pixels, "JPEG", "L")) == scene.name


@pytest.mark.parametrize("writer", WRITERS)
def test_photograph_of_a_set_is_recognised_in_every_format(writer: str, tmp_path: Path) -> None:
    annotations, images = write_set(tmp_path)
    shelves = library_of(coco=annotations, images=images, scenes=True)

    for name in ("first.png", "nested/second.jpg", "empty.png"):
        pixels = np.asarray(Image.open(images / name).convert("RGB"))
        assert found_in(shelves, WRITERS[writer](pixels)) == Path(name).name


@pytest.mark.parametrize("scene", EVERY, ids=lambda scene: scene.name)
def test_changed_scene_is_not_the_scene(scene: Scene) -> None:
    for thing in scene.things:
        if thing.bitmap.sum() > 1000:
            without = scene.pixels.copy()
            without[thing.bitmap] = scene.pixels[0, 0]
            assert found_in(SCENES, file_of(without, "PNG")) in {None, "bare"}
    darker = (scene.pixels * 0.8).astype(np.uint8)
    assert found_in(SCENES, file_of(darker, "PNG")) is None
    assert found_in(SCENES, file_of(np.ascontiguousarray(np.flipud(scene.pixels)), "PNG")) is None


def test_other_photograph_of_the_same_size_is_not_known(tmp_path: Path) -> None:
    annotations, images = write_set(tmp_path)
    shelves = library_of(coco=annotations, images=images, scenes=False)

    others = [file_of(photograph(seed, width=120, height=90), "JPEG") for seed in range(10, 20)]

    assert [found_in(shelves, content) for content in others] == [None] * 10


def test_only_images_of_a_known_size_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    monkeypatch.setattr(library, "pixels_from_content", lambda content, **_: decoded.append(content))
    shelves = Library(known_scenes())
    known, other = png(320, 208), png(321, 208)

    assert found_in(shelves, other) is None
    assert decoded == []
    assert found_in(shelves, known) is None
    assert found_in(shelves, known) is None
    assert decoded == [known], "decoded again although it came before"


def test_file_itself_is_found_without_decoding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    annotations, images = write_set(tmp_path)
    shelves = library_of(coco=annotations, images=images, scenes=False)
    monkeypatch.setattr(library, "pixels_from_content", lambda *_, **__: pytest.fail("decoded"))

    assert found_in(shelves, (images / "first.png").read_bytes()) == "first.png"


def test_files_seen_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "REMEMBERED", 3)
    shelves = Library(known_scenes())

    for number in range(9):
        found_in(shelves, png(320, 208, str(number)))

    assert len(shelves._shelves[208, 320]._seen) == 3


@pytest.mark.parametrize(
    "content",
    [
        png(320, 208),
        WRITERS["JPEG 85"](SHAPES.pixels)[:300] + bytes(200) + WRITERS["JPEG 85"](SHAPES.pixels)[500:],
        SHAPES.content[:200] + b"\0" * 40 + SHAPES.content[240:],
    ],
    ids=["no pixels", "damaged JPEG", "damaged PNG"],
)
def test_damaged_file_is_no_known_image(content: bytes) -> None:
    assert found_in(SCENES, content) is None


def test_decoded_file_of_another_size_than_told_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pixels_from_content(SHAPES.content, size=(208, 320)) is not None
    assert pixels_from_content(SHAPES.content, size=(320, 208)) is None
    assert pixels_from_content(b"", size=(208, 320)) is None
    monkeypatch.setattr(library, "MAX_DECODED", 100)
    assert pixels_from_content(SHAPES.content, size=(208, 320)) is None


def test_image_file_that_is_gone_is_still_known_by_its_bytes(tmp_path: Path) -> None:
    annotations, images = write_set(tmp_path)
    shelves = library_of(coco=annotations, images=images, scenes=False)
    pixels = np.asarray(Image.open(images / "first.png"))
    content = (images / "first.png").read_bytes()
    (images / "first.png").unlink()

    assert found_in(shelves, content) == "first.png"
    assert found_in(shelves, file_of(pixels, "BMP")) is None


def test_first_of_two_that_look_the_same_is_taken() -> None:
    size, pixels = (30, 40), photograph(1, width=40, height=30)
    twins = [KnownImage(AnnotatedImage(name, size, ()), lambda: pixels[:, :, ::-1].copy()) for name in ("one", "two")]

    assert found_in(Library(twins), file_of(pixels, "PNG")) == "one"
    assert found_in(Library(twins[::-1]), file_of(pixels, "PNG")) == "two"


def test_scenes_are_as_many_of_each_size_as_are_told_before_they_are_drawn() -> None:
    told = {size: later.count for size, later in known_images._SCENES.items()}
    assert told == Counter(known.image.size for known in known_scenes())
    assert len(SCENES) == sum(told.values()) == len(list(known_scenes()))


def test_images_are_made_when_one_of_their_size_is_looked_for_and_once() -> None:
    made: list[str] = []

    def make() -> list[KnownImage]:
        made.append("scenes")
        return list(known_scenes(SHAPES.size))

    first = AnnotatedImage("first", SHAPES.size, ())
    shelves = Library([KnownImage(first, lambda: None, b"digest")], {SHAPES.size: Later(4, make)})
    other = file_of(np.zeros((*derived_scenes()[1].size, 3), np.uint8), "PNG")
    assert (len(shelves), found_in(shelves, other), made) == (5, None, [])
    assert found_in(shelves, SHAPES.content) == SHAPES.name
    assert found_in(shelves, SHAPES.content) == SHAPES.name
    assert made == ["scenes"]
    assert shelves.numbered(0, size=SHAPES.size) is first
    found = shelves.numbered(1, size=SHAPES.size)
    assert (found.name, shelves.number_of(found)) == (SHAPES.name, 1)


def test_number_alone_makes_the_images_of_its_size() -> None:
    other = library_of(coco=None, images=None, scenes=True)
    assert other.numbered(0, size=SHAPES.size).name == SHAPES.name
