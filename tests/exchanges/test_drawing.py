from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from sam3_contract.errors import ImageError, RleError
from sam3_contract.exchanges.drawing import (
    BOTH,
    ONLY_FIRST,
    ONLY_SECOND,
    PALETTE,
    Contrast,
    Layer,
    draw_difference,
    draw_masks,
    enlargement,
    layers_of,
    open_photograph,
)
from sam3_contract.masks import rle_from_bitmap
from sam3_contract.testing import specimen


def block(shape: tuple[int, int], *, rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(shape, np.bool_)
    mask[rows, columns] = True
    return mask


def grey(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), (128, 128, 128))


def changed(before: Image.Image, after: Image.Image) -> np.ndarray:
    return (np.asarray(before) != np.asarray(after)).any(axis=2)


def test_mask_is_tinted_and_what_lies_apart_is_untouched() -> None:
    mask = block((300, 400), rows=slice(100, 200), columns=slice(100, 300))

    drawn = draw_masks(grey(400, 300), [Layer(mask, "", 0)])

    touched = changed(grey(400, 300), drawn)
    assert touched[mask].all()
    assert not touched[:90].any()
    assert not touched[:, 310:].any()


def test_hole_stays_a_hole() -> None:
    mask = block((300, 400), rows=slice(50, 250), columns=slice(50, 350))
    mask[100:200, 100:300] = False

    drawn = draw_masks(grey(400, 300), [Layer(mask, "", 1)])

    assert not changed(grey(400, 300), drawn)[110:190, 110:290].any()
    assert changed(grey(400, 300), drawn)[99, 150]


@pytest.mark.parametrize(("side", "times"), [(1, 640), (200, 4), (639, 2), (640, 1), (2000, 1)])
def test_small_photographs_are_enlarged_and_large_ones_are_not(side: int, times: int) -> None:
    assert enlargement(Image.new("RGB", (side, 1))) == times


def test_enlarged_picture_has_every_pixel_of_the_mask_times_over() -> None:
    mask = specimen("ring")

    drawn = draw_masks(grey(7, 6), [Layer(mask, "", 2)], times=40)

    assert drawn.size == (280, 240)
    middle = np.asarray(drawn)[20::40, 20::40]
    assert ((middle != 128).any(axis=2) == mask).all()


