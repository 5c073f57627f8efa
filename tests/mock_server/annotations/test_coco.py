"""An annotation file: its images are answered with its masks, its mistakes are named."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest
from pycocotools import mask as coco
from pycocotools.coco import COCO

from mock_server import Settings, create_app
from mock_server.annotations.coco import AnnotatedSet, load_coco
from sam3_contract import create_mock
from sam3_contract.errors import UsageError
from sam3_contract.images.scenes import built_in_scenes, derived_scenes, filled, further_scenes, stencil
from tests.mock_server.annotated_set import HERD, PERSON, RING, TIE, annotation_file, as_image, write_set
from tests.mock_server.client import Bitmap, Client, Json, bitmap_of, bitmaps_of, click
from tests.servers import command_serving, run_command

# pycocotools 2.0 hands numpy 2 its arrays in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SCENES = (*built_in_scenes(), *derived_scenes(), *further_scenes(), stencil(), filled())
PROFILES = ("documented", "observed")


def same(found: list[Bitmap], expected: list[Bitmap]) -> bool:
    return len(found) == len(expected) and all(map(np.array_equal, found, expected))


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module", params=PROFILES)
def client(annotated: tuple[Path, Path], request: pytest.FixtureRequest) -> Client:
    return Client(Settings(coco=annotated[0], coco_images=annotated[1], profile=request.param))


@pytest.fixture(scope="module")
def truth(annotated: tuple[Path, Path]) -> dict[int, Bitmap]:
    """Every annotation's mask by its id, as pycocotools reads the file."""
    with contextlib.redirect_stdout(io.StringIO()):
        file = COCO(str(annotated[0]))
    sizes = {7: (90, 120), 8: (200, 64)}
    for one in file.dataset["images"]:
        one["height"], one["width"] = sizes.get(one["id"], (90, 120))
    return {one["id"]: file.annToMask(one).astype(bool) for one in file.dataset["annotations"]}


def first(annotated: tuple[Path, Path]) -> Json:
    return as_image((annotated[1] / "first.png").read_bytes())


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("person", [100]),
        ("people", [100]),
        ("bow tie", [101]),
        ("a necktie", [101]),
        ("clothing", [101]),
        ("photo frames", [102]),
        ("sheep", [103, 104]),
        ("animals", [103, 104]),
        ("zebra", []),
        ("none", []),
        ("cat", []),
    ],
)
def test_text_finds_the_annotations_of_the_file(
    client: Client, annotated: tuple[Path, Path], truth: dict[int, Bitmap], text: str, ids: list[int]
) -> None:
    (result,) = client.concept([{"text": text}], image=first(annotated), output_prob_thresh=0.5)

    decoded = [coco.decode(one["masks"]).astype(bool) for one in result["predictions"]]
    assert same(decoded, [truth[one] for one in ids])
    assert all(0.84 < one["confidence"] < 1 for one in result["predictions"])


def test_every_image_of_the_file_is_known(client: Client, annotated: tuple[Path, Path]) -> None:
    second = as_image((annotated[1] / "nested/second.jpg").read_bytes())
    empty = as_image((annotated[1] / "empty.png").read_bytes())

    (people,) = client.concept([{"text": "person"}], image=second, output_prob_thresh=0.5)
    nothing = client.concept([{"text": text} for text in ("person", "dog", "sheep")], image=empty)

    assert [bitmap_of(one).all() for one in people["predictions"]] == [True]
    assert [result["predictions"] for result in nothing] == [[], [], []]
    assert bitmaps_of(client.visual([{"points": [click(9, 9)]}], image=empty))[0][9, 9]
    assert client.http.get("/").get_json()["known_images"] == 3 + len(SCENES)


def test_scenes_are_answered_beside_the_file(client: Client) -> None:
    (circle,) = SCENES[0].things_of("red circle")

    (result,) = client.concept([{"text": "red circle"}], image=as_image(SCENES[0].content), output_prob_thresh=0.5)

    assert same(bitmaps_of(result["predictions"]), [circle.bitmap])


