"""Dice are told by their key, everywhere and for ever."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.drawing.dice import Dice

KEYS = st.lists(st.text(max_size=8) | st.binary(max_size=8), max_size=4)


def rolls(*key: str | bytes, count: int = 12, bound: int = 2**32) -> list[int]:
    dice = Dice(*key)
    return [dice.below(bound) for _ in range(count)]


@given(KEYS)
def test_stream_is_fixed_by_the_key(key: list[str | bytes]) -> None:
    assert rolls(*key, count=40) == rolls(*key, count=40)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("ab", "c"), ("a", "bc")),
        (("ab", "c"), ("abc",)),
        (("ab", ""), ("ab",)),
        (("", "ab"), ("ab", "")),
        (("",), ()),
        (("a",), ("b",)),
        (("\u00e9",), ("e\u0301",)),
    ],
    ids=["moved", "joined", "empty at the end", "empty elsewhere", "empty alone", "another text", "another spelling"],
)
def test_stream_differs_when_the_key_does(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    assert rolls(*first) != rolls(*second)


def test_stream_differs_when_a_length_could_be_read_as_a_part() -> None:
    assert rolls(b"a", b"b") != rolls(b"a" + (1).to_bytes(8, "big") + b"b")


def test_lone_surrogate_in_a_key_is_a_key() -> None:
    assert rolls("\ud800") != rolls("\ud801")


@given(KEYS, st.lists(st.integers(1, 2**32), min_size=1, max_size=20))
def test_below_stays_below(key: list[str | bytes], bounds: list[int]) -> None:
    dice = Dice(*key)

    assert all(0 <= dice.below(bound) < bound for bound in bounds)


@given(KEYS, st.integers(-(2**40), 2**40), st.integers(0, 2**32 - 1))
def test_between_includes_both_ends_and_nothing_else(key: list[str | bytes], low: int, span: int) -> None:
    dice = Dice(*key)

    assert low <= dice.between(low, low + span) <= low + span
    assert dice.between(low, low) == low


@pytest.mark.parametrize("bound", [1, 0, -1, -(2**40)])
def test_below_is_zero_when_there_is_no_choice(bound: int) -> None:
    assert rolls("key", bound=bound) == [0] * 12


@given(KEYS, st.lists(st.integers(-3, 2**32), max_size=40), st.integers(0, 9))
def test_choices_are_the_same_at_once_and_one_by_one(key: list[str | bytes], bounds: list[int], before: int) -> None:
    at_once, one_by_one = Dice(*key), Dice(*key)
    for dice in (at_once, one_by_one):
        dice.each_below(*[6] * before)

    assert at_once.each_below(*bounds) == [one_by_one.below(bound) for bound in bounds]
    assert at_once.below(2**32) == one_by_one.below(2**32)


def test_every_face_comes_up_about_as_often() -> None:
    dice = Dice("fair")

    faces = Counter(dice.between(1, 6) for _ in range(6000))

    assert sorted(faces) == [1, 2, 3, 4, 5, 6]
    assert all(900 <= count <= 1100 for count in faces.values())


def test_stream_does_not_repeat_from_one_block_to_the_next() -> None:
    words = rolls("long", count=4000)

    assert len(set(words)) >= 3999


def test_stream_is_what_it_always_was() -> None:
    """A change here changes every mask of every user's recorded tests."""
    assert rolls("photograph", "dog", count=10) == [
        3443095794,
        1897742772,
        3383364904,
        3751092918,
        1106370097,
        4288879618,
        2220867076,
        1203399320,
        3620855276,
        989283965,
    ]
    assert rolls(b"\x00\xff", "é", bound=100, count=20) == [
        90,
        66,
        46,
        11,
        79,
        31,
        40,
        80,
        89,
        89,
        65,
        99,
        47,
        41,
        42,
        87,
        41,
        51,
        9,
        43,
    ]
