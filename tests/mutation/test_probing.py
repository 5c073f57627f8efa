"""Functions tried under faults: every verdict is shown on a client that earns it."""

from __future__ import annotations

import json
import sys
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests
from werkzeug.test import EnvironBuilder

from mock_server import create_app
from mock_server.http import pauses
from sam3_contract.errors import ProbeError, UsageError
from sam3_contract.interception.trial import Answered, Trial
from sam3_contract.mutation.files import as_html, as_json, as_junit
from sam3_contract.mutation.plan import planned
from sam3_contract.mutation.probing import client_of, function_named
from sam3_contract.mutation.score import Run, Score
from sam3_contract.mutation.text import lines_of
from sam3_contract.mutation.trials import Client, Trials
from sam3_contract.mutation.verdict import End, Verdict, end_of
from tests.mutation import clients
from tests.servers import run_command

SECONDS = 1.0
TELLING = {
    "status:402": Verdict.RETRIED,
    "slow:2": Verdict.HANG,
    "body_empty": Verdict.NOTICED,  # requests' own JSONDecodeError is one of its RequestExceptions
    "answer_null": Verdict.CRASH,
    "size_swapped": Verdict.SILENT,
    "status:503:1": Verdict.RECOVERED,
    "time_as_text": Verdict.UNREAD,
    "rings_closed": Verdict.UNFELT,
}


def tried(function: object, faults: list[str], *, pictures: int = 0) -> Score:
    client = client_of(function, name="mine", seconds=SECONDS)  # type: ignore[arg-type]
    return Score.of(Trials(faults, pictures=pictures).of([client]))


def test_careless_client_earns_every_verdict() -> None:
    score = tried(clients.careless, list(TELLING))

    assert {one.fault: one.verdict for one in score.faults} == TELLING
    assert set(TELLING.values()) == set(Verdict)
    assert score.percent == pytest.approx(100 * 2 / 6)


class _Waits(Event):
    """What pauses wait for; counts how often."""

    n_waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        type(self).n_waits += 1
        return super().wait(timeout)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> type[_Waits]:
    monkeypatch.setattr(pauses, "Event", _Waits)
    monkeypatch.setattr(_Waits, "n_waits", 0)
    return _Waits


@pytest.mark.parametrize(("patience", "verdict"), [(30, Verdict.NOTICED), (None, Verdict.HANG), (150, Verdict.HANG)])
@pytest.mark.parametrize("fault", ["slow:600", "body_drips:600"])
def test_what_only_waits_is_not_waited_for(
    patience: float | None, verdict: Verdict, fault: str, waits: type[_Waits]
) -> None:
    client = client_of(lambda: clients.asked(timeout=patience), name="mine", seconds=100)

    [run] = Trials([fault]).of([client])

    assert run.verdict is verdict
    assert waits.n_waits == 0


def test_client_that_goes_on_behind_a_late_answer_is_run_as_long_as_it_takes(waits: type[_Waits]) -> None:
    def asks_and_looks_at_its_clock() -> bool:
        started = time.monotonic()
        with suppress(requests.Timeout):
            clients.asked(timeout=0.6)
        return time.monotonic() - started > 0.6

    [run] = Trials(["slow:600"]).of([client_of(asks_and_looks_at_its_clock, name="mine", seconds=100)])

    assert run.verdict is Verdict.SILENT
    assert waits.n_waits == 1


@pytest.mark.parametrize("told", [{}, {pauses.CLOCK: pauses.Clock()}], ids=["socket", "in process"])
def test_answer_is_noted_once_however_its_client_ends(told: dict[str, Any]) -> None:
    trial = Trial("status:401")
    environ = EnvironBuilder("/sam3/concept_segment", method="POST", json={}).get_environ() | told

    parts = iter(trial.answer(create_app(), environ, lambda *_: None))
    next(parts)
    parts.close()  # type: ignore[attr-defined]

    assert [one.is_cut for one in trial.answers] == [False]


def test_careful_client_is_let_down_by_nothing_that_it_can_see() -> None:
    faults = planned(["http", "schema"], seconds=SECONDS)

    score = tried(clients.careful, faults)

    left = {one.fault for one in score.faults if one.verdict.counts and not one.verdict.is_good}
    assert left == set()
    assert score.percent == 100
    assert score.felt > 30


