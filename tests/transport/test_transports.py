"""Sending cases: the two transports answer alike, and no key is shown."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from mock_server import Settings, create_app
from sam3_contract import cases, intercept, spec
from sam3_contract.errors import TransportError
from sam3_contract.exchanges.exchange import WRONG_KEY, Case, KeyPlace
from sam3_contract.transport import HttpTransport, WsgiTransport
from sam3_contract.transport.transports import with_key
from tests.faults import KEY
from tests.plans import PLAN
from tests.servers import serving

CONTRACT = spec.load()


def test_transports_answer_alike() -> None:
    plan = cases.plan(cases.built_in_images()[:1])
    app = create_app(Settings(api_keys=frozenset({KEY})))

    within = [WsgiTransport(app, CONTRACT, key=KEY).send(case) for case in plan.cases]
    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        over = [HttpTransport(url, CONTRACT, key=KEY).send(case) for case in plan.cases]

    assert [(one.status, one.media_type, one.body) for one in within] == [
        (one.status, one.media_type, one.body) for one in over
    ]


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_answer_that_an_application_packs_is_unpacked(packing: str) -> None:
    packed = {"gzip": gzip.compress(b"{}"), "deflate": zlib.compress(b"{}")}[packing]

    def app(environ: Any, start_response: Any) -> Any:
        answer = Response(packed, content_type="application/json", headers={"content-encoding": packing})
        return answer(environ, start_response)

    exchange = WsgiTransport(app, CONTRACT).send(Case("x", "embed_image", "asks nothing", {}))

    assert (exchange.body, exchange.headers["content-encoding"]) == (b"{}", packing)


@pytest.mark.parametrize(("packing", "cause"), [("gzip", "packed with gzip, and is not"), ("br;", "not asked for")])
def test_answer_that_is_not_packed_as_it_says_is_a_failure(packing: str, cause: str) -> None:
    app = Response(b"{}", content_type="application/json", headers={"content-encoding": packing})

    exchange = WsgiTransport(app, CONTRACT).send(Case("x", "embed_image", "asks nothing", {}))

    assert exchange.status == 0
    assert cause in exchange.failure


def test_key_in_a_body_leaves_its_layout_and_its_numbers_as_they_are() -> None:
    case = Case("x", "embed_image", "", {"image": {}, "id": 2**70}, key_in="body", spread_out=True)

    _, _, content = with_key(case, KEY)

    assert content.splitlines()[1:] == [
        f' "api_key": "{KEY}",'.encode(),
        b' "id": 1180591620717411303424,',
        b' "image": {}',
        b"}",
    ]


def test_exchange_does_not_show_its_key() -> None:
    exchange = WsgiTransport(create_app(), CONTRACT, key=KEY).send(PLAN.cases[0])

    assert KEY not in repr(exchange)


def test_no_answer_names_the_server_and_the_cause_but_not_the_key() -> None:
    with serving(create_app()) as url:
        pass  # closed again: nobody listens there now

    with pytest.raises(TransportError) as caught:
        HttpTransport(url, CONTRACT, key=KEY).send(Case("x", "embed_image", "asks nothing", {}))

    assert str(caught.value) == f"{url} does not answer: connection refused"


@pytest.mark.parametrize(
    ("place", "query", "header", "in_body"),
    [
        ("query", KEY, None, None),
        ("bearer", None, f"Bearer {KEY}", None),
        ("upper_bearer", None, f"BEARER {KEY}", None),
        ("body", None, None, KEY),
        ("none", None, None, None),
        ("empty", "", None, None),
        ("wrong", WRONG_KEY, None, None),
        ("wrong_body", None, None, WRONG_KEY),
        ("query_first", KEY, f"Bearer {WRONG_KEY}", WRONG_KEY),
        ("wrong_query_first", WRONG_KEY, f"Bearer {KEY}", KEY),
        ("wrong_bearer_first", None, f"Bearer {WRONG_KEY}", KEY),
    ],
)
def test_key_is_put_where_the_case_wants_it(
    place: KeyPlace, query: str | None, header: str | None, in_body: str | None
) -> None:
    seen: list[Request] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        request.get_data(cache=True)
        seen.append(request)
        return Response(b"{}", 200)(environ, start_response)

    WsgiTransport(app, CONTRACT, key=KEY).send(Case("x", "embed_image", "asks nothing", {"image": {}}, key_in=place))

    (request,) = seen
    assert request.args.get("api_key") == query
    assert request.headers.get("Authorization") == header
    assert request.get_json().get("api_key") == in_body


def test_key_of_nobody_is_refused_by_a_mock_that_takes_any_other() -> None:
    cases_of_keys = [Case(place, "embed_image", "", {}, key_in=place) for place in ("query", "wrong", "empty")]  # type: ignore[arg-type]

    statuses = [WsgiTransport(create_app(), CONTRACT, key=KEY).send(case).status for case in cases_of_keys]

    assert statuses == [422, 401, 401]


def test_answer_that_breaks_off_is_an_exchange_that_failed() -> None:
    with serving(create_app(Settings(faults=("connection_reset:middle",)))) as url:
        body = {"image": {"type": "url", "value": "https://example.com/a.jpg"}, "image_id": "a"}
        exchange = HttpTransport(url, CONTRACT, key=KEY).send(Case("x", "embed_image", "asks nothing", body))

    assert exchange.status == 0
    assert exchange.failure
    assert KEY not in exchange.failure


def test_calls_on_loopback_are_free_and_others_are_not() -> None:
    assert HttpTransport("http://127.0.0.1:9", CONTRACT).is_free
    assert not HttpTransport("https://example.com", CONTRACT).is_free


@pytest.mark.parametrize(("said", "asked", "exact"), [("exact", False, True), ("", False, False), ("", True, True)])
def test_server_is_held_to_exactness_if_it_says_so_or_the_user_does(said: str, asked: bool, exact: bool) -> None:
    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("x-mock-masks", said)] if said else [])
        return [b"{}"]

    case = Case("x", "embed_image", "asks nothing", {})
    with serving(app) as url:
        by_http = HttpTransport(url, CONTRACT, exact=asked).send(case)

    assert by_http.exact is exact
    assert WsgiTransport(app, CONTRACT, exact=asked).send(case).exact is exact


def test_interception_catches_what_is_sent() -> None:
    with intercept() as mock:
        transport = HttpTransport("https://serverless.roboflow.com", CONTRACT, key=KEY)
        exchange = transport.send(Case("x", "embed_image", "asks nothing", {}))

    assert exchange.status == 422
    assert [seen.operation for seen in mock.requests] == ["embed_image"]