@pytest.mark.parametrize("profile", PROFILES)
def test_unknown_images_are_answered_as_without_the_file(annotated: tuple[Path, Path], profile: str) -> None:
    chosen = Settings(coco=annotated[0], coco_images=annotated[1], profile=profile)  # type: ignore[arg-type]
    asked = [{"text": "person"}, {"text": "dog"}]

    plain = Client(Settings(scenes=False, profile=profile))  # type: ignore[arg-type]

    assert Client(chosen).concept(asked) == plain.concept(asked)


def test_click_picks_the_smallest_annotation_and_a_crowd_only_where_nothing_else_is(
    client: Client, annotated: tuple[Path, Path], truth: dict[int, Bitmap]
) -> None:
    places = {101: (22, 30), 100: (30, 30), 102: (65, 15), 104: (55, 60), 103: (100, 80)}
    prompts = [{"points": [click(*place)]} for place in places.values()]

    found = bitmaps_of(client.visual(prompts, image=first(annotated), multimask_output=False))

    assert same(found, [truth[one] for one in places])


def test_clicks_tell_a_thing_from_what_lies_on_it(
    client: Client, annotated: tuple[Path, Path], truth: dict[int, Bitmap]
) -> None:
    person, tie = click(30, 30), click(22, 30)
    prompts = [
        {"points": [person, {**tie, "positive": False}]},
        {"points": [tie, {**person, "positive": False}]},
        {"points": [person, tie]},
    ]

    without, only, both = bitmaps_of(client.visual(prompts, image=first(annotated), multimask_output=False))

    assert np.array_equal(without, truth[100] & ~truth[101])
    assert np.array_equal(only, truth[101])
    assert np.array_equal(both, truth[100] | truth[101])


def test_set_holds_what_the_tests_say_of_it(truth: dict[int, Bitmap]) -> None:
    assert np.array_equal(truth[101], TIE)
    assert np.array_equal(truth[102], RING)
    assert np.array_equal(truth[103], HERD)
    assert truth[100].sum() == sum(coco.area(coco.frPyObjects(PERSON, 90, 120)).tolist())


def test_local_file_of_a_url_is_known_too(annotated: tuple[Path, Path]) -> None:
    coco_file, images = annotated
    client = Client(Settings(coco=coco_file, coco_images=images, url_images=images))
    url = {"type": "url", "value": "https://example.com/first.png"}

    (result,) = client.concept([{"text": "bow tie"}], image=url, output_prob_thresh=0.5)

    assert same(bitmaps_of(result["predictions"]), [TIE])