def test_json_written_otherwise_is_the_same_to_its_reader() -> None:
    assert [one.verdict for one in tried(clients.careful, ["confidence_twice"]).faults] == [Verdict.UNREAD]


@pytest.mark.parametrize("function", [clients.careful, clients.tracing])
def test_what_is_told_without_a_run_is_what_a_run_comes_to(function: Callable[[], object]) -> None:
    told = client_of(function, name="mine", seconds=SECONDS)
    run = replace(told, may_feel=lambda _: True)
    unfelt = [fault for fault in planned(seconds=SECONDS) if not told.may_feel(fault)]
    of_headers = [fault for fault in planned(["http"], seconds=SECONDS) if fault in unfelt]
    faults = [*unfelt[::6], *of_headers]  # some of the others, for time

    assert len(unfelt) > 90
    assert list(Trials(faults).of([told])) == list(Trials(faults).of([run]))


async def asynchronous() -> object:
    return clients.careful()


def yielding() -> Iterator[object]:
    yield from clients.careful()


async def yielding_later() -> AsyncIterator[object]:
    for one in clients.careful():
        yield one


@pytest.mark.parametrize("function", [asynchronous, yielding, yielding_later])
def test_functions_that_wait_to_be_run_are_run(function: object) -> None:
    [found] = tried(function, ["size_swapped"]).faults

    assert (found.verdict, found.runs[0].says[:12]) == (Verdict.NOTICED, "ServiceError")


def test_function_that_cannot_be_tried_is_told_why() -> None:
    with pytest.raises(ProbeError, match="something else each time"):
        client_of(clients.moody, name="mine", seconds=SECONDS)
    with pytest.raises(ProbeError, match=r"asked serverless\.roboflow\.com for nothing"):
        client_of(clients.idle, name="mine", seconds=SECONDS)
    with pytest.raises(ProbeError, match="without a fault: ZeroDivisionError"):
        client_of(lambda: 1 // 0, name="mine", seconds=SECONDS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tests.mutation.clients", "names no function"),
        ("tests.mutation.no_such:careful", "no module 'tests.mutation.no_such'"),
        ("tests.mutation.clients:no_such", "no function 'no_such'"),
        ("tests.mutation.clients:URL", "no function 'URL'"),
        ("sam3_contract.mutation.score:Score.no_such.name", "no function 'Score.no_such.name'"),
    ],
)
def test_name_that_leads_nowhere_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        function_named(text)


def test_method_of_a_class_is_found() -> None:
    assert function_named("collections:OrderedDict.fromkeys") == OrderedDict.fromkeys


class _Ends(BaseException):
    """An end that no ``except Exception`` stops."""


@pytest.mark.parametrize(
    ("end", "verdict"),
    [(SystemExit(0), Verdict.SILENT), (SystemExit(2), Verdict.NOTICED), (_Ends("so"), Verdict.NOTICED)],
)
def test_end_of_the_program_says_as_much_as_its_status(end: BaseException, verdict: Verdict) -> None:
    def asks() -> int:
        try:
            return clients.asked(timeout=5)
        except requests.RequestException:
            raise end from None

    [run] = Trials(["connection_reset"]).of([client_of(asks, name="mine", seconds=SECONDS)])

    assert run.verdict is verdict


def test_program_that_ends_well_can_be_tried() -> None:
    def main() -> None:
        clients.asked(timeout=5)
        sys.exit()

    [run] = Trials(["connection_reset"]).of([client_of(main, name="mine", seconds=SECONDS)])

    assert run.verdict is Verdict.NOTICED


def test_what_is_left_behind_asks_the_mock_between_two_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(Trials, "of", lambda *_: asked.append(clients.asked(timeout=5)) or [])

    assert run_command("probe", "tests.mutation.clients:careless", "--faults", "body_empty").returncode == 0
    assert len(asked) == 1


def test_addresses_in_memory_are_left_out() -> None:
    def says(_: Trial) -> End:
        return End("failed", "<Cutout at 0x7f003674FE50> is none")

    clean = [Answered("/sam3/concept_segment", b"", 200, b"{}")]

    [run] = Trials(["body_empty"]).of([Client("mine", says, clean)])

    assert run.says == "<Cutout> is none"


def test_budget_leaves_the_less_telling_untried() -> None:
    client = client_of(clients.careful, name="mine", seconds=SECONDS)
    trials = Trials(["status:402", "body_empty"], budget=-1)

    assert list(trials.of([client])) == []
    assert trials.untried == ["status:402", "body_empty"]


