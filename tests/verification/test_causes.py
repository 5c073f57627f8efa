"""One cause, one finding: grouping by check, diagnosis and place, and what follows from what."""

from __future__ import annotations

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


def test_misses_of_a_check_that_held_are_no_cause() -> None:
    assert causes_of([CheckOutcome(FOUND, 8, (violation(FOUND),), least=0.75)]) == ()