def test_app_of_the_same_set_answers_the_same_bytes(annotated: tuple[Path, Path]) -> None:
    chosen = Settings(coco=annotated[0], coco_images=annotated[1])
    body = {"image": first(annotated), "prompts": [{"text": "sheep"}, {"text": "person"}]}

    answers = [
        create_app(chosen).test_client().post("/sam3/concept_segment?api_key=any", json=body).get_data()
        for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert io.BytesIO(answers[0]).getbuffer().nbytes > 500


# Mistakes: the message names the file, the entry and what is wrong with it.


def entry(index: int, **fields: object) -> Callable[[Json], None]:
    return lambda file: file["annotations"][index].update(fields)


def rle(**fields: object) -> Callable[[Json], None]:
    return lambda file: file["annotations"][1]["segmentation"].update(fields)


def listed(kind: str, index: int, **fields: object) -> Callable[[Json], None]:
    return lambda file: file[kind][index].update(fields)


NO_COCO: dict[str, tuple[Callable[[Json], object], str]] = {
    "no images": (lambda file: file.pop("images"), "is no COCO annotation file: images: Field required"),
    "annotations no list": (lambda file: file.update(annotations={}), "annotations: Input should be a valid array"),
    "empty": (lambda file: file.update(images=[]), "no image can be served: it lists none"),
    "files missing": (
        lambda file: file.update(images=[{"id": index, "file_name": f"{index}.jpg"} for index in range(5)]),
        r"no image can be served: 5 of 5 images \(image 0: .*0.jpg cannot be read: No such file .*2.jpg .*; ...\)$",
    ),
}
UNSOUND: dict[str, tuple[Callable[[Json], object], str, int]] = {
    "name no text": (listed("categories", 1, name=5), r"1 of 5 categories \(categories\[1\].name: Input should be", 1),
    "category no object": (
        lambda file: file["categories"].append(5),
        r"1 of 6 categories \(categories\[5\]: is no ob",
        0,
    ),
    "unknown image": (entry(2, image_id=99), r"annotation 102 at annotations\[2\] is of image 99, which `images`", 1),
    "unknown category": (entry(0, category_id="x"), "annotation 100 .* is of category 'x', which `categories`", 1),
    "id as text": (entry(0, image_id="7"), "annotation 100 .* is of image '7', which `images` does not list", 1),
    "name that no file has": (
        listed("images", 0, file_name="\ud800.png"),
        r"1 of 3 images \(image 7: .* cannot be read: .*\), 5 of 6 ann",
        5,
    ),
    "no category": (
        lambda file: file["annotations"][0].pop("category_id"),
        r"annotations\[0\].category_id: Field req",
        1,
    ),
    "crowd no truth": (entry(0, iscrowd="perhaps"), r"annotations\[0\].iscrowd: Input should be a valid boolean", 1),
    "no id": (lambda file: file["annotations"][0].update(id=None, image_id=99), r"\(annotations\[0\] is of image", 1),
    "no segmentation": (entry(0, segmentation=None), "annotation 100 .* has no segmentation; the mock needs", 1),
    "empty segmentation": (entry(0, segmentation=[]), "annotation 100 .* has no segmentation", 1),
    "a box": (entry(0, segmentation=[], bbox=[1, 2, 3, 4]), "annotation 100 .* has a box only, no mask", 1),
    "two points": (entry(0, segmentation=[[1, 2, 3, 4]]), r"segmentation\[0\], of 4 numbers", 1),
    "odd numbers": (entry(0, segmentation=[[1, 2, 3, 4, 5, 6, 7]]), "of 7 numbers", 1),
    "pairs": (entry(0, segmentation=[[[1, 2], [3, 4], [5, 6]]]), "no flat list of numbers", 1),
    "ragged": (entry(0, segmentation=[[[1, 2], [3, 4, 5]]]), "no flat list of numbers", 1),
    "texts": (entry(0, segmentation=[["1", "2", "3", "4", "5", "6"]]), "no flat list of numbers", 1),
    "huge integers": (entry(0, segmentation=[[10**30] * 6]), "no flat list of numbers", 1),
    "far outside": (entry(0, segmentation=[[1, 2, 3, 4, 5, 1e9]]), "leaves the image of 120 x 90 pixels by far", 1),
    "not a number": (entry(0, segmentation=[[1, 2, 3, 4, 5, float("nan")]]), "leaves the image", 1),
    "swapped size": (rle(size=[120, 90]), r"of size \[120, 90\], \[height, width\]; the image is \[90, 120\]", 1),
    "no size": (lambda file: file["annotations"][1]["segmentation"].pop("size"), "of size None", 1),
    "cut short": (rle(counts="5220"), "runs that do not fill the 10800 pixels", 1),
    "inside a run": (rle(counts="522P"), "cannot be read: counts end inside a run", 1),
    "outside the alphabet": (rle(counts="52~0"), "outside '0'..'o'", 1),
    "negative run": (rle(counts="N5"), "a negative run", 1),
    "endless run": (rle(counts="o" * 20 + "0"), r"more than 2\*\*31 pixels", 1),
    "counts no text": (rle(counts=5), "counts are neither an ASCII text nor numbers of pixels", 1),
    "counts not ASCII": (rle(counts="é"), "neither an ASCII text", 1),
    "negative count": (rle(counts=[-1, 10801]), "neither an ASCII text", 1),
    "fractions": (rle(counts=[10799.5, 0.5]), "neither an ASCII text", 1),
    "too few": (rle(counts=[100, 100]), "do not fill", 1),
    "too large": (rle(counts=[2**31 - 1] * 9), "do not fill", 1),
    "width": (listed("images", 0, width=64), "image 7: it is said to be 64 wide and 90 high; first.png is 120 wide", 5),
    "width of nothing": (listed("images", 0, width=-1), r"images\[0\].width: Input should be greater than 0", 5),
    "width that is none": (listed("images", 0, width=[]), r"images\[0\].width: Input should be a valid integer", 5),
    "no file name": (
        listed("images", 0, file_name=None),
        r"1 of 3 images \(image 7: it has no file_name\), 5 of 6 ann",
        5,
    ),
    "image id twice": (listed("images", 0, id=8), "2 of 3 images .2 different entries share the id 8", 6),
    "category id twice": (listed("categories", 0, id=2), "2 of 5 categories .2 different entries share the id 2", 3),
    "a device": (
        listed("images", 0, file_name="/dev/zero"),
        r"image 7: /dev/zero cannot be read: it is no regular file",
        5,
    ),
    "a name without end": (listed("images", 0, file_name="a\\" * 5000), r"1 of 3 images \(image 7: ", 5),
    "files missing": (
        lambda file: file["images"].extend({"id": 20 + index, "file_name": f"{index}.jpg"} for index in range(5)),
        r"5 of 8 images \(image 20: .*0.jpg cannot be read: No such file or directory; image 21: .* 22: .*; ...\)$",
        0,
    ),
    "lines": (
        lambda file: file["images"].append({"id": "a\nb", "file_name": "c\nd"}),
        "1 of 4 images .image a b: .*c d",
        0,
    ),
    "long": (lambda file: file["images"].append({"id": "a" * 10**5, "file_name": "c"}), r"image a{194}\.\.\.\)$", 0),
}


def number_loaded(loaded: AnnotatedSet) -> int:
    return sum(len(one.image.annotations) for one in loaded.images)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", NO_COCO)
def test_file_that_holds_nothing_to_serve_is_refused(name: str, strict: bool, tmp_path: Path) -> None:
    spoil, message = NO_COCO[name]
    file = annotation_file()
    spoil(file)

    with pytest.raises(UsageError, match=message):
        load_coco(*write_set(tmp_path, file), strict=strict)


@pytest.mark.parametrize("name", UNSOUND)
def test_what_is_not_sound_is_left_out_and_named(name: str, tmp_path: Path) -> None:
    spoil, message, lost = UNSOUND[name]
    file = annotation_file()
    spoil(file)
    annotations, images = write_set(tmp_path, file)

    loaded = load_coco(annotations, images)

    assert re.search(message, loaded.left_out)
    assert "\n" not in loaded.left_out
    assert number_loaded(loaded) == 6 - lost
    with pytest.raises(UsageError, match=f"annotations.json is not sound: .*{message}"):
        load_coco(annotations, images, strict=True)


@pytest.mark.parametrize(
    ("said", "crowd"), [(0, False), (1, True), (False, False), (True, True), (None, False)], ids=repr
)
def test_crowds_are_said_in_every_way(said: object, crowd: bool, tmp_path: Path) -> None:
    file = annotation_file()
    file["annotations"][0]["iscrowd"] = said

    loaded = load_coco(*write_set(tmp_path, file), strict=True)

    assert loaded.images[0].image.annotations[0].crowd is crowd


@pytest.mark.parametrize("sides", [{}, {"width": None}, {"width": 0, "height": 0}, {"width": 120.0, "height": 90.0}])
def test_image_itself_tells_the_size_that_the_file_leaves_out(sides: Json, tmp_path: Path) -> None:
    file = annotation_file()
    listed("images", 0, width=None, height=None)(file)
    listed("images", 0, **sides)(file)

    assert number_loaded(load_coco(*write_set(tmp_path, file), strict=True)) == 6


def test_image_whose_name_is_no_utf8_is_found_by_what_python_writes_for_it(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    file = annotation_file()
    listed("images", 0, file_name=name)(file)
    annotations, images = write_set(tmp_path, file)
    try:
        (images / "first.png").rename(images / name)
    except OSError:
        pytest.skip("names of files are UTF-8 here")

    assert number_loaded(load_coco(annotations, images, strict=True)) == 6


def test_half_a_pair_makes_no_json_of_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"images": ["\\ud800",,]}')

    with pytest.raises(UsageError, match="is no COCO annotation file: Invalid JSON"):
        load_coco(tmp_path / "a.json", tmp_path)


def test_image_in_a_folder_is_found_by_the_name_that_windows_gives_it(tmp_path: Path) -> None:
    file = annotation_file()
    listed("images", 0, file_name="train\\first.png")(file)
    annotations, images = write_set(tmp_path, file)
    (images / "train").mkdir()
    (images / "first.png").rename(images / "train" / "first.png")

    assert number_loaded(load_coco(annotations, images, strict=True)) == 6


def test_sound_file_is_loaded_whole(annotated: tuple[Path, Path]) -> None:
    loaded = load_coco(*annotated, strict=True)

    assert (loaded.left_out, number_loaded(loaded)) == ("", 6)


def test_image_file_that_is_listed_twice_is_one_image(tmp_path: Path) -> None:
    file = annotation_file()
    file["images"] += [file["images"][1], {"id": 10, "file_name": "first.png"}]
    file["annotations"][1]["image_id"] = 10

    loaded = load_coco(*write_set(tmp_path, file), strict=True)

    assert [len(one.image.annotations) for one in loaded.images] == [5, 1, 0]


def noun_phrases(file: Json) -> None:
    """Lay the set out as SA-Co does: an entry of `images` for each noun phrase, boxes and areas as fractions."""
    phrases = {100: "tall person", 101: "red bow tie", 103: "flock"}
    file["images"] = [
        {"id": 20 + index, "file_name": "first.png", "text_input": phrase, "width": 120, "height": 90}
        for index, phrase in enumerate([*phrases.values(), "cat"])
    ]
    kept = [one for one in file["annotations"] if one["id"] in phrases]
    file["annotations"] = [
        one | {"image_id": 20 + index, "category_id": 1, "bbox": [0.1, 0.2, 0.3, 0.4], "area": 0.13}
        for index, one in enumerate(kept)
    ]
    file["categories"] = [{"id": 1, "name": "object"}]


@pytest.mark.parametrize(
    ("text", "ids"), [("tall person", [100]), ("red bow ties", [101]), ("cat", []), ("object", [100, 101, 103])]
)
def test_phrase_of_an_image_entry_names_its_annotations(
    text: str, ids: list[int], truth: dict[int, Bitmap], tmp_path: Path
) -> None:
    file = annotation_file()
    noun_phrases(file)
    annotations, images = write_set(tmp_path, file)
    client = Client(Settings(coco=annotations, coco_images=images, coco_strict=True, scenes=False))

    (result,) = client.concept([{"text": text}], image=first((annotations, images)), output_prob_thresh=0.5)

    assert client.http.get("/").get_json()["known_images"] == 1
    assert same(bitmaps_of(result["predictions"]), [truth[one] for one in ids])


def test_mock_in_the_process_says_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = annotation_file()
    file["annotations"][0] |= {"segmentation": [], "bbox": [1, 2, 3, 4]}
    annotations, images = write_set(tmp_path, file)
    chosen = Settings(coco=annotations, coco_images=images, scenes=False)

    create_mock(chosen)

    told = capsys.readouterr().err
    assert told.startswith(f"--coco {annotations}: left out 1 of 6 annotations (annotation 100 at annotations[0] has a")
    assert told.count("\n") == 1
    with pytest.raises(UsageError, match=r"annotations\.json is not sound: 1 of 6 annotations"):
        create_mock(chosen, coco_strict=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no COCO annotation file: Invalid JSON"),
        (b"[]", "is no COCO annotation file: Input should be an object"),
        (b"{", "Invalid JSON"),
        (b"\xff{}", "Invalid JSON"),
        ("{}".encode("utf-16"), "it is text in UTF-16"),
        (gzip.compress(b"{}", mtime=0), "it is packed by gzip"),
        (None, "cannot be read: No such file"),
    ],
    ids=str,
)
def test_file_that_is_none_is_named(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UsageError, match=message):
        load_coco(path, tmp_path)


