"""The bridge from uvicorn to the application: reads a body within a time and a size, then runs the application.

The event loop reads bodies, which holds no thread and ends after ``Limits.read_timeout``. A request that may have to
wait, for its latency or for another server, gets a thread. Any other is run on the loop: handing it over costs as much
as Flask does, and the interpreter runs one at a time anyway. Work that takes longer has a few threads of its own
(:mod:`mock_server.serving.cost`). A body that grows as long as its client is there is asked for more every now and
then, and holds no thread in between.
"""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, NoReturn

from werkzeug.exceptions import BadRequest, ClientDisconnected, HTTPException, RequestEntityTooLarge, RequestTimeout

from mock_server.http.growing import Growing
from mock_server.http.pauses import GONE
from mock_server.http.protocol import SAID_ONCE, WHOLE_BODY
from mock_server.http.session_address import take_base
from mock_server.serving.connection import ENDING

Environ = dict[str, Any]
Application = Callable[..., Iterable[bytes]]
Headers = list[tuple[str, str]]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Threads for work. The interpreter runs one at a time and passes on after 5 ms, so this many times that is how long the
# event loop may wait for its turn.
_WORKERS: Final = 2
_LOOKS: Final = 0.1  # seconds between two looks whether a body has grown
_SIGNS_OF_LIFE: Final = 15.0  # seconds without a part after which its client is told that it is still there
_GROWN: Final = 2**21  # bytes of a growing body, about, after which its reader has to come again for the rest
_STILL_HERE: Final = b":\n\n"  # a comment between server-sent events
_BASE: Final[Environ] = {
    "SCRIPT_NAME": "",
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}
_NAMES: Final = {
    name.encode(): f"HTTP_{name.upper().replace('-', '_')}"
    for name in ("host", "accept", "accept-encoding", "user-agent", "connection", "authorization", "origin")
} | {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take of a server.

    Attributes:
        body: Bytes of a body that are read.
        read_timeout: Seconds in which a whole body has to come.
        threads: Requests that can wait at the same time.
        streams: Bodies that can grow at the same time; of those beyond, clients get what there is.
    """

    body: int
    read_timeout: float
    threads: int
    streams: int = 32


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the application answered.

    Attributes:
        status: HTTP status.
        headers: Names and values.
        first: The first part of the body.
        rest: What comes after it; ``None`` if the first part is all.
        growing: What is asked for the whole body, in their place.
    """

    status: int
    headers: Headers
    first: bytes
    rest: Iterator[bytes] | None
    growing: Growing | None = None


class Gateway:
    """Runs a WSGI application as one of ASGI.

    Args:
        app: The application.
        limits: What a client may take.
        may_wait: Tells of a request's environ whether it may have to wait, and so needs a thread.
        is_quick: Tells of a request's environ and body whether the event loop may be held up by it.

    Attributes:
        is_stopping: Tells whether the server ends, and no body is to grow any more.
    """

    def __init__(
        self,
        app: Application,
        limits: Limits,
        may_wait: Callable[[Environ], bool],
        is_quick: Callable[[Environ, bytes], bool],
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._app = app
        self._limits = limits
        self._may_wait = may_wait
        self._is_quick = is_quick
        self.is_stopping = is_stopping
        self._waiting = ThreadPoolExecutor(limits.threads, thread_name_prefix="waiting")
        self._working = ThreadPoolExecutor(_WORKERS, thread_name_prefix="working")
        self._deadlines = _Deadlines(limits.read_timeout)
        self._n_streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        environ = _environ_of(scope)
        body, fault = await self._read(environ, receive)
        if isinstance(fault, ClientDisconnected):
            return  # nobody is there
        if fault is None:
            environ[WHOLE_BODY] = body
        environ["wsgi.input"] = io.BytesIO(body) if fault is None else _Unreadable(fault)
        pool = self._pool_of(environ, body)
        with nullcontext() if pool is None else _watching(receive, environ) as gone:
            try:
                answer = await self._answer(environ, pool)
            except ConnectionError:  # how an application asks for the connection to be broken off
                scope["extensions"][ENDING]["abort"]()
                await _gone(receive)
                return
            if fault is not None and not isinstance(fault, RequestEntityTooLarge):
                answer.headers.append(("connection", "close"))  # what is left of the body is no next request
            if not await self._send(answer, send, gone):
                scope["extensions"][ENDING]["close"]()
                await _gone(receive)

    async def _answer(self, environ: Environ, pool: ThreadPoolExecutor | None) -> _Answer:
        """Run the application, here or in a thread."""
        if pool is None:
            return self._ask(environ)
        return await asyncio.get_running_loop().run_in_executor(pool, self._ask_if_there, environ)

    async def _send(self, answer: _Answer, send: Send, gone: asyncio.Future[Any] | None) -> bool:
        """Send an answer; tells whether to its end, or the application broke it off."""
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.growing is not None:
            await self._follow(answer.growing, send, gone)
        elif answer.rest is None:
            await send(_part(answer.first, is_last=True))
        else:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._waiting, _stream, answer, send, loop)
        return True

    async def _follow(self, growing: Growing, send: Send, gone: asyncio.Future[Any] | None) -> None:
        """Send a body as it grows.

        It ends when its client has gone, it has no more, is as long as a body may grow, or the server ends.
        """
        if gone is None or self._n_streams >= self._limits.streams:
            await send(_part(b"".join(growing), is_last=True))
            return
        loop = asyncio.get_running_loop()
        self._n_streams += 1
        try:
            heard, left = loop.time(), _GROWN
            while left > 0 and not gone.done() and not self.is_stopping():
                # In a thread, for as long as it takes: a store may be slow.
                part = await loop.run_in_executor(self._waiting, growing.more)
                if part is None:
                    break
                if part or loop.time() - heard > _SIGNS_OF_LIFE:
                    await send(_part(part or _STILL_HERE))
                    heard, left = loop.time(), left - len(part)
                await asyncio.wait({gone}, timeout=_LOOKS)
            await send(_part(b"", is_last=True))
        finally:
            self._n_streams -= 1

    def _pool_of(self, environ: Environ, body: bytes) -> ThreadPoolExecutor | None:
        """Choose the threads in which a request runs; none if it runs here."""
        if self._may_wait(environ):
            return self._waiting
        return None if self._is_quick(environ, body) else self._working

    async def _read(self, environ: Environ, receive: Receive) -> tuple[bytes, HTTPException | None]:
        """Read the body, or tell why it cannot be read: the application knows how to word that."""
        coding = environ.get("HTTP_TRANSFER_ENCODING")
        if coding is not None and coding.strip().lower() != "chunked":
            return b"", BadRequest(f"transfer coding {coding[:40]!r}")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > self._limits.body:
            return b"", RequestEntityTooLarge()
        if coding is None and not length:
            return b"", None
        try:
            with self._deadlines:
                return await self._join(receive), None
        except TimeoutError:
            return b"", RequestTimeout()
        except (ClientDisconnected, RequestEntityTooLarge) as error:
            return b"", error

    async def _join(self, receive: Receive) -> bytes:
        """Read a body to its end."""
        parts, size, goes_on = [], 0, True
        while goes_on:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            parts.append(message["body"])
            size += len(message["body"])
            if size > self._limits.body:
                raise RequestEntityTooLarge
            goes_on = message["more_body"]
        return b"".join(parts)  # which is the part itself if there is a single one

    def _ask_if_there(self, environ: Environ) -> _Answer:
        """Run the application, unless the client has gone while its request waited for a thread."""
        if environ[GONE].is_set():
            raise ConnectionAbortedError
        return self._ask(environ)

    def _ask(self, environ: Environ) -> _Answer:
        """Run the application as far as the first part of its answer."""
        begun: list[tuple[int, Headers]] = []
        written: list[bytes] = []

        def start_response(status: str, headers: Headers, _: Any = None) -> Callable[[bytes], None]:
            begun[:] = [(int(status[:3]), headers)]
            return written.append

        parts = self._app(environ, start_response)
        if isinstance(parts, Growing):
            return _Answer(*begun[0], b"", None, parts)
        first = next(rest := iter(parts), None)
        body = b"".join((*written, first or b""))
        status, headers = begun[0]
        if first is None or _length_told(headers) == len(body):
            _close(parts)
            return _Answer(status, headers, body, None)
        return _Answer(status, headers, body, _closing(rest, parts))


class _Deadlines:
    """A block in which a task may read for some time, and no longer: then it ends with :class:`TimeoutError`.

    One timer does for all tasks. :func:`asyncio.timeout` makes one for each, which takes longer than most reads.

    Args:
        seconds: How long a task may read.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Task[Any] | None, float] = {}  # in order, as all have the same time
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._ends[asyncio.current_task(loop)] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look, loop)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        task = asyncio.current_task()
        ours = self._ends.pop(task, None) is None and isinstance(error, asyncio.CancelledError)
        if ours and task is not None and not task.uncancel():
            raise TimeoutError from error

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel the tasks whose time is over, and look again when that of the next one is."""
        self._timer = None
        now = loop.time()
        for task, end in list(self._ends.items()):
            if end > now:
                self._timer = loop.call_at(end, self._look, loop)
                return
            del self._ends[task]
            if task is not None:
                task.cancel()


class _Unreadable(io.RawIOBase):
    """The stream of a body that did not come, or not in time, or was too large."""

    def __init__(self, fault: HTTPException) -> None:
        self._fault = fault

    def readinto(self, _: Any) -> NoReturn:
        raise self._fault


def _environ_of(scope: Scope) -> Environ:
    environ = _BASE.copy()
    for name, value in scope["headers"]:
        if b"_" in name:  # would be taken for the header that has a dash there; to the service it is another one
            continue
        key = _NAMES.get(name) or f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
        if key not in environ:
            environ[key] = value.decode("latin-1")
        elif key not in SAID_ONCE:
            environ[key] += f",{value.decode('latin-1')}"
    environ["REQUEST_METHOD"] = scope["method"]
    environ["PATH_INFO"] = scope["path"].encode().decode("latin-1")  # as PEP 3333 has it
    environ["QUERY_STRING"] = scope["query_string"].decode("latin-1")
    host, port = scope["server"] or ("", "")  # unknown once the client has gone
    environ["SERVER_NAME"], environ["SERVER_PORT"] = host, str(port)
    environ["SERVER_PROTOCOL"] = f"HTTP/{scope['http_version']}"
    environ["REMOTE_ADDR"] = scope["client"][0] if scope["client"] else ""
    environ["wsgi.url_scheme"] = scope["scheme"]
    take_base(environ)
    return environ


@contextmanager
def _watching(receive: Receive, environ: Environ) -> Iterator[asyncio.Future[Any]]:
    """Watch a connection while its request is answered: :data:`GONE` is set when the client has gone.

    Yields:
        What is done then.
    """
    gone = environ[GONE] = threading.Event()
    watching = asyncio.ensure_future(_gone(receive))
    watching.add_done_callback(lambda _: gone.set())
    try:
        yield watching
    finally:
        watching.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":  # what is left of a body nobody reads
        pass


def _part(content: bytes, *, is_last: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": not is_last}


def _length_told(headers: Headers) -> int | None:
    return next((int(value) for name, value in headers if name.lower() == "content-length"), None)


def _stream(answer: _Answer, send: Send, loop: asyncio.AbstractEventLoop) -> bool:
    """Send an answer part by part, from a thread, since the next part may be long in coming.

    Returns:
        Whether it has come to its end.
    """

    def sent(part: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(_sent(send, part), loop).result()

    # What is left of the length that was told tells the client, if it is still there.
    with suppress(ConnectionError):
        for content in chain((answer.first,), answer.rest or ()):
            sent(_part(content))
        sent(_part(b"", is_last=True))
        return True
    return False


async def _sent(send: Send, part: dict[str, Any]) -> None:
    await send(part)


def _closing(rest: Iterator[bytes], parts: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from rest
    finally:
        _close(parts)


def _close(parts: Iterable[bytes]) -> None:
    close = getattr(parts, "close", None)
    if close is not None:
        close()
