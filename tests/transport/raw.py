"""Servers that do not care for HTTP."""

from __future__ import annotations

import itertools
import os
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress

Answer = bytes | None | Callable[[], Iterable[bytes]]


def _request(connection: socket.socket) -> bytes:
    """Read a request; or the first bytes, if it is none of HTTP."""
    request = connection.recv(65536)
    if not request[:3].isalpha():
        return request
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536) or b"\r\n\r\n"  # it has gone
    told = re.search(rb"content-length: (\d+)", request, flags=re.IGNORECASE)
    end = request.index(b"\r\n\r\n") + 4 + int(told[1] if told else 0)
    while len(request) < end and (more := connection.recv(65536)):
        request += more
    return request


@contextmanager
def answering(
    answer: Answer,
    *,
    reset: bool = False,
    seen: list[bytes] | None = None,
    tls: ssl.SSLContext | None = None,
    beside: bool = False,
) -> Iterator[str]:
    """Answer each connection in the same way, once its request has come.

    Args:
        answer: The bytes, or what makes them piece by piece; ``None`` says nothing until the client has gone.
        reset: Whether the connection is reset then, and not closed.
        seen: Is given the request of each connection.
        tls: How connections are secured, if they are.
        beside: Whether the answer is not, but in the clear.
    """

    def serve(connection: socket.socket) -> None:
        with tls.wrap_socket(_twin(connection), server_side=True) if tls else nullcontext(connection) as secured:
            first = _request(secured)
            if seen is not None:
                seen.append(first)
            if answer is None:
                while secured.recv(65536):
                    pass
                return
            for piece in [answer] if isinstance(answer, bytes) else answer():
                (connection if beside else secured).sendall(piece)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listening(serve, drained=answer is not None and not reset) as place:
        yield f"http{'s' if tls else ''}://{place}"


def _twin(connection: socket.socket) -> socket.socket:
    return socket.socket(fileno=os.dup(connection.fileno()))


@contextmanager
def tunnelling(to: str, seen: list[bytes] | None = None) -> Iterator[str]:
    """Stand between a client and a server, as a proxy does that is asked to CONNECT, or one for SOCKS 5.

    Args:
        to: The server's address and port, whichever the client names.
        seen: Is given what each client asks for.
    """

    def serve(connection: socket.socket) -> None:
        first = connection.recv(65536)
        if first.startswith(b"\x05"):
            connection.sendall(b"\x05\x00")
            first = connection.recv(65536)
            connection.sendall(b"\x05\x00\x00\x01" + bytes(6))
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        if seen is not None:
            seen.append(first)
        host, _, port = to.partition(":")
        with socket.create_connection((host, int(port))) as server:
            back = threading.Thread(target=_pump, args=(server, connection))
            back.start()
            _pump(connection, server)
            back.join()

    with listening(serve, drained=False) as place:
        yield place


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def listening(serve: Callable[[socket.socket], None], *, drained: bool) -> Iterator[str]:
    """Serve each connection in a thread of its own, and yield the address and port.

    Args:
        serve: Is given the connection, which is closed behind it.
        drained: Whether the client is heard out first: what is left unread would reset the connection.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the client has had enough
            try:
                serve(connection)
            finally:
                if drained:
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass

    def accept() -> None:
        for number in itertools.count():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=handle, args=(connection,), name=f"answering-{number}"))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()
        for thread in threads:
            thread.join()
