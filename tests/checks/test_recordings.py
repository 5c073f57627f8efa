"""No false alarm on what the real server answered: the checks over its recorded successes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sam3_contract import spec
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.verification.runner import Run, run_of

CONTRACT = spec.load()
RECORDED = Path(__file__).parent.parent / "data" / "recorded-exchanges.jsonl.gz"
OPERATION_AT = {operation.path: operation.id for operation in CONTRACT.operations}


def is_whole(record: dict[str, Any]) -> bool:
    """Whether an answer was recorded as it was: long ones are abridged, with notes in the place of masks."""
    results = record["response_body"].get("prompt_results", ())
    notes = any(isinstance(one, str) for result in results for one in result["predictions"])
    return "__polygons__" not in json.dumps(record["response_body"]) and not notes


def exchange_of(record: dict[str, Any]) -> Exchange:
    sent = {name: value for name, value in record["body"].items() if name != "api_key"}
    case = Case.from_body(OPERATION_AT[record["path"]], sent, name=record["name"])
    headers = {name.lower(): value for name, value in record["response_headers"].items()}
    seconds = float(headers.get("x-processing-time", 60))
    return Exchange(case, record["status"], headers, json.dumps(record["response_body"]).encode(), seconds)


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [
        exchange_of(record)
        for record in records
        if record["status"] == 200
        and record["path"] in OPERATION_AT
        and isinstance(record.get("body"), dict)
        and is_whole(record)
    ]


@pytest.fixture(scope="module")
def run(exchanges: list[Exchange]) -> Run:
    return run_of(exchanges, CONTRACT, target="recorded")


def test_recordings_hold_many_successes_of_both_operations(exchanges: list[Exchange]) -> None:
    operations = [exchange.case.operation for exchange in exchanges]

    assert len(exchanges) > 100
    assert operations.count("visual_segment") > 20


def test_no_check_finds_the_contract_broken_in_real_answers(run: Run) -> None:
    found = [(one.check.code, one.exchange.case.id, one.breach.at) for one in run.violations]

    # An exemplar outside the image finds nothing: a model that was replaced by a stub finds what it finds.
    assert [entry for entry in found if entry[0] != "C06"] == []
    assert {outcome.verdict for outcome in run.outcomes} <= {"held", "inconclusive"}


def test_checks_of_single_answers_have_something_to_judge(run: Run) -> None:
    judged = {outcome.check.code for outcome in run.outcomes if outcome.judged}

    assert {"S01", "S04", "S05", "S07", "M02", "M03", "M05", "M06", "M08", "C01", "C02", "C03", "V01", "V03"} <= judged


def test_real_answers_show_the_known_deviations(run: Run) -> None:
    assert {"one_mask_for_each_prompt", "answers_have_more_fields", "flat_images_are_transposed"} <= set(
        run.deviations_seen
    )