def test_plan_takes_faults_and_families_by_name() -> None:
    assert planned(["size_swapped", "status:504"], seconds=1) == ["status:504", "size_swapped"]
    assert set(planned(["http"], seconds=1)) < set(planned(seconds=1))
    assert planned(seconds=1)[0] == "status"
    assert "slow:10" in planned(["slow"], seconds=5)
    with pytest.raises(UsageError, match="size_swapped"):
        planned(["size_swaped"], seconds=1)


def test_files_say_what_the_terminal_says() -> None:
    score = tried(clients.careless, list(TELLING), pictures=9)

    value = json.loads(as_json(score))
    assert {one["fault"]: one["verdict"] for one in value["faults"]} == TELLING
    assert value["score"] == 33.3
    suite = ET.fromstring(as_junit(score))[0]
    told = ("tests", "failures", "errors", "skipped")  # without each of these, Jenkins refuses the file
    assert [suite.get(name) for name in told] == ["8", "4", "0", "2"]
    page = as_html(score)
    assert page.count("<img") == 1  # without the fault; what comes with it fits no image
    assert "default-src 'none'" in page
    assert page.count("<main>") == page.count("</main>") == 1
    assert all(one in page for one in ("size_swapped", "retried what may not be", "33 %"))
    said = "\n".join(line for line, _ in lines_of(score))
    assert "silently wrong:\n  size_swapped  mine  changed: prompt_results[].predictions[].masks.size" in said
    assert "score 33 %: 2 of 6 faults" in said


class _UntoldError(Exception):
    def __str__(self) -> str:
        raise KeyError("reason")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("\udfff\x1b[31m\x00\u2028 ]]>\nmore"), r"ValueError: \udfff\x1b[31m\x00\u2028 ]]>"),
        (_UntoldError(), "_UntoldError, whose text ends in KeyError"),
    ],
)
def test_what_an_error_says_can_be_written_everywhere(error: Exception, said: str) -> None:
    says = end_of(error).says
    assert says == said

    score = Score.of([Run("mine", "answer_null", Verdict.CRASH, says)])

    for text in (as_json(score), as_junit(score), as_html(score)):
        assert text.encode()
    assert f"mine: {said}" in (ET.fromstring(as_junit(score)).findtext(".//failure") or "")


def test_first_silent_run_that_can_be_drawn_is_and_only_that_counts() -> None:
    unpictured, pictured = (
        client_of(one, name="mine", seconds=SECONDS) for one in (clients.of_a_url, clients.careless)
    )
    trials = Trials(["size_swapped"], pictures=2)

    runs = [
        *trials.of([unpictured]),
        *trials.of([unpictured, pictured]),
        *trials.of([pictured]),
        *trials.of([pictured]),
    ]

    assert {run.verdict for run in runs} == {Verdict.SILENT}
    assert [bool(run.pictures) for run in runs] == [False, False, True, True, False]


def test_key_in_a_message_is_masked() -> None:
    [found] = tried(clients.talkative, ["status:402"]).faults

    assert found.runs[0].says == f"ServiceError: {clients.URL}?api_key=*** answered 402"


def test_arrays_are_compared_and_a_key_in_a_body_is_masked() -> None:
    score = tried(clients.in_arrays, ["status:402", "time_in_milliseconds", "confidence_above_one"])

    verdicts = {one.fault: one for one in score.faults}
    assert verdicts["time_in_milliseconds"].verdict is Verdict.UNREAD
    assert verdicts["confidence_above_one"].verdict is Verdict.SILENT
    assert verdicts["status:402"].runs[0].says == "ServiceError: ***: 402"


def test_command_exits_by_the_score(tmp_path: Path) -> None:
    options = ("probe", "tests.mutation.clients:careless", "--faults", "size_swapped,body_empty", "--timeout", "1")

    fine = run_command(*options, "--report", str(tmp_path / "report"))
    low = run_command(*options, "--score", "90")
    wrong = run_command("probe", "tests.mutation.clients:idle")

    assert (fine.returncode, low.returncode, wrong.returncode) == (0, 1, 3), fine.stderr
    assert "score 50 %" in fine.stdout
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "mutation.html",
        "mutation.json",
        "mutation.xml",
    ]
    assert "less than --score 90" in low.stderr
    assert clients.KEY not in fine.stdout + (tmp_path / "report" / "mutation.json").read_text()
