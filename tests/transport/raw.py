"""Servers that do not care for HTTP."""

from __future__ import annotations

import itertools
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

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
    while len(request) < end:
        request += connection.recv(65536)
    return request


@contextmanager
def answering(answer: Answer, *, reset: bool = False, seen: list[bytes] | None = None) -> Iterator[str]:
    """Answer each connection in the same way, once its request has come.

    Args:
        answer: The bytes, or what makes them piece by piece; ``None`` says nothing until the client has gone.
        reset: Whether the connection is reset then, and not closed.
        seen: Is given the request of each connection.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                first = _request(connection)
                if seen is not None:
                    seen.append(first)
                if answer is None:
                    while connection.recv(65536):
                        pass
                    return
                for piece in [answer] if isinstance(answer, bytes) else answer():
                    connection.sendall(piece)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):  # what is left unread would reset it
                    pass
            except OSError:
                return  # the client has had enough

    def accept() -> None:
        for number in itertools.count():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,), name=f"answering-{number}"))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()
        for thread in threads:
            thread.join()
