"""Generated requests: each is sent once where it costs something, and what one shows is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import pytest

pytest.importorskip("schemathesis")

from mock_server import Settings, create_app
from sam3_contract import spec
from sam3_contract.checks import CHECKS
from sam3_contract.transport import HttpTransport, Transport, WsgiTransport
from sam3_contract.verification import fuzz, runner
from sam3_contract.verification.runner import Run
from tests.faults import KEY
from tests.servers import run_command
from tests.transport.raw import answering

CONTRACT = spec.load()
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Charging(HttpTransport):
    """Sends to a server whose calls cost something."""

    @property
    def is_free(self) -> bool:
        return False


def fuzzed(transport: Transport, operation: str = "embed_image", examples: int = 3, **options: Any) -> Run:
    run = runner.run_of([], CONTRACT, target=transport.target)
    return fuzz.extend(
        run, transport, CONTRACT, checks=CHECKS, examples=examples, seed=3, operations=[operation], **options
    )


def in_process(app: App) -> WsgiTransport:
    return WsgiTransport(app, CONTRACT, key=KEY)


def mock() -> App:
    app: App = create_app(Settings(api_keys=frozenset({KEY})))
    return app


def failing_when(bad: Callable[[bytes], bool]) -> App:
    """A mock that answers some bodies with 500."""
    other = mock()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"].seek(0)
        if bad(body):
            start_response("500 Broken", [("Content-Type", "application/json")])
            return [b"{}"]
        return other(environ, start_response)

    return app


def test_request_that_is_cut_off_is_sent_once_and_is_a_finding() -> None:
    seen: list[bytes] = []

    with answering(b"", seen=seen) as url:
        run = fuzzed(Charging(url, CONTRACT, key=KEY))

    assert len(seen) == len({*seen}) == 2  # one that the document allows, and one that it does not
    assert [exchange.failure for exchange in run.exchanges] == ["Remote end closed connection without response"] * 2
    assert not run.unanswered


def test_answer_that_breaks_a_law_is_asked_for_once_where_that_costs_something() -> None:
    seen: list[bytes] = []

    with answering(b"HTTP/1.1 500 X\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n", seen=seen) as url:
        run = fuzzed(Charging(url, CONTRACT, key=KEY))

    assert len(seen) == len(run.exchanges) == 2
    assert run.exit_status == 1


def test_connection_that_a_server_in_this_process_breaks_is_a_finding() -> None:
    cut = create_app(Settings(faults=("connection_reset",)))

    run = fuzz.extend(
        runner.run_of([], CONTRACT, target="mock"),
        in_process(cut),
        CONTRACT,
        checks=CHECKS,
        examples=1,
        seed=0,
        operations=["embed_image"],
    )

    assert {exchange.failure for exchange in run.exchanges if not exchange.status} == {"the fault connection_reset"}


def test_smallest_request_that_shows_a_finding_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "MOST_SECONDS", 600)
    run = fuzzed(in_process(failing_when(lambda body: b'"image_id"' in body)), examples=30)

    assert {*run.violations[0].exchange.case.sent} - {"api_key"} == {"image", "image_id"}


def test_finding_that_shows_but_once_is_told() -> None:
    asked = count()

    run = fuzzed(in_process(failing_when(lambda _: next(asked) == 0)))

    assert {violation.exchange.status for violation in run.violations} == {500}


def test_interrupted_it_judges_what_came() -> None:
    asked, other = count(), mock()

    def interrupted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if next(asked) == 3:
            raise KeyboardInterrupt
        return other(environ, start_response)

    run = fuzzed(in_process(interrupted), examples=9)

    assert run.is_interrupted
    assert 0 < len(run.exchanges) <= 3


def test_smaller_requests_are_not_looked_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "MOST_SECONDS", 0)

    run = fuzzed(in_process(failing_when(lambda _: True)))

    assert len(run.exchanges) == 2
    assert {violation.exchange.status for violation in run.violations} == {500}


def test_nothing_is_sent_when_the_time_is_up() -> None:
    asked = count()

    run = fuzzed(in_process(mock()), examples=9, pace=lambda: "the time is up" if next(asked) >= 2 else "")

    assert (run.stopped, len(run.exchanges)) == ("the time is up", 2)


@pytest.mark.parametrize("calls", ["2", "60"])
def test_generated_requests_come_on_top_of_any_budget(calls: str) -> None:
    result = run_command("verify", "mock", "--operation", "embed_image", "--max-calls", calls, "--fuzz", "1")

    assert "F01  generated_requests_are_judged_right" in result.stdout
