"""What crashes, hangs or bloats pycocotools and OpenCV ends in a named defect, in bounded time and memory."""

from __future__ import annotations

import time
import tracemalloc
from itertools import chain, repeat
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sam3_contract import masks
from sam3_contract.errors import MaskError, PolygonError, RleError
from sam3_contract.masks import find_defects
from sam3_contract.masks.limits import MAX_COUNTS_LENGTH
from sam3_contract.masks.rle.encode import counts_from_run_lengths

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS, MEGABYTES = 300.0, 400
"""Of processor time and memory: far more than is needed; what is guarded against takes hours and gigabytes."""


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    tracemalloc.start()
    start = time.process_time()
    yield
    seconds = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < SECONDS
    assert peak < MEGABYTES * 2**20


def rle(counts: object, height: object = 4, width: object = 6) -> dict[str, object]:
    return {"size": [height, width], "counts": counts}


def _made(payload: object) -> object:
    """Return a payload; a large one is made only now, for its own test."""
    return payload() if callable(payload) else payload


def text_of(*runs: int) -> str:
    return counts_from_run_lengths(np.array(runs))


RLE_DANGERS = [
    ("counts end inside a value", rle("5220k"), "counts_cut_short"),
    ("repr of bytes", rle("b'5220;'"), "counts_bytes_repr"),
    ("repr of bytes with other quotes", rle('b"5220;"'), "counts_bytes_repr"),
    ("runs sum to less", rle("522"), "pixels_missing"),
    ("runs sum to more", rle("5220;", 4, 5), "pixels_excess"),
    ("no counts", rle(""), "counts_empty"),
    ("no uncompressed counts", rle([]), "counts_empty"),
    ("height 0", rle("0", 0), "size_not_positive"),
    ("height 2**32", rle("5220;", 2**32), "size_too_large"),
    ("more runs than pixels", rle("0111", 1, 1), "pixels_excess"),
    ("many more runs than pixels", rle("0" + "1" * 30, 1, 1), "counts_too_long"),
    ("zero runs inside", rle(text_of(5, 0, 2, 17)), "run_zero"),
    ("negative run", rle(text_of(5, 2, 2, 2, -3, 16)), "run_negative"),
    ("10,000 megapixels", rle("5220;", 100_000, 100_000), "size_too_large"),
    ("2**31 rows", rle("5220;", 2**31, 2), "size_too_large"),
    ("2**60 pixels", rle("5220;", 2**40, 2**20), "size_too_large"),
    ("integer of 5,000 digits", rle("5220;", 10**5000), "size_too_large"),
    ("run of 2**29", rle(text_of(2**29), 2**29, 1), "size_too_large"),
    ("difference of 2**29", rle(text_of(1, 1, 1, 2**29 + 1), 2**14, 2**14), "pixels_excess"),
    ("byte outside", rle("5220~"), "counts_outside_alphabet"),
    ("NUL", rle("5220;\0"), "counts_outside_alphabet"),
    ("newline", rle("5220;\n"), "counts_outside_alphabet"),
    ("base64", rle("NTIyMDs="), "counts_base64"),
    ("non-ASCII", rle("5220\u037e"), "counts_outside_alphabet"),
    ("lone surrogate", rle("5220\ud800"), "counts_outside_alphabet"),
    ("value of 12 characters", rle("PPPPPPPPPPP0"), "value_too_long"),
    ("50 MB of '0' for one pixel", lambda: rle("0" * 50_000_000, 1, 1), "counts_too_long"),
    ("50 MB of '0' for many pixels", lambda: rle("0" * 50_000_000, 2**14, 2**14), "counts_too_long"),
    ("as long as is read, of zeros", lambda: rle("0" * MAX_COUNTS_LENGTH, 2**14, 2**14), "run_zero"),
    ("as long as is read, of ones", lambda: rle("1" * MAX_COUNTS_LENGTH, 2**14, 2**14), "pixels_excess"),
    ("as long as is read, unended", lambda: rle("P" * MAX_COUNTS_LENGTH, 2**14, 2**14), "counts_cut_short"),
    ("as long as is read, foreign", lambda: rle("~" * MAX_COUNTS_LENGTH, 2**14, 2**14), "counts_outside_alphabet"),
    ("size of floats", rle("5220;", 4.0, 6.0), "size_not_integers"),
    ("size of booleans", rle("5220;", True, True), "size_not_integers"),
    ("size of text", rle("5220;", "4", "6"), "size_not_integers"),
    ("size of three", {"size": [4, 6, 1], "counts": "5220;"}, "size_not_integers"),
]


@pytest.mark.parametrize(("payload", "name"), [row[1:] for row in RLE_DANGERS], ids=[row[0] for row in RLE_DANGERS])
def test_rle_danger_is_named(payload: object, name: str) -> None:
    payload = _made(payload)

    findings = find_defects(payload)

    assert [finding.name for finding in findings] == [name]
    assert sum(map(len, (findings[0].found, findings[0].expected, findings[0].diagnosis))) < 400
    with pytest.raises(RleError):
        masks.bitmap_from_masks(payload, image_size=(4, 6))


def test_swapped_size_is_named_although_the_sum_is_right() -> None:
    [finding] = find_defects(rle("5220;"), image_size=(6, 4))

    assert finding.name == "size_swapped"
    assert finding.diagnosis == "size is swapped: [4, 6] would be [6, 4]"


def test_nothing_at_all_is_no_mask() -> None:
    assert masks.find_defects_in_many([]) == []
    assert masks.iou_matrix([], []).shape == (0, 0)
    with pytest.raises(RleError, match="0 masks"):
        masks.union([])


