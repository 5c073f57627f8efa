"""The benchmark's table of where the time of a request goes."""

from __future__ import annotations

import ast
import sys
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import pytest

from benchmarks.apparatus.profiling import PARTS, part_of
from mock_server.http.bodies import decode_json
from mock_server.http.refusals import Refusal

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("listed", PARTS)
def test_part_of_the_profile_names_what_is_there(listed: str) -> None:
    path, _, name = listed.partition(":")
    if not path.startswith(("mock_server/", "sam3_contract/")):
        assert find_spec(path.strip("/")) is not None
    elif path.endswith("/"):
        assert any((PROJECT / path).glob("*.py"))
    else:
        tree = ast.parse((PROJECT / path).read_text(encoding="utf-8"))
        assert not name or name in {getattr(node, "name", None) for node in tree.body}


def test_time_counts_for_the_innermost_frame_that_is_listed() -> None:
    frames: list[FrameType] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            frames.append(frame)

    sys.setprofile(look)
    try:
        with pytest.raises(Refusal):
            decode_json(b"{")
    finally:
        sys.setprofile(None)
    parts = {frame.f_code.co_name: part_of(frame) for frame in frames}
    assert parts["decode_json"] == "reading the JSON (orjson)"
    assert parts["raw_decode"] == parts["_decode_slowly"] == "key, headers, view"  # called from there
    assert parts["refuse_too_many_values"] == "validation (pydantic)"
