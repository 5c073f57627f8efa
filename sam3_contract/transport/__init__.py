"""The only code that sends requests: over HTTP, or to a WSGI application without a socket.

What a server may do to whoever asks it is bounded (`connections`), and of what surrounds the process only the proxies
and the bundle of certificates are heeded that its environment names (`surroundings`).
"""

from __future__ import annotations

from sam3_contract.transport.session import Session, cause_of
from sam3_contract.transport.transports import HttpTransport, Transport, WsgiTransport

__all__ = ["HttpTransport", "Session", "Transport", "WsgiTransport", "cause_of"]
