"""The only code that sends requests: over HTTP, or to a WSGI application without a socket.

What a server may do to whoever asks it is bounded (`connections`), and of what surrounds the process only the proxies
and the bundle of certificates are heeded that its environment names (`surroundings`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sam3_contract.facade import facade
from sam3_contract.transport.transports import Transport, WsgiTransport

if TYPE_CHECKING:
    from sam3_contract.transport.over_http import HttpTransport
    from sam3_contract.transport.session import Session, cause_of

__all__ = ["HttpTransport", "Session", "Transport", "WsgiTransport", "cause_of"]

# On demand: the HTTP libraries are not waited for by what stays in this process.
_HOMES: Final = {
    "HttpTransport": "sam3_contract.transport.over_http",
    "Session": "sam3_contract.transport.session",
    "cause_of": "sam3_contract.transport.session",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = facade(__name__, _HOMES)
