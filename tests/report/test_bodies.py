from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.report.bodies import MAX_LINES, answer_lines, request_lines, steps_of
from tests.report.runs import KEY, exchange, photograph


def answered(answer: Any, at: str = "") -> list[str]:
    where = exchange(body=answer if isinstance(answer, bytes) else json.dumps(answer).encode())
    return [f">{line.text}" if line.marked else line.text for line in answer_lines(where, at)]


def test_small_answer_is_shown_whole() -> None:
    assert answered({"a": [1, 2], "b": {"c": None}}) == ["{", '  "a": [1, 2],', '  "b": {"c": null}', "}"]


@pytest.mark.parametrize(
    ("at", "marked"),
    [
        ("$.b.c", ['    "c": [']),
        ("$.b.c[9]", ["      9,"]),
        ("$.b.gone", ['  "b": {']),
        ("$.gone", []),
        ("status", []),
    ],
)
def test_place_is_kept_and_marked(at: str, marked: list[str]) -> None:
    lines = answered({"a": 1, "b": {"c": list(range(100))}}, at)

    assert [line[1:] for line in lines if line.startswith(">")][:1] == marked


def test_long_list_is_counted_around_the_place() -> None:
    assert answered({"c": list(range(100))}, "$.c[9]") == [
        "{",
        '  "c": [',
        "    0,",
        "    1,",
        "    2,",
        "    3,",
        "    … 5 more",
        ">    9,",
        "    … 90 more",
        "  ]",
        "}",
    ]


def test_place_far_down_is_shown_with_its_surroundings() -> None:
    answer = {f"key{number}": {"inner": list(range(60)), "text": "x" * 90} for number in range(30)}

    lines = answered(answer, "$.key29.text")

    assert len(lines) <= MAX_LINES + 2
    assert [line for line in lines if line.startswith(">")] == ['>    "text": "' + "x" * 90 + '"']
    assert any(line.endswith(" lines") for line in lines)


def test_long_text_is_cut_in_the_middle_but_no_part_of_a_key_is_left() -> None:
    [_, line, _] = answered({"t": "a" * 50 + KEY + "b" * 500})

    assert line.endswith('b" (553 characters)')
    assert KEY[:4] not in line
    assert "***" in line


def test_archive_is_told_by_its_arrays() -> None:
    file = io.BytesIO()
    np.savez(file, masks=np.zeros((2, 4, 6), np.float32), low_res_masks=np.zeros((2, 8, 8), np.float32))

    lines = answered(file.getvalue())

    assert lines[0].startswith("npz archive, ")
    assert lines[1:] == ["  masks: float32 (2, 4, 6)", "  low_res_masks: float32 (2, 8, 8)"]


@pytest.mark.parametrize(
    ("body", "first"),
    [
        (b"", "(empty)"),
        (b"<html>\n<p>502", "<html>"),
        (b"\xff\xd8\xff", "(3 bytes, sha256 "),
        (f"key {KEY}".encode(), "key ***"),
    ],
)
def test_answer_that_is_no_json_is_previewed(body: bytes, first: str) -> None:
    assert answered(body)[0].startswith(first)


def test_request_tells_its_image_by_size_and_digest() -> None:
    text = "\n".join(line.text for line in request_lines(exchange()))

    assert f'"value": (PNG, 6 x 4, {len(photograph())} bytes, sha256 ' in text
    assert '"text": "dog"' in text


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (None, []),
        (b'{"image": ', ['{"image":']),
        ({"image": {"type": "base64", "value": "A" * 200}}, None),
        ({"api_key": "another-secret", "n": 10**30, "big": 10**5000, "nan": float("nan")}, None),
    ],
)
def test_any_request_is_shown(body: Any, lines: list[str] | None) -> None:
    where = Exchange(Case("x", "concept_segment", "asks", body, key_in="body"), 200, {}, b"{}", key=KEY)

    shown = [line.text.rstrip() for line in request_lines(where)]

    assert lines is None or shown == lines
    assert "another-secret" not in "\n".join(shown)


def test_path_is_taken_apart() -> None:
    assert steps_of("$.a[0].b") == ("a", 0, "b")
    assert steps_of("$") == steps_of("headers.x") == ()
