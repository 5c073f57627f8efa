from __future__ import annotations

import pytest

from sam3_contract.masks.catalogue.finding import Finding, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (float("nan"), "nan"),
        ([4.0, None, False], "[4.0, None, False]"),
        ({"b": 1, "a": [[[[[1]]]]]}, "{'a': [[[...]]], 'b': 1}"),
        (b"x" * 100, "b'xxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxx'"),
        (10**5000, "<integer of 16610 bits>"),
        ([1] * 1_000_000, "[1, 1, 1, 1, ...]"),
        (object, "<type>"),
        ({1, 2}, "{1, 2}"),
    ],
    ids=["null", "true", "nan", "list", "deep", "bytes", "integer", "long", "type", "set"],
)
def test_value_is_shown_in_few_characters(value: object, text: str) -> None:
    assert shown(value) == text


def test_finding_reads_as_a_sentence() -> None:
    finding = Finding(
        "RLE02", "size_not_positive", "error", "$.masks.size", "[0, 6]", "sides of at least 1 pixel", "why"
    )

    assert str(finding) == ("RLE02 size_not_positive at $.masks.size: [0, 6], expected sides of at least 1 pixel; why")
