"""`masks convert` keeps masks, and what stands beside them, as pycocotools reads them."""

from __future__ import annotations

import gzip
import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as pycoco
from pycocotools.coco import COCO

from sam3_contract import masks
from sam3_contract.mask_files import batches
from sam3_contract.testing import specimen
from tests.cli.masks.commands import (
    CUT,
    LOGITS,
    LOW,
    RLE,
    Command,
    Outcome,
    answer,
    holed,
    npz_of,
    plain,
    prediction,
    written,
)


def test_convert_to_polygons_keeps_the_answer_and_tells_the_loss(command: Command) -> None:
    rles = [masks.rle_from_bitmap(bitmap) for bitmap in (holed(), plain())]
    written("rle.json", answer(*rles))

    outcome = command("convert", "rle.json", "--to", "polygon", "-o", "polygon.json")

    assert outcome == Outcome(
        0,
        "",
        "polygon.json: 2 masks\nholes of 1 masks are filled, 96 pixels in all, and 1 nested in them are gone\n",
    )
    polygons = [masks.polygons_from_bitmap(bitmap) for bitmap in (holed(), plain())]
    assert json.loads(Path("polygon.json").read_text()) == answer(*polygons, declared="polygon")


def test_convert_there_and_back_is_the_identity_without_holes(command: Command) -> None:
    written("rle.jsonl", answer(masks.rle_from_bitmap(plain())), answer())

    command("convert", "rle.jsonl", "--to", "polygon", "-o", "polygon.jsonl")
    back = command("convert", "polygon.jsonl", "--to", "rle", "-o", "-", "--image-size", "60x40")

    assert back.stdout == Path("rle.jsonl").read_text()


def test_convert_writes_coco_results_that_pycocotools_agrees_with(command: Command) -> None:
    written("rle.jsonl", *(answer(masks.rle_from_bitmap(bitmap)) for bitmap in (holed(), plain())))

    assert command("convert", "rle.jsonl", "--to", "coco", "-o", "coco.json").status == 0

    results = json.loads(Path("coco.json").read_text())
    assert [(r["image_id"], r["category_id"], r["score"]) for r in results] == [(1, 2, 0.5), (2, 2, 0.5)]
    for result in results:
        rle = {**result["segmentation"], "counts": result["segmentation"]["counts"].encode()}
        assert result["area"] == int(pycoco.area(rle))
        assert result["bbox"] == pycoco.toBbox(rle).tolist()
    assert command("check", "coco.json").status == 0


def test_convert_writes_a_coco_file_if_nothing_is_known_of_confidence(command: Command) -> None:
    Path("masks.npz").write_bytes(npz_of(masks=LOGITS, low_res_masks=LOW))

    assert command("convert", "masks.npz", "--to", "coco", "-o", "coco.json").status == 0
    assert command("convert", "coco.json", "--to", "polygon", "-o", "flat.json").status == 0

    coco = json.loads(Path("coco.json").read_text())
    assert coco["images"] == [{"id": 1, "height": 6, "width": 7}]
    assert coco["categories"] == [{"id": 1, "name": "category 1"}]
    assert [a["id"] for a in coco["annotations"]] == [1, 2, 3]
    assert coco["annotations"][0]["segmentation"] == masks.rle_from_bitmap(specimen("ring"))
    flat = json.loads(Path("flat.json").read_text())["annotations"][0]["segmentation"]
    assert flat == [[1, 1, 6, 1, 6, 5, 1, 5]]


SQUARE = [10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]
DATASET: dict[str, Any] = {
    "info": {"year": 2026},
    "licenses": [],
    "images": [
        {"id": 7, "file_name": "train/a.jpg", "width": 64, "height": 48},
        {"id": 9, "file_name": "b.jpg", "width": 64, "height": 48},
    ],
    "annotations": [
        {"id": 101, "image_id": 7, "category_id": 3, "segmentation": [SQUARE], "area": 400.5, "bbox": [10, 10, 20, 20]},
        {"id": 102, "image_id": 7, "category_id": 3, "segmentation": {"size": [48, 64], "counts": [490, 20, 2562]}},
        {"id": 103, "image_id": 7, "category_id": 3, "segmentation": [], "bbox": [1, 1, 2, 2]},
    ],
    "categories": [{"id": 3, "name": "dog", "supercategory": "animal"}, {"id": 4, "name": "unused"}],
}
DATASET["annotations"][1] |= {"iscrowd": 1, "attributes": {"occluded": True}}


