"""A folder of snapshots and their images, and the picture of a change."""

from __future__ import annotations

import codecs
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam3_contract.errors import SnapshotError
from sam3_contract.snapshots import (
    draw_change,
    read_snapshot,
    reference_to,
    snapshot_files,
    write_picture,
    write_snapshot,
)
from sam3_contract.snapshots.folder import drop_images_but, image_file, keep_image, picture_file, read_image
from tests.snapshots.answers import SIZE, change_of, snapshot_with
from tests.snapshots.answers import image_file as white

DOG = (10, 10, 20, 0.9)
BLUE, ORANGE = (20, 120, 220), (245, 130, 10)


def test_snapshot_is_written_once_for_one_answer(tmp_path: Path) -> None:
    path = tmp_path / "request.json"

    written = [write_snapshot(path, snapshot_with({"dog": squares})) for squares in ([DOG], [DOG], [])]

    assert written == [True, False, True]
    assert read_snapshot(path) == snapshot_with({"dog": []})


def test_snapshot_that_an_editor_saved_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    write_snapshot(path, snapshot_with({"dog": [DOG]}))
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))

    assert read_snapshot(path) == snapshot_with({"dog": [DOG]})


def test_snapshot_replaces_one_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text("{")

    assert write_snapshot(path, snapshot_with({"dog": []}))


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo"])
def test_snapshot_is_read_from_regular_files_only(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "request.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)

    with pytest.raises(SnapshotError, match="is missing" if kind == "missing" else "is no regular file"):
        read_snapshot(path)


def test_images_are_kept_by_digest_and_dropped_when_nobody_refers_to_them(tmp_path: Path) -> None:
    kept, other = (reference_to(white(colour), name="x.png") for colour in ("white", "red"))
    for reference, colour in ((kept, "white"), (other, "red")):
        keep_image(tmp_path, reference, white(colour))
    (tmp_path / "images" / "README.txt").write_text("mine")

    assert read_image(tmp_path, kept) == white()
    drop_images_but(tmp_path, [kept])

    assert {path.name for path in (tmp_path / "images").iterdir()} == {image_file(tmp_path, kept).name, "README.txt"}
    with pytest.raises(SnapshotError, match="is missing"):
        read_image(tmp_path, other)


def test_image_that_was_exchanged_is_refused(tmp_path: Path) -> None:
    reference = reference_to(white(), name="dog.png")
    keep_image(tmp_path, reference, white())
    image_file(tmp_path, reference).write_bytes(white("red"))

    with pytest.raises(SnapshotError, match=r"is not the image 'dog\.png' that was sent"):
        read_image(tmp_path, reference)


def test_folder_without_snapshots_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="is no folder"):
        snapshot_files(tmp_path / "nowhere")
    with pytest.raises(SnapshotError, match="holds no snapshot"):
        snapshot_files(tmp_path)


def test_picture_folder_is_hidden_from_git(tmp_path: Path) -> None:
    picture = picture_file(tmp_path, "a/b")

    assert (picture.parent / ".gitignore").read_text() == "*\n"
    assert picture.parent.parent == tmp_path


def test_picture_shows_kept_vanished_and_appeared_masks_in_their_colours() -> None:
    old, new = [DOG, (40, 5, 12, 0.6)], [DOG, (55, 40, 15, 0.7)]

    picture = draw_change(change_of({"dog": old}, {"dog": new}), photograph=white())

    assert picture is not None
    times = picture.width // SIZE[1]
    pixels = np.asarray(picture).astype(int)

    def nearest(x: int, y: int) -> str:
        """Away from labels, which lie at the masks' middles or beside them."""
        pixel = pixels[y * times + times // 2, x * times + times // 2]
        colours = {"blue": BLUE, "orange": ORANGE, "grey": (190, 190, 190)}
        return min(colours, key=lambda name: int(np.abs(pixel - colours[name]).sum()))

    assert nearest(28, 28) == "grey"
    assert nearest(50, 15) == "blue"
    assert nearest(68, 53) == "orange"


def test_picture_is_drawn_without_a_photograph_or_with_one_that_is_damaged(tmp_path: Path) -> None:
    change = change_of({"dog": [DOG]}, {"dog": []})

    assert draw_change(change, photograph=None) is not None
    assert draw_change(change, photograph=b"no image") is not None
    assert write_picture(change, photograph=None, path=tmp_path / "new" / "x.png")
    assert not write_picture(change_of({"dog": []}, {"dog": []}), photograph=None, path=tmp_path / "y.png")


def test_picture_is_not_drawn_over_a_photograph_of_another_size() -> None:
    change = change_of({"dog": [DOG]}, {"dog": []})
    file = io.BytesIO()
    Image.new("RGB", (20, 10)).save(file, "PNG")

    with pytest.raises(SnapshotError, match="the image is 20 x 10 pixels, its masks are 80 x 60"):
        draw_change(change, photograph=file.getvalue())


def test_picture_of_many_instances_takes_little_memory() -> None:
    """Beyond the first thirty, changed instances are drawn together, without a number."""
    old = [(x, y, 3, 0.5) for x in range(0, 76, 4) for y in range(0, 56, 4)]

    picture = draw_change(change_of({"dog": old}, {"dog": []}), photograph=None)

    assert picture is not None
