"""Drifts: what counts as one, how each is known again, and that what a server says stays what it is."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft7Validator

from sam3_contract.drift import Drift, Last, Watch, of_deviations, of_document, of_page, of_run, page_of, read_last
from sam3_contract.drift.annotations import annotations_of
from sam3_contract.drift.drifts import KINDS
from sam3_contract.drift.markdown import as_markdown, headline_of
from sam3_contract.drift.sarif import as_sarif
from sam3_contract.errors import UsageError
from sam3_contract.spec import load
from sam3_contract.spec_diff import Target, compare
from tests.report.runs import broken_run, held_run
from tests.servers import ROOT

CONTRACT = load()
TARGETS = [Target(operation.id, operation.method, operation.path) for operation in CONTRACT.operations]
HURTS = Drift("contract", "M03", "M03 is broken", "found [6, 4]", ".masks.size")
NOTE = Drift("document", "field_added", "request.new is a new field", place="request.new", counts=False)


def watch(*drifts: Drift, **more: Any) -> Watch:
    return Watch("http://127.0.0.1:9001", drifts, **more)


def document_without_rle() -> dict[str, Any]:
    document = copy.deepcopy(CONTRACT.document)
    document["components"]["schemas"]["ConceptSegmentRequest"]["properties"]["format"]["enum"] = ["polygon"]
    assert isinstance(document, dict)
    return document


def test_difference_that_breaks_clients_counts_and_others_are_told() -> None:
    was, now = CONTRACT.document, document_without_rle()

    (lost,) = of_document(compare(was, now, TARGETS))
    (won,) = of_document(compare(now, was, TARGETS))

    assert (lost.kind, lost.rule, lost.counts) == ("document", "values_removed", True)
    assert lost.title == "concept_segment: request.format has lost a value"
    assert (won.rule, won.counts) == ("values_added", False)


def test_operation_that_has_gone_is_named_once() -> None:
    document = copy.deepcopy(CONTRACT.document)
    assert isinstance(document, dict)
    del document["paths"]["/sam3/embed_image"]

    titles = [drift.title for drift in of_document(compare(CONTRACT.document, document, TARGETS))]

    assert titles == ["embed_image: the operation has gone, or is elsewhere"]


def test_causes_of_a_broken_run_are_drifts_without_what_is_of_the_day() -> None:
    found = list(of_run(broken_run()))

    assert {drift.rule for drift in found} == {"M03", "M08"}
    assert "found [6, 4]" in found[0].detail
    assert found[0].title == "M03 law_of_m03 is broken"
    assert not list(of_run(held_run()))


def test_deviations_that_went_and_came_are_drifts() -> None:
    run = held_run(deviations_seen=("lenient_types", "binary_answers_500"), deviations_absent=("other_methods",))

    first = list(of_deviations(run, CONTRACT, Last()))
    later = list(of_deviations(run, CONTRACT, Last(absent=frozenset({"lenient_types", "other_methods"}))))

    assert [drift.title for drift in first] == ["deviation other_methods is no longer seen"]
    assert "seen 2026-11-22, in 1.8.3" in first[0].detail
    assert [drift.title for drift in later][1:] == ["deviation lenient_types is seen again"]
    assert first[0].key == later[0].key


def test_head_of_a_page_need_not_be_closed() -> None:
    assert page_of("https://docs.test/", b"<head><title>t</title><body><p>hello world").words == 2


def test_page_has_changed_if_its_words_have() -> None:
    page = page_of("https://docs.test/sam3", b"<h1>SAM 3</h1><style>a{}</style><p>a key in a header")
    moved = page_of("https://docs.test/sam3", b"<main><h2>SAM 3</h2>\n<p>a key\nin a header</main><script>1</script>")
    other = page_of("https://docs.test/sam3", b"<h1>SAM 3</h1><p>a key in the query")

    assert list(of_page(page, Last())) == []
    assert list(of_page(None, Last(page=page))) == []
    assert list(of_page(moved, Last(page=page))) == []
    (drift,) = of_page(other, Last(page=page))
    assert drift.title == "https://docs.test/sam3 has changed"


def test_drift_is_known_by_what_it_is_and_not_by_its_details() -> None:
    assert replace(HURTS, detail="other numbers", title="in other words").key == HURTS.key
    assert replace(NOTE, place="", title="a").key != replace(NOTE, place="", title="b").key
    assert len({HURTS.key, NOTE.key, replace(HURTS, place=".size").key, replace(HURTS, rule="M04").key}) == 4


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (watch(), 0, "nothing has drifted"),
        (watch(NOTE), 0, "nothing has drifted"),
        (watch(HURTS, NOTE), 1, "1 drift"),
        (watch(HURTS, unseen=("no answer",)), 1, "1 drift"),
        (watch(unseen=("no answer",)), 3, "could not look at everything"),
        (watch(HURTS, known=frozenset({HURTS.key})), 1, "1 drift, 0 new since the last watch"),
    ],
)
def test_status_and_headline_say_what_came_out(found: Watch, status: int, words: str) -> None:
    assert (found.exit_status, headline_of(found)) == (status, words)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_json_is_what_the_next_watch_compares_with(tmp_path: Path, mark: bytes) -> None:
    page = page_of("https://docs.test", b"words")
    path = tmp_path / "watch.json"
    path.write_bytes(mark + orjson.dumps(watch(HURTS, NOTE, seen=("a",), absent=("b",), page=page).as_json()))

    last = read_last(path)

    assert last == Last(frozenset({HURTS.key, NOTE.key}), frozenset({"b"}), frozenset({"a"}), page)
    assert not watch(HURTS, known=last.keys).as_json()["drifts"][0]["new"]
    assert watch(HURTS).as_json()["drifts"][0]["new"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "is no summary of `sam3-contract watch`: schema is None"),
        ('{"schema": "sam3-contract/watch/2"}', "schema is 'sam3-contract/watch/2', expected 'sam3-contract/watch/1'"),
        ('{"schema": "sam3-contract/watch/1", "drifts": [1]}', "is not as `sam3-contract watch` writes it"),
    ],
)
def test_file_that_is_no_summary_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "watch.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(UsageError) as refused:
        read_last(path)
    assert message in str(refused.value)


def test_what_a_server_says_is_shown_in_markdown_and_not_rendered() -> None:
    nasty = Drift("contract", "M03", "`</code> @everybody\n# big`", "![x](http://evil.test)\n```\n<script>", "x")

    text = as_markdown(watch(nasty, unseen=("# `no`\nanswer",)))

    assert "* `'</code> @everybody # big'`\n" in text
    assert "\n      ![x](http://evil.test)\n      ```\n      <script>\n" in text
    assert "* `# 'no' answer`" in text


def test_markdown_fits_into_an_issue_and_names_what_is_new() -> None:
    many = [replace(HURTS, rule=f"M{number}", detail="x" * 5000) for number in range(200)]

    assert len(as_markdown(watch(*many))) < 65_536
    assert "`M03 is broken` (new)" in as_markdown(watch(HURTS, known=frozenset({"other"})))
    assert "(does not count)" in as_markdown(watch(NOTE))


def test_code_is_closed_where_markdown_is_cut() -> None:
    many = [replace(NOTE, rule=str(number), title="@everybody " * 150) for number in range(60)]

    text = as_markdown(watch(*many, *(replace(one, kind="snapshot") for one in many)))

    assert text.endswith("\n\n... the JSON has all of it\n")
    assert all(line.count("`") % 2 == 0 for line in text.splitlines())


def test_sarif_has_a_rule_for_each_result_and_knows_it_again() -> None:
    document = as_sarif(watch(HURTS, HURTS, NOTE, unseen=("no answer",), known=frozenset({NOTE.key})), version="1.0")

    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert document["version"] == "2.1.0"
    assert rules == ["contract/M03", "document/field_added"]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    assert [result["level"] for result in run["results"]] == ["error", "error", "note"]
    assert [result["baselineState"] for result in run["results"]] == ["new", "new", "unchanged"]
    assert {result["partialFingerprints"]["drift/v1"] for result in run["results"]} == {HURTS.key, NOTE.key}
    lines = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert lines == [f"{key}:1" for key in (HURTS.key, HURTS.key, NOTE.key)]
    assert run["invocations"][0]["executionSuccessful"] is False


SARIF = Draft7Validator(orjson.loads((ROOT / "tests" / "data" / "sarif-schema-2.1.0.json").read_bytes()))


@pytest.mark.parametrize(
    "found",
    [
        watch(),
        watch(HURTS, NOTE, known=frozenset({NOTE.key})),
        watch(*(Drift(kind, "rule", "title") for kind in KINDS), unseen=("no answer", "")),
        watch(replace(HURTS, title="t", detail="", place=""), replace(NOTE, detail="\0\ud800 <b>")),
    ],
    ids=["nothing", "some", "every kind", "odd texts"],
)
def test_sarif_is_as_its_schema_says_and_has_what_code_scanning_shows(found: Watch) -> None:
    document = as_sarif(found, version="1.0")

    assert [error.message for error in SARIF.iter_errors(document)] == []
    (run,) = document["runs"]
    assert {drift.kind for drift in found.drifts} == {
        rule["id"].split("/")[0] for rule in run["tool"]["driver"]["rules"]
    }
    for rule in run["tool"]["driver"]["rules"]:
        assert all(rule[name]["text"] for name in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        assert result["message"]["text"]
        assert result["locations"]


def test_sarif_that_is_wrong_is_found_by_the_schema() -> None:
    document = as_sarif(watch(HURTS), version="1.0")
    document["runs"][0]["results"][0]["level"] = "fatal"

    assert not SARIF.is_valid(document)


def test_annotation_can_be_no_command_of_its_own() -> None:
    nasty = replace(HURTS, title="50%\n::set-output name=x::y\r")

    lines = list(annotations_of(watch(nasty, NOTE, unseen=("a\nb",))))

    assert lines == [
        "::error title=sam3-contract watch%3A contract::50%25%0A::set-output name=x::y%0D",
        "::warning title=sam3-contract watch::a%0Ab",
    ]
