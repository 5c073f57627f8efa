"""Recorded once, replayed for ever: by meaning, in order, without a network, and without any key on the disk."""

from __future__ import annotations

import base64
import gzip
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import brotli
import pytest
import zstandard

from sam3_contract.errors import HarError, TransportError, UsageError
from sam3_contract.har import read_har
from sam3_contract.recording import Answer, Budget, Cassette, Miss, Mode, Request, Session, Upstream, packing
from sam3_contract.recording import cassette as cassette_module
from sam3_contract.recording import session as session_module
from sam3_contract.recording.entries import recorded
from sam3_contract.recording.packing import content_of
from sam3_contract.recording.secrets import Secrets
from sam3_contract.redaction import spellings_of
from sam3_contract.spec import load
from tests.recording.calls import HOST, KEY, StandIn, concept, encoded, pixels, request, standing_in
from tests.transport.raw import answering

CONTRACT = load()


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[str, StandIn]]:
    with standing_in() as served:
        yield served


def session(path: Path, mode: Mode = "none", url: str = "", **more: Any) -> Session:
    return Session(path, mode=mode, upstream=Upstream(url), **more)


def record(path: Path, url: str, *requests: Any, mode: Mode = "new") -> list[Answer | Miss]:
    recording = session(path, mode, url)
    answers = [recording.answer(one) for one in requests]
    recording.verify(allow_unused=True)
    recording.close()
    return answers


def body_of(answer: Answer | Miss) -> bytes:
    assert isinstance(answer, Answer), str(answer)
    return answer.body


def test_recorded_answers_are_replayed_to_the_byte(tmp_path: Path, service: tuple[str, StandIn]) -> None:
    asked = [
        request(),
        request(concept("cat", format="rle")),
        request({"image": concept()["image"]}, operation="embed_image"),
    ]
    answers = record(tmp_path / "t.har", service[0], *asked, mode="once")

    replay = session(tmp_path / "t.har")
    again = [replay.answer(one) for one in reversed(asked)][::-1]

    assert [body_of(one) for one in again] == [body_of(one) for one in answers]
    replay.verify()


def test_nothing_is_asked_of_the_service_in_replay(tmp_path: Path) -> None:
    with standing_in() as (url, counting):
        record(tmp_path / "t.har", url, request(), mode="once")
        for mode in ("none", "once"):
            replay = session(tmp_path / "t.har", mode, url)  # type: ignore[arg-type]
            body_of(replay.answer(request()))
            assert isinstance(replay.answer(request(concept("cow"))), Miss)

        assert counting.asked == 1


def test_other_file_of_the_same_picture_hits_and_another_picture_does_not(
    tmp_path: Path, service: tuple[str, StandIn]
) -> None:
    [answer] = record(tmp_path / "t.har", service[0], request(concept(image=encoded(pixels(1)))))

    replay = session(tmp_path / "t.har", repeats=True)
    as_jpeg = request(concept(image=encoded(pixels(1), "JPEG", quality=90)))
    other = replay.answer(request(concept(image=encoded(pixels(2)))))

    assert [body_of(replay.answer(as_jpeg)) for _ in range(2)] == [body_of(answer)] * 2
    assert isinstance(other, Miss)
    assert "the image is PNG of 128 x 96, sha256:" in other.said


def test_miss_names_the_field_that_differs_from_the_nearest(tmp_path: Path, service: tuple[str, StandIn]) -> None:
    record(tmp_path / "t.har", service[0], request(concept("cat", format="rle")), request(concept("dog")))

    missed = session(tmp_path / "t.har").answer(request(concept("dog", output_prob_thresh=0.25)))

    assert str(missed) == (
        "concept_segment: the nearest in t.har is entry 1: output_prob_thresh is 0.25, recorded was 0.5"
    )


