"""The journal: what it keeps, what it never keeps, how much of it, and what it says when a call is missing."""

from __future__ import annotations

import base64
import gc
import hashlib
import io
import json
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from mock_server import Settings, control_of, create_app
from mock_server.journal.entry import KEPT, Entry, EntryImage, kept_body
from mock_server.journal.journal import Journal
from sam3_contract.errors import UsageError
from tests.mock_server.client import IMAGE, Json, image, png

SECRET = "rf_s3cr3t-k3y"
OPERATIONS = ("concept_segment", "visual_segment", "embed_image")
CONTENT = png(64, 48)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
URL = "https://example.com/dog.jpg"


class Mock:
    """A mock, a client of it, and what a test holds of it."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.app = create_app(settings)
        self.control = control_of(self.app)
        self.journal = self.control.journal
        self.scenarios = self.control.scenarios
        self.http = self.app.test_client()

    def post(self, operation: str, body: Any) -> int:
        return self.http.post(f"/sam3/{operation}?api_key={SECRET}", json=body).status_code

    def concept(self, *texts: str, **fields: Any) -> int:
        return self.post("concept_segment", {"image": IMAGE, **fields, "prompts": [{"text": text} for text in texts]})

    @property
    def last(self) -> Entry:
        seen = self.journal.last
        assert seen is not None
        return seen


# What a request leaves behind


def test_entry_tells_what_was_asked_and_answered() -> None:
    mock = Mock()

    mock.concept("dog", "cat", format="rle", output_prob_thresh=0.25)

    seen = mock.last
    assert (seen.number, seen.method, seen.path, seen.operation) == (
        1, "POST", "/sam3/concept_segment", "concept_segment",
    )  # fmt: skip
    assert (seen.status, seen.texts, seen.format, seen.image_id) == (200, ["dog", "cat"], "rle", None)
    assert seen.milliseconds > 0
    assert seen.image == EntryImage("base64", DIGEST, None, "PNG", 64, 48, len(png(64, 48)))
    assert seen.body["image"] == {"type": "base64", "value": f"sha256:{DIGEST}"}
    assert seen.body_bytes > len(IMAGE["value"])
    assert seen.as_json()["threshold"] == 0.25


@pytest.mark.parametrize(
    ("query", "headers", "found"),
    [
        (f"?api_key={SECRET}", {}, True),
        ("?api_key=", {}, False),
        ("", {"Authorization": f"Bearer {SECRET}"}, False),
    ],
)
def test_entry_tells_of_a_key_in_the_url_but_not_which(query: str, headers: Json, found: bool) -> None:
    mock = Mock()

    mock.http.post(f"/sam3/embed_image{query}", json={"image": IMAGE}, headers=headers)

    assert mock.last.key_in_url is mock.last.as_json()["key_in_url"] is found
    assert SECRET not in json.dumps(mock.last.as_json())


def test_entry_as_json_counts_prompts_points_and_boxes() -> None:
    mock = Mock()
    point = {"x": 5, "y": 5, "positive": True}
    box = {"x": 9, "y": 9, "width": 4, "height": 4}

    mock.post("visual_segment", {"image": IMAGE, "prompts": [{"points": [point, point]}, {"box": box}]})

    told = mock.last.as_json()
    assert (told["prompts"], told["points"], told["boxes"]) == (2, 2, 1)
    assert json.loads(json.dumps(told)) == told


def test_same_request_has_the_same_digest_and_another_image_another() -> None:
    mock = Mock()

    for picture in (IMAGE, IMAGE, image(64, 48, "other")):
        mock.concept("dog", image=picture)

    first, again, other = (seen.body_sha256 for seen in mock.journal.requests)
    assert first == again != other


@pytest.mark.parametrize(
    ("body", "status", "image_seen"),
    [
        ({"image": IMAGE, "prompts": []}, 422, EntryImage("base64", DIGEST, None, "PNG", 64, 48, len(CONTENT))),
        ({"image": {"type": "url", "value": URL}, "prompts": [{"text": "a"}]}, 200, EntryImage("url", url=URL)),
        (
            {"image": {"type": "base64", "value": "bm9uZQ=="}, "prompts": [{"text": "a"}]},
            400,
            EntryImage("base64", hashlib.sha256(b"none").hexdigest()),
        ),
        ({"image": {"type": "base64", "value": "?"}, "prompts": [{"text": "a"}]}, 400, EntryImage("base64")),
        ({"image": 7}, 422, None),
        ([1, 2], 422, None),
    ],
    ids=["refused", "by-url", "no-image", "no-base64", "no-object", "a-list"],
)
def test_image_is_named_however_the_request_was_answered(body: Any, status: int, image_seen: EntryImage | None) -> None:
    mock = Mock()

    assert mock.post("concept_segment", body) == status

    assert mock.last.image == image_seen


def test_image_is_that_of_its_own_request_when_an_embedding_is_known() -> None:
    mock = Mock()
    other = png(32, 32, "other")

    mock.post("embed_image", {"image": IMAGE, "image_id": "a"})
    mock.post("embed_image", {"image": image(32, 32, "other"), "image_id": "a"})

    assert mock.last.image is not None
    assert mock.last.image.sha256 == hashlib.sha256(other).hexdigest()


def test_what_is_no_operation_is_seen_too() -> None:
    mock = Mock()

    mock.http.get("/nowhere")
    mock.http.get("/sam3/embed_image")

    assert [(seen.path, seen.operation) for seen in mock.journal.requests] == [
        ("/nowhere", None),
        ("/sam3/embed_image", None),
    ]


def test_mocks_own_paths_are_not_seen() -> None:
    mock = Mock()

    for path in ("/healthz", "/_mock", "/_mock/requests", "/_mock/nowhere"):
        mock.http.get(path)

    assert mock.journal.requests == []


def test_url_image_of_a_local_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "dog.png").write_bytes(png(64, 48))
    mock = Mock(Settings(url_images=tmp_path))

    mock.concept("dog", image={"type": "url", "value": "https://example.com/dog.png"})

    assert mock.last.image == EntryImage("url", DIGEST, "https://example.com/dog.png", "PNG", 64, 48, len(CONTENT))


def test_entry_names_the_faults_that_were_on() -> None:
    mock = Mock()
    mock.control.faults = ["status:503"]
    mock.scenarios.add(answers=["normal"])

    mock.http.post(
        f"/sam3/embed_image?api_key={SECRET}", json={"image": IMAGE}, headers={"X-Mock-Fault": "counts_alone"}
    )

    assert (mock.last.status, set(mock.last.faults)) == (503, {"status:503", "counts_alone"})
    assert mock.last.image is not None
    assert mock.last.image.sha256 == DIGEST


# Keys


def in_the_query(mock: Mock) -> None:
    mock.http.post(f"/sam3/concept_segment?api_key={SECRET}", json={"image": IMAGE, "prompts": [{"text": SECRET}]})


def in_the_header(mock: Mock) -> None:
    body = {"image": IMAGE, "image_id": f"of {SECRET}", "prompts": [{"text": "dog"}]}
    mock.http.post("/sam3/concept_segment", json=body, headers={"Authorization": f"Bearer {SECRET}"})


def in_the_body(mock: Mock) -> None:
    mock.http.post("/sam3/embed_image", json={"image": IMAGE, "api_key": SECRET, "image_id": SECRET})


def in_a_nested_body(mock: Mock) -> None:
    mock.http.post("/sam3/embed_image", json={"image": IMAGE, "more": [{"api_key": SECRET}]})


def in_the_url_of_the_image(mock: Mock) -> None:
    picture = {"type": "url", "value": f"https://example.com/a.jpg?api_key={SECRET}"}
    mock.http.post(f"/sam3/embed_image?api_key={SECRET}", json={"image": picture})


def in_an_unknown_path(mock: Mock) -> None:
    mock.http.get(f"/{SECRET}/1?api_key={SECRET}")


def in_a_name(mock: Mock) -> None:
    mock.http.post(f"/sam3/embed_image?api_key={SECRET}", json={"image": IMAGE, SECRET: 1})


def in_a_form(mock: Mock) -> None:
    mock.http.post("/sam3/embed_image", data={"api_key": SECRET})


def across_a_cut(mock: Mock) -> None:
    text = "x" * 995 + SECRET + "y" * KEPT
    mock.http.post(f"/sam3/concept_segment?api_key={SECRET}", json={"image": IMAGE, "prompts": [{"text": text}]})


def beside_what_only_python_reads(mock: Mock) -> None:
    body = json.dumps({"image": IMAGE, "start": 2**70, "api_key": SECRET, "id": SECRET})
    mock.http.post("/sam3/embed_image", data=body, content_type="application/json")


def in_an_unreadable_body(mock: Mock) -> None:
    mock.http.post("/sam3/embed_image", data=f'{{"api_key": "{SECRET}",', content_type="application/json")


def beside_a_fault_that_takes_the_header_away(mock: Mock) -> None:
    headers = {"Authorization": f"Bearer {SECRET}", "X-Mock-Fault": "bearer_key_ignored"}
    mock.http.post("/sam3/embed_image", json={"image": IMAGE, "image_id": SECRET}, headers=headers)


def beside_a_fault_that_takes_the_query_away(mock: Mock) -> None:
    mock.control.faults = ["query_key_ignored", "key_echoed_in_body"]
    mock.http.post(f"/sam3/embed_image?api_key={SECRET}", json={"image": IMAGE, "image_id": SECRET})


LEAKS: list[Callable[[Mock], None]] = [
    in_the_query,
    in_the_header,
    in_the_body,
    in_a_nested_body,
    in_the_url_of_the_image,
    in_an_unknown_path,
    in_a_name,
    in_a_form,
    across_a_cut,
    beside_what_only_python_reads,
    in_an_unreadable_body,
    beside_a_fault_that_takes_the_header_away,
    beside_a_fault_that_takes_the_query_away,
]


@pytest.mark.parametrize("profile", ["documented", "observed"])
@pytest.mark.parametrize("send", LEAKS, ids=[send.__name__ for send in LEAKS])
def test_key_is_never_kept(send: Callable[[Mock], None], profile: Any) -> None:
    mock = Mock(Settings(profile=profile))

    send(mock)

    listed = mock.http.get("/_mock/requests").get_data(as_text=True)
    assert len(mock.journal.requests) == 1
    for text in (listed, repr(mock.journal.requests), str([seen.kept for seen in mock.journal.requests])):
        assert SECRET not in text
        assert SECRET[:6] not in text


def test_key_outside_ascii_is_never_kept() -> None:
    mock = Mock()
    key = "schlüssel-für-alles"

    body = json.dumps({"image": IMAGE, "start": 2**70, "id": key})
    mock.http.post(f"/sam3/embed_image?api_key={quote(key)}", data=body, content_type="application/json")

    assert key not in str(mock.last.body)
    assert mock.last.body["id"] == "***"


# Bounds


def test_oldest_requests_go_first_when_there_are_too_many() -> None:
    mock = Mock(Settings(journal_requests=3))

    for text in "abcde":
        mock.concept(text)

    assert [seen.texts for seen in mock.journal.requests] == [["c"], ["d"], ["e"]]
    assert [seen.number for seen in mock.journal.requests] == [3, 4, 5]
    assert mock.journal.dropped == 2


def test_oldest_requests_go_first_when_they_take_too_much() -> None:
    mock = Mock(Settings(journal_bytes=20_000))

    for text in "abcdefgh":
        mock.concept(text * 4000)

    assert mock.journal.memory <= 20_000
    assert len(mock.journal.requests) == 4
    assert mock.journal.dropped == 4


def test_request_larger_than_the_journal_is_dropped_itself() -> None:
    mock = Mock(Settings(journal_bytes=1))

    mock.concept("dog")

    assert (mock.journal.requests, mock.journal.dropped, mock.journal.memory) == ([], 1, 0)


@pytest.mark.parametrize(
    "made",
    [
        lambda: {"prompts": ["x" * 2_000_000]},
        lambda: {"prompts": [{"text": str(number)} for number in range(100_000)]},
        lambda: {str(number): number for number in range(100_000)},
        lambda: {"x" * 300_000: 1},
        lambda: {"prompts": [[[[[[[[[[[["deep"] * 9000]]]]]]]]]]]},
        lambda: {"image": {"type": "base64", "value": ["x"] * 100_000}},
        lambda: {"image": {"type": "url", "value": "https://" + "x" * 100_000}},
    ],
    ids=["long-text", "many-prompts", "many-names", "long-name", "deep", "image-of-many", "long-url"],
)
def test_long_body_is_cut(made: Callable[[], Json]) -> None:
    body = made()
    size = len(json.dumps(body))

    kept = kept_body(body, size=size, digest=None, keys=set())

    assert len(kept) <= KEPT
    assert json.loads(kept).keys()


def test_body_that_cannot_be_written_is_left_out() -> None:
    deep: Any = "api_key"
    for _ in range(100_000):
        deep = [deep]

    assert kept_body({"a": deep}, size=200, digest=None, keys=set()) == b""
    assert kept_body({"a": 2**70, "b": float("nan")}, size=200, digest=None, keys=set()) == b""


@pytest.mark.parametrize("requests", [12_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_memory_is_flat_over_many_requests(requests: int) -> None:
    journal = Journal(OPERATIONS)
    body = {"image": {"type": "base64", "value": "x"}, "prompts": [{"text": "dog"}] * 16}
    like = kept_body(body, size=500, digest="0" * 64, keys=set())

    def fill(first: int, end: int) -> int:
        for index in range(first, end):
            # In full at first, to see that its bytes take no more than their number says; then quickly.
            full = index < 2000
            numbered = {**body, "id": str(index)}
            kept = kept_body(numbered, size=500, digest=f"{index:064x}", keys={SECRET}) if full else like + b" "
            picture = EntryImage("base64", f"{index:064x}", None, "PNG", index, index, index)
            journal.add(lambda number: Entry(number, "POST", "/x", "x", 200, 1.5, 99, kept, picture))  # noqa: B023
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        full = fill(0, 2000)
        after = fill(2000, requests)
    finally:
        tracemalloc.stop()

    assert journal.dropped == requests - 1000
    assert after < full * 1.05
    assert after < journal.memory * 1.5, "the journal takes more memory than it counts"


def test_nothing_is_kept_when_the_journal_is_off() -> None:
    mock = Mock(Settings(journal=False))

    mock.concept("dog")

    assert mock.journal.requests == []
    with pytest.raises(UsageError, match="the journal is off"):
        mock.journal.assert_not_called("concept_segment")


def test_every_request_of_many_threads_is_kept_once() -> None:
    mock = Mock()

    def ask(index: int) -> int:
        body = {"image": image(64, 48, str(index)), "prompts": [{"text": f"text {index}"}]}
        return mock.app.test_client().post("/sam3/concept_segment?api_key=any", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(200)))

    seen = mock.journal.requests
    assert set(statuses) == {200}
    assert [entry.number for entry in seen] == list(range(1, 201))
    assert {entry.texts[0] for entry in seen} == {f"text {index}" for index in range(200)}
    for entry in seen:  # no entry has another one's image
        index = entry.texts[0].removeprefix("text ")
        assert entry.image is not None
        assert entry.image.sha256 == hashlib.sha256(png(64, 48, index)).hexdigest()


# Thumbnails


def jpeg(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(file, "JPEG")
    return file.getvalue()


def test_thumbnail_is_small_and_of_the_image_when_asked_for() -> None:
    mock = Mock(Settings(journal_thumbnails=True))
    picture = {"type": "base64", "value": base64.b64encode(jpeg(800, 400)).decode()}

    mock.concept("dog", image=picture)

    told = mock.last.as_json()["image"]["thumbnail"]
    head, _, content = told.partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as small:
        assert small.size == (64, 32)
    assert mock.last.memory > len(base64.b64decode(content))


def test_no_thumbnail_is_made_by_default() -> None:
    mock = Mock()

    mock.concept("dog", image={"type": "base64", "value": base64.b64encode(jpeg(80, 40)).decode()})

    assert mock.last.as_json()["image"]["thumbnail"] is None


def test_thumbnail_of_what_is_too_large_is_none() -> None:
    mock = Mock(Settings(journal_thumbnails=True))

    status = mock.concept("dog", image=image(33_000, 16_000))

    assert status == 200
    assert mock.last.as_json()["image"]["thumbnail"] is None


# What was called


def called() -> Mock:
    mock = Mock()
    mock.concept("dog", "cat")
    mock.concept("cats", format="rle")
    mock.concept("dog", image={"type": "url", "value": URL})
    mock.post("embed_image", {"image": IMAGE, "image_id": "yard"})
    mock.post("embed_image", {"image": 7})
    return mock


@pytest.mark.parametrize(
    ("operation", "expected", "numbers"),
    [
        ("concept_segment", {}, [1, 2, 3]),
        ("concept_segment", {"text": "cat"}, [1]),
        ("concept_segment", {"texts": ["dog", "cat"]}, [1]),
        ("concept_segment", {"texts": ["dog"]}, [3]),
        ("concept_segment", {"format": "rle"}, [2]),
        ("concept_segment", {"image": png(64, 48)}, [1, 2]),
        ("concept_segment", {"image": DIGEST.upper(), "text": "cats"}, [2]),
        ("concept_segment", {"image": f"sha256:{DIGEST}"}, [1, 2]),
        ("concept_segment", {"image": URL}, [3]),
        ("embed_image", {"image_id": "yard"}, [4]),
        ("embed_image", {"status": 422}, [5]),
    ],
)
def test_assert_called_finds_the_requests(operation: str, expected: Any, numbers: list[int]) -> None:
    journal = called().journal

    found = journal.assert_called(operation, times=len(numbers), **expected)

    assert [seen.number for seen in found] == numbers
    assert found == journal.assert_called(operation, **expected)
    with pytest.raises(AssertionError):
        journal.assert_not_called(operation, **expected)


def test_assert_called_takes_the_path_of_an_image(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png(64, 48))

    called().journal.assert_called("embed_image", image=file, times=1)


def test_failure_names_the_nearest_requests_and_what_differs() -> None:
    with pytest.raises(AssertionError) as caught:
        called().journal.assert_called("concept_segment", text="cat", format="rle", times=2)

    assert str(caught.value).splitlines() == [
        "0 calls of concept_segment with text 'cat', format 'rle'; expected 2",
        "nearest of 5 requests:",
        "  #1 concept_segment: format is not given",
        "  #2 concept_segment: text is 'cats'",
        "  #3 concept_segment: text is 'dog', format is not given",
    ]


def test_failure_names_the_requests_that_were_too_many() -> None:
    with pytest.raises(AssertionError) as caught:
        called().journal.assert_not_called("concept_segment", text="dog")

    assert str(caught.value) == "2 calls of concept_segment with text 'dog' (#1, #3); expected none"


def test_failure_says_so_if_there_was_no_request() -> None:
    with pytest.raises(AssertionError) as caught:
        Mock().journal.assert_called("embed_image")

    assert str(caught.value) == "0 calls of embed_image; expected at least 1\nthe mock saw no request at all"


def test_failure_tells_of_another_image_and_operation() -> None:
    with pytest.raises(AssertionError) as caught:
        called().journal.assert_called("embed_image", image=b"another file", image_id="yard")

    lines = str(caught.value).splitlines()
    assert lines[2] == f"  #4 embed_image: image is 'sha256:{DIGEST}'"
    assert lines[4] == "  #1 concept_segment: operation is concept_segment"


def test_a_count_cannot_be_told_when_requests_were_dropped() -> None:
    mock = Mock(Settings(journal_requests=1))
    mock.concept("dog")
    mock.concept("cat")

    mock.journal.assert_called("concept_segment", text="cat")
    for ask in (
        lambda: mock.journal.assert_called("concept_segment", text="cat", times=1),
        lambda: mock.journal.assert_not_called("concept_segment", text="dog"),
    ):
        with pytest.raises(AssertionError, match="cannot be told\nthe journal had to drop 1 older requests"):
            ask()


@pytest.mark.parametrize(
    ("operation", "expected", "said"),
    [
        ("concept_segmnt", {}, "no operation named 'concept_segmnt'; did you mean 'concept_segment'?"),
        ("track", {}, "known are concept_segment, visual_segment, embed_image"),
        ("embed_image", {"texts": "dog"}, "has to be a list of texts"),
        ("embed_image", {"image": "dog.jpg"}, "neither a SHA-256 in hexadecimal nor a URL"),
        ("embed_image", {"image": Path("nowhere.jpg")}, "image nowhere.jpg cannot be read: No such file"),
    ],
)
def test_question_that_makes_no_sense_is_refused(operation: str, expected: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Mock().journal.assert_called(operation, **expected)

    assert said in str(caught.value)


def test_clear_begins_anew() -> None:
    mock = called()

    mock.journal.clear()
    mock.concept("dog")

    assert [seen.number for seen in mock.journal.requests] == [1]
    assert (mock.journal.dropped, mock.journal.memory) == (0, mock.last.memory)
