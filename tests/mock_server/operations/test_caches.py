"""What a mock remembers between requests, in one process and in several."""

from __future__ import annotations

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server import Settings
from mock_server.annotations.known_images import library_of
from mock_server.annotations.library import Library
from mock_server.images.loading import Picture, picture_from_content
from mock_server.operations.caches import (
    EMBEDDINGS_KEPT,
    LOGITS_KEPT,
    SMALL,
    Asked,
    Caches,
    Logits,
    PromptKey,
    caches_in,
    grew_from,
    short,
)
from mock_server.store.memory import MemoryShelf, MemoryStore
from mock_server.store.protocol import Bounds
from mock_server.store.sqlite import SqliteStore
from sam3_contract.errors import StoreError
from sam3_contract.images.scenes import built_in_scenes
from tests.mock_server.client import IMAGE, Client, Json, center_box, click, image
from tests.servers import command_serving

EMBEDDING, LOGITS = "x-mock-embedding-cache", "x-mock-logits-cache"
UNDECODABLE = {"type": "base64", "value": "!!"}
ONE = [{"points": [click(30, 20)]}]
TWO = [{"points": [click(30, 20), click(5, 5, positive=False)]}]
OTHER = [{"points": [click(50, 40)]}]
BOX = [{"box": center_box(30, 20, 10, 10), "points": []}]
SAVE, LOAD = {"save_logits_to_cache": True}, {"load_logits_from_cache": True}
FIRST, SECOND = Picture(b"first", (10, 20)), Picture(b"second", (40, 30))


def refined(client: Client, prompts: Any, **fields: Any) -> tuple[str, float, Any]:
    """Segment; return what the mock says of its logits, the time and the masks."""
    answer = client.post("visual_segment", {"image": IMAGE, "image_id": "photo", "prompts": prompts, **fields})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    body = answer.get_json()
    return answer.headers[LOGITS], body["time"], body["predictions"]


def clicked(*places: tuple[float, float]) -> list[PromptKey]:
    return [PromptKey(None, frozenset((x, y, True) for x, y in places))]


def in_file(folder: Path, library: Library | None = None, *, files: bool = False) -> Caches:
    """What another process would remember in the same file."""
    store = SqliteStore(folder / "memory", sessions=10, idle=60)
    return caches_in(store, library=library or Library(), files=files)


@pytest.fixture(params=["documented", "observed"])
def client(request: pytest.FixtureRequest) -> Client:
    client = Client(Settings(profile=request.param))
    client.ask("embed_image", {"image": IMAGE, "image_id": "photo"})
    return client


@pytest.fixture(params=["in memory", "in a file"])
def caches(request: pytest.FixtureRequest, tmp_path: Path) -> Caches:
    return caches_in(MemoryStore()) if request.param == "in memory" else in_file(tmp_path)


def test_headers_tell_what_was_embedded(client: Client) -> None:
    def told(operation: str, **fields: Any) -> str:
        return client.post(operation, {"image": IMAGE, **fields}).headers[EMBEDDING]

    assert told("visual_segment") == "miss"
    assert told("visual_segment", image_id="new") == "stored"
    assert told("visual_segment", image_id="new") == "hit"
    assert told("embed_image", image_id="new") == "hit"
    assert told("embed_image", image_id="newer") == "stored"
    assert told("embed_image") == "stored"
    assert EMBEDDING not in client.post("concept_segment", {"image": IMAGE, "prompts": [{"text": "dog"}]}).headers


@pytest.mark.parametrize("image", [{"type": "base64", "value": "bm8gaW1hZ2U="}, {"type": "base64", "value": ""}])
def test_image_beside_a_known_id_is_looked_at_only_where_it_is_to_be_embedded(client: Client, image: Json) -> None:
    embedded, clicked_on = (
        client.post(operation, {"image": image, "image_id": "photo"}) for operation in ("embed_image", "visual_segment")
    )

    assert (embedded.status_code, clicked_on.status_code) == (400, 200)


def test_no_image_beside_a_known_id_is_what_it_is_beside_any(client: Client) -> None:
    known, unknown = (client.post("embed_image", {"image_id": image_id}) for image_id in ("photo", "another"))

    assert known.status_code == unknown.status_code != 200


def test_embedding_is_paid_for_once(client: Client) -> None:
    times = [
        client.ask("visual_segment", {"image": IMAGE, "image_id": "new", "prompts": ONE})["time"] for _ in range(3)
    ]

    assert times == [0.144, 0.004, 0.004]


