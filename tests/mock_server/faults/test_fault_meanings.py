"""Faults do what their names say: each is held to what can be worked out from the faultless answer."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from mock_server import Settings, create_app
from sam3_contract import masks
from tests.mock_server.client import KEY, Bitmap, Json, bitmap_of, center_box, click
from tests.mock_server.faults.fault_requests import (
    BEARER,
    BOX,
    CLICKS,
    HOLE,
    JPEG,
    REFUSED_KEY,
    REQUESTS,
    Asked,
    as_base64,
    concept,
    picture,
    texts,
    visual,
)

PARTS = {"format": "rle", "prompts": texts("specimen:parts")}


class Server:
    """A mock whose answers are asked for with and without faults."""

    def __init__(self, **fields: Any) -> None:
        settings = Settings(api_keys=frozenset({KEY}), refused_keys={REFUSED_KEY: "402"}, **fields)
        self.client = create_app(settings).test_client()

    def answer(self, asked: Asked, fault: str = "") -> tuple[int, bytes, dict[str, str]]:
        sent = asked.send(self.client, fault)
        assert not isinstance(sent, str), sent
        return sent[0], sent[1], dict(sent[2])

    def ask(self, asked: Asked, fault: str = "") -> Any:
        status, body, _ = self.answer(asked, fault)
        assert status == 200, body
        return json.loads(body)

    def results(self, asked: Asked, fault: str = "") -> list[list[Json]]:
        """The predictions of each concept prompt."""
        return [result["predictions"] for result in self.ask(asked, fault)["prompt_results"]]

    def predictions(self, asked: Asked, fault: str = "") -> list[Json]:
        """All predictions of a visual request."""
        found: list[Json] = self.ask(asked, fault)["predictions"]
        return found


def arrays(server: Server, fault: str = "") -> dict[str, Any]:
    _, body, _ = server.answer(REQUESTS["visual archive"], fault)
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        return dict(archive)


def moved(bitmap: Bitmap) -> Bitmap:
    return np.pad(bitmap, ((0, 0), (5, 0)))[:, :-5]


PIXELS: list[tuple[str, Callable[[Bitmap], Bitmap]]] = [
    ("masks_inverted", np.logical_not),
    ("masks_shifted_right:5", moved),
    ("masks_shifted_down:3", lambda bitmap: np.pad(bitmap, ((3, 0), (0, 0)))[:-3]),
    ("masks_mirrored", np.fliplr),
    ("masks_upside_down", np.flipud),
    ("masks_transposed", lambda bitmap: np.pad(bitmap[:48, :48].T, ((0, 0), (0, 16)))),
    ("masks_letterboxed", lambda bitmap: np.pad(bitmap, ((8, 0), (0, 0)))[:-8]),
    ("masks_half_size", lambda bitmap: bitmap[::2, ::2]),
    ("masks_empty", np.zeros_like),
    ("masks_full", np.ones_like),
]


@pytest.mark.parametrize(("fault", "expected"), PIXELS)
def test_pixels_are_wrong_as_named_in_every_form(fault: str, expected: Callable[[Bitmap], Bitmap]) -> None:
    server = Server()
    wanted = [expected(bitmap_of(one)) for one in server.predictions(REQUESTS["visual run lengths"])]
    size = wanted[0].shape

    in_runs = [bitmap_of(one) for one in server.predictions(REQUESTS["visual run lengths"], fault)]
    in_polygons = [one["masks"] for one in server.predictions(REQUESTS["visual polygons"], fault)]
    in_archive = arrays(server, fault)["masks"] >= 0

    assert all(map(np.array_equal, in_runs, wanted))
    assert np.array_equal(in_archive, np.stack(wanted))
    for polygons, bitmap in zip(in_polygons, wanted, strict=True):
        outlined = masks.bitmap_from_polygons(polygons, image_size=(size[0], size[1]))
        assert np.array_equal(outlined | bitmap, outlined)  # polygons lose holes and nothing else
        assert not bitmap.any() or polygons != [[]]


def test_concept_masks_are_wrong_like_visual_ones() -> None:
    server, asked = Server(), concept(**PARTS)
    [[right]], [[wrong]] = server.results(asked), server.results(asked, "masks_mirrored")

    assert np.array_equal(bitmap_of(wrong), np.fliplr(bitmap_of(right)))
    assert wrong["confidence"] == right["confidence"]


def test_grown_and_shrunk_masks_hold_and_are_held_by_the_right_ones() -> None:
    server, asked = Server(), visual({"box": center_box(30, 24, 30, 20)}, format="rle", multimask_output=False)
    [right] = map(bitmap_of, server.predictions(asked))
    [grown] = map(bitmap_of, server.predictions(asked, "masks_dilated:2"))
    [shrunk] = map(bitmap_of, server.predictions(asked, "masks_eroded:2"))
    columns = [np.flatnonzero(bitmap.any(axis=0)) for bitmap in (shrunk, right, grown)]

    assert (right <= grown).all()
    assert (shrunk <= right).all()
    assert [(found[0], found[-1]) for found in columns] == [
        (columns[1][0] + 2, columns[1][-1] - 2),
        (columns[1][0], columns[1][-1]),
        (columns[1][0] - 2, columns[1][-1] + 2),
    ]


def test_boxes_hulls_and_largest_parts_are_those_of_the_masks() -> None:
    server, asked = Server(), concept(**PARTS)
    [[right]] = server.results(asked)
    bitmap = bitmap_of(right)
    rows, columns = np.flatnonzero(bitmap.any(axis=1)), np.flatnonzero(bitmap.any(axis=0))
    box = np.zeros_like(bitmap)
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True

    boxes, hulls, largest = (
        bitmap_of(server.results(asked, fault)[0][0])
        for fault in ("boxes_as_masks", "hulls_as_masks", "masks_of_largest_part")
    )

    assert np.array_equal(boxes, box)
    assert (bitmap <= hulls).all()
    assert (hulls <= box).all()
    assert bitmap.sum() < hulls.sum() < box.sum()
    assert (largest <= bitmap).all()
    assert largest.sum() * 6 == bitmap.sum()  # the specimen is six equal discs


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_ignored_answers_in_the_frame_of_the_file(orientation: int) -> None:
    source = as_base64(picture(orientation=orientation))
    asked = concept(texts("specimen:parts", "specimen:touching"), image=source, format="rle")
    server = Server()

    for right, wrong in zip(server.results(asked), server.results(asked, "exif_ignored"), strict=True):
        for one, other in zip(right, wrong, strict=True):
            stored = Image.fromarray(bitmap_of(other))
            stored.getexif()[0x0112] = orientation
            assert np.array_equal(np.asarray(ImageOps.exif_transpose(stored)), bitmap_of(one))


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("prompt", [{"points": [click(10, 40)]}, {"box": center_box(12, 38, 14, 10)}])
def test_exif_ignored_reads_prompts_in_the_frame_of_the_file(orientation: int, prompt: Json) -> None:
    source = as_base64(picture(orientation=orientation))
    asked = visual(prompt, image=source, format="rle", multimask_output=False)

    [mask] = map(bitmap_of, Server().predictions(asked, "exif_ignored"))

    assert mask.shape == (48, 64)
    assert mask[40, 10]
    if "box" in prompt:
        rows, columns = np.nonzero(mask)
        assert (columns.min(), columns.max(), rows.min(), rows.max()) == pytest.approx((5, 18, 33, 42), abs=1)


def test_exif_ignored_reads_exemplars_in_the_frame_of_the_file() -> None:
    server = Server()
    source = as_base64(picture(orientation=6))
    for box in ({"x": 40, "y": 8, "width": 12, "height": 10}, {"x0": 40, "y0": 8, "x1": 52, "y1": 18}):
        asked = concept([{"boxes": [box], "box_labels": [1]}], image=source, format="rle")
        boxed = bitmap_of(server.results(asked, "exif_ignored")[0][0])

        assert boxed[8:18, 40:52].any()


def uncompressed(one: Json) -> list[int]:
    counts, size = one["masks"]["counts"], one["masks"]["size"]
    runs: list[int] = masks.run_lengths_from_counts(counts, size=(size[0], size[1])).tolist()
    return runs


def test_counts_are_wrong_as_named() -> None:
    server, asked = Server(), concept(format="rle", prompts=texts("specimen:hole"))
    [[right]] = server.results(asked)
    bitmap, counts = bitmap_of(right), right["masks"]["counts"]

    def faulty(fault: str) -> Any:
        return server.results(asked, fault)[0][0]["masks"]

    row_major = bitmap_of({"masks": faulty("counts_row_major")})
    assert np.array_equal(row_major.ravel(order="F"), bitmap.ravel(order="C"))
    assert np.array_equal(bitmap_of({"masks": faulty("counts_start_with_foreground")}), ~bitmap)
    assert faulty("counts_as_bytes_repr")["counts"] == f"b'{counts}'".replace("\\", "\\\\")
    assert base64.b64decode(faulty("counts_as_base64")["counts"]).decode() == counts
    assert faulty("counts_truncated")["counts"] == counts[:-1]
    assert faulty("counts_with_newline")["counts"] == counts + "\n"
    assert faulty("counts_as_list")["counts"] == uncompressed(right)
    assert faulty("counts_alone") == counts
    assert faulty("size_swapped")["size"] == [64, 48]
    assert faulty("size_as_text")["size"] == ["48", "64"]
    assert "size" not in faulty("size_missing")


@pytest.mark.parametrize(("fault", "pixels"), [("counts_too_short", -1), ("counts_too_long", 48)])
def test_runs_do_not_fill_the_mask_by_as_much_as_named(fault: str, pixels: int) -> None:
    asked = concept(format="rle", prompts=texts("specimen:hole"))
    [[wrong]] = Server().results(asked, fault)

    with pytest.raises(Exception, match=f"{48 * 64 + pixels} "):
        bitmap_of(wrong)


def test_size_of_unrotated_image_swaps_only_what_was_turned() -> None:
    server = Server()

    for asked in (REQUESTS["concept_segment sideways"], concept(**PARTS)):
        assert server.results(asked, "size_of_unrotated_image")[0][0]["masks"]["size"] == [48, 64]


def test_polygons_are_wrong_as_named() -> None:
    server = Server()
    asked, holed = concept(texts("specimen:parts")), concept(texts("specimen:hole"))
    rings = server.results(asked)[0][0]["masks"]

    def faulty(fault: str) -> Any:
        return server.results(asked, fault)[0][0]["masks"]

    assert faulty("coordinates_swapped") == [[[y, x] for x, y in ring] for ring in rings]
    assert faulty("coordinates_from_one") == [[[x + 1, y + 1] for x, y in ring] for ring in rings]
    assert faulty("coordinates_as_floats") == [[[x + 0.5, y + 0.5] for x, y in ring] for ring in rings]
    assert faulty("coordinates_normalised") == [[[x / 64, y / 48] for x, y in ring] for ring in rings]
    assert faulty("points_flat") == [[number for point in ring for number in point] for ring in rings]
    assert faulty("points_as_objects") == [[{"x": x, "y": y} for x, y in ring] for ring in rings]
    assert faulty("rings_closed") == [[*ring, ring[0]] for ring in rings]
    assert faulty("polygons_nested_too_deep") == [rings]
    assert faulty("polygons_not_nested") == rings[0]
    assert faulty("first_part_only") == rings[:1]
    fewer, more = faulty("polygons_simplified"), faulty("every_contour_point")
    assert sum(map(len, fewer)) < sum(map(len, rings)) < sum(map(len, more))
    assert [one["masks"] for one in server.results(asked, "polygon_parts_apart")[0]] == [[ring] for ring in rings]
    assert len(server.results(holed, "holes_as_rings")[0][0]["masks"]) == 2


def test_coordinates_outside_by_one_leave_a_full_frame() -> None:
    asked = concept(texts("specimen:full-frame"))

    [[wrong]] = Server().results(asked, "coordinates_outside_by_one")

    assert sorted(wrong["masks"][0]) == [[0, 0], [0, 48], [64, 0], [64, 48]]


def test_masks_of_an_archive_are_wrong_as_named() -> None:
    server = Server()
    right = arrays(server)
    count = len(right["masks"])

    assert set(arrays(server, "npz_array_missing")) == {"low_res_masks"}
    assert set(arrays(server, "npz_array_missing:low_res_masks")) == {"masks"}
    assert set(arrays(server, "npz_array_renamed")) == {"arr_0", "arr_1"}
    assert arrays(server, "npz_extra_dimension")["masks"].shape == (count, 1, 48, 64)
    assert arrays(server, "npz_axes_swapped")["masks"].shape == (count, 64, 48)
    assert arrays(server, "npz_low_resolution")["masks"].shape == (count, 256, 256)
    assert len(arrays(server, "npz_plane_missing")["masks"]) == count - 1
    assert np.array_equal(arrays(server, "npz_inverted")["masks"], -right["masks"])
    assert (arrays(server, "npz_probabilities")["masks"] >= 0).all()
    assert np.isnan(arrays(server, "npz_not_finite")["masks"]).any()
    for name in ("float64", "int8", "bool"):
        assert arrays(server, f"npz_wrong_dtype:{name}")["masks"].dtype == name
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        arrays(server, "npz_pickled")
    with pytest.raises(Exception, match="zip"):
        arrays(server, "npz_truncated")
    assert server.answer(REQUESTS["visual archive"], "npz_as_npy")[1].startswith(b"\x93NUMPY")


LOW, OVERLAPPING = {"output_prob_thresh": 0, "format": "rle"}, "specimen:overlapping"


def confidences(found: list[list[Json]]) -> list[list[float]]:
    return [[round(one["confidence"], 3) for one in predictions] for predictions in found]


@pytest.mark.parametrize(
    ("fault", "kept"),
    [
        ("", [[0.95], []]),
        ("nms_ignored", [[0.95, 0.9], [0.95, 0.9]]),
        ("nms_within_prompts", [[0.95], [0.95]]),
        ("nms_keeps_worst", [[0.9], []]),
        ("nms_threshold_inverted", [[0.95, 0.9], []]),
    ],
)
def test_suppression_is_wrong_as_named(fault: str, kept: list[list[float]]) -> None:
    asked = concept(texts(OVERLAPPING, f"{OVERLAPPING} again"), nms_iou_threshold=0.2, **LOW)

    assert confidences(Server().results(asked, fault)) == kept


def test_suppression_by_boxes_takes_what_lies_in_a_hole() -> None:
    server, asked = Server(), concept(texts("specimen:hole", "specimen:tiny"), nms_iou_threshold=0, **LOW)

    assert [len(found) for found in server.results(asked)] == [1, 3]
    assert [len(found) for found in server.results(asked, "nms_by_boxes")] == [1, 2]


def test_inclusive_suppression_removes_twins_at_1() -> None:
    server, asked = Server(), concept(texts("specimen:hole", "specimen:hole"), nms_iou_threshold=1, **LOW)

    assert [len(found) for found in server.results(asked)] == [1, 1]
    assert [len(found) for found in server.results(asked, "nms_inclusive")] == [1, 0]


def test_suppression_that_is_always_on_needs_no_threshold() -> None:
    asked = concept(texts(OVERLAPPING), **LOW)

    assert confidences(Server().results(asked, "nms_always")) == [[0.95]]


@pytest.mark.parametrize(
    ("fault", "least"),
    [
        ("", [0.75, 0.25]),
        ("threshold_ignored", [0.5, 0.25]),
        ("prompt_threshold_ignored", [0.75, 0.75]),
        ("lowest_threshold_for_all", [0.25, 0.25]),
        ("threshold_read_as_percentage", [0.25, 0.25]),
        ("threshold_strict", [0.999, 0.499]),
    ],
)
def test_threshold_is_wrong_as_named(fault: str, least: list[float]) -> None:
    prompts = [*texts("specimen:confidences"), {"text": "specimen:confidences", "output_prob_thresh": 0.25}]
    found = confidences(Server().results(concept(prompts, output_prob_thresh=0.75), fault))

    if fault == "threshold_read_as_percentage":
        assert [min(one) for one in found] == [0.25, 0.25]  # 0.001 is below 0.25 %
        assert [len(one) for one in found] == [7, 7]
    elif fault == "threshold_strict":
        assert [0.75 in found[0], 0.25 in found[1]] == [False, False]
        assert [min(one) for one in found] == least
    else:
        assert [min(one) for one in found] == least


def test_default_threshold_is_wrong_only_without_one() -> None:
    server = Server()
    prompts = texts("specimen:confidences")
    unset, set_to_default = concept(prompts), concept(prompts, output_prob_thresh=0.5)

    assert min(confidences(server.results(unset, "default_threshold_low"))[0]) == 0.25
    assert min(confidences(server.results(set_to_default, "default_threshold_low"))[0]) == 0.5


def test_low_threshold_drops_the_best() -> None:
    server = Server()
    prompts = texts("specimen:confidences")
    high, low = concept(prompts, output_prob_thresh=0.5), concept(prompts, **LOW)

    assert max(confidences(server.results(high, "low_threshold_drops_best"))[0]) == 1.0
    assert max(confidences(server.results(low, "low_threshold_drops_best"))[0]) == 0.999


def test_results_are_wrong_as_named() -> None:
    server = Server()
    asked = concept(texts("specimen:hole", "specimen:nothing", "specimen:hole", "specimen:many"), format="rle")
    right = server.ask(asked)["prompt_results"]

    def faulty(fault: str) -> list[Json]:
        results: list[Json] = server.ask(asked, fault)["prompt_results"]
        return results

    assert faulty("results_reversed") == right[::-1]
    assert [one["echo"]["text"] for one in faulty("results_sorted_by_confidence")] == [
        *("specimen:many", "specimen:hole", "specimen:hole", "specimen:nothing")
    ]
    assert [one["prompt_index"] for one in faulty("index_from_one")] == [1, 2, 3, 4]
    assert [one["echo"]["text"] for one in faulty("duplicate_prompts_merged")] == [
        *("specimen:hole", "specimen:nothing", "specimen:many")
    ]
    assert faulty("empty_results_left_out") == [right[0], right[2], right[3]]
    assert faulty("last_result_missing") == right[:3]
    assert [len(one["predictions"]) for one in faulty("predictions_of_other_prompt")] == [200, 1, 0, 1]
    assert [one["predictions"] for one in faulty("first_prompt_answers_all")] == [right[0]["predictions"]] * 4


def test_echoes_are_wrong_as_named() -> None:
    server = Server()
    asked = concept([{"text": " Löwe ", "boxes": [BOX], "box_labels": [1]}, *texts("dog")])

    def faulty(fault: str) -> list[Any]:
        return [list(one["echo"].values())[1:] for one in server.ask(asked, fault)["prompt_results"]]

    assert faulty("") == [["visual", " Löwe ", 1], ["text", "dog", 0]]
    assert faulty("echo_lower_cased")[0] == ["visual", " löwe ", 1]
    assert faulty("echo_trimmed")[0] == ["visual", "Löwe", 1]
    assert faulty("echo_garbled")[0] == ["visual", " LÃ¶we ", 1]
    assert faulty("echo_text_null")[0] == ["visual", None, 1]
    assert faulty("echo_without_boxes")[0] == ["visual", " Löwe ", 0]
    assert faulty("echo_type_wrong") == [["text", " Löwe ", 1], ["visual", "dog", 0]]
    assert faulty("echo_of_other_prompt") == [["visual", "dog", 1], ["text", " Löwe ", 0]]


def test_exemplars_are_misread_as_named() -> None:
    server = Server()
    corner = {"x0": 10, "y0": 12, "x1": 22, "y1": 20}

    def boxed(box: Json, fault: str = "") -> Bitmap:
        return bitmap_of(server.results(concept([{"boxes": [box], "box_labels": [1]}], format="rle"), fault)[0][0])

    assert np.array_equal(boxed(BOX, "exemplar_boxes_centred"), boxed({**BOX, "x": 8, "y": 0}))
    assert np.array_equal(boxed(corner, "corner_boxes_misread"), boxed({"x": 10, "y": 12, "width": 22, "height": 20}))
    labelled = [{"text": "dog", "boxes": [BOX, BOX], "box_labels": [1, label]} for label in (0, 1)]
    none, both = (concept([prompt], format="rle") for prompt in labelled)
    assert server.results(none, "exemplar_labels_ignored") == server.results(both)
    ignored = server.ask(both, "exemplar_boxes_ignored")["prompt_results"][0]
    alone = server.ask(concept(texts("dog"), format="rle"))["prompt_results"][0]
    assert ignored["predictions"] == alone["predictions"]
    assert ignored["echo"]["num_boxes"] == 2


@pytest.mark.parametrize(
    ("fault", "prompts", "read_as"),
    [
        ("visual_boxes_top_left", {"box": center_box(20, 10, 20, 16)}, {"box": center_box(30, 18, 20, 16)}),
        ("visual_box_ignored", {"box": center_box(20, 10, 20, 16), "points": CLICKS}, {"points": CLICKS}),
        ("points_beside_box_ignored", {"box": center_box(**BOX), "points": CLICKS}, {"box": center_box(**BOX)}),
        ("points_negated", {"points": CLICKS[:1]}, {"points": [{**CLICKS[0], "positive": False}]}),
        ("point_labels_ignored", {"points": CLICKS}, {"points": [{**one, "positive": True} for one in CLICKS]}),
        ("negative_points_ignored", {"points": CLICKS}, {"points": CLICKS[:2]}),
        ("points_swapped", [{"points": [click(40, 10)]}], [{"points": [click(10, 40)]}]),
        ("points_scaled:0.5", {"prompts": [{"points": [click(40, 10)]}]}, [{"points": [click(20, 5)]}]),
        ("second_point_ignored", {"points": CLICKS}, {"points": CLICKS[:1]}),
        ("second_visual_prompt_ignored", [{"points": CLICKS}, {"points": CLICKS[:1]}], [{"points": CLICKS}]),
        ("first_visual_prompt_answers_all", [{"points": CLICKS}, {"points": CLICKS[:1]}], [{"points": CLICKS}] * 2),
        (
            *("visual_prompts_reversed", [{"points": CLICKS}, {"points": CLICKS[:1]}]),
            [{"points": CLICKS[:1]}, {"points": CLICKS}],
        ),
        ("prompt_form_ignored:flat", [{"points": CLICKS}], None),
        ("prompt_form_ignored:single", {"points": CLICKS}, None),
        ("prompt_form_ignored:nested", {"prompts": [{"points": CLICKS}]}, None),
    ],
)
def test_visual_prompts_are_misread_as_named(fault: str, prompts: Any, read_as: Any) -> None:
    server = Server()

    found = server.predictions(visual(prompts, format="rle"), fault)

    assert found == server.predictions(visual(read_as, format="rle"))
    assert found != server.predictions(visual(prompts, format="rle"))


def test_multimask_is_wrong_as_named() -> None:
    server = Server()
    three = visual([{"points": CLICKS[:1]}, {"points": CLICKS}], format="rle")
    one = visual([{"points": CLICKS[:1]}, {"points": CLICKS}], format="rle", multimask_output=False)
    right = server.predictions(three)

    def reversed_masks(group: list[Json]) -> list[Json]:
        return [{**mask, "confidence": kept["confidence"]} for mask, kept in zip(group[::-1], group, strict=True)]

    assert server.predictions(three, "multimask_returns_one") == [right[0], right[3]]
    assert server.predictions(three, "multimask_returns_two") == [*right[:2], *right[3:5]]
    assert server.predictions(three, "multimask_worst_first") == [*right[2::-1], *right[:2:-1]]
    assert server.predictions(three, "multimask_confidences_reversed") == [
        *reversed_masks(right[:3]),
        *reversed_masks(right[3:]),
    ]
    assert server.predictions(one, "multimask_picks_worst") == [right[2], right[5]]
    assert server.predictions(one, "single_mask_returns_three") == right
    assert server.predictions(three, "multimask_picks_worst") == right


def test_worst_of_three_is_smaller_and_less_sure_where_the_server_picks() -> None:
    server, asked = Server(profile="observed"), visual([{"points": CLICKS[:1]}], format="rle")
    [right], [wrong] = server.predictions(asked), server.predictions(asked, "multimask_picks_worst")

    assert wrong["confidence"] < right["confidence"]
    assert 0 < bitmap_of(wrong).sum() < bitmap_of(right).sum()
    assert (bitmap_of(wrong) <= bitmap_of(right)).all()


def of_image(source: Json, image_id: str | None = None) -> Asked:
    named = {} if image_id is None else {"image_id": image_id}
    return visual([{"points": CLICKS}], image=source, format="rle", **named)


FIRST, SECOND = as_base64(picture(width=64)), as_base64(picture(width=80))


def widths(server: Server, fault: str, *asked: Asked) -> list[int]:
    return [server.predictions(one, fault)[0]["masks"]["size"][1] for one in asked]


def test_image_ids_stand_for_other_images_as_named() -> None:
    asked = (of_image(FIRST, "a"), of_image(SECOND, "b"), of_image(SECOND), of_image(FIRST, "b"))

    assert widths(Server(), "", *asked) == [64, 80, 80, 80]
    assert widths(Server(), "image_id_serves_first_image", *asked) == [64, 64, 80, 64]
    assert widths(Server(), "image_id_serves_last_image", *asked) == [64, 64, 80, 80]
    assert widths(Server(), "image_id_ignored", *asked) == [64, 80, 80, 64]
    assert Server().answer(asked[0], "image_id_not_found")[0] == 404
    assert Server().ask(REQUESTS["embed"], "image_id_answered_wrong")["image_id"] != "first"


def test_answers_of_one_request_differ_from_call_to_call() -> None:
    server, asked = Server(), REQUESTS["visual run lengths"]

    shapes = [server.predictions(asked, "masks_not_deterministic")[0]["masks"]["counts"] for _ in range(8)]
    sure = [server.predictions(asked, "confidences_not_deterministic")[0]["confidence"] for _ in range(8)]

    assert (len(set(shapes)), len(set(sure))) == (8, 8)


def test_calls_that_differ_are_the_same_on_every_server() -> None:
    asked = REQUESTS["visual run lengths"]
    first, second = Server(), Server()

    for _ in range(3):
        assert first.ask(asked, "masks_not_deterministic") == second.ask(asked, "masks_not_deterministic")


def test_other_prompts_and_their_order_change_answers() -> None:
    server = Server()
    alone, beside = concept(**PARTS), concept(texts("specimen:parts", "specimen:hole"), format="rle")
    turned = concept(texts("specimen:hole", "specimen:parts"), format="rle")

    assert server.results(alone, "cross_talk") == server.results(alone)
    assert bitmap_of(server.results(beside, "cross_talk")[0][0]).sum() < bitmap_of(server.results(alone)[0][0]).sum()
    assert server.results(beside, "prompt_order_matters")[0] == server.results(beside)[0]
    assert server.results(turned, "prompt_order_matters")[1] != server.results(beside)[0]


@pytest.mark.parametrize(
    ("fault", "request_name"),
    [
        ("seventeen_prompts_accepted", "seventeen"),
        ("unknown_format_accepted", "unknown format"),
        ("no_prompts_accepted", "no prompts"),
        ("bad_threshold_accepted", "bad threshold"),
        ("unequal_labels_accepted", "unequal labels"),
        ("missing_image_accepted", "no image"),
        ("unloadable_image_accepted", "no such image"),
        ("validation_accepted", "seventeen"),
        ("errors_answered_200", "no such image"),
        ("missing_key_accepted", "no key"),
        ("wrong_key_accepted", "refused key"),
        ("method_not_refused", "GET"),
    ],
)
def test_what_has_to_be_refused_is_accepted(fault: str, request_name: str) -> None:
    server = Server()

    assert server.answer(REQUESTS[request_name])[0] >= 400
    assert server.answer(REQUESTS[request_name], fault)[0] == 200


def test_seventeen_prompts_are_answered_one_by_one() -> None:
    results = Server().ask(REQUESTS["seventeen"], "seventeen_prompts_accepted")["prompt_results"]

    assert [(one["prompt_index"], one["echo"]["text"]) for one in results] == [(n, str(n)) for n in range(17)]


@pytest.mark.parametrize(
    ("fault", "request_name", "status"),
    [
        ("sixteen_prompts_refused", "sixteen", 422),
        ("png_refused", "concept_segment PNG", 400),
        ("grey_refused", "concept_segment grey", 400),
        ("alpha_refused", "concept_segment alpha", 400),
        ("url_refused", "visual_segment URL", 400),
        ("data_uri_refused", "visual_segment data URI", 400),
        ("bearer_key_ignored", "embed", 401),
        ("query_key_ignored", "key in query", 401),
        ("validation_answered_500", "seventeen", 500),
        ("malformed_json_answered_500", "no JSON", 500),
        ("missing_key_answered_403", "no key", 403),
        ("success_status_wrong:206", "embed", 206),
        ("no_content", "embed", 204),
        ("redirected", "embed", 307),
        ("html_from_proxy", "embed", 502),
    ],
)
def test_status_is_wrong_as_named(fault: str, request_name: str, status: int) -> None:
    server = Server()

    assert server.answer(REQUESTS[request_name])[0] != status
    assert server.answer(REQUESTS[request_name], fault)[0] == status


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 423, 429, 500, 502, 503, 504, 507])
def test_refusal_has_the_body_that_the_service_has_with_this_status(status: int) -> None:
    found, body, headers = Server().answer(HOLE, f"status:{status}")

    assert found == status
    assert json.loads(body)["message"]
    assert headers.get("retry-after") == ("1" if status in {429, 503} else None)


def test_rate_limit_says_when_to_come_back() -> None:
    status, _, headers = Server().answer(HOLE, "rate_limited:7")

    assert (status, headers["retry-after"]) == (429, "7")


def test_refusal_beats_neither_the_key_nor_a_body_that_is_no_json() -> None:
    server = Server()

    assert server.answer(REQUESTS["no key"], "status:503")[0] == 401
    assert server.answer(REQUESTS["no JSON"], "status:503")[0] == 422


def test_bytes_are_wrong_as_named() -> None:
    server = Server()
    _, right, _ = server.answer(HOLE)

    def faulty(fault: str) -> bytes:
        return server.answer(HOLE, fault)[1]

    assert faulty("body_truncated") == right[: len(right) // 2]
    assert faulty("body_empty") == b""
    assert faulty("byte_order_mark") == b"\xef\xbb\xbf" + right
    assert json.loads(json.loads(faulty("encoded_twice"))) == json.loads(right)
    assert faulty("encoded_as_utf16").decode("utf-16") == right.decode()
    assert faulty("trailing_garbage").startswith(right)
    assert faulty("two_documents").split(b"\n") == [right, right]
    with pytest.raises(UnicodeDecodeError):
        faulty("utf8_broken").decode()
    assert server.answer(HOLE, "content_type_wrong:text/plain")[2]["content-type"].startswith("text/plain")
    assert "content-type" not in server.answer(HOLE, "content_type_wrong:none")[2]
    assert server.answer(HOLE, "html_from_proxy:413")[1].startswith(b"<html>")


def test_schema_is_wrong_as_named() -> None:
    server, one = Server(), visual({"points": CLICKS}, multimask_output=False)
    right = server.ask(HOLE)
    [found] = right["prompt_results"][0]["predictions"]

    def faulty(fault: str, asked: Asked = HOLE) -> Any:
        return server.ask(asked, fault)

    assert "confidence" not in faulty("field_missing")["prompt_results"][0]["predictions"][0]
    assert "time" not in faulty("field_missing:time")
    assert faulty("field_null:echo")["prompt_results"][0]["echo"] is None
    assert faulty("field_in_list:prompt_index")["prompt_results"][0]["prompt_index"] == [0]
    assert faulty("field_capitalised:masks")["prompt_results"][0]["predictions"][0]["Masks"] == found["masks"]
    assert faulty("results_renamed")["results"] == right["prompt_results"]
    assert "promptResults" in faulty("names_in_camel_case")
    assert faulty("confidence_as_text")["prompt_results"][0]["predictions"][0]["confidence"] == str(found["confidence"])
    assert b'"time":NaN' in server.answer(HOLE, "time_nan")[1]
    assert b'"confidence":Infinity' in server.answer(HOLE, "confidence_infinite")[1]
    assert server.answer(HOLE, "time_twice")[1].count(b'"time":') == 2
    assert faulty("time_in_milliseconds")["time"] == right["time"] * 1000
    assert faulty("time_negative")["time"] < 0
    assert faulty("one_prediction_unwrapped", one)["predictions"] == server.ask(one)["predictions"][0]
    assert faulty("results_keyed_by_index")["prompt_results"]["0"] == right["prompt_results"][0]
    assert faulty("visual_answers_prompt_results", one)["prompt_results"][0]["predictions"] == server.predictions(one)
    assert faulty("concept_answers_predictions")["predictions"] == [found]
    assert faulty("answer_in_data") == {"data": right}
    assert faulty("answer_in_list") == [right]
    assert faulty("answer_null") is None
    nothing = concept(texts("specimen:nothing"))
    assert faulty("nothing_found_is_null", nothing)["prompt_results"][0]["predictions"] is None


@pytest.mark.parametrize("where", ["headers", "query", "body"])
def test_key_comes_back_wherever_it_was_sent(where: str) -> None:
    server, body = Server(), {"image": JPEG, "prompts": texts("dog")}
    asked = {
        "headers": Asked("concept_segment", body, headers=BEARER),
        "query": Asked("concept_segment", body, headers={}, query=f"?api_key={KEY}"),
        "body": Asked("concept_segment", {**body, "api_key": KEY}, headers={}),
    }[where]

    assert KEY.encode() not in server.answer(asked)[1]
    assert KEY.encode() in server.answer(asked, "key_echoed_in_body")[1]
    assert KEY in server.answer(asked, "key_echoed_in_header")[2]["x-request-url"]


@pytest.mark.parametrize("where", ["before", "middle"])
def test_connection_breaks_in_process(where: str) -> None:
    client, headers = Server().client, {**BEARER, "X-Mock-Fault": f"connection_reset:{where}"}

    with pytest.raises(ConnectionResetError):
        client.post("/sam3/embed_image", json=REQUESTS["embed"].body, headers=headers).get_data()