def test_answers_of_one_meaning_are_played_in_order(tmp_path: Path) -> None:
    busy = (503, b'{"message": "busy"}')
    with standing_in(lambda number: busy if number < 2 else None) as (url, _):
        # As a client does that tries again, whose requests the recording has all.
        record(tmp_path / "t.har", url, request(), request(), request())

    replay = session(tmp_path / "t.har")
    statuses = [replay.answer(request()) for _ in range(3)]
    once_more = replay.answer(request())
    repeating = session(tmp_path / "t.har", repeats=True)

    assert [one.status for one in statuses if isinstance(one, Answer)] == [503, 503, 200]
    assert str(once_more) == ("concept_segment: this is recorded 3 times (entry 0, 1, 2 of t.har), and asked once more")
    assert [one.status for one in (repeating.answer(request()) for _ in range(5)) if isinstance(one, Answer)] == [
        503, 503, 200, 200, 200,
    ]  # fmt: skip


def test_mode_new_records_what_is_missing_and_all_records_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "t.har"
    answers = iter([b'{"a": 1}', b'{"b": 1}', b'{"a": 2}'])
    with standing_in(lambda _: (200, next(answers))) as (url, counting):
        record(path, url, request(), request(concept("cat")))
        record(path, url, request(), request(concept("cat")))
        assert counting.asked == 2
        record(path, url, request(), mode="all")

    replay = session(path)
    assert body_of(replay.answer(request())) == b'{"a": 2}'
    assert body_of(replay.answer(request(concept("cat")))) == b'{"b": 1}'
    replay.verify()


def test_unused_recordings_and_misses_fail(tmp_path: Path, service: tuple[str, StandIn]) -> None:
    record(tmp_path / "t.har", service[0], request(), request(concept("cat")))
    replay = session(tmp_path / "t.har")
    replay.answer(request())
    replay.answer(request(concept("cow")))

    with pytest.raises(AssertionError) as error:
        replay.verify()

    assert str(error.value).splitlines()[1:] == [
        "  no answer for concept_segment: the nearest in t.har is entry 0: "
        "prompts[0].text is 'cow', recorded was 'dog'",
        "  not asked for: entry 1, concept_segment of t.har",
        "  mode new records what is missing",
        f"  calls that are not made any more go when {tmp_path / 't.har'} is deleted and recorded again",
    ]


def test_what_one_run_records_once_adds_up_and_no_other_run_adds_to_it(tmp_path: Path) -> None:
    path = tmp_path / "t.har"
    with standing_in() as (url, counting):
        for run, text in (("first", "dog"), ("first", "cat"), ("second", "cow"), ("", "cow")):
            recorder = Session(path, mode="once", upstream=Upstream(url), run=run)
            recorder.answer(request(concept(text)))
            recorder.close()
        assert counting.asked == 2

    assert len(session(path).cassette.calls) == 2


@pytest.mark.parametrize("given", [{"calls": "3"}, {"calls": -1}, {"seconds": "3"}, {"seconds": float("nan")}])
def test_budget_that_is_no_number_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="of a recording has to be a number of at least 0, got"):
        Budget(**given)


def test_recording_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(HarError, match=r"t\.har is missing, and nothing is recorded in mode none"):
        session(tmp_path / "t.har")
    with pytest.raises(UsageError, match="expected one of none, once, new, all"):
        session(tmp_path / "t.har", "some")  # type: ignore[arg-type]


PLACES = [
    request(),
    request(Authorization=f"Bearer {KEY}", Cookie="session=secret-cookie"),
    request(concept(api_key=KEY), key=""),
    request(concept(KEY)),
    request(json.dumps(concept(api_key=KEY)).encode()[:-9], key=""),
    request(b"\xff\xfe" + KEY.encode(), key=KEY),
    request(concept(), **{"X-Other": f"it is {KEY}"}),
]


@pytest.mark.parametrize("asked", PLACES, ids=["query", "headers", "body", "prompt", "cut", "bytes", "header"])
@pytest.mark.parametrize("echo", [b'{"message": "KEY"}', b"PK\x03\x04KEY\xff"], ids=["text", "bytes"])
def test_recording_holds_no_key_in_any_place_and_encoding(tmp_path: Path, asked: Any, echo: bytes) -> None:
    with standing_in(lambda _: (200, echo.replace(b"KEY", KEY.encode()))) as (url, _):
        record(tmp_path / "t.har", url, asked)

    text = (tmp_path / "t.har").read_text("utf-8")
    assert not [spelling for spelling in spellings_of(KEY) if spelling in text]
    assert "secret-cookie" not in text
    json.loads(text)


