"""Entries of an archive are found whatever its layout, with a little of it in memory at a time."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam3_contract.errors import HarError
from sam3_contract.har import scanning
from sam3_contract.har.scanning import EntryScan

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def scanned(text: bytes, piece: int = 7) -> tuple[list[tuple[int, bytes]], EntryScan]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "_PIECE", piece)
        scan = EntryScan(io.BytesIO(text), "x.har")
        return list(scan), scan


@given(
    entries=st.lists(VALUES, max_size=4),
    beside=st.dictionaries(st.text(max_size=6).filter(lambda name: name not in {"log", "entries"}), VALUES, max_size=2),
    indent=st.sampled_from([None, 1, 4]),
    is_ascii=st.booleans(),
    piece=st.integers(1, 60),
)
def test_entries_are_those_that_a_parser_finds(
    entries: list[Any], beside: dict[str, Any], indent: int | None, is_ascii: bool, piece: int
) -> None:
    document = {**beside, "log": {**beside, "entries": entries, "pages": [{"entries": [1]}]}}
    text = json.dumps(document, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")

    found, scan = scanned(text, piece)

    assert [json.loads(content) for _, content in found] == entries
    assert all(text[start : start + len(content)] == content for start, content in found)
    assert not scan.is_cut


def test_text_that_ends_within_an_entry_is_cut_and_goes_on_later() -> None:
    whole = b'{"log": {"entries": [{"a": 1}, {"b": "long text"}, 3]}}'
    ends = [whole.index(b"}, ") + 1, whole.index(b", 3")]

    for length in range(ends[0] + 1, ends[1]):
        found, scan = scanned(whole[:length])
        assert ([content for _, content in found], scan.is_cut, scan.end) == ([b'{"a": 1}'], True, ends[0])
        rest = list(EntryScan(io.BytesIO(whole), "x.har", start=scan.end))
        assert [content for _, content in rest] == [b'{"b": "long text"}', b"3"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"log": {"entries": [{"a": 1} {"b": 2}]}}', "byte 30 begins '{"),
        (b'{"log": {"entries": [{"a": nope}, {"b": 2}], "much": "more of it"}}', "byte 21 begins"),
        (b'{"log": {"entries": [1]} "x": 2}', "expected ','"),
        (b'{"log": {"entries": [1]}} x', "expected the end"),
        (b'{"log": {"pages": []}}', "no list log.entries"),
        (b'{"log": {"entries": 7}}', "no list log.entries"),
        (b"[1, 2]", "no list log.entries"),
        (b"", "is no JSON"),
        (b"hello", "byte 0 begins 'hello', expected a JSON value"),
        (b'{"log": {"entries": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}}", "expected less nesting"),
    ],
)
def test_damage_is_named_by_its_place(text: bytes, said: str) -> None:
    with pytest.raises(HarError) as error:
        scanned(text, 1_000)

    assert said in str(error.value)


def test_long_archive_takes_the_memory_of_one_entry() -> None:
    entry = b'{"text": "' + b"x" * 100_000 + b'"}'
    text = b'{"log": {"entries": [' + b",".join([entry] * 300) + b"]}}"
    file = io.BytesIO(text)

    tracemalloc.start()
    try:
        number = sum(1 for _ in EntryScan(file, "x.har"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert number == 300
    assert peak < len(text) / 4