def pixels_of_pycocotools(path: str) -> dict[int, str]:
    """Read each annotation's mask as pycocotools does."""
    with redirect_stdout(io.StringIO()):
        coco = COCO(path)
    sound = {number: one for number, one in coco.anns.items() if one.get("segmentation")}
    counts = {number: coco.annToRLE(one)["counts"] for number, one in sound.items()}
    return {number: each if isinstance(each, str) else each.decode() for number, each in counts.items()}


@pytest.mark.parametrize("target", ["rle", "polygon", "coco"])
def test_convert_keeps_what_a_coco_file_holds(command: Command, target: str) -> None:
    written("full.json", DATASET)

    outcome = command("convert", "full.json", "--to", target, "-o", "out.json")

    assert outcome == Outcome(0, "", "out.json: 2 masks\n1 without a mask stay as they are\n")
    converted = json.loads(Path("out.json").read_text())
    for before, after in zip(DATASET["annotations"], converted["annotations"], strict=True):
        assert {key: after[key] for key in before if key != "segmentation"} == {
            key: value for key, value in before.items() if key != "segmentation"
        }
    assert {key: converted[key] for key in DATASET if key != "annotations"} == {
        key: value for key, value in DATASET.items() if key != "annotations"
    }
    assert pixels_of_pycocotools("out.json") == pixels_of_pycocotools("full.json")
    assert command("check", "out.json").status == 0


def test_convert_makes_a_coco_file_of_one_that_lacks_images(command: Command) -> None:
    """As SA-1B's files do, which describe their one image beside the annotations."""
    image = {"image_id": 5, "file_name": "sa_5.jpg", "width": 6, "height": 4}
    written("sa_5.json", {"image": image, "annotations": [{"id": 50, "segmentation": RLE, "bbox": [1, 1, 2, 2]}]})

    assert command("convert", "sa_5.json", "--to", "coco", "-o", "coco.json").status == 0

    coco = json.loads(Path("coco.json").read_text())
    assert coco["images"] == [{"id": 5, "file_name": "sa_5.jpg", "height": 4, "width": 6}]
    assert [(one["id"], one["image_id"], one["iscrowd"], one["area"]) for one in coco["annotations"]] == [(50, 5, 0, 4)]


def test_convert_keeps_the_fields_of_results(command: Command) -> None:
    result = {"image_id": 7, "category_id": 3, "segmentation": RLE, "score": 0.5, "bbox": [0, 0, 9, 9], "track": 4}
    written("results.json", [result, {**result, "score": 0.25}])

    assert command("convert", "results.json", "--to", "coco", "-o", "coco.json").status == 0

    results = json.loads(Path("coco.json").read_text())
    assert [{**one, "area": None} for one in results] == [
        {**result, "area": None},
        {**result, "score": 0.25, "area": None},
    ]


@pytest.mark.parametrize("score", [None, "0.5", True])
def test_score_that_is_no_number_makes_no_results(command: Command, score: Any) -> None:
    """COCOeval sorts results by their scores, and fails on such."""
    result = {"image_id": 7, "category_id": 3, "segmentation": RLE, "score": score}
    written("results.json", [result, {**result, "score": 0.5}])

    assert command("convert", "results.json", "--to", "coco", "-o", "coco.json").status == 0

    assert json.loads(Path("coco.json").read_text()).keys() == {"images", "annotations", "categories"}
    assert len(pixels_of_pycocotools("coco.json")) == 2