def test_kept_logits_save_time_and_change_no_mask(client: Client) -> None:
    plain = refined(client, ONE)
    missed = refined(client, ONE, **LOAD)
    saved = refined(client, ONE, **SAVE)
    found = refined(client, ONE, **LOAD)
    both = refined(client, ONE, **LOAD, **SAVE)

    assert [told for told, _, _ in (plain, missed, saved, found, both)] == ["off", "miss", "saved", "hit", "hit, saved"]
    assert [time for _, time, _ in (plain, missed, saved, found, both)] == [0.004, 0.004, 0.004, 0.0025, 0.0025]
    assert plain[2] == missed[2] == saved[2] == found[2] == both[2]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (ONE, TWO, "hit"),
        (TWO, ONE, "miss"),
        (ONE, [{"points": [click(31, 20)]}], "miss"),
        (ONE, [{"points": [click(30, 20, positive=False), click(1, 1)]}], "miss"),
        (BOX, [{**BOX[0], "points": [click(30, 20)]}], "hit"),
        (ONE, [{**BOX[0], "points": [click(30, 20)]}], "miss"),
        (ONE + OTHER, [*OTHER, {"points": [click(1, 1), click(30, 20)]}], "hit"),
        (ONE * 2, TWO, "miss"),
        (None, ONE, "miss"),
        (None, None, "hit"),
    ],
    ids=[
        "one click more",
        "one click less",
        "another click",
        "another sign",
        "a click in the same box",
        "a box around the same click",
        "two prompts in another order",
        "one prompt less",
        "a click after none",
        "none again",
    ],
)
def test_logits_are_found_for_the_same_prompts_and_for_those_that_grew_from_them(
    client: Client, before: Any, now: Any, told: str
) -> None:
    refined(client, before, **SAVE)

    assert refined(client, now, **LOAD)[0] == told


def test_logits_belong_to_an_image(client: Client) -> None:
    refined(client, ONE, **SAVE)

    assert refined(client, ONE, image_id="another", **LOAD)[0] == "miss"
    assert refined(client, ONE, image_id=None, **LOAD)[0] == "miss"


def test_logits_of_an_image_without_an_id_belong_to_its_content(client: Client) -> None:
    refined(client, ONE, image_id=None, **SAVE)

    assert refined(client, ONE, image_id=None, **LOAD)[0] == "hit"
    assert refined(client, ONE, image_id=None, image=image(64, 48, "another"), **LOAD)[0] == "miss"


def test_refused_request_keeps_no_logits(client: Client) -> None:
    body = {"image": UNDECODABLE, "prompts": ONE, **SAVE}

    assert client.post("visual_segment", body).status_code == 400
    assert refined(client, ONE, image_id=None, **LOAD)[0] == "miss"


def test_oldest_logits_go_when_there_are_too_many(caches: Caches) -> None:
    for number in range(LOGITS_KEPT):
        caches.logits.keep("photo", clicked((number, 0)))
    assert caches.logits.find("photo", clicked((0, 0)))

    caches.logits.keep("photo", clicked((1, 0)))  # is there, and gets no younger
    caches.logits.keep("drawing", clicked((0, 0)))

    assert not caches.logits.find("photo", clicked((0, 0)))
    assert caches.logits.find("photo", clicked((1, 0), (7, 7)))
    assert caches.logits.find("drawing", clicked((0, 0)))


def test_more_clicks_than_are_kept_are_found_again_as_a_whole(caches: Caches) -> None:
    many = [(float(number), 0.0) for number in range(SMALL)]
    caches.logits.keep("photo", clicked(*many))

    assert caches.logits.find("photo", clicked(*reversed(many)))
    assert not caches.logits.find("photo", clicked(*many, (0, 1)))


def test_everything_is_forgotten_on_demand(caches: Caches) -> None:
    caches.embeddings.keep("photo", FIRST)
    caches.logits.keep("photo", clicked((1, 1)))

    caches.clear()

    assert caches.embeddings.find("photo") is None
    assert not caches.logits.find("photo", clicked((1, 1)))


def test_oldest_picture_goes_when_there_are_too_many(caches: Caches) -> None:
    for number in range(EMBEDDINGS_KEPT):
        caches.embeddings.keep(str(number), FIRST)
    assert caches.embeddings.keep("0", SECOND) == FIRST  # is there, and gets no younger

    caches.embeddings.keep("one too many", SECOND)

    assert caches.embeddings.find("0") is None
    assert caches.embeddings.find("1") == FIRST


