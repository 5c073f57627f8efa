"""Which noun phrases mean the same concept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.annotations.nouns import forms_of

SAME = [
    ("dog", "Dogs"),
    ("the dog", "dog"),
    ("a traffic-light", "traffic_lights"),
    ("bus", "buses"),
    ("box", "boxes"),
    ("bench", "benches"),
    ("berry", "berries"),
    ("knife", "knives"),
    ("leaf", "leaves"),
    ("person", "people"),
    ("fireman", "firemen"),
    ("scissors", "scissors"),
    ("bow_(weapon)", "bow"),
    ("bow_(weapon)", "bow weapon"),
    ("ﬁre hydrant", "FIRE HYDRANTS"),
    ("STRASSE", "straße"),
    ("犬", " 犬。"),
]
OTHERS = [("dog", "dogma"), ("glass", "glas"), ("dogs house", "dog house"), ("a", "the"), ("red car", "car"), ("", "")]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_phrases_that_mean_the_same_share_a_form(first: str, second: str) -> None:
    assert forms_of(first) & forms_of(second)


@pytest.mark.parametrize(("first", "second"), OTHERS)
def test_other_phrases_share_none(first: str, second: str) -> None:
    assert not forms_of(first) & forms_of(second)


@given(st.text())
def test_any_text_has_forms_of_letters_and_digits_and_finds_itself(text: str) -> None:
    forms = forms_of(text)

    assert forms == forms_of(text.upper().lower()) or text.upper().lower() != text
    assert all(part.isalnum() for form in forms for part in form.split(" "))
