"""Scenarios answer an operation before its view does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Response

from mock_server.faults import switch_on
from mock_server.http.auth import keys_sent
from mock_server.http.bodies import masked
from mock_server.http.inspection import InspectedRequest, texts_of
from mock_server.http.pauses import pausing
from mock_server.http.request_context import current_notes, current_request
from mock_server.journal.recorder import body_of
from mock_server.scenarios.player import Scenarios, Taken
from mock_server.scenarios.rules import Reply

_LONGEST: Final = 500  # characters of a message

View = Callable[[], Response]


def answering(scenarios: Scenarios, operation: str, view: View, *, strict: bool) -> View:
    """Let the scenarios answer an operation first.

    Args:
        scenarios: What was planned.
        operation: The ``operationId``.
        view: What answers otherwise.
        strict: Whether bodies are decoded as the document has it.
    """

    def answered() -> Response:
        if not scenarios.active:
            return view()
        sent, notes = current_request(), current_notes()
        inspected = InspectedRequest(operation, sent.headers, lambda: body_of(sent, notes, strict=strict))
        taken = scenarios.take(inspected)
        if taken is None:
            if scenarios.strict:
                raise scenarios.miss(_described(inspected))
            return view()
        notes.scenario = taken.scenario
        return _play(taken, view)

    return answered


def _play(taken: Taken, view: View) -> Response:
    if taken.refusal is not None:
        raise taken.refusal
    reply = taken.reply or Reply()
    if reply.delay:
        pausing()(reply.delay)
    if reply.fixed is not None:
        fixed = reply.fixed
        return Response(fixed.body, fixed.status, list(fixed.headers), content_type=fixed.content_type)
    switch_on(reply.faults)
    return view()


def _described(inspected: InspectedRequest) -> str:
    texts = masked(texts_of(inspected.body), keys_sent(current_request(), inspected.body))
    return f"no scenario takes {inspected.operation} with texts {texts!r}"[:_LONGEST]
