"""What the application leaves out of Flask changes no answer."""

from __future__ import annotations

from itertools import product

import pytest
from werkzeug import Request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.test import create_environ

from mock_server import create_app
from mock_server.http import request_context
from mock_server.http.request_context import Application, current_notes, current_request
from mock_server.operations import bounds
from mock_server.serving.server import warm_up
from tests.mock_server.client import IMAGE, KEY


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "any.where:1"},
        {"Host": "not a host"},
        {"Host": ""},
        {"Connection": "Upgrade", "Upgrade": "websocket"},
        {"Cookie": "session=abc"},
    ],
    ids=lambda headers: str(headers),
)
def test_headers_of_the_connection_change_no_answer(headers: dict[str, str]) -> None:
    client = create_app().test_client()
    body = {"image": IMAGE, "prompts": [{"text": "dog"}]}

    answers = [client.post(f"/sam3/concept_segment?api_key={KEY}", json=body, headers=sent) for sent in ({}, headers)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].get_data() == answers[1].get_data()
    assert "Set-Cookie" not in answers[1].headers


def test_request_and_notes_are_those_at_hand() -> None:
    app = create_app()
    for path in ("/one", "/other"):
        with app.test_request_context(path):
            assert "note" not in current_notes()
            current_notes().note = path
            assert (current_request().path, current_notes().note) == (path, path)
            assert app.create_url_adapter(None) is None


def test_warming_up_asks_every_kind_of_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    for name in ("rings_from_patch", "rle_from_patch"):
        encode = getattr(bounds, name)
        monkeypatch.setattr(
            bounds,
            name,
            lambda *given, encode=encode, what=name, **named: written.append(what) or encode(*given, **named),
        )

    warm_up()

    assert set(written) == {"rings_from_patch", "rle_from_patch"}


QUERIES = ["api_key=a", "api_key=a&api_key=b", "x=%20y+z&y", "caf%C3%A9=%FF", "", "=", "a" * 1000]


@pytest.mark.parametrize("query", QUERIES)
def test_query_is_read_as_werkzeug_reads_it_the_second_time_too(query: str) -> None:
    app = create_app()
    environ = create_environ("/", query_string=query)
    expected = list(Request(environ).args.items(multi=True))

    for _ in range(2):
        with app.request_context(environ):
            assert list(current_request().args.items(multi=True)) == expected


def test_queries_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[bytes, MultiDict[str, str]] = {}
    monkeypatch.setattr(request_context, "_KNOWN_QUERIES", known)
    app = create_app()
    for number in range(150):
        with app.test_request_context(f"/?number={number}"):
            assert current_request().args["number"] == str(number)
            with pytest.raises(TypeError, match="immutable"):
                current_request().args["number"] = "1"

    assert len(known) <= 64


def test_route_is_found_the_second_time_as_werkzeug_finds_it() -> None:
    app = create_app()
    paths = [
        "/healthz",
        "/sam3/concept_segment",
        "//sam3/concept_segment",
        "/sam3/concept_segment/",
        "/nothing",
        "/_mock",
    ]

    for path, method in product(paths, ["GET", "HEAD", "POST", "OPTIONS", "post", "PROPFIND"]):
        by_werkzeug = app.url_map.bind("", path_info=path, default_method=method)
        for _ in range(2):
            with app.test_request_context(path, method=method):
                at_hand = current_request()
                if path.startswith("//"):
                    assert at_hand.url_rule is None
                elif not by_werkzeug.test():
                    assert isinstance(at_hand.routing_exception, HTTPException)
                else:
                    assert (at_hand.url_rule, at_hand.view_args) == by_werkzeug.match(return_rule=True)


def test_paths_that_are_no_route_are_not_remembered() -> None:
    app = create_app()
    assert isinstance(app, Application)
    client = app.test_client()
    for number in range(20):
        client.get(f"/nothing/{number}")
        client.get(f"/_mock/faults/{number}")
        client.open("/healthz", method=f"M{number}")

    assert len(app._found) <= 1