OTHER = "0ther-k3y-of-tests"
BY_URL = "https://{}pictures.example/a.jpg{}"


def by_url(user: str = "", query: str = "") -> dict[str, Any]:
    return {**concept(), "image": {"type": "url", "value": BY_URL.format(user, query)}}


def sent(content: bytes, media_type: str = "application/json", **headers: str) -> Request:
    given = {"Content-Type": media_type, **headers}
    return Request("POST", f"{HOST}/sam3/concept_segment", tuple(given.items()), content)


MULTIPART = b'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n%s\r\n--b--\r\n%s'
_DEFLATE = zlib.compressobj(wbits=-zlib.MAX_WBITS)
DEFLATED = _DEFLATE.compress(json.dumps(concept(api_key=OTHER)).encode()) + _DEFLATE.flush()
OF_OTHERS = {
    "image-url": request(by_url(query=f"?api_key={OTHER}&of=1")),
    "url-in-url": request(by_url(query=f"?u=https%3A%2F%2Fe.example%2F%3Fapi_key%3D{OTHER}")),
    "password": request(by_url(user=f"me:{OTHER}@")),
    "signed": request(by_url(query=f"?X-Amz-Date=1&X-Amz-Signature={OTHER}")),
    "first-of-two": replace(request(), url=f"{HOST}/sam3/concept_segment?api_key={OTHER}&api_key=another-of-tests"),
    "misspelt": replace(request(), url=f"{HOST}/sam3/concept_segment?apiKey={OTHER}"),
    "scheme": request(Authorization=f"Token {OTHER}"),
    "no-scheme": request(Authorization=OTHER),
    "basic": request(Authorization="Basic " + base64.b64encode(f"me:{OTHER}".encode()).decode()),
    "key-header": request(**{"X-Service-Api-Key": OTHER}),
    "token-header": request(**{"X-Auth-Token": OTHER}),
    "referer": request(Referer=f"https://app.example/?access_token={OTHER}"),
    "nested": request(concept(workflow={"api_key": OTHER})),
    "twice-in-body": sent(b'{"api_key": "%s", ' % OTHER.encode() + json.dumps(concept(api_key="other")).encode()[1:]),
    "no-finite-number": sent(json.dumps(concept(api_key=OTHER, output_prob_thresh=float("nan"))).encode()),
    "utf-16": sent(json.dumps(concept(api_key=OTHER)).encode("utf-16")),
    "list-of-keys": request(concept(api_key=[OTHER])),
    "object-of-a-key": request(concept(token={"value": OTHER})),
    "roboflow-header": request(**{"X-Roboflow-Key": OTHER}),
    "without-a-head": sent(DEFLATED, **{"Content-Encoding": "deflate"}),
    "list": sent(json.dumps([{"api_key": OTHER}]).encode()),
    "packed": sent(gzip.compress(json.dumps(concept(api_key=OTHER)).encode()), **{"Content-Encoding": "gzip"}),
    "packed-twice": sent(
        gzip.compress(gzip.compress(json.dumps(concept(api_key=OTHER)).encode())),
        **{"Content-Encoding": "gzip, x-gzip"},
    ),
    "brotli": sent(brotli.compress(json.dumps(concept(api_key=OTHER)).encode()), **{"Content-Encoding": "br"}),
    "zstd": sent(zstandard.compress(json.dumps(concept(api_key=OTHER)).encode()), **{"Content-Encoding": "ZSTD"}),
    "not-packed": sent(json.dumps(concept(api_key=OTHER)).encode(), **{"Content-Encoding": "br"}),
    "form": sent(f"image=x&api_key={OTHER}".encode(), "application/x-www-form-urlencoded"),
    "form-of-a-charset": sent(
        f"image=x&api_key={OTHER}".encode(),
        "application/x-www-form-urlencoded",
        **{"Content-Encoding": "utf-8"},
    ),
    "multipart-of-none": sent(
        MULTIPART % (OTHER.encode(), b"\xff"), "multipart/form-data; boundary=b", **{"Content-Encoding": "None"}
    ),
    "multipart": sent(MULTIPART % (OTHER.encode(), b""), "multipart/form-data; boundary=b"),
    "binary-multipart": sent(MULTIPART % (OTHER.encode(), b"\xff"), "multipart/form-data; boundary=b"),
}


