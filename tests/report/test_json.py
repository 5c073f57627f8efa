from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema_rs
import pytest

from sam3_contract.report import SCHEMA, as_json, schema
from sam3_contract.verification.runner import CheckOutcome, Run
from tests.report.runs import CONTRACT, KEY, broken_run, check, exchange, held_run, run, violation

VALIDATOR = jsonschema_rs.validator_for(schema())


def hostile_run() -> Run:
    hard = check()
    where = exchange([], name="\x1b[2J\ud800")
    return run(
        CheckOutcome(hard, 1, (violation(hard, where, found="\x00\ud800\uffff" + KEY),)), target=KEY, stopped=KEY
    )


@pytest.mark.parametrize("make", [broken_run, held_run, hostile_run])
def test_report_fits_its_schema(make: Any) -> None:
    report = as_json(make(), CONTRACT)

    assert list(VALIDATOR.iter_errors(json.loads(json.dumps(report)))) == []
    assert KEY not in json.dumps(report, ensure_ascii=False)


def test_schema_names_its_version_and_is_one() -> None:
    jsonschema_rs.meta.validate(schema())

    assert schema()["properties"]["schema"] == {"const": SCHEMA} == {"const": "sam3-contract/report/1"}


def objects_in(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for one in node for found in objects_in(one)]
    return [node, *(found for one in node.values() for found in objects_in(one))] if isinstance(node, dict) else []


def test_schema_misses_no_field() -> None:
    """Whatever field is dropped, or added, the schema says so."""
    report = as_json(broken_run(), CONTRACT)
    for index, found in enumerate(objects_in(report)):
        for name in found:
            broken = copy.deepcopy(report)
            del objects_in(broken)[index][name]
            assert not VALIDATOR.is_valid(broken), name
        broken = copy.deepcopy(report)
        objects_in(broken)[index]["more"] = 1
        assert not VALIDATOR.is_valid(broken)


def test_report_sorts_findings_by_how_they_count() -> None:
    report = as_json(broken_run(), CONTRACT)

    counts = {name: len(report[name]) for name in ("violations", "missed", "accepted", "deviating")}
    assert counts == {"violations": 3, "missed": 1, "accepted": 1, "deviating": 1}
    assert report["exit_status"] == 1
    assert report["seed"] == 4021
    assert report["unsent"] == ["visual_segment/scene/box"]
    assert report["deviations_absent"] == ["other_methods"]
    assert {one["code"]: one["verdict"] for one in report["checks"]} == {
        "S01": "held",
        "M03": "broken",
        "M08": "odd",
        "V03": "held",
        "V04": "inconclusive",
    }
    assert [(one["passed"], one["least"]) for one in report["checks"] if one["kind"] == "statistical"] == [(7, 0.75)]


def test_commands_are_in_the_report() -> None:
    report = as_json(broken_run(), CONTRACT, again=lambda one: [f"curl {one.exchange.case.id} {KEY}", "verify"])

    assert report["violations"][0]["commands"] == ["curl concept_segment/scene/rle ***", "verify"]
    assert report["violations"][0]["again"] == "curl concept_segment/scene/rle ***"
