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
from mock_server.scenarios.player import Taken
from mock_server.scenarios.rules import Reply
from mock_server.sessions.at_hand import plan_at_hand, session_at_hand

_LONGEST: Final = 500  # characters of a message

View = Callable[[], Response]


def answering(operation: str, view: View, *, strict: bool) -> View:
    """Let the scenarios of a request's session answer an operation first.

    Args:
        operation: The ``operationId``.
        view: What answers otherwise.
        strict: Whether bodies are decoded as the document has it.
    """

    def answered() -> Response:
        plan = plan_at_hand()
        if not plan.plays:
            return view()
        scenarios = session_at_hand().scenarios
        sent, notes = current_request(), current_notes()
        inspected = InspectedRequest(operation, sent.headers, lambda: body_of(sent, notes, strict=strict))
        taken = scenarios.take(inspected, plan)
        if taken is None:
            if plan.strict:
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
