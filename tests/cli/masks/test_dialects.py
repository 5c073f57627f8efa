"""`masks convert --from`: files of other programs become what pycocotools loads, pixel by pixel."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from pycocotools.coco import COCO
from scipy.ndimage import binary_fill_holes

from sam3_contract.cli.masks.check import check
from sam3_contract.cli.masks.convert import convert
from sam3_contract.errors import UsageError
from tests.cli.masks.commands import Command
from tests.masks.dialects.writers import WRITERS, Bitmap, blob, cvat, kaggle, label_studio, runs, start_length

# pycocotools 2.0 hands numpy 2 its arrays in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

HEIGHT, WIDTH = 40, 70
SIZE = ("--image-size", f"{WIDTH}x{HEIGHT}")
FIRST = blob(HEIGHT, WIDTH)
SECOND = FIRST[::-1, ::-1].copy()
SECOND[:5] = True


@pytest.fixture(autouse=True)
def _inside_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(convert, [str(one) for one in arguments], catch_exceptions=False)


def written(name: str, content: Any) -> str:
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return name


def loaded(name: str) -> tuple[COCO, dict[str, list[Bitmap]]]:
    """Load a COCO file with pycocotools: masks by the name of their image."""
    with contextlib.redirect_stdout(io.StringIO()):
        file = COCO(name)
    by_image = {one["file_name"]: file.imgToAnns[one["id"]] for one in file.dataset["images"]}
    drawn = {
        image: [file.annToMask(one).astype(bool) for one in its if "segmentation" in one]
        for image, its in by_image.items()
    }
    return file, drawn


def assert_same(found: list[Bitmap], expected: list[Bitmap]) -> None:
    assert len(found) == len(expected)
    assert all(map(np.array_equal, found, expected))


def assert_sound(name: str) -> None:
    checked = CliRunner().invoke(check, [name], catch_exceptions=False)
    assert checked.exit_code == 0, checked.output


def brush_export() -> list[dict[str, Any]]:
    def result(bitmap: Bitmap, label: str) -> dict[str, Any]:
        value = {"format": "rle", "rle": label_studio(bitmap), "brushlabels": [label]}
        return {
            "id": f"r{label}",
            "type": "brushlabels",
            "original_width": WIDTH,
            "original_height": HEIGHT,
            "value": value,
        }

    return [
        {
            "id": 7,
            "data": {"picture": "/data/upload/a.png"},
            "annotations": [{"id": 70, "result": [result(FIRST, "dog"), result(SECOND, "cat")]}],
        },
        {
            "id": 8,
            "data": {"picture": "/data/upload/b.png"},
            "annotations": [{"id": 80, "result": [result(SECOND, "dog")]}],
        },
    ]


def cvat_xml() -> str:
    def mask(bitmap: Bitmap, label: str) -> str:
        rows, columns = np.nonzero(bitmap)
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        lengths = ", ".join(map(str, runs(bitmap[top:bottom, left:right].ravel())))
        box = f'left="{left}" top="{top}" width="{right - left}" height="{bottom - top}"'
        return f'<mask label="{label}" source="manual" occluded="0" rle="{lengths}" {box} z_order="0"></mask>'

    def image(name: str, *masks: str) -> str:
        return f'<image id="0" name="{name}" width="{WIDTH}" height="{HEIGHT}">{"".join(masks)}</image>'

    images = image("a.png", mask(FIRST, "dog"), mask(SECOND, "cat")) + image("b.png", mask(SECOND, "dog"))
    return f'<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>{images}</annotations>'


FILES: dict[str, tuple[str, str, Any, tuple[str, ...]]] = {
    "table": (
        "kaggle",
        "train.csv",
        f"ImageId,ClassId,EncodedPixels\n/d/a.png,dog,{kaggle(FIRST)}\n"
        f"/d/a.png,cat,{kaggle(SECOND)}\n/d/b.png,dog,{kaggle(SECOND)}\n/d/c.png,dog,\n",
        SIZE,
    ),
    "table with sizes": (
        "kaggle",
        "train.csv",
        f'"id","annotation","width","height","cell_type"\n"a.png","{kaggle(FIRST)}",{WIDTH},{HEIGHT},"dog"\n'
        f'"a.png","{kaggle(SECOND)}",{WIDTH},{HEIGHT},"cat"\n"b.png","{kaggle(SECOND)}",{WIDTH},{HEIGHT},"dog"\n',
        (),
    ),
    "XML": ("cvat", "annotations.xml", cvat_xml(), ()),
    "shapes": (
        "cvat",
        "shapes.json",
        {
            "shapes": [
                {"type": "mask", "label": "dog", "frame": 0, "points": cvat(FIRST)},
                {"type": "rectangle", "label": "dog", "frame": 0, "points": [1.0, 2.0, 3.0, 4.0]},
                {"type": "mask", "label": "cat", "frame": 0, "points": cvat(SECOND)},
                {"type": "mask", "label": "dog", "frame": 1, "points": cvat(SECOND)},
            ]
        },
        SIZE,
    ),
    "brush": ("label-studio", "export.json", brush_export(), ()),
    "brush lines": ("label-studio", "export.jsonl", "\n".join(map(json.dumps, brush_export())), ()),
}


@pytest.mark.parametrize("kind", FILES)
def test_file_of_another_program_becomes_a_coco_file(kind: str) -> None:
    dialect, name, content, options = FILES[kind]

    outcome = run(written(name, content), "--from", dialect, "--to", "coco", "-o", "out.json", *options)

    assert (outcome.exit_code, outcome.stderr) == (0, "out.json: 3 masks\n")
    file, found = loaded("out.json")
    first, second = list(found)[:2]
    assert_same(found[first], [FIRST, SECOND])
    assert_same(found[second], [SECOND])
    names = {"shapes": ("0", "1")}.get(kind, ("a.png", "b.png"))
    assert (first.rpartition("/")[2], second.rpartition("/")[2]) == names
    annotations = file.dataset["annotations"]
    assert [file.cats[one["category_id"]]["name"] for one in annotations] == ["dog", "cat", "dog"]
    assert [one["area"] for one in annotations] == [int(one.sum()) for one in (FIRST, SECOND, SECOND)]
    assert len({one["id"] for one in annotations}) == 3
    assert_sound("out.json")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("ImageId_ClassId", "EncodedPixels"),
        ("Image_Label", "EncodedPixels"),
        ("record_id", "encoded_pixels"),
        ("id", "encoding"),
        ("id", "predicted"),
        ("Id", "prediction"),
    ],
)
def test_table_of_any_competition_is_read(separator: str, image: str, mask: str) -> None:
    rows = [(image, "x", mask), ("a.png", "1", kaggle(FIRST)), ("b.png", "2", kaggle(SECOND)), ("c.png", "3", "")]
    Path("train.csv").write_text("\n".join(map(separator.join, rows)))

    assert run("train.csv", "--from", "kaggle", "--to", "coco", "-o", "out.json", *SIZE).exit_code == 0

    found = loaded("out.json")[1]
    assert [*found] == ["a.png", "b.png", "c.png"]
    assert_same(found["a.png"] + found["b.png"], [FIRST, SECOND])


def test_image_without_a_mask_stays_in_the_list() -> None:
    dialect, name, content, options = FILES["table"]

    run(written(name, content), "--from", dialect, "--to", "coco", "-o", "out.json", *options)

    assert [one["file_name"] for one in loaded("out.json")[0].dataset["images"]] == ["/d/a.png", "/d/b.png", "/d/c.png"]


@pytest.mark.parametrize("missing", ["", "-1", "nan", "NaN", "None", "NULL", "NA", "<NA>", "#N/A", "[]"])
def test_missing_value_of_any_writer_is_an_image_without_a_mask(missing: str) -> None:
    table = f"ImageId,EncodedPixels\na.png,{kaggle(FIRST)}\nb.png,{missing}\n"

    outcome = run(written("t.csv", table), "--from", "kaggle", "--to", "coco", "-o", "out.json", *SIZE)

    assert (outcome.exit_code, outcome.stderr) == (0, "out.json: 1 mask\n")
    assert [*loaded("out.json")[1]] == ["a.png", "b.png"]


@pytest.mark.parametrize("listed", ["[{}]", "{}"])
def test_table_of_pandas_has_sides_as_fractions_and_lists_as_text(listed: str) -> None:
    numbers = listed.format(", ".join(kaggle(FIRST).split()))
    table = f'ImageId,EncodedPixels,Height,Width\na.png,"{numbers}",{HEIGHT}.0,{WIDTH}.\nb.png,,,\n'

    outcome = run(written("t.csv", table), "--from", "kaggle", "--to", "coco", "-o", "out.json")

    assert outcome.exit_code == 0, outcome.stderr
    assert_same(loaded("out.json")[1]["a.png"], [FIRST])


def test_records_of_pandas_have_sides_as_fractions() -> None:
    records = [{"file_name": "a.png", "height": float(HEIGHT), "width": float(WIDTH), "rle": start_length(FIRST)}]

    outcome = run(written("r.json", records), "--from", "start-length", "--to", "coco", "-o", "out.json")

    assert outcome.exit_code == 0, outcome.stderr
    assert_same(loaded("out.json")[1]["a.png"], [FIRST])


def cvat_film(*sizes: tuple[int, int]) -> str:
    """Write tracks as CVAT does: the size of the frames stands in the head, one for each task."""
    tasks = "".join(
        f"<task><original_size>\n<width>{width}</width>\n<height>{height}</height>\n</original_size></task>"
        for height, width in sizes
    )
    masks = cvat_xml().partition("<image")[2].partition(">")[2].partition("</image>")[0]
    seen, gone = (masks.replace("<mask ", f'<mask frame="{n}" outside="{n}" keyframe="1" ') for n in (0, 1))
    return f'<annotations><meta>{tasks}</meta><track id="0" label="dog">{seen}{gone}</track></annotations>'


def test_film_says_the_size_of_its_frames_in_its_head() -> None:
    film = cvat_film((HEIGHT, WIDTH), (HEIGHT, WIDTH))

    outcome = run(written("film.xml", film), "--from", "cvat", "--to", "coco", "-o", "out.json")

    assert outcome.exit_code == 0, outcome.stderr
    assert_same(loaded("out.json")[1]["0"], [FIRST, SECOND])


def test_films_of_two_sizes_do_not_say_which_is_meant() -> None:
    written("film.xml", cvat_film((HEIGHT, WIDTH), (WIDTH, HEIGHT)))

    with pytest.raises(UsageError, match="is not known"):
        run("film.xml", "--from", "cvat", "--to", "coco", "-o", "out.json")


def test_frames_in_which_a_track_is_not_seen_have_no_mask() -> None:
    shapes = [
        {"type": "mask", "frame": frame, "outside": outside, "points": cvat(FIRST)}
        for frame, outside in ((0, False), (5, True))
    ]
    written("tracks.json", {"tracks": [{"frame": 0, "label_id": 3, "shapes": shapes}], "shapes": []})

    outcome = run("tracks.json", "--from", "cvat", "--to", "coco", "-o", "out.json", *SIZE)

    assert outcome.stderr == "out.json: 1 mask\n"
    assert [*loaded("out.json")[1]] == ["0"]


def test_what_was_skipped_or_only_proposed_in_label_studio_is_no_annotation() -> None:
    labelled, proposed = brush_export()
    [kept] = labelled["annotations"]
    labelled["annotations"] = [{**kept, "was_cancelled": True}, {**kept, "was_cancelled": False}]
    labelled["drafts"] = labelled["predictions"] = [kept]
    proposed["predictions"], proposed["annotations"] = proposed["annotations"], []

    outcome = run(
        written("export.json", [labelled, proposed]), "--from", "label-studio", "--to", "coco", "-o", "out.json"
    )

    assert outcome.stderr == "out.json: 3 masks\n"
    found = loaded("out.json")[1]
    assert_same(found["/data/upload/a.png"], [FIRST, SECOND])
    assert_same(found["/data/upload/b.png"], [SECOND])


@pytest.mark.parametrize("target", ["rle", "polygon", "png"])
def test_other_formats_are_made_of_it_too(target: str) -> None:
    content = {"rle": [start_length(SECOND), start_length(np.ones((HEIGHT, WIDTH), np.bool_))], "scores": [0.9, 0.8]}

    outcome = run(written("f.json", content), "--from", "start-length", "--to", target, "-o", "out", *SIZE)

    assert outcome.exit_code == 0
    if target == "png":
        assert np.array_equal(cv2.imread("out/mask-0001.png", cv2.IMREAD_GRAYSCALE) > 0, SECOND)
        return
    _, found = loaded("out")
    (drawn,) = found.values()
    assert drawn[1].all()
    if target == "rle":
        assert np.array_equal(drawn[0], SECOND)
    else:
        assert np.array_equal(drawn[0], binary_fill_holes(SECOND))
        assert "holes of 1 masks are filled" in outcome.stderr


@pytest.mark.parametrize("dialect", WRITERS)
def test_masks_in_a_coco_file_are_mended_where_they_stand(dialect: str) -> None:
    counts = WRITERS[dialect](FIRST)
    content = {
        "info": {"year": 2026},
        "images": [{"id": 3, "file_name": "a.png", "width": WIDTH, "height": HEIGHT, "license": 1}],
        "annotations": [
            {"id": 5, "image_id": 3, "category_id": 2, "segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}},
            {"id": 6, "image_id": 3, "category_id": 2, "segmentation": counts},
            {"id": 7, "image_id": 3, "category_id": 2, "segmentation": [[10, 10, 30, 10, 30, 30, 10, 30]]},
            {"id": 8, "image_id": 3, "category_id": 2, "bbox": [1, 2, 3, 4]},
        ],
        "categories": [{"id": 2, "name": "dog"}],
    }

    outcome = run(written("f.json", content), "--from", dialect, "--to", "coco", "-o", "out.json")

    assert outcome.exit_code == 0
    file, found = loaded("out.json")
    assert list(found) == ["a.png"]
    square = np.zeros((HEIGHT, WIDTH), np.bool_)
    square[10:30, 10:30] = True
    assert_same(found["a.png"], [FIRST, FIRST, square])
    assert [one["id"] for one in file.dataset["annotations"]] == [5, 6, 7, 8]
    assert (file.dataset["info"], file.dataset["images"][0]["license"]) == ({"year": 2026}, 1)


def test_masks_of_an_answer_are_mended_where_they_stand() -> None:
    content = {"predictions": [{"masks": {"size": [4, 6], "counts": "6 2 10 2"}, "format": "coco", "confidence": 0.5}]}

    run(written("f.json", content), "--from", "kaggle", "--to", "rle", "-o", "out.json")

    mended = {"masks": {"size": [4, 6], "counts": "5220;"}, "format": "rle", "confidence": 0.5}
    assert json.loads(Path("out.json").read_text()) == {"predictions": [mended]}


@pytest.mark.parametrize("content", ['"6 2 10 2"', '["6 2 10 2"]', "[[6, 2, 10, 2]]", '{"rle": "6 2 10 2"}'])
def test_bare_masks_are_read(content: str) -> None:
    outcome = run(written("f.json", content), "--from", "kaggle", "--to", "png", "-o", "out", "--image-size", "6x4")

    assert outcome.exit_code == 0
    assert cv2.imread("out/mask-0001.png", cv2.IMREAD_GRAYSCALE).sum() == 4 * 255


def test_size_that_nobody_says_is_asked_for() -> None:
    name = written("train.csv", "ImageId,EncodedPixels\na.png,6 2\n")

    with pytest.raises(UsageError, match=r"the size of the image of line 2 is not known; pass --image-size WxH"):
        run(name, "--from", "kaggle", "--to", "coco", "-o", "out.json")


TABLE = "ImageId,EncodedPixels\na.png,6 2\nb.png,6 2 5 2\n"


def test_what_is_not_of_the_dialect_is_named_with_its_place() -> None:
    outcome = run(written("t.csv", TABLE), "--from", "kaggle", "--to", "coco", "-o", "out.json", *SIZE)

    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("sam3-contract: t.csv: RLE16 at line 3: span 1 of 2, counted from 0, begins at")
    assert not Path("out.json").exists()


def test_what_is_not_of_the_dialect_can_be_left_out() -> None:
    outcome = run(written("t.csv", TABLE), "--from", "kaggle", "--to", "coco", "-o", "out", "--skip-unsound", *SIZE)

    assert outcome.exit_code == 0
    assert [len(its) for its in loaded("out")[1].values()] == [1, 0]


@pytest.mark.parametrize(
    ("name", "content", "dialect", "status", "said"),
    [
        (
            "t.csv",
            "ImageId,Label\na,b\n",
            "kaggle",
            3,
            "t.csv has no column of masks, such as EncodedPixels or rle, but im",
        ),
        ("t.csv", "\n", "kaggle", 3, "has no column of masks"),
        ("t.csv", "ImageId,EncodedPixels\na,\n", "kaggle", 3, "t.csv holds no mask"),
        ("t.csv", 'ImageId,EncodedPixels\na,"6 2 10', "kaggle", 3, "t.csv is no table: unexpected end of data"),
        ("t.xml", "<annotations><image></annotations>", "cvat", 3, "t.xml is no XML of CVAT: mismatched tag"),
        ("t.xml", '<?xml version="1.0" encoding="none"?><a/>', "cvat", 3, "no XML of CVAT: unknown encoding: none"),
        ("t.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "cvat", 3, "it declares a document type"),
        ("t.xml", "<annotations/>", "cvat", 3, "holds no mask"),
        ("t.json", '{"error": "no"}', "kaggle", 3, "it looks like the answer of an error"),
        ("t.json", "[1", "cvat", 1, "TXT01 not_json"),
        ("t.json", "{}", "label-studio", 3, "holds no mask"),
    ],
)
def test_file_without_masks_of_the_dialect_is_refused(
    command: Command, name: str, content: str, dialect: str, status: int, said: str
) -> None:
    outcome = command("convert", written(name, content), "--from", dialect, "--to", "coco", "-o", "out.json", *SIZE)

    assert outcome.status == status
    assert said in outcome.stderr
    assert not Path("out.json").exists()


def test_table_that_is_not_utf8_or_an_archive_is_refused(command: Command) -> None:
    Path("t.csv").write_bytes(b"ImageId,EncodedPixels\n\xff,6 2\n")
    np.savez("m.npz", masks=np.zeros((1, 4, 6), np.float32))

    table = command("convert", "t.csv", "--from", "kaggle", "--to", "coco", "-o", "out.json", *SIZE)
    archive = command("convert", "m.npz", "--from", "kaggle", "--to", "coco", "-o", "out.json", *SIZE)

    assert (table.status, archive.status) == (3, 3)
    assert "no table in UTF-8: byte 22" in table.stderr
    assert "is an npz" in archive.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"rle": ["6 2 10 2"]}, "looks like kaggle (it may as well be start-length: the size of the image would help"),
        ({"rle": "0 2 10 2"}, "looks like start-length (the first start is 0"),
        ({"shapes": [{"type": "mask", "points": cvat(FIRST)}]}, "`masks convert --from cvat` reads it"),
        (brush_export(), "`masks convert --from label-studio` reads it"),
    ],
)
def test_without_a_dialect_one_is_proposed_and_none_is_guessed(content: Any, said: str) -> None:
    outcome = run(written("f.json", content), "--to", "coco", "-o", "out.json", *SIZE)

    assert outcome.exit_code == 3
    assert said in outcome.stderr
    assert not Path("out.json").exists()


@pytest.mark.parametrize("kind", ["table", "table with sizes", "XML"])
def test_file_that_is_not_json_says_what_reads_it(kind: str) -> None:
    dialect, name, content, _ = FILES[kind]
    written(name, content)

    converted = run(name, "--to", "coco", "-o", "out.json")
    checked = CliRunner().invoke(check, [name], catch_exceptions=False)

    assert (converted.exit_code, checked.exit_code) == (1, 1)
    for said in (converted.stderr, checked.output):
        assert "TXT01" in said
        assert f"`masks convert --from {dialect}` reads it" in " ".join(said.split())


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "<html></html>", "rle\n", "rle\nno mask\n", "\x00", "nothing"])
def test_other_text_proposes_nothing(content: str) -> None:
    outcome = run(written("f.txt", content), "--to", "coco", "-o", "out.json")

    assert outcome.exit_code == 1
    assert "TXT01 not_json" in outcome.stderr
    assert "--from" not in outcome.stderr


def test_unsound_counts_name_what_reads_them() -> None:
    content = {"size": [HEIGHT, WIDTH], "counts": kaggle(FIRST)}

    outcome = run(written("f.json", content), "--to", "coco", "-o", "out.json")

    assert outcome.exit_code == 1
    assert "RLE24 counts_kaggle" in outcome.stderr
    assert "`masks convert --from kaggle` reads it" in outcome.stderr


def test_table_may_have_cells_of_any_length() -> None:
    # Python's csv stops at 131,072 characters unless it is told otherwise.
    checkerboard = np.indices((300, 300)).sum(axis=0) % 2 == 0
    cell = kaggle(checkerboard)
    assert len(cell) > 131_072

    outcome = run(
        written("t.csv", f"id,rle\na,{cell}\n"),
        "--from",
        "kaggle",
        "--to",
        "coco",
        "-o",
        "out",
        "--image-size",
        "300x300",
    )

    assert outcome.exit_code == 0
    assert_same(loaded("out")[1]["a"], [checkerboard])
