from __future__ import annotations

import base64
import gc
import hashlib
import io
import itertools
import re
import weakref
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sam3_contract.checks.check import Shown
from sam3_contract.report import as_html
from sam3_contract.report.html import MAX_FINDINGS, MAX_OF_A_CHECK
from sam3_contract.verification.runner import CheckOutcome, Run
from tests.report.runs import CONTRACT, KEY, SQUARE, TALL, broken_run, check, exchange, held_run, run, violation

VOID = {"meta", "input", "br", "image", "use"}


class Page(HTMLParser):
    """Reads a page: its elements, its text, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        # `li` and `dd` could be left open; ours are not.
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [found for name, found in self.elements if name == tag and wanted.items() <= found.items()]


def page_of(of: Run, **options: Any) -> Page:
    return Page(as_html(of, CONTRACT, **options))


def test_page_shows_each_finding_with_pictures_request_and_answer() -> None:
    page = page_of(broken_run(), again=lambda _: ["sam3-contract verify --case x"])

    articles = page.all("article")
    assert [one["data-standing"] for one in articles] == [
        "error",
        "error",
        "accepted",
        "deviation",
        "warning",
        "missed",
    ]
    assert {one["data-operation"] for one in articles} == {"concept_segment"}
    for words in (
        "1 check broken",
        "Stopped: the budget of 60 calls is used up",
        "found expected difference: blue is missing, orange was added",
        "because it is swapped",
        "POST /sam3/concept_segment",
        "(PNG, 6 x 4, ",
        '"prompt_results": [',
        "sam3-contract verify --case x",
        "nothing to judge needs a box",
        "other_methods no longer seen",
        "the deviation was seen 2026-11-22, in 1.8.3",
        "M01 gone/case $.x",
        "visual_segment/scene/box",
    ):
        assert words in page.text, words


def test_parts_of_the_page_are_told_apart_by_their_names() -> None:
    landmarks = [one for tag, one in page_of(broken_run()).elements if tag == "section" or one.get("role") == "region"]
    names = [one["aria-labelledby"] for one in landmarks if "aria-labelledby" in one]

    assert len(names) == len(set(names)) > 3


def test_page_says_what_could_not_be_judged() -> None:
    text = page_of(held_run(unjudged=tuple(f"M03 could not judge x{number}" for number in range(25)))).text

    assert "Could not be judged: M03 could not judge x19" in text
    assert "x20" not in text
    assert "Could not be judged: 5 more, which report.json lists" in text


def test_page_marks_the_place_in_the_answer() -> None:
    text = as_html(broken_run(), CONTRACT)

    assert re.search(r"<mark>\s*&#34;size&#34;: \[4, 6\],</mark>", text)


def test_run_without_findings_shows_what_held() -> None:
    page = page_of(held_run())

    assert page.all("article") == []
    assert page.all("input") == []
    assert "all that could be judged held" in page.text
    assert "None. What could be judged held; the checks below say what that is." in page.text
    assert [one["class"] for one in page.all("tr", **{"class": "held"})] == ["held", "held"]


def test_pictures_are_kept_once_and_all_are_there() -> None:
    page = page_of(broken_run())

    kept = {one["id"]: one for one in page.all("image")}
    used = [one["href"] for one in page.all("use")]
    assert {f"#{name}" for name in kept} == set(used)
    assert len(used) > len(kept)
    for picture in kept.values():
        head, _, content = picture["href"].partition(",")
        assert head == "data:image/webp;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            assert (str(image.width), str(image.height)) == (picture["width"], picture["height"])
    assert all(one["aria-label"] for one in page.all("svg", role="img"))


def test_page_loads_nothing_and_runs_only_its_own_script() -> None:
    text = as_html(broken_run(), CONTRACT)
    page = Page(text)

    [policy] = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    for tag in ("script", "style"):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy["content"]
    assert policy["content"].startswith("default-src 'none';")
    for tag, attributes in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "img", "form"}
        assert not {name for name in attributes if name.startswith("on") or name in {"style", "src", "action"}}
        assert attributes.get("href", "#").startswith(("#", "data:image/webp;base64,"))
    assert "url(" not in text
    assert "@import" not in text


def test_answers_cannot_become_markup() -> None:
    nasty = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&<!--"
    hard = check()
    answer = exchange([], body=nasty.encode(), headers={nasty: nasty, "content-type": "text/html"}, name=nasty)
    sound = exchange([{"masks": nasty, "confidence": nasty, "format": nasty, nasty: nasty}])
    found = [
        violation(hard, one, at=nasty, found=nasty, expected=nasty, why=nasty, again=nasty, deviation="x")
        for one in (answer, sound, exchange(status=0, failure=nasty, body=b""))
    ]

    page = page_of(run(CheckOutcome(hard, 2, tuple(found)), target=nasty, stopped=nasty, stale=(nasty,)))

    assert len(page.all("script")) == 1
    assert page.all("img") == []
    assert "<script>alert(1)</script>" in page.text


def test_control_characters_are_written_out() -> None:
    hard = check()
    found = violation(hard, exchange([], body=b"\x1b[31m\x00 \xe2\x80\xae"), found="\x00\u202e\x1b")

    text = as_html(run(CheckOutcome(hard, 1, (found,))), CONTRACT)

    assert not set(text) & set("\x00\x1b\u202e\ud800")
    assert "\\x1b[31m\\x00 \\u202e" in text


HOSTILE: list[Any] = [
    None,
    7,
    "counts",
    [],
    [[]],
    [[[1, 2]]],
    [[[1, 2], [3]]],
    [[["a", None], [{}, 1]]],
    [[[1e300, -1e300], [1, 1], [2, 2]]],
    [[[10**9, 1], [1, 1], [2, 2]]],
    [[[0.1, 0.2], [0.9, 0.2], [0.5, 0.8]]],
    {"size": [4, 6]},
    {"size": [6, 4], "counts": "5220;"},
    {"size": [4, 6], "counts": ""},
    {"size": [4, 6], "counts": "~~~~"},
    {"size": [4, 6], "counts": [1, 2, 3]},
    {"size": [10**6, 10**6], "counts": "0"},
    {"size": [-1, 6], "counts": "0"},
    {"size": [0, 0], "counts": ""},
    {"size": ["4", 6], "counts": "5220;"},
    {"size": [4, 6, 8], "counts": "5220;"},
    {"size": None, "counts": None},
    {"counts": {"counts": []}},
    [[[index % 7, index % 5] for index in range(3000)]],
]


@pytest.mark.parametrize("masks", HOSTILE, ids=lambda masks: str(masks)[:40])
@pytest.mark.parametrize("how", ["answered", "shown"])
def test_no_mask_breaks_the_report(masks: Any, how: str) -> None:
    hard = check()
    where = exchange([{"masks": masks, "confidence": float("nan"), "format": "rle"}, masks])
    shown = Shown((masks,), (SQUARE,), (4, 6)) if how == "shown" else None
    places = ["$.prompt_results[0].predictions[0].masks", "status", "$", "$.nowhere[3]", ""]

    page = page_of(run(CheckOutcome(hard, 1, tuple(violation(hard, where, at=at, masks=shown) for at in places))))

    assert len(page.all("article")) == len(places)
    assert page.all("image")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"\xff\xfe",
        b"PK\x03\x04 no npz",
        b'{"prompt_results": {"predictions": 7}}',
        b'{"predictions": [null, 1, "x", [], {}]}',
        b"[" * 900 + b"]" * 900,
        b'{"a": ' * 500 + b"1" + b"}" * 500,
        b'{"a": 1e999}',
        b"1" * 5000,
        b'{"x": "' + b"y" * 100_000 + b'"}',
        b"{" + b",".join(b'"k%d": 1' % index for index in range(5000)) + b"}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_no_answer_breaks_the_report(body: bytes) -> None:
    hard = check()
    where = exchange(body=body)

    text = as_html(run(CheckOutcome(hard, 1, (violation(hard, where), violation(hard, where, at="$.a.a.a")))), CONTRACT)

    assert len(text) < 200_000
    assert Page(text).all("article")


@pytest.mark.parametrize(
    "image",
    [
        {"type": "url", "value": "https://example.com/dog.jpg"},
        {"type": "base64", "value": "aGVsbG8gd29ybGQ="},
        {"type": "base64", "value": "x"},
        {"type": "base64", "value": None},
        {"type": "base64", "value": base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()},
        "dog",
        [1],
    ],
    ids=str,
)
def test_no_image_breaks_the_report(image: Any) -> None:
    hard = check()

    page = page_of(run(CheckOutcome(hard, 1, (violation(hard, exchange(image=image)),))))

    assert len(page.all("image")) == 1  # the masks state their frame: they are drawn on grey
    assert "drawn on grey: " in page.text


def test_frame_that_is_not_the_photographs_is_drawn_on_grey() -> None:
    hard = check()
    found = violation(hard, masks=Shown((TALL,), (), (8, 12)))

    assert "the masks have another frame than the photograph" in page_of(run(CheckOutcome(hard, 1, (found,)))).text


def test_many_findings_stay_a_page_of_bounded_size() -> None:
    checks = [check(f"X{number:02}") for number in range(8)]
    outcomes = []
    for one in checks:
        found = []
        for number in range(MAX_OF_A_CHECK + 5):
            where = exchange(name=f"{one.code}/{number}")
            found.append(violation(one, where, masks=Shown((TALL,), (SQUARE,), (4, 6))))
        outcomes.append(CheckOutcome(one, len(found), tuple(found)))

    text = as_html(run(*outcomes), CONTRACT)

    page = Page(text)
    assert len(page.all("article")) == MAX_FINDINGS
    assert len(text.encode()) < 20e6
    assert "5 more findings of this check: report.json lists them all." in page.text
    assert f"{MAX_OF_A_CHECK + 5} more findings of this check" in page.text
    assert "not drawn: other findings of this check show the like" in page.text


def test_large_photographs_and_answers_stay_below_20_megabytes() -> None:
    noise = np.random.default_rng(1)
    long = '"' * 10**4
    checks = [check(f"X{number:02}") for number in range(8)]
    outcomes = []
    for one in checks:
        found = []
        for number in range(60):
            image = {"type": "base64", "value": _noisy(noise) if number < 4 else "x"}
            answer = ('{"' + '\\"' * 100 + f'{number}": ' + "[" + '"\\"\\"", ' * 500 + "0]}").encode()
            headers = {f"x-{index}": '"' * 500 for index in range(50)}
            where = exchange(name=f"{one.code}/{number}", image=image, body=answer, headers=headers)
            found.append(violation(one, where, found=long, expected=long, why=long))
        outcomes.append(CheckOutcome(one, len(found), tuple(found)))

    text = as_html(run(*outcomes), CONTRACT)

    assert 10e6 < len(text.encode()) < 20e6
    assert "Not all findings have their picture" in text
    assert "(left out: the page is long enough; exchanges.har has it)" in text


class _Text(str):
    """A text of which is known when it is gone."""

    __slots__ = ("__weakref__",)


def test_photographs_are_not_kept_after_the_page_is_written() -> None:
    sent = _Text(exchange().case.sent["image"]["value"])
    image = weakref.ref(sent)

    where = exchange(image={"type": "base64", "value": sent})
    page = page_of(run(CheckOutcome(check(), 1, (violation(check(), where),))))
    del sent, where
    gc.collect()  # an exchange keeps prompts that name it

    assert page.all("image")
    assert image() is None


def _noisy(noise: np.random.Generator) -> str:
    file = io.BytesIO()
    Image.fromarray(noise.integers(0, 256, (960, 960, 3), np.uint8)).save(file, "JPEG", quality=90)
    return base64.b64encode(file.getvalue()).decode()


def test_filters_offer_what_is_there() -> None:
    page = page_of(broken_run())

    options = [one["value"] for one in page.all("option") if "value" in one]
    assert options == ["", "M03", "M08", "V03", "", "error", "warning", "missed", "accepted", "deviation", ""]
    labelled = {one["id"] for tag in ("input", "select") for one in page.all(tag)}
    assert labelled == {"search", "by-check", "by-standing", "by-operation"}


def test_headings_do_not_skip_a_level() -> None:
    levels = [int(tag[1]) for tag, _ in page_of(broken_run()).elements if re.fullmatch(r"h\d", tag)]

    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    page = page_of(broken_run())

    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {one["href"][1:] for tag in ("a", "use") for one in page.all(tag)} <= set(ids)
    assert {one["aria-labelledby"] for _, one in page.elements if "aria-labelledby" in one} <= set(ids)


def test_key_is_nowhere_in_the_page() -> None:
    hard = check()
    where = exchange(
        body=f'{{"message": "no {KEY} here"}}'.encode(), headers={"x-url": f"/?api_key={KEY}"}, status=401, name=KEY
    )
    found = violation(hard, where, at=KEY, found=KEY, expected=KEY, why=KEY, again=KEY)

    text = as_html(run(CheckOutcome(hard, 1, (found,)), target=KEY, stopped=KEY, unsent=(KEY,)), CONTRACT)

    assert KEY not in text
    assert KEY.replace("&", "&amp;") not in text
