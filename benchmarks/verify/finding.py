"""What `verify` finds of a server in this process, and with how many calls."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from werkzeug.serving import WSGIRequestHandler, make_server

from mock_server import Settings, create_app
from sam3_contract import cases, spec
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.transport import HttpTransport, Transport, WsgiTransport
from sam3_contract.verification import runner

Profile = Literal["documented", "observed"]
KEY = "a-key-for-benchmarks"
MAX_CALLS = runner.DEFAULT_CALLS
BUDGETS = (20, 60, 150, 400)
URL = "https://images.example.com/shapes.png"
CONTRACT = spec.load()
PROFILES: tuple[Profile, ...] = ("documented", "observed")

WsgiApp = Callable[..., Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Shown:
    """How a fault is shown that needs more than a default run in the process; ``why`` says for what.

    ``timeout`` is in seconds and of a client over HTTP; ``by_url`` has `verify` send an image by its URL as well.
    """

    fault: str
    why: str
    calls: int = MAX_CALLS
    timeout: float | None = None
    by_url: bool = False


AS_IT_IS = Shown("", "")


@dataclass(frozen=True, slots=True)
class Found:
    """What one tool made of one mock: checks, the first finding's first; ``at`` is ``None`` if there are none."""

    checks: tuple[str, ...]
    calls: int
    at: int | None = None
    deviations: tuple[str, ...] = ()
    inconclusive: tuple[str, ...] = ()
    error: str = ""


class Counted:
    """A WSGI application that counts its requests."""

    def __init__(self, app: WsgiApp) -> None:
        self.calls = 0
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Count a request, and answer it."""
        with self._lock:
            self.calls += 1
        return self._app(environ, start_response)


class Quiet(WSGIRequestHandler):
    """Logs nothing, also not the clients that gave up."""

    def log(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(app: WsgiApp) -> Iterator[str]:
    """Serve from threads of this process, for clients that need a socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def reachable(app: WsgiApp, timeout: float | None) -> Iterator[tuple[Transport, dict[str, Any]]]:
    """Yield how `verify` reaches an application, and how schemathesis does."""
    if timeout is None:
        yield WsgiTransport(app, CONTRACT, key=KEY), {"app": app, "base_url": "http://localhost"}
        return
    with serving(app) as url:
        yield HttpTransport(url, CONTRACT, key=KEY, timeout=timeout), {"base_url": url, "timeout": timeout}


def mock(*faults: str, profile: Profile, seed: int = 0, url_images: Path | None = None) -> Counted:
    """Make a mock that knows one key, with faults on."""
    keys = frozenset({KEY})
    settings = Settings(api_keys=keys, profile=profile, seed=seed, faults=faults, url_images=url_images)
    return Counted(create_app(settings).wsgi_app)


@cache
def plan_of(*, by_url: bool) -> cases.Plan:
    """Plan what `verify` does by default, or that and an image by URL."""
    images = cases.built_in_images()
    return cases.plan(images, urls={URL: images[0]} if by_url else {})


def by_budgets(make: Callable[[], Counted], shown: Shown) -> Found:
    """Let `verify` judge mocks with ever larger budgets, until it finds something."""
    found = by_verify(make(), shown)
    for calls in BUDGETS if shown.calls == MAX_CALLS else ():
        if calls > MAX_CALLS and not found.checks and not found.error:
            found = by_verify(make(), replace(shown, calls=calls))
    return found


def by_verify(app: Counted, shown: Shown) -> Found:
    """Let `verify` judge a mock; an exception of its own is a finding of this benchmark."""
    order: dict[str, int] = {}

    def answered(exchange: Exchange) -> None:
        order[exchange.case.id] = len(order) + 1

    with reachable(app, shown.timeout) as (transport, _):
        plan, budget = plan_of(by_url=shown.by_url), runner.Budget(calls=shown.calls)
        try:
            run = runner.verify(transport, plan, CONTRACT, budget=budget, answered=answered)
        except Exception:  # whatever it is: it is told with its traceback, and counts as missed
            return Found((), app.calls, error=traceback.format_exc())
    return found_of(run, order, app.calls)


def found_of(run: runner.Run, order: dict[str, int], calls: int) -> Found:
    """Name the checks that did not hold, in the order in which that could be known."""
    known: dict[str, int] = {}
    for outcome in run.outcomes:
        if outcome.verdict in {"broken", "odd"}:
            name = outcome.check.code + (" (warning)" if outcome.verdict == "odd" else "")
            known[name] = min(
                max(order.get(one.case.id, 0) for one in (violation.exchange, *violation.breach.beside))
                for violation in outcome.violations
            )
    names = tuple(sorted(known, key=lambda name: (known[name], name)))
    inconclusive = tuple(outcome.check.code for outcome in run.outcomes if outcome.verdict == "inconclusive")
    return Found(
        names, calls, known[names[0]] if names else None, run.deviations_seen, inconclusive, error=run.unanswered
    )


def found_by_budget(founds: Sequence[Found]) -> str:
    """Say how many were found with how many calls."""
    at = [one.at for one in founds if one.at is not None]
    return ", ".join(f"{calls} calls: {sum(number <= calls for number in at)} of {len(founds)}" for calls in BUDGETS)


def verdict(met: bool) -> str:
    """Write whether a target is met."""
    return "met" if met else "MISSED"
