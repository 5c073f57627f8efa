"""What the application leaves out of Flask changes no answer."""

from __future__ import annotations

import pytest

from mock_server import create_app
from mock_server.http.request_context import current_notes, current_request
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
