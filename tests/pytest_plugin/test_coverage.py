"""`--sam3-coverage`: what a user's tests have met of the contract, and tests for the rest, in whole sessions."""

from __future__ import annotations

import json

import pytest

import sam3_contract.coverage.meeting
import sam3_contract.coverage.report  # noqa: F401 - sessions in this process would import it again and again
from sam3_contract.coverage.parts import Part, parts_of
from sam3_contract.spec import load

pytest_plugins = ["pytester"]

SUITE = """
    import pytest, requests

    BODY = {"image": {"type": "url", "value": "https://example.com/a.jpg"}, "prompts": [{"text": "dog"}]}

    def ask(mock):
        return requests.post(f"{mock.url}/sam3/concept_segment?api_key=any", json=BODY, timeout=10).status_code

    def test_answer(sam3_mock):
        assert ask(sam3_mock) == 200

    @pytest.mark.sam3_faults("status:402")
    def test_no_credits(sam3_mock):
        assert ask(sam3_mock) == 402
"""


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("API_KEY", "ROBOFLOW_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(test_it=SUITE)
    return pytester


def run(session: pytest.Pytester, *options: str) -> pytest.RunResult:
    plain = ("-p", "no:schemathesis", "-p", "no:cacheprovider", "-W", "error")
    return session.runpytest_inprocess(*plain, "--sam3-coverage", *options)


def test_what_was_met_is_counted_and_what_is_missing_named(session: pytest.Pytester) -> None:
    result = run(session, "--sam3-coverage-report", "report")

    assert result.ret == 0
    value = json.loads((session.path / "report" / "coverage.json").read_text())
    missing = {(part["operation"], part["name"]) for part in value["missing"]}
    parts = {(part.operation, part.name) for part in parts_of(load())}
    assert parts - missing == {
        ("concept_segment", "concept_segment"),
        ("concept_segment", "polygon"),
        ("concept_segment", "image"),
        ("concept_segment", "image.type"),
        ("concept_segment", "prompts"),
        ("concept_segment", "prompts[].text"),
        ("", "200"),
        ("", "402"),
        ("", "http"),
    }
    result.stdout.fnmatch_lines(["operation*1 of   3  missing: visual_segment*", "contract coverage * %"])
    page = (session.path / "report" / "coverage.html").read_text()
    assert page.count('class="missing"') == len(value["missing"])
    assert page.count("<main>") == page.count('<pre tabindex="0">') == 1  # which scrolls, by the keyboard too


def test_tests_for_what_is_missing_pass_and_meet_the_rest(session: pytest.Pytester) -> None:
    run(session, "--sam3-coverage-report", "report")
    written = session.path / "report" / "missing_tests.py"
    compile(written.read_text(), str(written), "exec")

    both = run(session, "test_it.py", str(written), "--sam3-coverage-fail-under", "100")

    assert both.ret == 0, both.stdout.str()
    both.stdout.fnmatch_lines(["contract coverage 100 %"])


def test_less_than_the_minimum_fails_the_session(session: pytest.Pytester) -> None:
    result = run(session, "--sam3-coverage-fail-under", "90")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["less than --sam3-coverage-fail-under 90"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--sam3-coverage-fail-under", "90"), "*is a minimum of what --sam3-coverage finds*"),
        (("--sam3-mutate-score", "90"), "*is a minimum of what --sam3-mutate finds*"),
        (("--sam3-coverage", "--sam3-coverage-fail-under", "nan"), "*'nan' is no number of per cent, from 0 to 100"),
        (("--sam3-mutate", "--sam3-mutate-score", "0.9x"), "*'0.9x' is no number of per cent, from 0 to 100"),
    ],
)
def test_minimum_that_holds_nothing_is_refused(session: pytest.Pytester, options: tuple[str, ...], said: str) -> None:
    result = session.runpytest_inprocess("-p", "no:schemathesis", "-p", "no:cacheprovider", "-W", "error", *options)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_tests_that_are_written_are_not_collected_where_they_are(session: pytest.Pytester) -> None:
    run(session, "--sam3-coverage-report", "report")

    assert run(session).parseoutcomes() == {"passed": 2}


def test_workers_add_up(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ("-p", "sam3_contract.pytest_plugin", "-p", "xdist.plugin", "-n", "1")

    result = session.runpytest_subprocess(*plugins, "--sam3-coverage")

    result.stdout.fnmatch_lines(["operation*1 of   3*", "answer*2 of  12*"])


def test_ways_to_send_clicks_are_one_part() -> None:
    fields = {part.name for part in parts_of(load()) if part.kind == "field" and part.operation == "visual_segment"}

    assert {"prompts", "prompts[].points", "prompts[].points[].positive", "prompts[].box"} <= fields
    assert not any("prompts.prompts" in name or name.endswith(".x") for name in fields)
    assert Part("answer", "", "no answer") in parts_of(load())
