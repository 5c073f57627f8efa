"""Where requests go: a server by its URL, the built-in mock, an application in this process; and with which key."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from sam3_contract.errors import UsageError
from sam3_contract.spec import Contract
from sam3_contract.transport import Transport, WsgiTransport

KEY_VARIABLES: Final = ("ROBOFLOW_API_KEY", "API_KEY")
"""Where the key is looked for, in this order: the service's name for it, then that of its documentation's sample."""

MOCK: Final = "mock"
"""The target that stands for the built-in mock, in this process."""

_MOCK_KEY: Final = "sam3-contract-mock-key"
_LIVE: Final = "serverless.roboflow.com"

WsgiApp = Callable[..., Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class MockOptions:
    """How the built-in mock behaves where it is the target.

    Attributes:
        profile: Which side of the deviations it plays.
        faults: In which ways it breaks the contract.
        seed: Another seed gives other masks.
        engine: Where its masks come from, as ``Settings.engine`` names it.
    """

    profile: Literal["documented", "observed"] = "documented"
    faults: tuple[str, ...] = ()
    seed: int = 0
    engine: str = "synthetic"

    @property
    def words(self) -> tuple[str, ...]:
        """The options of the command line that say the same."""
        options = [word for fault in self.faults for word in ("--fault", fault)]
        options += ["--profile", self.profile] if self.profile != "documented" else []
        options += ["--engine", self.engine] if self.engine != "synthetic" else []
        return (*options, *(["--seed", str(self.seed)] if self.seed else []))


def transport_to(
    target: str,
    contract: Contract,
    *,
    variable: str | None,
    timeout: float,
    mock: MockOptions | None = None,
    exact: bool = False,
) -> Transport:
    """Make what sends requests to a server, or to the built-in mock.

    Args:
        target: Where the paths begin, such as ``http://127.0.0.1:9001``; ``mock`` for the mock in this process.
        contract: Tells the path and method of each operation.
        variable: Name of the environment variable with the API key; ``None`` for the usual ones.
        timeout: Seconds to wait for an answer.
        mock: How the mock behaves.
        exact: Hold a server to exactness that does not promise it.

    Raises:
        UsageError: If the target is no URL, a key is needed and not set, or a server is to behave as the mock can.
    """
    key = key_for(target, variable)
    options = mock or MockOptions()
    if target == MOCK:
        return _to_mock(contract, options)
    if options.faults or options.profile != "documented" or options.engine != "synthetic":
        raise UsageError(
            "--fault, --profile and --engine are for `verify mock`; `sam3-contract serve` takes them for a server"
        )
    return _over_http(target, contract, key=key or _MOCK_KEY, timeout=timeout, exact=exact)


def _over_http(target: str, contract: Contract, *, key: str, timeout: float, exact: bool) -> Transport:
    from sam3_contract.transport import HttpTransport  # noqa: PLC0415 - brings the HTTP libraries

    return HttpTransport(target, contract, key=key, timeout=timeout, exact=exact)


def transport_to_any(
    target: str | WsgiApp,
    contract: Contract,
    *,
    api_key: str | None = None,
    timeout: float = 60.0,
    exact: bool = False,
) -> Transport:
    """Make what sends requests to a server, to the built-in mock, or to an application in this process.

    Args:
        target: A base URL, ``mock``, or a WSGI application, such as a Flask one.
        contract: Tells the path and method of each operation.
        api_key: The key to send; by default the one in the environment, and one that any mock accepts for the rest.
        timeout: Seconds to wait for an answer over HTTP.
        exact: Hold a server to exactness that does not promise it.

    Raises:
        UsageError: If the target is none of these, or a key is needed and not set.
    """
    if isinstance(target, str):
        if target == MOCK or api_key is None:
            return transport_to(target, contract, variable=None, timeout=timeout, exact=exact)
        return _over_http(target, contract, key=api_key, timeout=timeout, exact=exact)
    if not callable(target):
        raise UsageError(f"{target!r} is no target: give a base URL, {MOCK!r}, or a WSGI application such as Flask's")
    name = f"{type(target).__name__} (in process)"
    return WsgiTransport(target, contract, key=api_key or _MOCK_KEY, target=name, exact=exact)


def _to_mock(contract: Contract, options: MockOptions) -> WsgiTransport:
    # Only here: asking a URL does not wait for Flask to be imported.
    from mock_server import Settings, create_app  # noqa: PLC0415

    settings = Settings(
        api_keys=frozenset({_MOCK_KEY}),
        profile=options.profile,
        faults=options.faults,
        seed=options.seed,
        engine=options.engine,
    )
    return WsgiTransport(create_app(settings).wsgi_app, contract, key=_MOCK_KEY, target="mock (in process)")


def key_for(target: str, variable: str | None) -> str | None:
    """Find the API key in the environment; ``None`` if there is none and the server may do without.

    Raises:
        UsageError: If the variable named is not set, or the live service is asked without a key.
    """
    if variable is not None:
        if not os.environ.get(variable):
            raise UsageError(f"--api-key-env names {variable!r}, which is not set")
        return os.environ[variable]
    found = next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), None)
    if not found and _LIVE in target:
        raise UsageError("the live service needs a key: set ROBOFLOW_API_KEY or API_KEY, or name another --api-key-env")
    return found


def key_variable(named: str | None) -> str:
    """Name the environment variable that a command line should take the key from."""
    return named or next((name for name in KEY_VARIABLES if os.environ.get(name)), KEY_VARIABLES[0])
