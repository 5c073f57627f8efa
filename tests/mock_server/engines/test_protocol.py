"""An engine of one's own: two methods, and pixels where it wants them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mock_server.engines.protocol import Concept, Instance, Target
from mock_server.http.refusals import Refusal
from mock_server.images.by_url import virtual_photograph
from mock_server.images.loading import MAX_DECODED, Picture, picture_from_content
from mock_server.operations.caches import FILE_BYTES_KEPT, caches_in
from mock_server.store.memory import MemoryStore
from mock_server.store.sqlite import SqliteStore
from tests.mock_server.client import IMAGE, Client, Json, bitmap_of, click


class Reddish:
    """Finds what is red."""

    reads_pixels = True

    def find(self, concept: Concept, picture: Picture) -> Sequence[Instance]:
        return [] if concept.text != "red" else [Instance.of_bitmap(self._red(picture), 0.9)]

    def segment(self, target: Target, picture: Picture) -> Sequence[Instance]:
        assert target.clicks
        return [Instance.of_bitmap(self._red(picture), confidence) for confidence in (0.9, 0.8, 0.7)]

    def _red(self, picture: Picture) -> NDArray[np.bool_]:
        pixels = picture.pixels().astype(int)
        return pixels[:, :, 0] > pixels[:, :, 2] + 100


def photograph(orientation: int = 1) -> bytes:
    """Draw a red block into a blue frame of 40 x 30 pixels, and say how it is to be turned."""
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[..., 2] = 200
    pixels[5:10, 20:35] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    return file.getvalue()


def sent(content: bytes) -> Json:
    return {"type": "base64", "value": base64.b64encode(content).decode()}


@pytest.fixture
def client() -> Client:
    return Client(engine=Reddish())


def test_engine_sees_the_pixels_that_were_sent(client: Client) -> None:
    (result,) = client.concept([{"type": "text", "text": "red"}], image=sent(photograph()))

    mask = bitmap_of(result["predictions"][0])
    assert np.argwhere(mask).min(axis=0).tolist() == [5, 20]
    assert (mask.shape, int(mask.sum())) == ((30, 40), 75)


def test_engine_sees_the_pixels_of_an_image_that_is_remembered(client: Client) -> None:
    client.ask("embed_image", {"image": sent(photograph()), "image_id": "one"})

    (found, *_) = client.visual([{"points": [click(25, 7)]}], image=sent(b"?"), image_id="one")

    assert int(bitmap_of(found).sum()) == 75


def test_pixels_are_rgb_and_turned() -> None:
    picture = picture_from_content(photograph(orientation=6), otherwise="")
    turned = np.asarray(Image.open(io.BytesIO(photograph())).transpose(Image.Transpose.ROTATE_270).convert("RGB"))

    assert picture.size == (40, 30)
    assert np.array_equal(picture.pixels(), turned)


def test_virtual_photograph_shows_something_that_is_always_the_same() -> None:
    one, same, other = (virtual_photograph(f"https://example.com/{name}.jpg") for name in ("a", "a", "b"))

    assert one.pixels().shape == (*one.size, 3)
    assert len(np.unique(one.pixels().reshape(-1, 3), axis=0)) > 1
    assert np.array_equal(one.pixels(), same.pixels())
    assert not np.array_equal(one.pixels()[:100, :100], other.pixels()[:100, :100])


def test_pixels_that_cannot_be_had_are_refused() -> None:
    with pytest.raises(Refusal) as undecodable:
        Picture(b"", (3, 3), file=b"no image").pixels()
    with pytest.raises(Refusal) as too_many:
        Picture(b"", (MAX_DECODED, 2)).pixels()

    assert (undecodable.value.status, too_many.value.status) == (400, 599)


@pytest.mark.parametrize("files", [True, False])
def test_files_are_kept_only_for_an_engine_that_looks(files: bool, tmp_path: Path) -> None:
    for store in (MemoryStore(), SqliteStore(tmp_path / "memory", sessions=10, idle=60)):
        caches = caches_in(store, files=files)
        kept = caches.embeddings.keep("one", Picture(b"digest", (3, 4), file=b"file"))
        found = caches.embeddings.find("one")
        assert (kept.file, found and found.file) == ((b"file", b"file") if files else (None, None))


def test_files_that_are_kept_are_bounded() -> None:
    cache = caches_in(MemoryStore(), files=True).embeddings
    large = b" " * (FILE_BYTES_KEPT // 2)
    for name in ("one", "two", "three"):
        cache.keep(name, Picture(name.encode(), (3, 4), file=large))

    assert [name for name in ("one", "two", "three") if cache.find(name)] == ["two", "three"]


def test_answers_of_an_engine_that_looks_are_estimated(client: Client) -> None:
    body = {"image": IMAGE, "prompts": [{"type": "text", "text": "nothing"}]}

    assert client.post("concept_segment", body).headers["x-mock-masks"] == "estimated"
    assert Client().post("concept_segment", body).headers["x-mock-masks"] == "exact"
