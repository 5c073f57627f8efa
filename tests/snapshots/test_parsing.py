"""The text of a snapshot: reviewable, the same each time, and refused with the line of the mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam3_contract.errors import SnapshotError
from sam3_contract.snapshots import file_format, snapshot_from_text, text_from_snapshot
from tests.snapshots.answers import snapshot_with

SQUARES = st.lists(st.tuples(st.integers(0, 70), st.integers(0, 50), st.integers(0, 30), st.floats(0, 1)), max_size=3)
TEXT = text_from_snapshot(
    snapshot_with({"dog": [(10, 10, 20, 0.9), (40, 5, 9, 0.6)], "caf\N{LATIN SMALL LETTER E WITH ACUTE}": []})
)

Json = dict[str, Any]


@given(st.dictionaries(st.text(max_size=20), SQUARES, max_size=3))
def test_snapshot_survives_being_written(prompts: dict[str, list[tuple[int, int, int, float]]]) -> None:
    snapshot = snapshot_with(prompts)
    text = text_from_snapshot(snapshot)

    again = snapshot_from_text(text.encode(), origin="request.json")

    assert again == snapshot
    assert text_from_snapshot(again) == text
    assert json.loads(text)["name"] == "request"


def test_text_has_a_line_for_each_prediction_and_its_keys_in_order() -> None:
    lines = [line.strip() for line in TEXT.splitlines()]

    assert [line[:43] for line in lines if line.startswith('{"area"')] == [
        '{"area": 400, "box": [10, 10, 20, 20], "con',
        '{"area": 81, "box": [40, 5, 9, 9], "confide',
    ]
    assert "caf\N{LATIN SMALL LETTER E WITH ACUTE}" in TEXT
    value = json.loads(TEXT)
    assert list(value) == sorted(value)
    assert "base64" not in TEXT
    assert "time" not in value


def test_text_hides_nothing_behind_what_is_not_printed() -> None:
    text = text_from_snapshot(snapshot_with({"right-to-left \N{RIGHT-TO-LEFT OVERRIDE} \x1b[31m": []}))

    assert r"\u202e" in text
    assert r"\u001b" in text
    assert all(line.isprintable() for line in text.splitlines())


def edited(change: Callable[[Json], object]) -> bytes:
    value = json.loads(TEXT)
    change(value)
    return json.dumps(value, indent=1).encode()


def line_with(text: bytes, piece: str, nth: int = 0) -> int:
    return [number for number, line in enumerate(text.decode().splitlines(), 1) if piece in line][nth]


def prediction_of(value: Json) -> Json:
    found: Json = value["answer"]["prompts"][0]["predictions"][1]
    return found


@pytest.mark.parametrize(
    ("change", "piece", "nth", "words"),
    [
        (
            lambda value: value.update(schema="sam3-contract snapshot 9"),
            '"schema"',
            0,
            "'sam3-contract snapshot 9', expected",
        ),
        (lambda value: value.update(status="fine"), '"status"', 0, '$.status: "fine" is not of type "integer"'),
        (lambda value: prediction_of(value).update(confidence="high"), '"high"', 0, '"high" is not of type'),
        (lambda value: prediction_of(value).update(area=7), '"area": 7', 0, "area is 7, the mask's is 81"),
        (lambda value: prediction_of(value).update(box=[0, 0, 9, 9]), '"box"', 1, "box is [0, 0, 9, 9], the mask's is"),
        (lambda value: prediction_of(value)["masks"].update(counts="522"), '"masks"', 1, "runs"),
        (
            lambda value: prediction_of(value)["masks"].update(size=[80, 60]),
            '"size": [',
            1,
            "expected [60, 80]",
        ),
        (lambda value: value["request"]["image"].update(sha256="../../etc/passwd"), '"image"', 0, "image"),
        (lambda value: value["request"].update(operation="rm"), '"operation"', 0, '"rm" is not one of'),
        (lambda value: value.update(extra=1), "{", 0, "'extra' was unexpected"),
    ],
    ids=["version", "type", "nested", "area", "box", "counts", "size", "digest", "operation", "extra"],
)
def test_malformed_snapshot_is_refused_with_its_line(
    change: Callable[[Json], object], piece: str, nth: int, words: str
) -> None:
    content = edited(change)

    with pytest.raises(SnapshotError) as caught:
        snapshot_from_text(content, origin="request.json")

    message = str(caught.value)
    assert words in message
    line = int(message.split(":")[1])
    assert abs(line - line_with(content, piece, nth)) <= 1, (message, content.decode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "request.json:1: "),
        (b'{"a": 1,\n "b": }', "request.json:2: "),
        (b'{"a": 1,\n\n "a": 2}', "request.json:3: 'a', expected each key once"),
        (b"[" * 5000, "request.json:1: more levels"),
        (b"\xff", "request.json:1: "),
        (b"[]", "request.json:1: there is no `schema`"),
        (b"<<<<<<< HEAD\n{}", "request.json:1: "),
    ],
    ids=["empty", "cut", "repeated", "deep", "bytes", "list", "conflict"],
)
def test_text_that_is_no_snapshot_is_refused_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        snapshot_from_text(content, origin="request.json")

    assert str(caught.value).startswith(message)


@given(st.data())
def test_no_damage_to_a_snapshot_raises_anything_else(data: st.DataObject) -> None:
    content = bytearray(TEXT.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    try:
        snapshot_from_text(bytes(content), origin="request.json")
    except SnapshotError as error:
        assert str(error).startswith("request.json:")  # noqa: PT017 - that it is raised is not certain


def test_half_of_a_surrogate_pair_is_refused_with_its_line() -> None:
    text = TEXT.replace('"name": "', '"name": "\\ud83d', 1)

    with pytest.raises(SnapshotError, match=r"^here:\d+: \$\.[a-z.]*name holds half of a surrogate pair"):
        snapshot_from_text(text.encode(), origin="here")


def test_snapshot_beyond_the_limits_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_format, "MAX_SNAPSHOT_BYTES", 1000)
    with pytest.raises(SnapshotError, match="bytes, expected at most 1000"):
        snapshot_from_text(TEXT.encode(), origin="request.json")


def test_mask_of_a_hostile_size_is_refused() -> None:
    def grow(value: Json) -> None:
        value["request"]["image"]["size"] = [2**20, 2**20]
        for one in value["answer"]["prompts"][0]["predictions"]:
            one["masks"] = {"counts": "PPPPPPPPP1", "size": [2**20, 2**20]}

    with pytest.raises(SnapshotError, match=r"request\.json:\d+: .*masks"):
        snapshot_from_text(edited(grow), origin="request.json")


def test_more_predictions_than_any_service_has_are_refused() -> None:
    def multiply(value: Json) -> None:
        prompt = value["answer"]["prompts"][0]
        prompt["predictions"] = prompt["predictions"][:1] * 1000
        value["answer"]["prompts"] = [prompt] * 5

    with pytest.raises(SnapshotError, match="more than 4000 predictions"):
        snapshot_from_text(edited(multiply), origin="request.json")
