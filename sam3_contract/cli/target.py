"""Where a command sends its requests, and the key it sends."""

from __future__ import annotations

import os
from typing import Final

from sam3_contract.errors import UsageError
from sam3_contract.spec import Contract
from sam3_contract.transport import HttpTransport, Transport, WsgiTransport

__all__ = ["MOCK", "key_for", "transport_to"]

MOCK: Final = "mock"
"""The target that stands for the built-in mock, in this process."""
_MOCK_KEY: Final = "sam3-contract-mock-key"
_LIVE: Final = "serverless.roboflow.com"


def transport_to(target: str, contract: Contract, *, variable: str | None, timeout: float) -> Transport:
    """Make what sends requests to a server, or to the built-in mock.

    Args:
        target: Where the paths begin, such as ``http://127.0.0.1:9001``; ``mock`` for the mock in this process.
        contract: Tells the path and method of each operation.
        variable: Name of the environment variable with the API key; None for the usual ones.
        timeout: Seconds to wait for an answer.

    Raises:
        UsageError: If the target is no URL, or a key is needed and not set.
    """
    key = key_for(target, variable)
    if target != MOCK:
        return HttpTransport(target, contract, key=key, timeout=timeout)
    # Only here: asking a URL does not wait for Flask to be imported.
    from mock_server import Settings, create_app  # noqa: PLC0415

    app = create_app(Settings(api_keys=frozenset({_MOCK_KEY})))
    return WsgiTransport(app.wsgi_app, contract, key=_MOCK_KEY, target="mock (in process)")


def key_for(target: str, variable: str | None) -> str | None:
    """Find the API key in the environment; None if there is none and the server may do without.

    Raises:
        UsageError: If the variable named is not set, or the live service is asked without a key.
    """
    if variable is not None:
        if not os.environ.get(variable):
            raise UsageError(f"--api-key-env names {variable!r}, which is not set")
        return os.environ[variable]
    found = os.environ.get("ROBOFLOW_API_KEY") or os.environ.get("API_KEY")
    if not found and _LIVE in target:
        raise UsageError("the live service needs a key: set ROBOFLOW_API_KEY or API_KEY, or name another --api-key-env")
    return found
