"""No false alarm on images of a few pixels, where masks are empty, equal, or hold no room for what was clicked."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from mock_server import Settings, create_app
from sam3_contract import cases, spec
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from tests.faults import KEY

CONTRACT = spec.load()


@pytest.mark.parametrize("profile", ["documented", "observed"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 7), (3, 3), (17, 5), (5, 300)])
def test_small_photograph_raises_no_alarm(width: int, height: int, profile: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (9, 99, 200)).save(file, "PNG")
    chosen = "observed" if profile == "observed" else "documented"
    app = create_app(Settings(api_keys=frozenset({KEY}), profile=chosen))
    plan = cases.plan([cases.photograph("small.png", file.getvalue())])

    run = runner.verify(WsgiTransport(app, CONTRACT, key=KEY), plan, CONTRACT)

    assert [(one.check.code, one.exchange.case.id, one.breach.found) for one in run.violations] == []
    assert run.exit_status == 0
