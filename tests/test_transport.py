"""Sending cases: the two transports answer alike, and no key is shown."""

from __future__ import annotations

import pytest

from mock_server import Settings, create_app
from sam3_contract import cases, spec
from sam3_contract.errors import TransportError
from sam3_contract.exchange import Case
from sam3_contract.transport import HttpTransport, WsgiTransport
from tests.faults import KEY
from tests.servers import serving

CONTRACT = spec.load()


def test_transports_answer_alike() -> None:
    plan = cases.plan(cases.built_in_images()[:1])
    app = create_app(Settings(api_keys=frozenset({KEY})))

    within = [WsgiTransport(app, CONTRACT, key=KEY).send(case) for case in plan]
    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        over = [HttpTransport(url, CONTRACT, key=KEY).send(case) for case in plan]

    assert [(one.status, one.media_type, one.body) for one in within] == [
        (one.status, one.media_type, one.body) for one in over
    ]


def test_exchange_does_not_show_its_key() -> None:
    exchange = WsgiTransport(create_app(), CONTRACT, key=KEY).send(cases.plan(cases.built_in_images())[0])

    assert KEY not in repr(exchange)


def test_no_answer_names_the_server_and_the_cause_but_not_the_key() -> None:
    with serving(create_app()) as url:
        pass  # closed again: nobody listens there now

    with pytest.raises(TransportError) as caught:
        HttpTransport(url, CONTRACT, key=KEY).send(Case("x", "embed_image", "asks nothing", {}))

    assert str(caught.value) == f"{url} does not answer: connection refused"