def dataset(name: str, concept: str, *, columns: slice = slice(5), **fields: Any) -> dict[str, Any]:
    bitmap = np.zeros((48, 64), np.bool_)
    bitmap[10:20, columns] = True
    rle = masks.rle_from_bitmap(bitmap)
    return {
        "images": [{"id": 1, "file_name": name, "width": 64, "height": 48}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": rle, **fields}],
        "categories": [{"id": 1, "name": concept}],
    }


def told_by_pycocotools(path: str) -> set[tuple[str, str, str]]:
    """Read of each annotation its image's name, its category's, and its pixels."""
    with redirect_stdout(io.StringIO()):
        coco = COCO(path)
    return {
        (coco.imgs[one["image_id"]]["file_name"], coco.cats[one["category_id"]]["name"], one["segmentation"]["counts"])
        for one in coco.anns.values()
    }


@pytest.mark.parametrize(
    ("others", "changed"),
    [
        ([("b.jpg", "cat")], "3 ids"),
        ([("b.jpg", "dog")], "2 ids"),
        ([("a.jpg", "dog")], "1 id"),
        ([("b.jpg", "cat"), ("c.jpg", "cow"), ("b.jpg", "cow")], "9 ids"),
    ],
)
def test_convert_of_files_that_share_ids_keeps_what_each_says(
    command: Command, others: list[tuple[str, str]], changed: str
) -> None:
    parts = [dataset("a.jpg", "dog")]
    parts += [dataset(*other, columns=slice(place, place + 9)) for place, other in enumerate(others, start=1)]
    written("parts.jsonl", *parts)
    expected = set()
    for part in parts:
        written("part.json", part)
        expected |= told_by_pycocotools("part.json")

    outcome = command("convert", "parts.jsonl", "--to", "coco", "-o", "out.json")

    assert outcome.stderr.splitlines()[1:] == [f"{changed} had to change, as another had the same"]
    assert told_by_pycocotools("out.json") == expected
    assert len(json.loads(Path("out.json").read_text())["annotations"]) == len(parts)


@pytest.mark.parametrize("taken", [1, [1]])
def test_convert_gives_each_annotation_an_id_of_its_own(command: Command, taken: Any) -> None:
    whole = dataset("a.jpg", "dog")
    whole["annotations"] += dataset("a.jpg", "dog", columns=slice(9), id=taken)["annotations"]
    written("twice.json", whole)

    assert command("convert", "twice.json", "--to", "coco", "-o", "out.json").stderr.endswith(
        "\n1 id had to change, as another had the same\n"
    )
    assert len(told_by_pycocotools("out.json")) == 2


def test_convert_completes_what_is_null(command: Command) -> None:
    written("null.json", dataset("a.jpg", "dog", id=None, bbox=None, area=None, iscrowd=None))

    command("convert", "null.json", "--to", "coco", "-o", "out.json")

    [one] = json.loads(Path("out.json").read_text())["annotations"]
    assert (one["id"], one["bbox"], one["area"], one["iscrowd"]) == (1, [0, 10, 5, 10], 50, 0)


@pytest.mark.parametrize(
    ("told", "read"), [(("x.jpg", "dog"), ("x.jpg", "dog")), ((7.0, 3.0), (7, 3)), (([7], {}), (1, 1))]
)
def test_convert_keeps_ids_of_results_in_other_writing(
    command: Command, told: tuple[Any, Any], read: tuple[Any, Any]
) -> None:
    """Names in the place of numbers, and the fractions that a table makes of them."""
    written("results.json", [{"image_id": told[0], "category_id": told[1], "segmentation": RLE, "score": 0.5}])

    assert command("convert", "results.json", "--to", "coco", "-o", "out.json").status == 0

    [one] = json.loads(Path("out.json").read_text())
    assert (one["image_id"], one["category_id"]) == read


def test_whole_fractions_are_sides_and_ids_of_images(command: Command) -> None:
    ring = [[0.0, 10.0, 5.0, 10.0, 5.0, 20.0, 0.0, 20.0]]
    whole = dataset("a.jpg", "dog", image_id=1.0, segmentation=ring)
    whole["images"][0] |= {"width": 64.0, "height": 48.0}
    written("table.json", whole)

    assert command("convert", "table.json", "--to", "rle", "-o", "out.json").status == 0
    assert told_by_pycocotools("out.json") == {
        ("a.jpg", "dog", dataset("a.jpg", "dog")["annotations"][0]["segmentation"]["counts"])
    }


def test_convert_names_the_id_that_no_image_has(command: Command) -> None:
    written("orphan.json", dataset("a.jpg", "dog", image_id="1", segmentation=[[0, 0, 5, 0, 5, 5]]))

    outcome = command("convert", "orphan.json", "--to", "coco", "-o", "out.json")

    assert outcome.status == 2
    assert "is not known: `images` has none of the id '1' with a width and a height; pass" in outcome.stderr


@pytest.mark.parametrize("content", ["", " \n\t"])
def test_convert_of_an_empty_file_says_that_it_holds_no_mask(command: Command, content: str) -> None:
    Path("empty.json").write_text(content)

    outcome = command("convert", "empty.json", "--to", "rle", "-o", "out.json")

    assert outcome == Outcome(3, "", "sam3-contract: empty.json holds no mask; nothing is written\n")
    assert not Path("out.json").exists()


def test_convert_of_a_mask_without_pixels_leaves_an_rle(command: Command) -> None:
    """COCO has no polygon for it that loaders take."""
    written("empty.json", {**DATASET, "annotations": [{**DATASET["annotations"][0], "segmentation": EMPTY}]})

    outcome = command("convert", "empty.json", "--to", "polygon", "-o", "out.json")

    assert outcome.stderr == "out.json: 1 mask\n1 without a pixel stay RLEs: COCO has no empty polygon\n"
    assert json.loads(Path("out.json").read_text())["annotations"][0]["segmentation"] == EMPTY


EMPTY = {"size": [48, 64], "counts": "PP3"}

coordinates = st.one_of(st.integers(0, 24).map(float), st.floats(0, 24, width=32))
segmentations = st.one_of(
    st.lists(
        # Within the first pixel they would be taken for fractions of the sides.
        st.lists(coordinates, min_size=6, max_size=12)
        .map(lambda ring: ring[: len(ring) // 2 * 2])
        .filter(lambda ring: max(ring) > 1),
        min_size=1,
        max_size=3,
    ),
    arrays(np.bool_, (24, 24)).map(masks.rle_from_bitmap),
    arrays(np.bool_, (24, 24), elements=st.sampled_from([True, True, True, False])).map(
        lambda bitmap: {"size": [24, 24], "counts": masks.run_lengths_from_bitmap(bitmap).tolist()}
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(segmentations, min_size=1, max_size=4),
    st.sampled_from([("rle", "polygon"), ("polygon", "rle"), ("coco", "polygon")]),
)
def test_convert_to_and_fro_keeps_the_pixels_that_pycocotools_reads(
    command: Command, some: list[Any], targets: tuple[str, str]
) -> None:
    annotations = [
        {"id": number, "image_id": 1, "category_id": 1, "segmentation": one} for number, one in enumerate(some, start=1)
    ]
    written("a.json", {"images": [{"id": 1, "width": 24, "height": 24}], "annotations": annotations, "categories": []})

    outcomes = [
        command("convert", first, "--to", target, "-o", second)
        for first, second, target in zip(("a.json", "b.json"), ("b.json", "c.json"), targets, strict=True)
    ]

    assert [outcome.status for outcome in outcomes] == [0, 0]
    before, after = pixels_of_pycocotools("a.json"), pixels_of_pycocotools("c.json")
    areas = [
        sum(map(int, pycoco.area([{"size": [24, 24], "counts": counts} for counts in each.values()])))
        for each in (before, after)
    ]
    filled = [re.search(r"filled, (\d+) pixels", outcome.stderr) for outcome in outcomes]
    assert areas[1] - areas[0] == sum(int(each[1]) for each in filled if each)
    if not any(filled):
        assert after == before
    # What was written is taken by our own check, warnings of the first file's own polygons apart.
    assert all(command("check", name).status == 0 for name in ("a.json", "b.json", "c.json"))


def test_convert_to_pictures_and_back_from_an_archive(command: Command) -> None:
    written("rle.json", answer(*(masks.rle_from_bitmap(bitmap) for bitmap in (holed(), plain()))))

    assert command("convert", "rle.json", "--to", "png", "-o", "folder").status == 0
    assert command("convert", "rle.json", "--to", "npz", "-o", "masks.npz").status == 0
    assert command("check", "masks.npz").status == 0
    assert command("convert", "masks.npz", "--to", "rle", "-o", "back.json").status == 0

    pictures = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(Path("folder").iterdir())]
    assert [path.name for path in sorted(Path("folder").iterdir())] == ["mask-0001.png", "mask-0002.png"]
    for picture, bitmap in zip(pictures, (holed(), plain()), strict=True):
        assert (picture == bitmap * np.uint8(255)).all()
    back = json.loads(Path("back.json").read_text())
    assert [one["masks"] for one in back] == [masks.rle_from_bitmap(bitmap) for bitmap in (holed(), plain())]


@pytest.mark.parametrize("form", ["rle", "polygon", "coco", "png", "npz"])
def test_convert_refuses_unsound_masks_by_name_or_leaves_them_out(command: Command, form: str) -> None:
    lines = [json.dumps([prediction(RLE), prediction(CUT)]), json.dumps(prediction(CUT)), '{"masks": [[]]']
    Path("some.jsonl").write_text("\n".join(lines), encoding="utf-8")

    refused = command("convert", "some.jsonl", "--to", form, "-o", "out")
    n_files = len(list(Path().iterdir()))
    skipped = command("convert", "some.jsonl", "--to", form, "-o", "out", "--skip-unsound")

    assert refused.status == 1
    assert [line.split(" at ")[0] for line in refused.stderr.splitlines()] == [
        "sam3-contract: some.jsonl:1: RLE13 counts_cut_short",
        "sam3-contract: some.jsonl:2: RLE13 counts_cut_short",
        "sam3-contract: some.jsonl:3: TXT01 not_json",
        "sam3-contract: nothing is written: masks are not sound; --skip-unsound leaves them out",
    ]
    assert n_files == 1
    assert skipped.status == 0
    assert "out: 1 mask, 3 unsound left out" in skipped.stderr
    if form == "rle":
        assert json.loads(Path("out").read_text()) == [prediction(RLE, "rle")]


def test_convert_of_nothing_but_unsound_masks_writes_nothing(command: Command) -> None:
    written("cut.json", CUT)

    outcome = command("convert", "cut.json", "--to", "rle", "-o", "out", "--skip-unsound")

    assert "cut.json holds no sound mask; nothing is written" in outcome.stderr
    assert outcome.status == 1
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("name", "arguments"), [("convert", ["--to", "rle", "-o", "out.json"]), ("show", ["-o", "out.png"])]
)
def test_document_that_unpacks_to_far_more_than_it_takes_is_refused(
    command: Command, photograph: str, monkeypatch: pytest.MonkeyPatch, name: str, arguments: list[str]
) -> None:
    monkeypatch.setattr(batches, "_UNPACKED_BYTES", 4096)
    text = json.dumps(answer(masks.rle_from_bitmap(plain()))).encode()
    Path("blank.json.gz").write_bytes(gzip.compress(text + b" " * 100_000))
    Path("sound.json.gz").write_bytes(gzip.compress(text + b" " * 1000))
    photographs = [photograph] if name == "show" else []

    refused = command(name, *photographs, "blank.json.gz", *arguments)
    taken = command(name, *photographs, "sound.json.gz", *arguments)

    assert (refused.status, taken.status) == (3, 0)
    assert re.search(r"blank\.json\.gz unpacks to more than \d+ bytes, the most that is read of a", refused.stderr)


def test_document_that_is_too_long_to_be_held_is_refused(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(plain())))
    length = Path("rle.json").stat().st_size

    monkeypatch.setattr(batches, "WHOLE_BYTES", length)
    taken = command("convert", "rle.json", "--to", "rle", "-o", "out.json")
    monkeypatch.setattr(batches, "WHOLE_BYTES", length - 1)
    refused = command("convert", "rle.json", "--to", "rle", "-o", "out.json")

    assert (taken.status, refused.status) == (0, 3)
    assert (
        f"rle.json has more than {length - 1} bytes, the most that is read of a document: write it as" in refused.stderr
    )
