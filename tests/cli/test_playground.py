"""`sam3-contract playground`: what it serves, whom it asks, and where the key goes."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from mock_server import create_app
from sam3_contract.cli import playground
from tests.servers import run_command

KEY = "a-secret-key-of-somebody"


def page(call: dict[str, Any]) -> Client:
    app = create_app(call["settings"])
    return Client(call["page"].put(app, app, call["settings"], None))


def test_without_a_server_it_asks_a_mock_that_looks(served: list[dict[str, Any]]) -> None:
    assert run_command("playground", "--port", "9100").returncode == 0

    (call,) = served
    assert (call["settings"].engine, call["host"], call["port"]) == ("pixels", "127.0.0.1", 9100)
    about = page(call).get("/playground/about").get_json()
    assert (about["mock"], about["engine"]) == (True, "")


def test_with_a_server_it_passes_on_within_a_budget(served: list[dict[str, Any]]) -> None:
    url = "https://serverless.roboflow.com"
    result = run_command("playground", url, "--max-calls", "3", env={"API_KEY": KEY})

    assert result.returncode == 0
    client = page(served[0])
    about = client.get("/playground/about")
    told = about.get_json()
    assert (told["mock"], told["target"], told["costs"], told["calls_left"]) == (False, url, True, 3)
    assert KEY not in about.text + client.get("/", headers={"Accept": "text/html"}).text + repr(served[0]["settings"])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["https://serverless.roboflow.com"], "the live service needs a key"),
        (["nothing"], "nothing"),
        (["--api-key-env", "NO_SUCH", "http://127.0.0.1:9"], "NO_SUCH"),
    ],
)
def test_what_cannot_be_asked_is_said(arguments: list[str], problem: str, served: list[dict[str, Any]]) -> None:
    result = run_command("playground", *arguments)

    assert (result.returncode, served) == (2, [])
    assert problem in result.stderr


@pytest.mark.parametrize(("options", "opened"), [([], ["http://127.0.0.1:9100/"]), (["--no-open"], [])])
def test_browser_is_opened_unless_told_otherwise(
    options: list[str],
    opened: list[str],
    served: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(playground.webbrowser, "open", seen.append)
    monkeypatch.setattr(playground.threading, "Thread", AtOnce)
    run_command("playground", *options)

    served[0]["ready"]("http://127.0.0.1:9100")

    assert seen == opened
    assert "Playground at http://127.0.0.1:9100/" in capsys.readouterr().out


class AtOnce:
    """A thread that runs when it is started, and is over then."""

    def __init__(self, *, target: Any, args: Any, daemon: bool) -> None:
        assert daemon
        self._run = lambda: target(*args)

    def start(self) -> None:
        self._run()
