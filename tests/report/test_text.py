from __future__ import annotations

import os
import pty
from typing import Any

import pytest

from sam3_contract.installed import __version__
from sam3_contract.report import as_text, wants_colour
from sam3_contract.verification.runner import CheckOutcome
from tests.report.runs import CONTRACT, KEY, broken_run, check, exchange, held_run, run, violation

TRANSCRIPT = f"""\
sam3-contract {__version__}  http://127.0.0.1:9001  seed 4021

M03 law_of_m03  it is swapped
  1 finding in 1 answer, at .masks.size
  case      concept_segment/scene/rle: asks for dogs
  at        $.prompt_results[0].predictions[0].masks.size
  found     [6, 4]
  expected  [4, 6]
  law       What M03 says holds.
  mend      Do as the law says.
  again     sam3-contract verify http://127.0.0.1:9001 --case concept_segment/scene/rle

M03 law_of_m03  What M03 says holds.
  1 finding in 1 answer, at .masks.size
  again     sam3-contract verify http://127.0.0.1:9001 --case other
M08 law_of_m08  What M08 says holds.
  1 finding in 1 answer, at .masks.size
  again     sam3-contract verify http://127.0.0.1:9001 --case concept_segment/scene/rle

Accepted by the baseline and not counted:
  M03 law_of_m03: 1 finding

In the baseline, but no longer found; take them out:
  M01 gone/case $.x

Not sent:
  visual_segment/scene/box

2 held; nothing to judge for V04; known deviations seen: binary_answers_500
stopped: the budget of 60 calls is used up
2 calls and 2 retries, 5 checks, 1 broken
"""


def again(one: Any) -> list[str]:
    return [f"sam3-contract verify http://127.0.0.1:9001 --case {one.exchange.case.id}"]


def test_text_shows_every_kind_of_outcome() -> None:
    assert as_text(broken_run(), CONTRACT, again=again) == TRANSCRIPT


def test_text_says_when_deviations_were_seen_last() -> None:
    shown = held_run(deviations_seen=("binary_answers_500", "not_ours"), deviations_absent=("other_methods",))

    text = " ".join(as_text(shown, CONTRACT).split())

    assert "returns bytes under a JSON response model (seen 2026-11-22, in 1.8.3) not_ours: not in the document" in text
    assert "does here as its documentation says: other_methods (seen 2026-11-22, in 1.8.3)" in text


def test_text_is_coloured_only_if_asked() -> None:
    plain, coloured = (as_text(broken_run(), CONTRACT, colour=colour) for colour in (False, True))

    assert "\x1b[" not in plain
    assert "\x1b[31m1 broken\x1b[0m" in coloured
    assert "\x1b[32mheld\x1b[0m" in as_text(held_run(), CONTRACT, colour=True)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_text_keeps_to_a_narrow_terminal(width: int) -> None:
    lines = as_text(broken_run(), CONTRACT, width=width).splitlines()

    too_long = [line.split() for line in lines if len(line) > width]
    assert all(len(words) <= 2 for words in too_long)  # a name, and a path or an id: they are there to be copied


def test_command_to_repeat_is_never_wrapped() -> None:
    command = "curl " + "--header 'x: y' " * 20
    hard = check()
    found = violation(hard, again=command)

    assert f"  again     {command}" in as_text(run(CheckOutcome(hard, 1, (found,))), CONTRACT, width=40)


def test_text_of_an_answer_cannot_act_on_the_terminal() -> None:
    hard = check()
    found = violation(hard, exchange(name="case\x1b]0;x\x07"), found="\x1b[2Jgone\rover\u202e", expected="a\tb")

    text = as_text(run(CheckOutcome(hard, 1, (found,))), CONTRACT)

    assert "\\x1b[2Jgone\\rover\\u202e" in text
    assert not set(text) & set("\x1b\x07\r\t\u202e")


def test_key_is_masked_in_every_field() -> None:
    hard = check()
    found = violation(hard, at=f"$.{KEY}", found=KEY, expected=KEY, why=KEY, again=f"curl ?api_key={KEY}")

    text = as_text(run(CheckOutcome(hard, 1, (found,)), target=f"http://h/{KEY}", stopped=KEY), CONTRACT)

    assert KEY not in text
    assert text.count("***") == 8


@pytest.mark.parametrize("length", [4, 10, len(KEY) - 1])
def test_part_of_a_key_beside_a_cut_is_masked(length: int) -> None:
    hard = check()
    found = violation(hard, found=f"'no key {KEY[:length]}...{KEY[-length:]} is known'")

    assert "found     'no key ***...*** is known'" in as_text(run(CheckOutcome(hard, 1, (found,))), CONTRACT)


def test_smallest_requests_come_first_and_the_rest_is_counted() -> None:
    hard = check()
    planned = [violation(hard, exchange(name=f"planned{index}")) for index in range(4)]
    generated = violation(hard, exchange(name="generated"), again="curl")

    text = as_text(run(CheckOutcome(hard, 5, (*planned, generated))), CONTRACT)

    assert "  case      generated" in text
    assert "5 findings in 5 answers" in text
    assert "planned" not in text


def test_text_says_what_a_larger_budget_would_look_at() -> None:
    run = held_run(later=("asks a", "asks b", "asks c", "asks d"), unjudged=("M03 could not judge x",))

    text = as_text(run, CONTRACT)

    assert "a larger budget goes on with a request that asks a; that asks b; that asks c; ..." in text
    assert "Could not be judged:\n  M03 could not judge x" in text


@pytest.mark.parametrize(("least", "wanted"), [(0.75, "at least 75%"), (1.0, "all")])
def test_statistical_check_that_failed_states_its_rate(least: float, wanted: str) -> None:
    rate = check("V03", kind="statistical")
    missed = tuple(violation(rate, found=f"click {index} outside") for index in range(3))

    text = as_text(run(CheckOutcome(rate, 8, missed, least=least)), CONTRACT)

    assert f"3 findings in 3 answers, at .masks.size; 5 of 8 passed, {wanted} of them have to" in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "1 call, 2 checks, all that could be judged held"),
        ({"unanswered": "case: refused"}, "stopped: case: refused\n1 call, 2 checks, not all could be judged"),
        ({"retries": 1}, "1 call and 1 retry, 2 checks"),
    ],
)
def test_summary_says_what_it_came_to(fields: dict[str, Any], words: str) -> None:
    assert words in as_text(held_run(**fields), CONTRACT)


def test_colour_is_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    main, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stdout, os.fdopen(main):
        monkeypatch.setattr("sys.stdout", stdout)
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        assert wants_colour()
        monkeypatch.setenv("TERM", "dumb")
        assert not wants_colour()
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        assert not wants_colour()


def test_no_colour_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)

    assert not wants_colour()  # pytest reads it
