"""One HTTP server in a thread of this process, and what it serves, which may be changed from one moment to the next."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote_to_bytes

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from mock_server.http.pauses import CLOCK, GONE
from mock_server.http.protocol import SAID_ONCE
from sam3_contract.interception.waiting import ServedClock, serving
from sam3_contract.interception.wsgi import WsgiApp

_POLL: Final = 0.02  # seconds between two looks whether to stop


class _Handler(WSGIRequestHandler):
    disable_nagle_algorithm = True  # else each answer on a kept connection waits for an acknowledgement

    def make_environ(self) -> dict[str, Any]:
        """Take the path with all slashes at its beginning, and of headers that are said once the first."""
        environ = super().make_environ()
        sent = self.requestline.split()[1].partition("?")[0]
        if sent.startswith("//"):
            environ["PATH_INFO"] = unquote_to_bytes(sent).decode("latin-1")
        environ.update({key: self.headers[name] for key, name in SAID_ONCE.items() if key in environ})
        environ[CLOCK] = ServedClock(self.client_address[1])
        environ[GONE] = threading.Event()  # one for all pauses of an answer: who ends one ends the rest
        return environ

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing: the journal holds the requests."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:  # noqa: ARG002 - werkzeug's signature
        """Close the connection, so that a client of a mock that resets it does not wait for the rest."""
        self.close_connection = True


class _Server(ThreadedWSGIServer):
    # Every connection's thread is waited for at the end, and none has reason to stay: see server_close.
    daemon_threads = False
    block_on_close = True

    def __init__(self, app: WsgiApp) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__("127.0.0.1", 0, app, handler=_Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        # A client that keeps its connection open would keep its thread waiting for the next request.
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the client was faster
                    continue
        super().server_close()


class ThreadServer:
    """Serves WSGI applications on a free port of this machine, from a thread; to be used in a ``with`` block.

    Attributes:
        app: What is served now; without anything, requests get 599.
        url: Where.
    """

    def __init__(self) -> None:
        self.app: WsgiApp | None = None
        self._process = os.getpid()
        self._opened = ExitStack()
        self._server = _Server(self._answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), name="sam3-mock")

    def __enter__(self) -> Self:
        self._opened.enter_context(serving(self._server.server_port))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()
        if os.getpid() != self._process:  # a child that a test forked: thread and connections are its parent's
            self._server.socket.close()
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        app = self.app
        if app is None:
            start_response("599 No Test Uses The Mock", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return []
        return app(environ, start_response)