@pytest.mark.parametrize("asked", OF_OTHERS.values(), ids=OF_OTHERS)
def test_secret_is_kept_under_no_name_in_no_place_and_the_call_replays(
    tmp_path: Path, asked: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = json.dumps({"message": "m" * 70 + OTHER, "prompt_results": OTHER, "api_key": "short"}).encode()
    answer = Answer(200, (("Content-Type", "application/json"), ("X-Said", OTHER)), echo)
    monkeypatch.setattr(Upstream, "send", lambda *_: (answer, 0.1))
    said: list[str] = []

    recording = session(tmp_path / "t.har", "new", announce=said.append)
    recording.answer(asked)
    recording.verify()
    kept = (tmp_path / "t.har").read_text("utf-8") + "".join(said)
    recording.close()
    replay = session(tmp_path / "t.har")
    played = body_of(replay.answer(asked))
    missed = str(replay.answer(replace(asked, body=asked.body[:-3])))
    replay.close()

    parts = {kept[start : start + 9] for start in range(len(kept) - 8)}
    assert not {OTHER[start : start + 9] for start in range(len(OTHER) - 8)} & parts
    assert not [spelling for spelling in spellings_of(OTHER) if spelling in kept + missed]
    assert json.loads(played)["api_key"] == "***"


PACKED = {"br": brotli.compress, "zstd": zstandard.compress, "gzip": gzip.compress}


@pytest.mark.parametrize(("coding", "library"), [("br", "brotli"), ("zstd", "zstandard")])
def test_body_that_nobody_can_look_into_is_not_kept_and_its_library_is_named(
    tmp_path: Path, coding: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    body = PACKED[coding](json.dumps(concept(api_key=OTHER)).encode())
    said: list[str] = []
    with standing_in(lambda _: (200, b"{}")) as (url, upstream):
        recording = session(tmp_path / "t.har", "new", url, announce=said.append)
        found = recording.answer(sent(body, **{"Content-Encoding": coding}))
        recording.close()

    assert isinstance(found, Miss)
    assert f"packed with {coding}: {library} is missing" in said[0]
    assert "pip install 'sam3-contract[" in said[0]
    assert upstream.asked == 0  # nothing is spent on what cannot be kept
    assert not (tmp_path / "t.har").exists()


class _Unbounded:
    """How brotli unpacked before 1.2: as far as it goes."""

    def __init__(self) -> None:
        self._machine = brotli.Decompressor()

    def process(self, data: bytes, /) -> bytes:
        content: bytes = self._machine.process(data)
        return content


def test_brotli_that_unpacks_without_bounds_is_said_to_be_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", SimpleNamespace(Decompressor=_Unbounded, error=brotli.error))

    recording = session(tmp_path / "t.har", "new", HOST)
    found = recording.answer(sent(brotli.compress(b"{}"), **{"Content-Encoding": "br"}))
    recording.close()

    assert "packed with br: brotli is older than 1.2" in str(found)
    assert "pip install" in str(found)


def test_many_joined_streams_are_not_copied_once_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    made = zlib.decompressobj

    class Counting:
        def __init__(self, bits: int) -> None:
            self._stream = made(bits)

        def decompress(self, data: bytes) -> bytes:
            given.append(len(data))
            return self._stream.decompress(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    joined = gzip.compress(b"") * 2000 + gzip.compress(b"{}" * 3000) + gzip.compress(b"[]")

    assert content_of(joined, ["gzip"], most=2**20) == b"{}" * 3000 + b"[]"
    assert sum(given) < 60 * len(joined)  # and not 1,000 times


def test_body_is_unpacked_once_to_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[Request] = []
    monkeypatch.setattr(Upstream, "send", lambda *_: (Answer(200, (), b"{}"), 0.1))
    monkeypatch.setattr(session_module, "unpacked", lambda one: unpacked.append(one) or packing.unpacked(one))

    recording = session(tmp_path / "t.har", "new")
    recording.answer(sent(gzip.compress(json.dumps(concept()).encode()), **{"Content-Encoding": "gzip"}))
    recording.close()

    assert len(unpacked) == 1
    [entry] = json.loads((tmp_path / "t.har").read_text())["log"]["entries"]
    assert json.loads(entry["request"]["postData"]["text"])["prompts"] == concept()["prompts"]


@pytest.mark.parametrize("coding", [*PACKED, "compress", "deflate"])
def test_body_that_is_not_packed_as_it_says_is_not_kept(tmp_path: Path, coding: str) -> None:
    whole = json.dumps(concept(api_key=OTHER)).encode()
    cut = PACKED.get(coding, zlib.compress)(whole)[:-4]

    recording = session(tmp_path / "t.har", "new", HOST)
    found = recording.answer(sent(cut, **{"Content-Encoding": coding}))
    recording.close()

    assert "packed" in str(found)
    assert not (tmp_path / "t.har").exists()


@pytest.mark.parametrize("coding", PACKED)
def test_body_that_unpacks_without_end_is_not_kept(
    tmp_path: Path, coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sam3_contract.recording.packing._MOST", 2**20)

    recording = session(tmp_path / "t.har", "new", HOST)
    found = recording.answer(sent(PACKED[coding](bytes(2**22)), **{"Content-Encoding": coding}))
    recording.close()

    assert "larger than 1048576 bytes" in str(found)


@pytest.mark.parametrize("coding", PACKED)
def test_answer_that_is_packed_although_it_was_asked_not_to_be_is_kept_unpacked(tmp_path: Path, coding: str) -> None:
    body = PACKED[coding](json.dumps({"message": OTHER}).encode())
    asked = replace(request(), url=f"{HOST}/sam3/concept_segment?api_key={OTHER}")
    with standing_in(lambda _: (200, body), **{"Content-Encoding": coding}) as (url, _):
        recording = session(tmp_path / "t.har", "new", url)
        answer = recording.answer(asked)
        recording.close()

    assert json.loads(body_of(answer)) == {"message": OTHER}
    [entry] = json.loads((tmp_path / "t.har").read_text())["log"]["entries"]
    assert json.loads(entry["response"]["content"]["text"]) == {"message": "***"}


@pytest.mark.parametrize(("coding", "library"), [("br", "brotli"), ("zstd", "zstandard")])
def test_answer_that_nobody_can_look_into_is_not_kept(
    tmp_path: Path, coding: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with standing_in(lambda _: (200, PACKED[coding](b"{}")), **{"Content-Encoding": coding}) as (url, _):
        recording = session(tmp_path / "t.har", "new", url)
        found = recording.answer(request())
        recording.close()

    assert f"gave no answer that can be read: the body is packed with {coding}: {library} is missing" in str(found)
    assert not (tmp_path / "t.har").exists()


def test_run_lengths_that_happen_to_hold_a_short_name_stay_whole() -> None:
    counts = "0;SIG=3k?sig=2Xa0"

    assert Secrets().text(json.dumps({"counts": counts})) == json.dumps({"counts": counts})
    assert Secrets().text("https://e.example/a?sv=1&sig=abc%3D&se=2") == "https://e.example/a?sv=1&sig=***&se=2"


def test_images_are_kept_once_and_the_recording_can_be_judged(tmp_path: Path, service: tuple[str, StandIn]) -> None:
    record(
        tmp_path / "t.har", service[0], request(), request(concept("cat")), request(concept(image=encoded(pixels(3))))
    )

    exchanges = read_har(tmp_path / "t.har", CONTRACT).exchanges

    assert len(list((tmp_path / "t.images").iterdir())) == 2
    assert [exchange.case.sent["image"] for exchange in exchanges[:2]] == [concept()["image"]] * 2
    (tmp_path / "t.images").rename(tmp_path / "elsewhere")
    with pytest.raises(HarError, match=r"its image t\.images/[0-9a-f]{64}\.png cannot be read"):
        read_har(tmp_path / "t.har", CONTRACT)


def test_answers_are_judged_as_they_come(tmp_path: Path) -> None:
    said: list[str] = []
    with standing_in(lambda _: (200, b'{"time": "soon", "prompt_results": []}')) as (url, _):
        recording = session(tmp_path / "t.har", "once", url, announce=said.append)
        recording.answer(request())

    [entry] = json.loads((tmp_path / "t.har").read_text())["log"]["entries"]
    assert any("S04 at $.time" in finding for finding in recording.findings)
    assert entry["_findings"] == recording.findings
    assert [one.removeprefix("concept_segment breaks the contract: ") for one in said] == recording.findings


def test_budget_ends_recording(tmp_path: Path) -> None:
    with standing_in() as (url, counting):
        recording = session(tmp_path / "t.har", "new", url, budget=Budget(1))
        found = [recording.answer(request(concept(text))) for text in ("dog", "cat")]
        late = session(tmp_path / "u.har", "new", url, budget=Budget(9, seconds=0)).answer(request())

        assert counting.asked == 1
    assert isinstance(found[0], Answer)
    assert str(found[1]) == "concept_segment: it is not recorded, and the budget of 1 recorded calls is used up"
    assert str(late) == "concept_segment: it is not recorded, and the 0 s in which calls are recorded are over"


def test_service_that_is_not_there_is_a_miss_without_its_key(tmp_path: Path) -> None:
    found = session(tmp_path / "t.har", "new", "http://127.0.0.1:9").answer(request())

    assert str(found) == "concept_segment: it is not recorded: 127.0.0.1 gave no whole answer: connection refused"
    assert not (tmp_path / "t.har").exists()


def upstream(answer: object, timeout: float = 20) -> Answer:
    with answering(answer) as url:  # type: ignore[arg-type]
        return Upstream(url, timeout=timeout).send(request())[0]


def test_what_only_announces_an_answer_is_not_recorded_for_it() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"

    answer = upstream(hints + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    assert (answer.status, answer.body) == (200, b"{}")


def dripping() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        time.sleep(0.02)
        yield b"X: y\r\n"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (dripping, "no whole answer within 0.3 s"),
        (b"HTTP/1.1 200 OK\r\nContent-Ty", "the connection ends within the headers of the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "IncompleteRead(2 bytes read, 7 more expected)"),
        (b"", "Remote end closed connection without response"),
    ],
)
def test_service_that_gives_no_whole_answer_in_time_is_told_with_the_reason(answer: object, says: str) -> None:
    with pytest.raises(TransportError) as told:
        upstream(answer, timeout=0.3)

    assert str(told.value) == f"127.0.0.1 gave no whole answer: {says}"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ALL_PROXY", "127.0.0.1:9", "the proxy http://127.0.0.1:9, which the environment names, cannot be used: conn"),
        ("HTTPS_PROXY", "socks5h://me:s3cret@127.0.0.1:9", "the proxy socks5h://127.0.0.1:9, which the environment n"),
        ("HTTPS_PROXY", "ftp://127.0.0.1:9", "HTTPS_PROXY names 'ftp://127.0.0.1:9', which is no proxy"),
        ("REQUESTS_CA_BUNDLE", "/no/such/file", "REQUESTS_CA_BUNDLE names '/no/such/file': No such file"),
    ],
)
def test_surroundings_that_cannot_be_used_are_named(
    variable: str, value: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    found = session(tmp_path / "t.har", "new", "https://sam.example.invalid").answer(request())

    assert str(found).startswith("concept_segment: it is not recorded: ")
    assert says in str(found)
    assert "s3cret" not in str(found)


def test_proxy_is_given_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", seen=seen) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.replace("//", "//me:word@"))
        session(tmp_path / "t.har", "new", "http://sam.example.invalid").answer(request())

    assert b"\r\nProxy-Authorization: Basic bWU6d29yZA==\r\n" in seen[0]


def entry_of(text: str) -> Any:
    answer = Answer(200, (("content-type", "application/json"),), json.dumps({"text": text}).encode())
    ended = datetime(2026, 11, 27, tzinfo=UTC)
    return recorded(request(concept(text)), answer, "concept_segment", CONTRACT, seconds=0.1, ended=ended)


def texts_in(path: Path) -> list[str]:
    entries = json.loads(path.read_bytes())["log"]["entries"]
    return [json.loads(one["response"]["content"]["text"])["text"] for one in entries]


def add_many(path: str, worker: int) -> None:
    cassette = Cassette(Path(path), CONTRACT)
    for number in range(20):
        cassette.add(entry_of(f"{worker}-{number}"))


def test_processes_that_record_into_one_file_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.har"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=add_many, args=(str(path), worker)) for worker in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(texts_in(path)) == sorted(f"{worker}-{number}" for worker in range(3) for number in range(20))


def test_threads_of_one_session_record_each_call_once(tmp_path: Path) -> None:
    with standing_in() as (url, counting):
        recording = session(tmp_path / "t.har", "new", url)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(recording.answer, [request(concept(f"noun {number}")) for number in range(16)]))

        assert counting.asked == 16
    replay = session(tmp_path / "t.har")
    assert all(isinstance(replay.answer(request(concept(f"noun {number}"))), Answer) for number in range(16))
    replay.verify()


@pytest.mark.parametrize("room", [0, 100, 4_000, 9_000])
def test_full_disk_costs_the_entries_that_have_no_room_and_no_other(tmp_path: Path, room: int) -> None:
    path = tmp_path / "t.har"
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=add_with_little_room, args=(str(path), room))
    worker.start()
    worker.join()

    assert worker.exitcode == 0
    texts = texts_in(path) if path.stat().st_size else []
    assert texts == [str(number) for number in range(len(texts))]
    once = session(path, "once", "http://127.0.0.1:9")
    assert once.records is (not texts)
    once.close()
    Cassette(path, CONTRACT).add(entry_of("after"))
    assert texts_in(path) == [*texts, "after"]


def add_with_little_room(path: str, room: int) -> None:
    entries = [entry_of(str(number)) for number in range(20)]
    cassette = Cassette(Path(path), CONTRACT)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    n_refused = 0
    for entry in entries:
        try:
            cassette.add(replace(entry, image=None))
        except HarError as error:
            assert "cannot be written: File too large" in str(error), error  # noqa: PT017 - in another process
            n_refused += 1
    assert n_refused


def test_answer_is_given_though_its_image_has_no_room(tmp_path: Path, service: tuple[str, StandIn]) -> None:
    (tmp_path / "t.images").write_text("in the way")
    recording = session(tmp_path / "t.har", "new", service[0])

    assert isinstance(recording.answer(request()), Answer)
    with pytest.raises(AssertionError, match=r"t\.images.* cannot be written"):
        recording.verify()
    recording.close()


ODD_HEADERS = [
    {"name": ":status", "value": "200"},  # of HTTP/2
    {"name": "X-Two", "value": "a=1\nb=2"},  # as Chrome writes those that came twice
    {"name": "X-Split", "value": "a\r\nEvil: 1\x00"},
    {"name": "X-Name", "value": "日本 é"},
    {"name": "no name", "value": "1"},
    {"name": "", "value": "1"},
]


def test_archive_of_a_browser_is_served_with_the_headers_that_can_be_sent(
    tmp_path: Path, service: tuple[str, StandIn]
) -> None:
    record(tmp_path / "t.har", service[0], request())
    log = json.loads((tmp_path / "t.har").read_text())
    log["log"]["entries"][0]["response"].update(headers=ODD_HEADERS, statusText="O\r\nEvil: 1")
    (tmp_path / "t.har").write_text(json.dumps(log), "utf-8")

    answer = session(tmp_path / "t.har").answer(request())

    assert isinstance(answer, Answer)
    assert (answer.reason, answer.headers) == (
        "",
        (
            ("x-two", "a=1"),
            ("x-two", "b=2"),
            ("x-split", "a"),
            ("x-split", "Evil: 1"),
            ("x-name", "日本 é".encode().decode("latin-1")),
        ),
    )


def test_recorder_that_is_killed_loses_no_more_than_the_entry_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "t.har"
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=add_for_ever, args=(str(path),))
    worker.start()
    while not path.exists() or path.stat().st_size < 20_000:
        assert worker.is_alive()
        time.sleep(0.001)
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()

    cassette = Cassette(path, CONTRACT)
    texts = [json.loads(cassette.answer(call).body)["text"] for call in cassette.calls]

    assert texts == [str(number) for number in range(len(texts))]
    cassette.add(entry_of("after"))
    assert len(json.loads(path.read_text())["log"]["entries"]) == len(texts) + 1


def add_for_ever(path: str) -> None:
    cassette = Cassette(Path(path), CONTRACT)
    for number in range(10_000):
        cassette.add(entry_of(str(number)))


def test_every_place_that_writing_may_stop_at_leaves_all_other_entries(tmp_path: Path) -> None:
    path = tmp_path / "t.har"
    for text in ("one", "two"):
        Cassette(path, CONTRACT).add(entry_of(text))
    before = path.read_bytes()
    Cassette(path, CONTRACT).add(entry_of("three"))
    after = path.read_bytes()
    start = len(before) - len(cassette_module._TAIL)

    for end in [start, start + 1, start + 2, start + 30, len(after) - 8, len(after) - 1]:
        path.write_bytes(after[:end] + (before[end:] if end < len(before) else b""))
        cassette = Cassette(path, CONTRACT)
        assert [json.loads(cassette.answer(call).body)["text"] for call in cassette.calls][:2] == ["one", "two"]
        cassette.add(entry_of("four"))
        assert texts_in(path) in (["one", "two", "four"], ["one", "two", "three", "four"])


@pytest.mark.parametrize("place", [0.3, 0.7])
def test_damaged_recording_is_an_error_with_its_place_and_stays_as_it_is(tmp_path: Path, place: float) -> None:
    path = tmp_path / "t.har"
    for text in ("one", "two", "three"):
        Cassette(path, CONTRACT).add(entry_of(text))
    content = bytearray(path.read_bytes())
    content[content.rindex(b'"request"', 0, int(place * len(content)))] = ord("}")
    path.write_bytes(content)

    for mode in ("none", "once", "new", "all"):
        with pytest.raises(HarError, match=r"t\.har.*(byte|entry) \d+"):
            session(path, mode)  # type: ignore[arg-type]

    assert path.read_bytes() == content


def test_foreign_archive_replays_and_is_never_written_to(tmp_path: Path, service: tuple[str, StandIn]) -> None:
    path = tmp_path / "browser.har"
    asked = {**concept(), "image": {"type": "url", "value": "https://e.example/a"}}
    [answer] = record(tmp_path / "ours.har", service[0], request(asked))
    log = json.loads((tmp_path / "ours.har").read_text())["log"]
    path.write_text(json.dumps({"log": {**log, "creator": {"name": "WebInspector"}}}, indent=2), "utf-8")
    before = path.read_bytes()

    assert body_of(session(path).answer(request(asked))) == body_of(answer)
    recording = session(path, "new", service[0])
    assert isinstance(recording.answer(request(concept("new"))), Answer)
    with pytest.raises(AssertionError, match="is not a recording of sam3-contract's"):
        recording.verify(allow_unused=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("packed", [gzip.compress, zlib.compress, lambda content: content])
def test_answer_that_a_proxy_kept_as_it_was_packed_is_played_unpacked(
    packed: Callable[[bytes], bytes], tmp_path: Path, service: tuple[str, StandIn]
) -> None:
    [answer] = record(tmp_path / "t.har", service[0], request())
    log = json.loads((tmp_path / "t.har").read_text())
    response = log["log"]["entries"][0]["response"]
    response["headers"].append({"name": "content-encoding", "value": "gzip"})
    response["content"] = {"text": base64.b64encode(packed(body_of(answer))).decode(), "encoding": "base64"}
    (tmp_path / "t.har").write_text(json.dumps(log), "utf-8")

    assert body_of(session(tmp_path / "t.har").answer(request())) == body_of(answer)


def test_entry_that_holds_too_little_is_left_out_with_a_sentence(tmp_path: Path, service: tuple[str, StandIn]) -> None:
    record(tmp_path / "t.har", service[0], request(), request(concept("cat")))
    log = json.loads((tmp_path / "t.har").read_text())
    del log["log"]["entries"][0]["request"]["postData"]
    del log["log"]["entries"][1]["response"]["content"]["text"]
    (tmp_path / "t.har").write_text(json.dumps(log), "utf-8")
    said: list[str] = []

    replay = session(tmp_path / "t.har", announce=said.append)

    assert said == [
        "t.har, entry 0: the recording does not hold the body of the request",
        "t.har, entry 1: the recording does not hold the answer",
    ]
    assert str(replay.answer(request())) == (
        "concept_segment: t.har holds no call, but 2 that cannot be played: "
        "entry 0: the recording does not hold the body of the request"
    )
