"""``sam3-contract playground``."""

from __future__ import annotations

import os
import threading
import webbrowser
from functools import partial
from typing import TYPE_CHECKING

import click

from sam3_contract.terminal import say

if TYPE_CHECKING:
    from mock_server import Settings
    from sam3_contract.playground.serving import Playground
    from sam3_contract.playground.targets import WsgiApp
    from sam3_contract.spec import Contract

__all__ = ["playground"]


@click.command()
@click.argument("base_url", metavar="[BASE_URL]", required=False)
@click.option(
    "--port", metavar="PORT", default=0, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free port."
)
@click.option(
    "--engine",
    default="pixels",
    show_default=True,
    metavar="synthetic|pixels|MODULE:FACTORY",
    help="Where the mock's masks come from, as `serve` takes it.",
)
@click.option(
    "--max-calls",
    metavar="N",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Requests passed on to BASE_URL.",
)
@click.option("--api-key-env", metavar="NAME", help="Take the API key from this environment variable.")
@click.option("--no-open", is_flag=True, help="Only say where the page is; open no browser.")
def playground(
    base_url: str | None, *, port: int, engine: str, max_calls: int, api_key_env: str | None, no_open: bool
) -> None:
    """Open a page to click in: a photograph, what is asked of it, and the masks that come.

    Without BASE_URL it asks a mock that looks at the picture. With one, such as https://serverless.roboflow.com, it
    passes requests on to that server, within a budget of calls. The API key is taken from the environment
    (ROBOFLOW_API_KEY, then API_KEY), and never reaches the page.

    \b
      sam3-contract playground
      sam3-contract playground https://serverless.roboflow.com --max-calls 10
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    # Nothing here is linear algebra; the threads for it take time at the start, and memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Only here: no other command waits for Flask and uvicorn to be imported.
    from mock_server.serving.server import Page, serve  # noqa: PLC0415
    from mock_server.settings import Settings  # noqa: PLC0415
    from sam3_contract.playground import serving  # noqa: PLC0415

    put = serving.beside_mock if base_url is None else _before(base_url, max_calls, api_key_env)
    serve(
        Settings(engine=engine),
        host="127.0.0.1",
        port=port,
        ready=partial(_announce, opened=not no_open),
        page=Page("/", put),
    )


class _Before:
    """Makes the page for a server.

    Args:
        base_url: The server.
        key: Its API key.
        calls: How many requests are passed on.
    """

    def __init__(self, base_url: str, key: str | None, calls: int) -> None:
        self._base_url = base_url
        self._key = key
        self._calls = calls

    def __call__(self, _served: WsgiApp, _mock: object, _settings: Settings, contract: Contract | None) -> Playground:
        """Make it."""
        from sam3_contract.playground import serving  # noqa: PLC0415
        from sam3_contract.playground.server_target import ServerTarget  # noqa: PLC0415
        from sam3_contract.recording import Budget, Upstream  # noqa: PLC0415
        from sam3_contract.transport.base_url import is_loopback  # noqa: PLC0415

        free = is_loopback(self._base_url)
        target = ServerTarget(Upstream(self._base_url), self._key, Budget(self._calls), free=free)
        return serving.before_server(target, contract)


def _before(base_url: str, calls: int, api_key_env: str | None) -> _Before:
    from sam3_contract.spec import load  # noqa: PLC0415
    from sam3_contract.targets import key_for  # noqa: PLC0415
    from sam3_contract.transport.base_url import base_url as checked  # noqa: PLC0415

    return _Before(checked(base_url, load()), key_for(base_url, api_key_env), calls)


def _announce(url: str, *, opened: bool) -> None:
    say(f"Playground at {url}/ (Ctrl-C stops it)")
    if opened:
        # A browser that belongs to the terminal would hold the server's thread.
        threading.Thread(target=webbrowser.open, args=(f"{url}/",), daemon=True).start()