def chip_pixels(drawn: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    return (np.asarray(drawn) == np.array(colour)).all(axis=2)


def test_label_of_a_small_mask_lies_beside_it() -> None:
    mask = block((480, 640), rows=slice(200, 210), columns=slice(300, 312))

    without = draw_masks(grey(640, 480), [Layer(mask, "", 0)])
    labelled = draw_masks(grey(640, 480), [Layer(mask, "cat 0.91", 0)])

    label = changed(without, labelled)
    assert label.any()
    assert not label[200:210, 300:312].any()


def test_labels_of_one_place_do_not_cover_each_other() -> None:
    mask = block((480, 640), rows=slice(100, 400), columns=slice(100, 500))
    layers = [Layer(mask, "the first label", number) for number in range(4)]

    drawn = draw_masks(grey(640, 480), layers)

    areas = [int(chip_pixels(drawn, PALETTE[number]).sum()) for number in range(4)]
    assert min(areas) > 0.8 * max(areas[:3])


@pytest.mark.parametrize("label", ["x" * 500, "\N{CJK UNIFIED IDEOGRAPH-732B}", "two\nlines"])
@pytest.mark.parametrize("size", [(1, 1), (30, 20), (640, 480)])
def test_any_label_fits_into_any_picture(label: str, size: tuple[int, int]) -> None:
    full = np.ones(size[::-1], np.bool_)

    assert draw_masks(grey(*size), [Layer(full, label, 3)]).size == size


def test_empty_mask_is_drawn_as_nothing() -> None:
    empty = np.zeros((300, 400), np.bool_)

    assert not changed(grey(400, 300), draw_masks(grey(400, 300), [Layer(empty, "nothing", 0)])).any()


def test_difference_shows_what_each_answer_has_alone() -> None:
    first = block((480, 640), rows=slice(100, 300), columns=slice(100, 300))
    second = block((480, 640), rows=slice(100, 300), columns=slice(200, 400))

    drawn = np.asarray(draw_difference(grey(640, 480), [Contrast(first, second, "1")], names=("a", "b"))).astype(int)

    assert drawn.shape[0] > 480
    only_first, both, only_second, neither = drawn[150, 150], drawn[150, 250], drawn[150, 350], drawn[150, 500]
    assert only_first[2] > only_first[0] + 100
    assert only_second[0] > only_second[2] + 100
    assert both[0] == both[1] == both[2] > neither[0]


def test_legend_has_a_square_of_each_colour_below_the_photograph() -> None:
    mask = block((480, 640), rows=slice(100, 300), columns=slice(100, 300))

    drawn = draw_difference(grey(640, 480), [Contrast(mask, mask, "1")], names=("a.json", "b.json"))

    for colour in (BOTH, ONLY_FIRST, ONLY_SECOND):
        assert chip_pixels(drawn, colour)[480:].sum() > 80


def test_narrow_picture_gets_a_legend_of_several_rows() -> None:
    mask = block((640, 100), rows=slice(100, 300), columns=slice(10, 50))

    wide = draw_difference(grey(640, 640), [], names=("a", "b"))
    narrow = draw_difference(grey(100, 640), [Contrast(mask, None, "1")], names=("a", "b"))

    assert narrow.height > wide.height


def test_masks_that_lie_apart_are_both_labelled() -> None:
    first = block((480, 640), rows=slice(50, 200), columns=slice(50, 250))
    second = block((480, 640), rows=slice(250, 400), columns=slice(350, 600))

    drawn = draw_difference(grey(640, 480), [Contrast(first, second, "1")], names=("a", "b"))

    assert chip_pixels(drawn, ONLY_FIRST)[:480].sum() > 80
    assert chip_pixels(drawn, ONLY_SECOND)[:480].sum() > 80


def test_instance_that_one_answer_lacks_is_drawn() -> None:
    mask = block((480, 640), rows=slice(50, 200), columns=slice(50, 250))

    drawn = draw_difference(grey(640, 480), [Contrast(None, mask, "7"), Contrast(None, None, "8")], names=("a", "b"))

    assert chip_pixels(drawn, ONLY_SECOND)[:480].sum() > 80


def test_same_picture_every_time() -> None:
    mask = block((480, 640), rows=slice(50, 200), columns=slice(50, 250))
    pictures = [draw_masks(grey(640, 480), [Layer(mask, "cat", 0)]).tobytes() for _ in range(2)]

    assert pictures[0] == pictures[1]


def test_layers_of_both_operations() -> None:
    rle = rle_from_bitmap(specimen("ring"))
    prediction = {"masks": rle, "confidence": 0.914, "format": "rle"}
    concept = {"prompt_results": [{"prompt_index": 3, "echo": {"text": "cat"}, "predictions": [prediction]}]}

    [from_concept] = layers_of(concept, size=(6, 7))
    [from_visual] = layers_of({"predictions": [prediction]}, size=(6, 7))

    assert (from_concept.label, from_concept.colour) == ("cat 0.91", 3)
    assert (from_visual.label, from_visual.colour) == ("mask 0 0.91", 0)
    assert (from_concept.mask == specimen("ring")).all()
    with pytest.raises(RleError):
        list(layers_of({"predictions": [prediction]}, size=(7, 6)))


def test_photograph_is_turned_upright() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(buffer, "JPEG", exif=exif)

    assert open_photograph(buffer.getvalue()).size == (30, 40)
    with pytest.raises(ImageError, match="the image cannot be decoded"):
        open_photograph(b"GIF89a")
    with pytest.raises(ImageError, match=r"decoded: it is of no known format$"):
        open_photograph(b"{}")


def test_photograph_is_what_the_service_looks_at() -> None:
    """Not turned where OpenCV 4.12 turns nothing, of 16 bits the upper 8."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(buffer, "WEBP", exif=exif)
    samples = np.random.default_rng(0).integers(0, 2**16, (30, 40), np.uint16)
    content = cv2.imencode(".png", samples)[1].tobytes()
    seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)

    assert open_photograph(buffer.getvalue()).size == (40, 30)
    assert np.array_equal(np.asarray(open_photograph(content)), seen)


def test_photograph_that_only_others_decode_is_shown_all_the_same() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40)).save(buffer, "ICO", sizes=[(32, 32)])

    assert open_photograph(buffer.getvalue()).mode == "RGB"