def test_file_that_shows_no_image_is_named(tmp_path: Path) -> None:
    annotations, images = write_set(tmp_path)
    (images / "first.png").write_bytes(b"no image")

    loaded = load_coco(annotations, images)

    assert [one.image.name for one in loaded.images] == ["second.jpg", "empty.png"]
    assert re.match(
        r"1 of 3 images \(image 7: .*first.png: no image starts with b'no image'; .*\), 5 of 6", loaded.left_out
    )


@pytest.mark.parametrize(
    "chosen", [Settings(coco=Path("a.json")), Settings(coco_images=Path("images"))], ids=["no images", "no file"]
)
def test_file_and_folder_need_each_other(chosen: Settings) -> None:
    with pytest.raises(UsageError, match=r"--(coco needs --images|images needs --coco) beside it"):
        create_app(chosen)


def test_what_has_no_pixel_is_left_out_and_extra_fields_are_ignored(tmp_path: Path) -> None:
    file = annotation_file()
    file["annotations"][0] |= {"segmentation": [[130, 95, 140, 95, 140, 99]], "keypoints": [1, 2, 3], "bbox": "?"}
    file["annotations"][1]["segmentation"]["counts"] = [90 * 120]

    (image, _, _) = load_coco(*write_set(tmp_path, file), strict=True).images

    assert [one.category.name for one in image.image.annotations] == ["photo frame", "sheep", "sheep"]


