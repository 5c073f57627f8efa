"""Who is held to exactness: what says so, and whom the user holds to it; never a model for being good."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from mock_server import Settings, create_app
from sam3_contract import spec
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from tests.faults import KEY
from tests.plans import PLAN

CONTRACT = spec.load()
MISSED = "exclamation mark"


def good_model(*, says_so: bool) -> Callable[..., Iterable[bytes]]:
    """Make a server that draws every shape to the pixel, but for one that it does not see."""
    app = create_app(Settings(api_keys=frozenset({KEY}))).wsgi_app

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept = [(name, value) for name, value in headers if says_so or name.lower() != "x-mock-masks"]
            return start_response(status, kept, *more)

        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        asked = content.replace(MISSED.encode(), b"nothing that is drawn there")
        environ = {**environ, "wsgi.input": io.BytesIO(asked), "CONTENT_LENGTH": str(len(asked))}
        return [part.replace(b"nothing that is drawn there", MISSED.encode()) for part in app(environ, start)]

    return serve


@pytest.mark.parametrize(
    ("says_so", "asked", "verdict"), [(False, False, "held"), (False, True, "broken"), (True, False, "broken")]
)
def test_miss_of_a_good_model_breaks_the_contract_only_where_exactness_was_promised(
    says_so: bool, asked: bool, verdict: str
) -> None:
    plan = PLAN.of_cases(["concept_segment/shapes.png/rle", "concept_segment/awkward.png/rle"])
    transport = WsgiTransport(good_model(says_so=says_so), CONTRACT, key=KEY, exact=asked)

    outcomes = {outcome.check.code: outcome for outcome in runner.verify(transport, plan, CONTRACT).outcomes}

    assert outcomes["G02"].violations
    assert outcomes["G02"].verdict == verdict
