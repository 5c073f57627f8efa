from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sam3_contract.errors import UNJUDGED
from sam3_contract.report import as_junit
from sam3_contract.report.junit import MAX_SHOWN
from sam3_contract.verification.runner import CheckOutcome, Run
from tests.report.runs import CONTRACT, KEY, broken_run, check, exchange, held_run, run, violation

# What the schema of Jenkins' xUnit plugin (junit-10.xsd) allows, as far as it is used.
ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}


def parsed(of: Run) -> ET.Element:
    return ET.fromstring(as_junit(of, CONTRACT))


def case_of(root: ET.Element, name: str) -> ET.Element:
    [case] = [case for case in root.iter("testcase") if case.get("name", "").startswith(name)]
    return case


@pytest.mark.parametrize("of", [broken_run(), held_run(), run(CheckOutcome(check(), 0, ()))])
def test_only_what_jenkins_allows_is_written(of: Run) -> None:
    root = parsed(of)

    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) <= ALLOWED[element.tag]
    for suite in root:
        assert {"name", "tests", "failures", "errors"} <= set(suite.attrib)
        assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert all(len(case.findall("failure")) <= 1 for case in root.iter("testcase"))


def test_outcomes_are_failures_skips_and_output() -> None:
    root = parsed(broken_run())

    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "6",
        "failures": "1",
        "errors": "0",
    }
    failure = case_of(root, "M03").find("failure")
    assert failure is not None
    assert failure.get("type") == "hard"
    assert "found     [6, 4]" in (failure.text or "")
    assert "case      other" in (failure.text or "")
    output = case_of(root, "M03").findtext("system-out", "")
    assert "1 accepted finding:" in output
    assert "1 known deviation:" in output
    assert "a slow answer" in case_of(root, "M08").findtext("system-out", "")
    assert "7 of 8 passed" in case_of(root, "V03").findtext("system-out", "")
    skipped = case_of(root, "V04").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "nothing to judge: needs a box"
    assert list(case_of(root, "S01")) == []
    skipped = case_of(root, "run is complete").find("skipped")
    assert skipped is not None
    assert skipped.text == "the budget of 60 calls is used up\nnot sent: visual_segment/scene/box"


def test_run_that_held_has_neither_failure_nor_error() -> None:
    root = parsed(held_run())

    assert not [element for element in root.iter() if element.tag in {"failure", "error", "skipped"}]


@pytest.mark.parametrize(
    ("fields", "tag", "said"),
    [
        ({"stopped": "the budget of 20 calls is used up"}, "skipped", "the budget of 20 calls is used up"),
        ({"stopped": "interrupted"}, "error", "interrupted"),
        ({"unanswered": "no answer"}, "error", "no answer"),
        ({"unjudged": ("M03 could not judge x",), "stopped": "used up"}, "error", "M03 could not judge x\nused up"),
    ],
)
def test_run_is_an_error_where_its_exit_status_says_that_it_could_not_be_judged(
    fields: dict[str, Any], tag: str, said: str
) -> None:
    of = held_run(**fields)

    [told] = case_of(parsed(of), "run is complete")

    assert (told.tag, told.text) == (tag, said)
    assert (of.exit_status == UNJUDGED) == (tag == "error")


def test_run_without_a_judgement_is_an_error() -> None:
    root = parsed(run(CheckOutcome(check(), 0, ())))

    assert root.get("errors") == "1"


def test_answers_cannot_break_the_xml() -> None:
    hard = check()
    nasty = f"]]></failure><x> & \x00\x0b\x1b \ud800\ufffe {KEY}"
    found = violation(hard, exchange(name=nasty), found=nasty)

    text = as_junit(run(CheckOutcome(hard, 1, (found,)), target=nasty, stopped=nasty, unsent=(nasty,)), CONTRACT)

    failure = case_of(ET.fromstring(text), "M03").findtext("failure", "")
    assert "found     ]]></failure><x> & \\x00\\x0b\\x1b \\ud800\\ufffe ***" in failure
    [told] = case_of(ET.fromstring(text), "run is complete")
    assert "not sent: ]]></failure><x> & \\x00\\x0b\\x1b \\ud800\\ufffe " in (told.text or "")
    assert KEY not in text


def test_many_violations_of_one_cause_are_counted_and_told_once() -> None:
    hard = check()
    found = tuple(violation(hard, found=f"value {index}") for index in range(25))

    failure = case_of(parsed(run(CheckOutcome(hard, 9, found))), "M03").findtext("failure", "")

    assert failure.startswith("What M03 says holds. (25 findings in 25 answers, at .masks.size)")
    assert failure.count("expected") == 1


def test_violations_of_many_causes_are_counted() -> None:
    hard = check()
    found = tuple(violation(hard, at=f"$.{'a' * (1 + index)}") for index in range(MAX_SHOWN + 5))

    failure = case_of(parsed(run(CheckOutcome(hard, 9, found))), "M03").findtext("failure", "")

    assert failure.endswith("and 5 more")
    assert failure.count("expected") == MAX_SHOWN