def test_large_sets_say_how_far_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations, images = write_set(tmp_path)

    load_coco(annotations, images)
    quiet = capsys.readouterr()
    monkeypatch.setattr("mock_server.annotations.coco.QUIET", 0.0)
    load_coco(annotations, images)

    assert (quiet.out, quiet.err) == ("", "")
    told = capsys.readouterr().err
    assert "reading images of annotations.json: 2 of 3\n" in told
    assert "reading annotations of annotations.json: 5 of 6\n" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--coco", "no-such.json", "--images", "."], "--coco names no-such.json, which cannot be read"),
        (["--coco", "no-such.json"], "--coco needs --images beside it"),
        (["--images", "."], "--images needs --coco beside it"),
    ],
    ids=["missing", "no images", "no file"],
)
def test_command_refuses_what_it_cannot_use(options: list[str], message: str) -> None:
    done = run_command("serve", "--port", "0", *options)

    assert done.returncode == 2
    assert message in done.stderr


def test_command_serves_an_annotation_file(annotated: tuple[Path, Path]) -> None:
    annotations, images = annotated
    body = json.dumps({"image": first(annotated), "prompts": [{"text": "bow tie"}], "format": "rle"}).encode()

    with command_serving("--coco", str(annotations), "--images", str(images), "--no-scenes") as url:
        request = Request(f"{url}/sam3/concept_segment?api_key=any", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=30) as answer:
            (result,) = json.load(answer)["prompt_results"]
        with urlopen(url, timeout=30) as answer:
            assert json.load(answer)["known_images"] == 3

    assert same(bitmaps_of(result["predictions"]), [TIE])


def test_masks_are_kept_as_run_lengths(annotated: tuple[Path, Path]) -> None:
    (first, second, _) = load_coco(*annotated).images

    assert all(len(one.counts) < 400 for one in first.image.annotations)
    assert len(second.image.annotations[0].counts) < 8
    assert json.loads(annotated[0].read_text())["annotations"][5]["image_id"] == 8
