"""One cause, one finding: grouping by check, diagnosis and place, and what follows from what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sam3_contract.checks import Violation
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.verification.causes import causes_of
from sam3_contract.verification.runner import CheckOutcome
from tests.report.runs import check, exchange, violation

SIZE, FOUND, HEADER = check("M03"), check("G02", kind="statistical"), check("S13")


def at(prompt: int, of: str = "masks.size") -> str:
    return f"$.prompt_results[{prompt}].predictions[{prompt}].{of}"


def test_findings_that_differ_in_numbers_only_are_one_cause() -> None:
    found = tuple(violation(SIZE, exchange(), at=at(index), why=f"size is swapped: [{index}, 9]") for index in range(5))

    (cause,) = causes_of([CheckOutcome(SIZE, 5, found)])

    assert (cause.place, len(cause.violations), cause.answers) == (".masks.size", 5, 5)
    assert cause.diagnosis == "size is swapped: [0, 9]"


def test_another_place_or_diagnosis_is_another_cause() -> None:
    found = (
        violation(SIZE, at=at(0), why="size is swapped"),
        violation(SIZE, at=at(0), why="size is that of a model"),
        violation(SIZE, at=at(0, "masks.counts"), why="size is swapped"),
    )

    assert len(causes_of([CheckOutcome(SIZE, 3, found)])) == 3


def test_later_law_broken_in_the_same_answers_follows_from_the_worse_cause() -> None:
    one, other = exchange(name="one"), exchange(name="other")
    outcomes = [
        CheckOutcome(FOUND, 3, (violation(FOUND, one), violation(FOUND, one), violation(FOUND, one))),
        CheckOutcome(SIZE, 1, (violation(SIZE, one),)),
    ]

    (cause,) = causes_of(outcomes)
    assert (cause.check, cause.follows) == (SIZE, (("G02", 3),))

    elsewhere = CheckOutcome(FOUND, 1, (violation(FOUND, other),))
    assert [cause.check for cause in causes_of([elsewhere, outcomes[1]])] == [SIZE, FOUND]


def test_law_of_headers_explains_nothing_and_comes_after_what_is_worse() -> None:
    answer = exchange()
    outcomes = [CheckOutcome(one, 1, (violation(one, answer),)) for one in (HEADER, SIZE)]

    causes = causes_of(outcomes)

    assert [(cause.check.code, cause.follows) for cause in causes] == [("M03", ()), ("S13", ())]


def test_comparison_with_a_broken_answer_follows_from_what_broke_it() -> None:
    broken, compared = exchange(name="broken"), check("R06")
    outcomes = [
        CheckOutcome(SIZE, 1, (violation(SIZE, broken),)),
        CheckOutcome(compared, 1, (violation(compared, exchange(name="whole"), beside=(broken,)),)),
    ]

    assert [cause.follows for cause in causes_of(outcomes)] == [(("R06", 1),)]


def test_findings_that_differ_in_the_case_they_are_compared_with_are_one_cause() -> None:
    compared, others = check("C04"), [exchange(name="one"), exchange(name="other")]
    found = tuple(
        violation(
            compared, exchange(name=f"of {other.case.id}"), beside=(other,), why=f"that of {other.case.id} is lost"
        )
        for other in others
    )

    assert len(causes_of([CheckOutcome(compared, 2, found)])) == 1


@pytest.mark.parametrize("order", [("C08", "C04"), ("C04", "C03"), ("C04", "R03"), ("R03", "C06"), ("R11", "R03")])
def test_law_that_compares_what_differs_in_less_explains_the_other(order: tuple[str, str]) -> None:
    answer = exchange()
    outcomes = [CheckOutcome(check(code), 3, (violation(check(code), answer),)) for code in order[::-1]]

    (cause,) = causes_of(outcomes)
    assert (cause.check.code, *(code for code, _ in cause.follows)) == order


def test_misses_of_a_check_that_held_are_no_cause() -> None:
    assert causes_of([CheckOutcome(FOUND, 8, (violation(FOUND),), least=0.75)]) == ()


def asked(name: str, **case: Any) -> Exchange:
    answer = exchange(name=name)
    return replace(answer, case=replace(answer.case, **case))


def broken(code: str, *answers: Exchange) -> CheckOutcome:
    one = check(code)
    return CheckOutcome(one, len(answers), tuple(violation(one, answer) for answer in answers))


def codes(outcomes: list[CheckOutcome], exchanges: list[Exchange]) -> list[str]:
    return [cause.check.code for cause in causes_of(outcomes, exchanges)]


def test_law_that_names_the_condition_comes_first_where_something_shows_under_it_only() -> None:
    clicked, texts = asked("clicked", operation="visual_segment"), exchange(name="texts")
    displaced, beside = broken("G01", clicked, clicked), broken("V03", clicked)

    assert codes([displaced, beside], [clicked, texts]) == ["V03"]  # the displaced masks follow
    assert codes([displaced, beside], [clicked]) == ["G01"]  # nothing else was asked
    assert codes([broken("G01", clicked, texts), beside], [clicked, texts]) == ["G01"]


def test_formats_that_disagree_come_first_where_masks_of_one_format_lie_elsewhere() -> None:
    outlined, run_lengths = asked("outlined", body={"format": "polygon"}), exchange(name="run_lengths")
    disagree = broken("R01", run_lengths)
    disagree = replace(disagree, violations=(beside_of(disagree.violations[0], outlined),))

    assert codes([broken("G01", outlined, outlined), disagree], [outlined, run_lengths])[0] == "R01"
    assert codes([broken("G01", outlined, run_lengths), disagree], [outlined, run_lengths]) == ["G01"]


def beside_of(found: Violation, other: Exchange) -> Violation:
    return replace(found, breach=replace(found.breach, beside=(other,)))


def test_law_of_forms_comes_first_where_something_shows_in_one_form_only() -> None:
    nested, listed = asked("nested", body={"prompts": {"prompts": []}}), asked("listed", body={"prompts": []})
    by_form = broken("V06", nested)

    assert codes([by_form, broken("V01", nested)], [nested, listed]) == ["V06"]
    assert codes([by_form, broken("V01", nested, listed)], [nested, listed])[0] == "V01"


def test_law_of_image_ids_is_no_cause_of_what_shows_without_any() -> None:
    named = asked("named", operation="visual_segment", body={"image_id": "a"})
    others = [asked(name, operation="visual_segment") for name in ("one", "other")]
    by_id = broken("R08", named)

    assert codes([by_id, broken("V03", *others, named)], [named, *others])[0] == "V03"
    assert codes([by_id, broken("V03", named)], [named, *others]) == ["R08"]
