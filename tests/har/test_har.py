"""HAR files: what we write holds no key and comes back whole; what others write is read with care."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard, get_args
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from mock_server import Settings, create_app
from sam3_contract import cases
from sam3_contract.errors import HarError
from sam3_contract.exchanges.exchange import Case, Exchange, KeyPlace, keys_sent
from sam3_contract.har import entry as har_entry
from sam3_contract.har import exchanges_from_har, har_from_exchanges, read_har
from sam3_contract.images import read_header
from sam3_contract.redaction import bytes_without_key, spellings_of, without_key
from sam3_contract.spec import load
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification.runner import Run, run_of, verify
from tests.plans import PLAN

KEY = "s3cret/key+of&tests"
CONTRACT = load()
Har = dict[str, Any]


def png(width: int = 40, height: int = 30) -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 30)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


BOX = {"x": 1, "y": 1, "width": 2, "height": 2}


def concept(**fields: Any) -> dict[str, Any]:
    return {"image": {"type": "base64", "value": png()}, "prompts": [{"type": "text", "text": "dog"}], **fields}


def entry(
    url: str = "https://serverless.roboflow.com/sam3/concept_segment?api_key=k-e-y-1-2-3",
    *,
    method: str = "POST",
    body: Any = None,
    status: int = 200,
    answer: str | None = '{"time": 0.1, "prompt_results": []}',
    **more: Any,
) -> Har:
    """An entry as Chrome saves it."""
    content = {"size": len((answer or "").encode("utf-8", "replace")), "mimeType": "application/json", "text": answer}
    return {
        "startedDateTime": "2026-11-22T10:00:00.000Z",
        "time": 250.5,
        "request": {
            "method": method,
            "url": url,
            "httpVersion": "http/2.0",
            "headers": [{"name": ":authority", "value": "serverless.roboflow.com"}],
            "queryString": [],
            "cookies": [],
            "postData": {"mimeType": "application/json", "text": json.dumps(concept() if body is None else body)},
        },
        "response": {
            "status": status,
            "statusText": "",
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {name: value for name, value in content.items() if value is not None},
        },
        "timings": {"send": 1, "wait": 200, "receive": 49.5},
        **more,
    }


def har(*entries: Any) -> Har:
    return {"log": {"version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"}, "entries": entries}}


def written(folder: Path, document: Any, *, name: str = "traffic.har") -> Path:
    path = folder / name
    path.write_text(json.dumps(document), "utf-8")
    return path


def read_one(folder: Path, *entries: Any) -> Exchange:
    [exchange] = exchanges_from_har(written(folder, har(*entries)), CONTRACT)
    return exchange


def judged(*exchanges: Exchange) -> Run:
    return run_of(exchanges, CONTRACT, target="a recording")


def answered_by_mock() -> list[Exchange]:
    """Exchanges of all kinds: each place of the key, JSON and binary answers, errors, raw bodies, no answer."""
    app = create_app(Settings(api_keys=frozenset({KEY})))
    transport = WsgiTransport(app.wsgi_app, CONTRACT, key=KEY)
    image = read_header(base64.b64decode(png()))
    click = {"image": {"type": "base64", "value": png()}, "prompts": [{"points": [{"x": 9, "y": 8, "positive": True}]}]}
    cases = [
        Case("query", "concept_segment", "asks for dogs", concept(format="rle"), image=image),
        Case("bearer", "concept_segment", "asks for dogs", concept(), key_in="bearer", image=image),
        Case("body", "concept_segment", "asks for dogs", concept(), key_in="body", image=image),
        Case("none", "concept_segment", "has no key", concept(), key_in="none", expected=frozenset({401})),
        Case("wrong", "concept_segment", "has a wrong key", concept(), key_in="wrong", expected=frozenset({401, 403})),
        *(
            Case(place, "concept_segment", "has keys in many places", concept(), key_in=place)
            for place in get_args(KeyPlace)[-4:]
        ),
        Case("binary", "visual_segment", "asks for logits", {**click, "format": "binary"}, image=image),
        Case("cut", "concept_segment", "is no JSON", b'{"image": ', expected=frozenset({422})),
        Case("wordy", "concept_segment", "has no text", concept(text=7), mistakes=(("prompts", 0, "text"), ("image",))),
        Case("raw", "concept_segment", "is not UTF-8", b"\xff\xfe{", expected=frozenset({400, 422})),
        Case("said", "concept_segment", "says where it comes from", concept(), query={"source": "an app & more"}),
        Case("put", "visual_segment", "uses PUT", None, method="PUT", expected=frozenset({405})),
        Case("old", "visual_segment", "waits", click, image=image, tolerated={500: "binary_answers_500"}, after=("a",)),
    ]
    sent = [transport.send(case) for case in cases]
    no_http = "what it answers is no HTTP: it begins with '<h1>No SSL at this proxy'"
    return [*sent, *(Exchange(cases[0], 0, {}, b"", 1.5, KEY, why) for why in ("connection reset by peer", no_http))]


def same_request(one: Case, other: Case) -> bool:
    fields = (
        "id",
        "operation",
        "asks",
        "method",
        "key_in",
        "expected",
        "tolerated",
        "image",
        "after",
        "beside",
        "mistakes",
        "query",
    )
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def test_recording_of_ours_comes_back_whole(tmp_path: Path) -> None:
    exchanges = answered_by_mock()

    path = written(tmp_path, har_from_exchanges(exchanges, base_url="http://127.0.0.1:9001"))
    back = exchanges_from_har(path, CONTRACT)

    assert len(back) == len(exchanges)
    for one, other in zip(exchanges, back, strict=True):
        assert same_request(one.case, other.case), one.case.id
        assert (one.status, dict(one.headers), one.body) == (other.status, dict(other.headers), other.body)
        assert (one.failure, one.exact) == (other.failure, other.exact)
        assert other.seconds == pytest.approx(one.seconds)
        if keys_sent(one.case.key_in, KEY).body is None:
            assert one.case.body == other.case.body
    assert back[2].case.sent["api_key"] == "***"
    assert {one.key for one in back if one.case.key_in != "wrong"} == {None}


def test_recording_of_ours_is_judged_like_the_run(tmp_path: Path) -> None:
    exchanges = answered_by_mock()
    broken = json.loads(exchanges[0].body)
    broken["prompt_results"][0]["predictions"][0]["masks"]["size"].reverse()
    exchanges[0] = Exchange(exchanges[0].case, 200, exchanges[0].headers, json.dumps(broken).encode(), 0.5, KEY)

    back = exchanges_from_har(written(tmp_path, har_from_exchanges(exchanges, base_url="http://x.org/api")), CONTRACT)

    def places(found: list[Exchange]) -> set[tuple[str, str]]:
        return {(violation.check.code, violation.breach.at) for violation in judged(*found).violations}

    assert ("M03", "$.prompt_results[0].predictions[0].masks.size") in places(exchanges)
    assert places(back) == places(exchanges)


def test_answers_that_were_tried_again_are_judged_from_a_recording_of_ours(tmp_path: Path) -> None:
    [answered, *_] = answered_by_mock()
    page = Exchange(answered.case, 503, {"content-type": "text/html"}, f"<p>{KEY}</p>".encode(), 0.5, KEY)
    document = har_from_exchanges([replace(answered, retried=(page,))], base_url="http://127.0.0.1:9001")

    [back] = exchanges_from_har(written(tmp_path, document), CONTRACT)

    assert [(one.case, one.status, one.headers) for one in back.retried] == [(back.case, 503, page.headers)]
    assert back.retried[0].body == b"<p>***</p>"
    assert {one.check.code for one in judged(back).violations} == {"S03"}


def test_answers_that_were_tried_again_have_to_be_a_list(tmp_path: Path) -> None:
    document = har_from_exchanges(answered_by_mock()[:1], base_url="http://127.0.0.1:9001")
    document["log"]["entries"][0]["_case"]["retried"] = 7

    with pytest.raises(HarError, match=r"entry 0: _case\.retried is int, expected a list"):
        exchanges_from_har(written(tmp_path, document), CONTRACT)


def test_whole_run_is_judged_the_same_from_its_recording(tmp_path: Path) -> None:
    app = create_app(Settings(api_keys=frozenset({KEY})))
    transport = WsgiTransport(app.wsgi_app, CONTRACT, key=KEY)
    run = verify(transport, PLAN, CONTRACT)

    path = written(tmp_path, har_from_exchanges(run.exchanges, base_url="http://127.0.0.1:9001"))
    back = judged(*exchanges_from_har(path, CONTRACT))

    def told(of: Run) -> list[tuple[str, str, int]]:
        return [(one.check.code, one.verdict, one.judged) for one in of.outcomes if one.check.code != "S06"]

    assert told(back) == told(run)
    [key_is_not_echoed] = [one for one in back.outcomes if one.check.code == "S06"]
    assert key_is_not_echoed.verdict == "inconclusive"  # there is no key in it that could come back


def test_cases_that_are_drawn_late_are_known_in_a_recording(tmp_path: Path) -> None:
    chosen = [
        next(entry.id for entry in PLAN.entries if entry.id.startswith(beginning))
        for beginning in ("concept_segment/large-jpeg-", "visual_segment/shapes-jpeg-")
    ]
    transport = WsgiTransport(create_app(Settings(api_keys=frozenset({KEY}))).wsgi_app, CONTRACT, key=KEY)
    run = verify(transport, PLAN.of_cases(chosen), CONTRACT)

    path = written(tmp_path, har_from_exchanges(run.exchanges, base_url="http://127.0.0.1:9001"))
    known = {exchange.case.id: exchange.case for exchange in exchanges_from_har(path, CONTRACT)}

    assert all(known[name].things for name in chosen)
    assert known[chosen[1]].twin is not None


def test_late_cases_of_answers_need_answers() -> None:
    made = {entry.id: entry.make({}) for entry in PLAN.entries if made_late(entry)}

    assert made["concept_segment/shapes.png/exemplars"] is None
    assert all(case is None or case.id == name for name, case in made.items())


def made_late(entry: object) -> TypeGuard[cases.FollowUp]:
    return isinstance(entry, cases.FollowUp) and not entry.id.startswith("variant/")


def test_recording_of_ours_holds_no_key() -> None:
    nasty = [KEY, quote(KEY, safe=""), json.dumps(KEY)[1:-1], base64.b64encode(b"ab" + KEY.encode() + b"cd").decode()]
    echo = f"unknown key {', '.join(nasty)}"
    exchanges = answered_by_mock()
    case = Case("echo", "concept_segment", f"sends {KEY}", concept(api_key="other-secret-key", text=KEY), key_in="body")
    headers = {"content-type": "text/plain", "x-url": f"/?api_key={quote(KEY)}", "location": f"/{KEY}"}
    exchanges += [
        Exchange(case, 401, headers, echo.encode(), 0.1, KEY),
        Exchange(case, 200, headers, b"PK\xff" + KEY.encode(), 0.1, KEY),
        Exchange(Case("cut", "concept_segment", "", b'{"api_key": "half-a-sec'), 422, {}, b"", 0.1, KEY),
        Exchange(case, 0, {}, b"", 0.1, KEY, f"lost {KEY}"),
    ]

    document = har_from_exchanges(exchanges, base_url=f"http://user:hunter22@host/base?api_key={KEY}")
    text = json.dumps(document)

    assert not [form for form in spellings_of(KEY) if form in text]
    assert "other-secret-key" not in text
    assert "half-a-sec" not in text
    assert "hunter22" not in text
    assert document["log"]["entries"][0]["request"]["url"] == "http://host/base/sam3/concept_segment?api_key=***"
    assert {"name": "Authorization", "value": "Bearer ***"} in document["log"]["entries"][1]["request"]["headers"]
    decoded = base64.b64decode(document["log"]["entries"][-3]["response"]["content"]["text"])
    assert decoded == b"PK\xff***"


def test_images_stay_in_the_recording() -> None:
    [first, *_] = answered_by_mock()

    [recorded] = har_from_exchanges([first], base_url="mock (in process)")["log"]["entries"]

    assert recorded["request"]["url"].startswith("http://localhost/sam3/")
    assert json.loads(recorded["request"]["postData"]["text"])["image"]["value"] == png()


@pytest.mark.parametrize(
    "url",
    [
        "https://serverless.roboflow.com/sam3/concept_segment",
        "http://127.0.0.1:9001/a/prefix/sam3/concept_segment?x=1",
        "https://[::1]/sam3%2Fconcept_segment",
    ],
)
def test_any_host_and_prefix_is_read(tmp_path: Path, url: str) -> None:
    exchange = read_one(tmp_path, entry(url), entry("https://example.com/"), entry(url, method="OPTIONS"))

    assert exchange.case.operation == "concept_segment"
    assert exchange.case.id == "traffic.har#0"
    assert exchange.case.image is not None
    assert exchange.case.image.size == (30, 40)
    assert exchange.status == 200
    assert exchange.headers == {"content-type": "application/json"}
    assert exchange.answer == {"time": 0.1, "prompt_results": []}
    assert exchange.seconds == 0.2505


def test_path_that_only_begins_alike_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, har(entry("https://x.org/sam3/concept_segment/more"), entry("https://x.org/")))

    with pytest.raises(HarError) as error:
        exchanges_from_har(path, CONTRACT)

    assert "POST x.org/sam3/concept_segment/more" in str(error.value)
    assert "POST /sam3/visual_segment" in str(error.value)


def sanitised(one: Har) -> None:
    one["request"]["url"] = one["request"]["url"].replace("k-e-y-1-2-3", "%5BFiltered%5D")


def in_a_header(one: Har) -> None:
    one["request"]["url"] = one["request"]["url"].partition("?")[0]
    one["request"]["headers"].append({"name": "Authorization", "value": "bearer  k-e-y-1-2-3"})


def in_the_body(one: Har) -> None:
    one["request"]["url"] = one["request"]["url"].partition("?")[0]
    one["request"]["postData"]["text"] = json.dumps(concept(api_key="k-e-y-1-2-3"))


def nowhere(one: Har) -> None:
    one["request"]["url"] = one["request"]["url"].partition("?")[0]


def refused_without(one: Har) -> None:
    nowhere(one)
    one["response"]["status"] = 401


@pytest.mark.parametrize(
    ("change", "place", "key"),
    [
        (lambda _: None, "query", "k-e-y-1-2-3"),
        (sanitised, "query", None),
        (in_a_header, "bearer", "k-e-y-1-2-3"),
        (in_the_body, "body", "k-e-y-1-2-3"),
        (nowhere, "query", None),
        (refused_without, "none", None),
    ],
)
def test_key_is_taken_out_of_the_request(
    tmp_path: Path, change: Callable[[Har], None], place: str, key: str | None
) -> None:
    one = entry()
    change(one)

    exchange = read_one(tmp_path, one)

    assert exchange.case.key_in == place
    assert exchange.key == key
    assert "k-e-y-1-2-3" not in repr(exchange)
    assert b"k-e-y-1-2-3" not in exchange.case.content


@pytest.mark.parametrize(("change", "found"), [(lambda _: None, 1), (in_a_header, 0), (in_the_body, 0), (nowhere, 0)])
def test_keys_in_urls_are_counted(tmp_path: Path, change: Callable[[Har], None], found: int) -> None:
    one = entry()
    change(one)

    assert read_har(written(tmp_path, har(one, one)), CONTRACT).keys_in_urls == 2 * found


def test_requests_that_we_planned_are_no_clients(tmp_path: Path) -> None:
    path = written(tmp_path, har_from_exchanges(answered_by_mock(), base_url="http://127.0.0.1:9001"))

    assert read_har(path, CONTRACT).keys_in_urls == 0


def test_echoed_key_is_found_in_a_recording(tmp_path: Path) -> None:
    exchange = read_one(tmp_path, entry(status=401, answer='{"message": "no such key: k-e-y-1-2-3"}'))

    [violation] = (one for one in judged(exchange).violations if one.check.code == "S06")

    assert "k-e-y" not in violation.breach.found


@pytest.mark.parametrize("name", ["base64", "Base64", "BASE64"])
def test_binary_answer_is_decoded(tmp_path: Path, name: str) -> None:
    file = io.BytesIO()
    np.savez(file, masks=np.zeros((1, 2, 3)), low_res_masks=np.zeros((1, 2, 2)))
    one = entry("http://h/sam3/visual_segment", answer=base64.encodebytes(file.getvalue()).decode())
    one["response"]["content"].update(encoding=name, size=len(file.getvalue()))
    one["response"]["headers"][0]["value"] = "application/octet-stream"

    assert read_one(tmp_path, one).body == file.getvalue()


def test_charles_repeats_headers_and_mitmproxy_has_no_whole_time(tmp_path: Path) -> None:
    one = entry(time=-1, timings={"send": 10, "wait": 20, "receive": 30, "connect": -1, "ssl": None})
    one["response"]["headers"] += [{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}]

    exchange = read_one(tmp_path, one)

    assert exchange.headers["x-a"] == "1, 2"
    assert exchange.seconds == pytest.approx(0.06)


def test_playwright_keeps_bodies_in_files_beside(tmp_path: Path) -> None:
    (tmp_path / "0a1b.json").write_text('{"time": 2}')
    one = entry()
    one["response"]["content"] = {"size": 11, "mimeType": "application/json", "_file": "0a1b.json"}

    assert read_one(tmp_path, one).answer == {"time": 2}


@pytest.mark.parametrize("name", ["../outside.json", "/etc/hostname", "a\\b", "..", "gone.json"])
def test_file_elsewhere_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside.json").write_text("{}")
    folder = tmp_path / "inner"
    folder.mkdir()
    one = entry()
    one["response"]["content"]["_file"] = name

    with pytest.raises(HarError, match=r"entry 0: response\.content\._file"):
        read_one(folder, one)


def test_link_beside_the_archive_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "recorded"
    folder.mkdir()
    (tmp_path / "secret.json").write_text("{}", "utf-8")
    (folder / "answer.json").symlink_to(tmp_path / "secret.json")
    one = entry()
    one["response"]["content"] = {"_file": "answer.json"}

    with pytest.raises(HarError, match=r"names 'answer\.json', which cannot be read"):
        read_har(written(folder, har(one)), CONTRACT)


def test_pipe_that_nobody_writes_into_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "traffic.har")

    with pytest.raises(HarError, match=r"traffic\.har cannot be read: it is no regular file"):
        read_har(tmp_path / "traffic.har", CONTRACT)


def test_schemathesis_preserves_bytes_as_base64(tmp_path: Path) -> None:
    one = entry()
    one["request"]["postData"]["text"] = base64.b64encode(json.dumps(concept()).encode()).decode()

    assert read_one(tmp_path, one).case.sent["prompts"] == [{"type": "text", "text": "dog"}]


@pytest.mark.parametrize(
    ("post", "body"),
    [
        (None, None),
        ({"mimeType": "application/json"}, None),
        ({"mimeType": "application/json", "text": ""}, None),
        ({"text": "{}"}, {}),
        ({"text": "[1, 2]"}, b"[1, 2]"),
        ({"text": '{"image": '}, b'{"image": '),
    ],
)
def test_body_is_what_was_posted(tmp_path: Path, post: Any, body: Any) -> None:
    one = entry()
    one["request"] |= {"postData": post, "bodySize": len((post or {}).get("text", ""))}

    case = read_one(tmp_path, one).case

    assert case.body == body
    assert case.image is None


WHOLE = json.dumps(concept())


@pytest.mark.parametrize(
    "request_fields",
    [
        {"postData": None, "bodySize": 1605},
        {"postData": None, "bodySize": -1},
        {"postData": None, "bodySize": 0, "headers": [{"name": "Content-Length", "value": "1605"}]},
        {"postData": {"mimeType": "application/json", "text": ""}},
        {"postData": {"mimeType": "application/json", "text": WHOLE[:50]}, "bodySize": len(WHOLE)},
        {"postData": {"mimeType": "application/json", "text": WHOLE[:50]}, "bodySize": -1},
        {"postData": {"text": "Request body is too large, text was too long"}, "bodySize": len(WHOLE)},
    ],
)
def test_request_without_its_body_is_no_evidence(tmp_path: Path, request_fields: Har) -> None:
    one = entry()
    one["request"] |= request_fields

    recording = read_har(written(tmp_path, har(one, entry())), CONTRACT)

    [reason] = recording.left_out
    assert reason.startswith("traffic.har, entry 0: the recording does not hold the body of the request")
    assert [exchange.case.id for exchange in recording.exchanges] == ["traffic.har#1"]


def test_body_that_masking_has_made_shorter_is_whole(tmp_path: Path) -> None:
    one = entry(body=concept(api_key="***"))
    one["request"]["bodySize"] = len(json.dumps(concept(api_key="a-key-of-many-letters")))

    assert read_one(tmp_path, one).case.sent["prompts"] == concept()["prompts"]


def test_answer_whose_size_nobody_says_is_no_evidence_of_an_empty_one(tmp_path: Path) -> None:
    one = entry()
    one["response"]["content"] = {"size": -1, "mimeType": "application/json"}

    assert (
        "does not hold the body of the answer" in read_har(written(tmp_path, har(one, entry())), CONTRACT).left_out[0]
    )


@pytest.mark.parametrize("levels", [240, 300, 900, 1100])
@pytest.mark.parametrize("side", ["request", "answer"])
def test_json_nested_ever_deeper_is_judged_like_any_other(tmp_path: Path, side: str, levels: int) -> None:
    deep = '{"x": ' + "[" * levels + "]" * levels + "}"
    one = entry(answer=deep if side == "answer" else '{"time": 0.1, "prompt_results": []}')
    if side == "request":
        one["request"] |= {"postData": {"text": deep}, "bodySize": len(deep)}

    exchange = read_one(tmp_path, one)

    assert judged(exchange, exchange).outcomes
    assert har_from_exchanges([exchange], base_url="http://127.0.0.1")["log"]["entries"]
    assert exchange.case.signature


def by_firefox() -> Har:
    one = entry()
    one["request"] |= {
        "bodySize": len(WHOLE),
        "headersSize": 300,
        "postData": {"mimeType": None, "params": [], "text": WHOLE},
    }
    one["timings"] = {"blocked": 3, "dns": 0, "connect": 0, "ssl": 0, "send": 1, "wait": 200, "receive": 0}
    return one


def by_mitmproxy() -> Har:
    """Sizes of a packed answer are those on the wire; what did not happen takes None or -1 milliseconds."""
    one = entry()
    one["request"] |= {
        "bodySize": len(WHOLE),
        "postData": {"mimeType": "application/json", "text": WHOLE, "params": []},
    }
    one["response"]["content"] |= {"size": 20, "compression": 15}
    one["timings"] = {"connect": None, "ssl": -1.0, "send": 1, "receive": 0, "wait": 200}
    return one


def by_proxyman() -> Har:
    one = entry()
    packed = base64.b64encode(WHOLE.encode()).decode()
    one["request"] |= {
        "bodySize": len(WHOLE),
        "postData": {"mimeType": "application/json", "text": packed, "encoding": "base64"},
    }
    answer = one["response"]["content"]
    answer |= {"text": base64.b64encode(answer["text"].encode()).decode(), "encoding": "base64"}
    return one


def by_safari() -> Har:
    one = entry()
    one["request"] |= {
        "bodySize": len(WHOLE),
        "postData": {"mimeType": "application/json", "text": WHOLE, "params": []},
    }
    one["response"] |= {"bodySize": 35, "_transferSize": 300}
    return one


@pytest.mark.parametrize("recorded", [entry, by_firefox, by_mitmproxy, by_proxyman, by_safari])
def test_archive_of_any_recorder_is_read(tmp_path: Path, recorded: Callable[[], Har]) -> None:
    exchange = read_one(tmp_path, recorded())

    assert exchange.case.sent["prompts"] == concept()["prompts"]
    assert (exchange.status, exchange.answer) == (200, {"time": 0.1, "prompt_results": []})


@pytest.mark.parametrize(
    ("reason", "status", "field"),
    [
        ("net::ERR_CONNECTION_RESET", 0, "_error"),
        ("net::ERR_EMPTY_RESPONSE", 0, "_error"),
        ("net::ERR_HTTP2_SERVER_REFUSED_STREAM", 0, "_error"),
        ("server closed connection", 0, "_error"),  # mitmproxy
        ("net::ERR_CONNECTION_RESET", -1, "_failureText"),  # Playwright
        ("NS_ERROR_NET_RESET", -1, "_failureText"),
        ("net::ERR_INCOMPLETE_CHUNKED_ENCODING", 200, "_error"),
    ],
)
def test_broken_answer_is_a_failure(tmp_path: Path, reason: str, status: int, field: str) -> None:
    one = entry()
    one["response"] |= {"status": status, "content": {"size": 0, "mimeType": "application/json"}, field: reason}

    exchange = read_one(tmp_path, one)

    assert exchange.status == 0
    assert exchange.failure == reason


def cut_by_the_recorder(one: Har) -> None:
    one["response"]["content"]["size"] = 10_000


def without_body(one: Har) -> None:
    del one["response"]["content"]["text"]


def archive_as_text(one: Har) -> None:
    one["response"]["headers"][0]["value"] = "application/octet-stream"
    one["response"]["content"]["text"] = "PK\ufffd" * 20


def given_up(one: Har) -> None:
    one["response"] = {"status": 0, "headers": [], "content": {}, "_error": "net::ERR_ABORTED"}


def given_up_under_way(one: Har) -> None:
    one["response"] |= {"content": {"size": 0, "mimeType": "application/json"}, "_error": "net::ERR_ABORTED"}


def left_by_playwright(one: Har) -> None:
    one["response"] |= {"status": -1, "content": {"size": -1, "mimeType": "x-unknown"}}


def never_answered(one: Har) -> None:
    one["response"] = {"status": 0, "statusText": "", "headers": [], "content": {}, "_error": None}


def without_response(one: Har) -> None:
    del one["response"]


@pytest.mark.parametrize(
    "change",
    [
        cut_by_the_recorder,
        without_body,
        archive_as_text,
        given_up,
        given_up_under_way,
        left_by_playwright,
        never_answered,
        without_response,
    ],
)
def test_entry_that_tells_too_little_is_left_out_with_a_reason(tmp_path: Path, change: Callable[[Har], None]) -> None:
    one = entry()
    change(one)

    recording = read_har(written(tmp_path, har(one, entry())), CONTRACT)

    assert [exchange.case.id for exchange in recording.exchanges] == ["traffic.har#1"]
    assert len(recording.left_out) == 1
    assert recording.left_out[0].startswith("traffic.har, entry 0: ")
    with pytest.raises(HarError, match="the one entry of the contract cannot be judged"):
        read_har(written(tmp_path, har(one)), CONTRACT)


@pytest.mark.parametrize(
    "reason",
    [
        "net::ERR_FAILED",  # what CORS keeps from a page
        "net::ERR_SOCKS_CONNECTION_FAILED",
        "net::ERR_MANDATORY_PROXY_CONFIGURATION_FAILED",
        "net::ERR_NETWORK_IO_SUSPENDED",
        "net::ERR_DNS_TIMED_OUT",
        "net::ERR_CONNECTION_TIMED_OUT",
        "net::ERR_SSL_CLIENT_AUTH_CERT_NEEDED",
        "NS_ERROR_UNKNOWN_HOST",
        "SEC_ERROR_UNKNOWN_ISSUER",
        "Could not connect to the server.",
        "A server with the specified hostname could not be found.",
        "[Errno 111] Connect call failed ('127.0.0.1', 9)",
        "[Errno -2] Name or service not known",
        "Client disconnected.",
        "Certificate verify failed: self-signed certificate",
        "getaddrinfo ENOTFOUND serverless.roboflow.com",
        "Couldn't resolve host name",
    ],
)
def test_failure_that_the_server_had_no_part_in_is_no_evidence(tmp_path: Path, reason: str) -> None:
    one = entry()
    one["response"] = {"status": 0, "statusText": "", "headers": [], "content": {}, "_error": reason}

    [left_out] = read_har(written(tmp_path, har(one, entry())), CONTRACT).left_out

    assert left_out.endswith(f"the request did not reach the server, or the client gave it up ({reason})")


@pytest.mark.parametrize(
    ("operation", "body", "status", "trips"),
    [
        ("concept_segment", concept(), 200, False),
        ("concept_segment", concept(), 402, False),
        ("concept_segment", concept(), 503, False),
        ("concept_segment", {"prompts": []}, 422, False),
        ("concept_segment", concept(), 500, True),
        ("concept_segment", {"prompts": "dog"}, 500, True),
        ("concept_segment", concept(), 418, True),
        ("concept_segment", concept(prompts=[{"type": "visual", "boxes": [BOX]}]), 500, False),
        # The server refuses this box before it comes to the labels.
        ("concept_segment", concept(prompts=[{"type": "visual", "boxes": [{"x": 1, "y": 1}]}]), 500, True),
        ("visual_segment", {"image": concept()["image"], "format": "binary"}, 500, False),
        ("visual_segment", {"image": concept()["image"], "format": "png"}, 500, False),
    ],
)
def test_status_is_taken_at_its_word_but_for_a_500(
    tmp_path: Path, operation: str, body: Any, status: int, trips: bool
) -> None:
    exchange = read_one(tmp_path, entry(f"https://h/sam3/{operation}", body=body, status=status))

    assert ("S01" in {violation.check.code for violation in judged(exchange).violations}) == trips


def test_archive_is_read_by_the_document_of_the_server_itself(tmp_path: Path) -> None:
    document = load(Path(__file__).parents[1] / "data" / "openapi-fastapi-like.json")
    foreign = entry("https://h/some-project/1", body={})

    [exchange] = exchanges_from_har(written(tmp_path, har(foreign, entry())), document)

    assert exchange.case.operation == "concept_segment"
    assert run_of([exchange], document, target="a recording").unjudged == ()


def test_gzip_and_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "traffic.har.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(har(entry())).encode()))

    assert len(exchanges_from_har(path, CONTRACT)) == 1


def test_halves_of_surrogate_pairs_are_read(tmp_path: Path) -> None:
    exchange = read_one(tmp_path, entry(answer='{"message": "\ud83d"}', comment=float("nan")))

    assert exchange.body == b'{"message": "\xed\xa0\xbd"}'


def replaced(*path: Any, value: Any) -> Har:
    one = entry()
    node: Any = one
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return one


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "no list log.entries"),
        ({"log": {"entries": {}}}, "no list log.entries"),
        (har(), "there are no entries"),
        (har(entry(), 7), "entry 1: it is int, expected an object"),
        (har(replaced("request", value=None)), "entry 0: request is NoneType, expected an object"),
        (har(replaced("request", "url", value=3)), r"entry 0: request\.url is int, expected a string"),
        (har(replaced("request", "url", value="http://[x/sam3")), r"entry 0: request\.url is no URL"),
        (har(replaced("request", "headers", value={})), r"request\.headers is dict, expected a list"),
        (har(replaced("request", "postData", value="x")), r"request\.postData is str, expected an object"),
        (har(replaced("request", "postData", "text", value=1)), r"request\.postData\.text is int, expected a string"),
        (har(replaced("response", value=[])), "response is list, expected an object"),
        (har(replaced("response", "status", value="200")), r"response\.status is '200', expected a number"),
        (har(replaced("response", "status", value=True)), r"response\.status is True, expected a number"),
        (har(replaced("response", "content", value=None)), r"response\.content is NoneType, expected an object"),
        (har(replaced("response", "headers", value=[1])), r"response\.headers\[0\] is int, expected an object"),
        (har(replaced("response", "headers", 0, "value", value=1)), r"headers\[0\]\.value is int, expected a string"),
        (har(replaced("response", "content", "encoding", value="base64")), "is no base64, as its encoding says"),
        (har(entry(_case={"operation": "concept_segment"})), "_case is not as sam3-contract writes it"),
    ],
)
def test_malformed_archive_is_refused_by_place(tmp_path: Path, document: Any, message: str) -> None:
    path = written(tmp_path, document)

    with pytest.raises(HarError, match=message) as error:
        exchanges_from_har(path, CONTRACT)

    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no JSON"),
        (b"<html>", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"\x1f\x8b\x08 and then nothing like it", "is no whole gzip file"),
        (gzip.compress(b"{}" * 99, mtime=0)[:-9], "is no whole gzip file"),
        (b"PK\x03\x04 ...", "is a zip archive; unpack it"),
        (json.dumps(har(entry())).encode("utf-16"), "is text in UTF-16, .*: save it as UTF-8"),
        (json.dumps(har(entry())).encode()[:-300], "ends within entry 0"),
        (json.dumps(har(entry(), entry())).encode()[:-300], "ends within entry 1"),
        (b'{"log": {"entries": [', "ends within entry 0"),
    ],
)
def test_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "traffic.har"
    path.write_bytes(content)

    with pytest.raises(HarError, match=message):
        exchanges_from_har(path, CONTRACT)


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarError, match=r"gone\.har cannot be read: No such file"):
        exchanges_from_har(tmp_path / "gone.har", CONTRACT)


@pytest.mark.parametrize("packed", [False, True])
def test_file_beyond_the_limit_is_refused(tmp_path: Path, packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(har_entry, "MAX_BYTES", 2**20)
    content = b" " * (2**20 + 1)
    path = tmp_path / "traffic.har"
    path.write_bytes(gzip.compress(content) if packed else content)

    with pytest.raises(HarError, match="holds more than 1 MiB"):
        exchanges_from_har(path, CONTRACT)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_key_is_masked_in_base64_wherever_it_begins(before: str) -> None:
    text = base64.b64encode(f"{before}{KEY} and more".encode()).decode()

    masked = without_key(text, KEY)

    assert "***" in masked
    assert bytes_without_key(text.encode(), KEY) == masked.encode()


def test_short_key_is_masked_only_where_it_stands_alone() -> None:
    assert without_key("many of them: any, 'any', any-key", "any") == "many of them: ***, '***', ***-key"
    assert bytes_without_key(b"many: any", "any") == b"many: ***"
    assert without_key("nothing", None) == "nothing"