def test_masks_of_different_sizes_do_not_mix() -> None:
    with pytest.raises(RleError, match="expected one size"):
        masks.iou_matrix([np.array([4])], [np.array([6])])


def _star(n_points: int) -> object:
    return np.random.default_rng(1).integers(0, 4096, (n_points, 2)).tolist()


def _nested(depth: int) -> object:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


POLYGON_DANGERS = [
    ("NaN", [[[1, 1], [float("nan"), 2], [3, 3]]], "coordinate_not_finite"),
    ("infinity", [[[1, 1], [float("inf"), 2], [3, 3]]], "coordinate_not_finite"),
    ("null", [[[1, 1], [None, 2], [3, 3]]], "coordinate_not_number"),
    ("1e7", [[[1, 1], [1e7, 2], [3, 3]]], "coordinate_too_large"),
    ("1e400", [[[1, 1], [10**400, 2], [3, 3]]], "coordinate_too_large"),
    ("integer of 5,000 digits", [[[1, 1], [10**5000, 2], [3, 3]]], "coordinate_too_large"),
    ("y of -1e8", [[[1, 1], [2, -(10**8)], [3, 3]]], "coordinate_too_large"),
    ("points without rings", [[1, 1], [1, 3], [3, 3]], "ring_not_points"),
    ("flat ring", [[1, 1, 1, 3, 3, 3]], "coordinates_flat"),
    ("flat ring of odd length", [[1, 1, 1, 3, 3]], "coordinates_flat"),
    ("four numbers", [[1, 1, 2, 2]], "box_for_polygon"),
    ("20,000 crossing points", lambda: [_star(20_000)], "fill_too_costly"),
    ("a million rings", lambda: [[[1, 1]]] * 1_000_000, "points_too_many"),
    ("two million points", lambda: [[[1, 1]] * 2_000_000], "points_too_many"),
    ("60,000 nulls", lambda: [None] * 60_000, "ring_not_points"),
    ("a hundred thousand nulls", lambda: [[[None, None]] * 50_000], "coordinate_not_number"),
    ("a hundred thousand floats", lambda: [[[0.5, 7.5]] * 50_000], "coordinate_not_integer"),
    ("deep nesting", lambda: _nested(100_000), "ring_not_points"),
]


@pytest.mark.parametrize(
    ("payload", "name"), [row[1:] for row in POLYGON_DANGERS], ids=[row[0] for row in POLYGON_DANGERS]
)
def test_polygon_danger_is_named(payload: object, name: str) -> None:
    payload = _made(payload)

    findings = find_defects(payload)

    assert [finding.name for finding in findings] == [name]
    with pytest.raises(PolygonError):
        masks.bitmap_from_masks(payload, image_size=(4096, 4096))


def test_one_or_two_points_are_drawn_and_noted() -> None:
    findings = find_defects([[[1, 1]]])

    assert [(finding.name, finding.severity) for finding in findings] == [("ring_few_points", "note")]
    assert masks.bitmap_from_masks([[[1, 1]]], image_size=(3, 3)).sum() == 1


def test_many_overlapping_rings_are_bounded() -> None:
    """As many rings as are read, each as large as the image: drawing each would take minutes."""
    square = [[0, 0], [0, 4000], [4000, 4000], [4000, 0]]

    names = [finding.name for finding in find_defects(list(repeat(square, 60_000)), image_size=(4096, 4096))]

    assert "ring_order" in names or "fill_too_costly" in names


def test_zigzag_within_the_law_is_bounded() -> None:
    """Edges at 45 degrees, up and down over the whole image as often as the limits allow."""
    down = chain.from_iterable(([x, 0], [x + 4000, 4000]) for x in range(0, 28_000, 2))

    findings = find_defects([[list(point) for point in down]])

    assert findings


@pytest.mark.parametrize(
    "bitmap",
    [
        np.array([[0, 1], [2, 1]], np.uint8),
        np.array([[0, 1], [2, 1]], np.int64),
        np.ones(5, np.bool_),
        np.ones((2, 2, 1), np.bool_),
        np.ones((0, 5), np.bool_),
        np.ones((2, 2), np.float32),
    ],
    ids=lambda bitmap: f"{bitmap.dtype}{bitmap.shape}",
)
def test_array_that_is_no_mask_is_refused(bitmap: np.ndarray) -> None:
    with pytest.raises(MaskError, match="expected bool"):
        masks.rle_from_bitmap(bitmap)


def test_row_order_in_memory_does_not_matter() -> None:
    bitmap = np.random.default_rng(2).random((5, 7)) < 0.5

    assert masks.rle_from_bitmap(bitmap) == masks.rle_from_bitmap(np.asfortranarray(bitmap))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[[[1, NaN]]]", "number_not_finite"),
        ("[[[1, 1e400]]]", "number_not_finite"),
        ("[[[1, -Infinity]]]", "number_not_finite"),
        ("[[[1, " + "9" * 5000 + "]]]", "integer_too_wide"),
        ('{"size": [1, 1], "size": [2, 2]}', "key_repeated"),
        ("[" * 100_000, "nested_too_deep"),
        ('{"a":' * 100_000, "nested_too_deep"),
        ('"' + '\\"' * 1_000_000, "not_json"),
        ("[" + '"a",' * 100 + '"\\', "not_json"),
        (b"\xff\xfe[", "not_json"),
        ("", "not_json"),
    ],
    ids=["NaN", "1e400", "infinity", "5,000 digits", "keys", "lists", "objects", "quotes", "cut", "UTF-16", "empty"],
)
def test_json_danger_is_named(text: str | bytes, name: str) -> None:
    _, findings = masks.parse_json(text)

    assert [finding.name for finding in findings] == [name]
