"""Calls to the hosted service, answered by a mock in this process; nothing else gets out to the network.

Code under test keeps its URLs. Calls by requests, httpx and aiohttp are caught, the last two if their extras are
installed; all else is refused, see :mod:`~sam3_contract.interception.guard`. No socket is opened for it, and no thread
started before a call takes one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from functools import partial, wraps
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, Protocol, Self, TypeVar, cast, overload

from mock_server import Settings
from sam3_contract.errors import UsageError
from sam3_contract.interception.dispatch import DISPATCHER
from sam3_contract.interception.guard import GUARD, Policy, host_name
from sam3_contract.interception.local_mock import LocalMock, create_mock
from sam3_contract.interception.replay import Replay
from sam3_contract.interception.wsgi import OutgoingRequest, WsgiAnswer

if TYPE_CHECKING:
    from sam3_contract.recording import Mode

__all__ = ["HOSTS", "Interception", "LocalMock", "Replay", "create_mock", "intercept"]

HOSTS: Final = ("serverless.roboflow.com",)
"""The hosts of the hosted service."""

_OF_RECORDINGS: Final = frozenset({"mode", "upstream", "max_calls", "time_limit", "allow_unused", "run"})
_P = ParamSpec("_P")
_R = TypeVar("_R")
_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


class _Answers(Protocol):
    """A mock or a recording, in the place of the service."""

    def answer(self, request: OutgoingRequest) -> WsgiAnswer: ...

    def verify(self) -> None: ...

    def end(self) -> None: ...


_A = TypeVar("_A", bound=_Answers)


class _Desk:
    """Somebody who answers for some hosts."""

    def __init__(self, answers: _Answers, hosts: Collection[str]) -> None:
        self.hosts = hosts
        self._answers = answers

    def answer(self, request: OutgoingRequest) -> WsgiAnswer:
        return self._answers.answer(request)


class Interception(Generic[_A]):
    """What :func:`intercept` returns: a context manager, and a decorator of functions, coroutine functions and classes.

    Each use has a mock of its own, or a recording. ``with`` yields that.
    """

    def __init__(
        self, make: Callable[[], _A], *, hosts: Iterable[str], allow: Iterable[str] = (), loopback: bool = True
    ) -> None:
        self._make = make
        if isinstance(hosts, str):
            raise UsageError(f"hosts is a list of hosts, got the text {hosts!r}; write hosts=[{hosts!r}]")
        self._hosts = frozenset(map(host_name, hosts))
        self._allow = allow if isinstance(allow, str) else tuple(allow)
        self._loopback = loopback
        self._open: tuple[_A, ExitStack] | None = None
        Policy(allow=self._allow)  # says now what is wrong with it

    def __enter__(self) -> _A:
        if self._open is not None:
            raise UsageError("this interception is open already; a second one takes a second call of intercept()")
        answers = self._make()
        desk = _Desk(answers, self._hosts)
        with ExitStack() as opened:
            opened.callback(answers.end)
            DISPATCHER.enter(desk)
            opened.callback(DISPATCHER.leave, desk)
            passed_on = answers.passed_on if isinstance(answers, Replay) else ()
            policy = Policy(allow=[*self._allow, *passed_on], loopback=self._loopback, answered=self._hosts)
            GUARD.open(policy)
            opened.callback(GUARD.close, policy)
            self._open = answers, opened.pop_all()
        return answers

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._open is not None, "left without having been entered"
        (answers, opened), self._open = self._open, None
        with opened:
            if error is None:  # a test that failed has something better to say
                answers.verify()

    async def __aenter__(self) -> _A:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, decorated: _Decorated) -> _Decorated:
        """Intercept during each call of a function, or of each test of a class.

        Args:
            decorated: A function or coroutine function; or a class, whose methods named ``test...`` are decorated, as
                :func:`unittest.mock.patch` does it.

        Raises:
            UsageError: If it is a generator function, whose body runs after the call, or a class without tests.
        """
        if inspect.isclass(decorated):
            self._decorate_tests(decorated)
            return decorated
        return cast("_Decorated", self._decorate(decorated))

    def _decorate_tests(self, tests: type) -> None:
        names = [name for name in dir(tests) if name.startswith("test")]
        if not names:
            raise UsageError(f"{tests.__qualname__} has no method named test...: decorate its functions one by one")
        for name in names:
            method = inspect.getattr_static(tests, name)
            if isinstance(method, staticmethod | classmethod):
                setattr(tests, name, type(method)(self._decorate(method.__func__)))
            elif inspect.isfunction(method):
                setattr(tests, name, self._decorate(method))

    def _decorate(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise UsageError(f"{function.__qualname__} yields: use `with sam3_contract.intercept():` in its body")
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: _P.args, **kwargs: _P.kwargs) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return cast("Callable[_P, _R]", awaited)

        @wraps(function)
        def called(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with self._again():
                return function(*args, **kwargs)

        return called

    def _again(self) -> Self:
        """Make another of the same: calls of a decorated function may overlap."""
        return type(self)(self._make, hosts=self._hosts, allow=self._allow, loopback=self._loopback)


@overload
def intercept(
    *,
    hosts: Iterable[str] = HOSTS,
    allow: Iterable[str] = (),
    loopback: bool = True,
    settings: Settings | None = None,
    record: None = None,
) -> Interception[LocalMock]: ...


@overload
def intercept(
    *,
    hosts: Iterable[str] = HOSTS,
    allow: Iterable[str] = (),
    loopback: bool = True,
    record: str | Path,
    mode: Mode = "once",
    upstream: str = "",
    max_calls: int = 100,
    time_limit: float | None = None,
    allow_unused: bool = False,
    run: str = "",
) -> Interception[Replay]: ...


def intercept(
    *,
    hosts: Iterable[str] = HOSTS,
    allow: Iterable[str] = (),
    loopback: bool = True,
    settings: Settings | None = None,
    record: str | Path | None = None,
    **recording: Any,
) -> Interception[LocalMock] | Interception[Replay]:
    """Let a mock in this process answer calls to the hosted service; let nothing else out to the network.

    It holds for the whole process: every thread and event loop. Interceptions may be nested; the innermost that has a
    host answers for it, and what one of them allows is allowed.

    Args:
        hosts: Names of the hosts that the mock answers for, without port; their certificates are not asked for.
        allow: Hosts that may be reached: names (``*`` stands for any part), addresses, networks.
        loopback: Whether programs of this machine may be reached.
        settings: How the mock behaves.
        record: Let this recording answer in the place of a mock: a HAR file, which need not be there yet.
        **recording: How it is used, see :class:`Replay`. ``mode`` says what is recorded: ``none`` nothing, ``once``
            everything if there is no file yet, ``new`` what the file does not have, ``all`` everything, in place of
            what the file has. ``upstream`` is the server that is recorded, by default the one that is called;
            ``max_calls`` (100) and ``time_limit`` (seconds) are what may be spent on it. ``allow_unused`` lets recorded
            calls be left over.

    Returns:
        A context manager (also for ``async with``) that yields the mock or the :class:`Replay`, and a decorator. It
        ends with an ``AssertionError`` if scenarios were not played as they are written; if a request was not in the
        recording, or a recorded call was not asked for.

    Raises:
        UsageError: If an entry of *hosts* or *allow* cannot be understood.

    Example:
        >>> import requests
        >>> with intercept() as mock:
        ...     url = "https://serverless.roboflow.com/sam3/embed_image?api_key=any"
        ...     image = {"type": "url", "value": "https://example.com/dog.jpg"}
        ...     requests.post(url, json={"image": image, "image_id": "dog"}).json()["image_id"]
        'dog'
    """
    unknown = [name for name in recording if name not in _OF_RECORDINGS]
    if unknown:
        raise TypeError(f"intercept() got an unexpected keyword argument {unknown[0]!r}")
    if record is None:
        if recording:
            raise UsageError(f"{next(iter(recording))} is for a recording: intercept(record=FILE, ...)")
        return Interception(partial(LocalMock, settings), hosts=hosts, allow=allow, loopback=loopback)
    if settings is not None:
        raise UsageError("a recording has no settings: they are of the mock that it stands in place of")
    names = hosts if isinstance(hosts, str) else list(hosts)
    make = partial(Replay, Path(record), hosts=names, **recording)
    return Interception(make, hosts=names, allow=allow, loopback=loopback)
