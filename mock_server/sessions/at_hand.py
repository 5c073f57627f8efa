"""The session of the request at hand, and what is planned for it: looked up once for each request."""

from __future__ import annotations

from flask import Flask, Response

from mock_server.http.protocol import is_control
from mock_server.http.refusals import Refusal, no_answer
from mock_server.http.request_context import current_notes, current_request
from mock_server.http.session_address import HEADER
from mock_server.scenarios.plan import Plan
from mock_server.sessions.session import Session
from mock_server.sessions.sessions import Sessions
from sam3_contract.errors import UsageError


def install(app: Flask, sessions: Sessions) -> None:
    """Find the session of each request of an application; to be called before anything else is hooked into it."""

    def begin() -> None:
        try:
            current_notes().session = sessions.of(current_request().environ)
        except UsageError as error:
            if is_control(current_request()):
                raise Refusal(400, {"error": str(error)}) from error
            raise no_answer(str(error)) from error

    def end(response: Response) -> Response:
        session: Session | None = current_notes().get("session")
        if session is not None and session.id is not None:
            response.headers[HEADER] = session.id
            sessions.weigh(session)
        return response

    app.before_request(begin)
    # Flask calls what was registered first last: the journal has its entry by then.
    app.after_request(end)


def session_at_hand() -> Session:
    """Take the session of the request at hand."""
    session: Session = current_notes().session
    return session


def plan_at_hand() -> Plan:
    """Take what is planned for the request at hand."""
    notes = current_notes()
    plan: Plan | None = notes.get("plan")
    if plan is None:
        plan = notes.plan = notes.session.scenarios.plan
    return plan