@pytest.mark.parametrize("image_id", ["", "犬", "\ud800", "x" * 65, "x" * 2_000_000], ids=lambda name: f"{len(name)}")
def test_any_text_names_a_picture(caches: Caches, image_id: str) -> None:
    caches.embeddings.keep(image_id, FIRST)

    assert caches.embeddings.find(image_id) == FIRST
    assert caches.embeddings.find(f"{image_id}x") is None
    assert caches.embeddings.find(None) is None


@given(st.text(max_size=200), st.text(max_size=200))
def test_short_names_are_short_and_differ(first: str, second: str) -> None:
    assert len(short(first)) <= 65
    assert (short(first) == short(second)) == (first == second)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=4), st.integers(0, 3), st.integers(0, 3))
def test_prompts_grow_click_by_click(places: list[tuple[int, int]], x: int, y: int) -> None:
    before, now = clicked(*places), clicked(*places, (x, y))

    assert grew_from(before, now) == bool(places)
    assert grew_from(now, before) == ((x, y) in places)


def test_processes_see_what_the_first_of_them_wrote(tmp_path: Path) -> None:
    one, other = (in_file(tmp_path) for _ in range(2))

    assert one.embeddings.keep("photo", FIRST) == FIRST
    assert other.embeddings.find("photo") == FIRST
    assert other.embeddings.keep("photo", SECOND) == FIRST
    other.logits.keep("photo", clicked((1, 1)))
    assert one.logits.find("photo", clicked((1, 1), (2, 2)))


def test_one_picture_wins_when_many_write_at_once(tmp_path: Path) -> None:
    several = [in_file(tmp_path) for _ in range(8)]
    pictures = [Picture(bytes([number]), (number + 1, 1)) for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        kept = list(
            pool.map(lambda pair: pair[0].embeddings.keep("photo", pair[1]), zip(several, pictures, strict=True))
        )

    assert set(kept) == {kept[0]}
    assert kept[0] in pictures


def test_processes_know_the_same_images(tmp_path: Path) -> None:
    libraries = [library_of(coco=None, images=None, scenes=True) for _ in range(2)]
    one, other = (in_file(tmp_path, library) for library in libraries)
    scenes = built_in_scenes()
    for scene in scenes:
        one.embeddings.keep(scene.name, picture_from_content(scene.content, otherwise="", library=libraries[0]))

    found = [other.embeddings.find(scene.name) for scene in scenes]

    assert [picture and picture.known and picture.known.name for picture in found] == [scene.name for scene in scenes]


def test_file_that_cannot_be_used_is_an_error_until_it_can(tmp_path: Path) -> None:
    caches = in_file(tmp_path / "not yet")

    with pytest.raises(StoreError, match="SQLite file, cannot be used: unable to open"):
        caches.embeddings.keep("photo", FIRST)
    with pytest.raises(StoreError):
        caches.logits.find("photo", clicked((1, 1)))

    (tmp_path / "not yet").mkdir()
    assert caches.embeddings.keep("photo", FIRST) == FIRST


def test_workers_give_the_same_bytes_and_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    named: Json = {"image_id": "photo", "prompts": TWO}

    with command_serving("--workers", "3") as url:

        def send(operation: str, body: Json) -> tuple[bytes, str]:
            request = urllib.request.Request(  # each over a connection, and so to a worker, of its own
                f"{url}/sam3/{operation}?api_key=any", json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request) as answer:
                return answer.read(), answer.headers[EMBEDDING]

        send("embed_image", {"image": IMAGE, "image_id": "photo"})
        assert list(tmp_path.glob("sam3-mock-*/store.sqlite*"))
        send("visual_segment", {**named, "image": IMAGE, "prompts": ONE, **SAVE})
        # Were one of three workers to look in a memory of its own, it would refuse the image.
        answers = {send("visual_segment", {**named, "image": UNDECODABLE, **LOAD}) for _ in range(24)}

    assert [(json.loads(body)["time"], told) for body, told in answers] == [(0.0025, "hit")]
    assert list(tmp_path.glob("sam3-mock-*")) == []


def test_single_worker_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    with command_serving():
        assert list(tmp_path.glob("sam3-mock-*")) == []


def test_clicks_of_large_requests_are_not_kept() -> None:
    shelf: MemoryShelf[Asked] = MemoryShelf(Bounds(10, 1, lambda _: 0))

    Logits(shelf).keep("photo", clicked(*((float(number), 0.0) for number in range(1000))))

    assert shelf.group(short("photo")) == [Asked(None)]
