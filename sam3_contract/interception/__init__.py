"""Calls to the hosted service, answered by a mock in this process; nothing else gets out to the network.

Code under test keeps its URLs. Calls by requests, httpx and aiohttp are caught by libraries that are made for it, the
last two if those are installed; all else is refused, see :mod:`~sam3_contract.interception.guard`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from functools import wraps
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, cast

from mock_server import Settings
from sam3_contract.errors import UsageError
from sam3_contract.interception.dispatch import ACTIVE
from sam3_contract.interception.guard import GUARD, Policy, host_name
from sam3_contract.interception.libraries import can_catch
from sam3_contract.interception.local_mock import LocalMock, create_mock
from sam3_contract.interception.wsgi import Answer, Asked

__all__ = ["HOSTS", "Interception", "LocalMock", "create_mock", "intercept"]

HOSTS: Final = ("serverless.roboflow.com",)
"""The hosts of the hosted service."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Desk:
    """A mock that answers for some hosts."""

    def __init__(self, mock: LocalMock, hosts: Collection[str]) -> None:
        self.hosts = hosts
        self._mock = mock

    def answer(self, asked: Asked) -> Answer:
        return self._mock.answer(asked)


class Interception:
    """What :func:`intercept` returns: a context manager, and a decorator of functions and coroutine functions.

    Each use has a mock of its own. ``with`` yields that mock.
    """

    def __init__(
        self, *, hosts: Iterable[str], allow: Iterable[str], loopback: bool, settings: Settings | None
    ) -> None:
        if isinstance(hosts, str):
            raise UsageError(f"hosts is a list of hosts, got the text {hosts!r}; write hosts=[{hosts!r}]")
        self._hosts = frozenset(map(host_name, hosts))
        self._allow = allow if isinstance(allow, str) else tuple(allow)
        self._loopback = loopback
        self._settings = settings
        self._open: tuple[LocalMock, ExitStack] | None = None
        Policy(allow=self._allow)  # says now what is wrong with it

    def __enter__(self) -> LocalMock:
        if self._open is not None:
            raise UsageError("this interception is open already; a second one takes a second call of intercept()")
        mock = LocalMock(self._settings)
        desk = _Desk(mock, self._hosts)
        with ExitStack() as opened:
            own_ports = []
            if can_catch("aiohttp"):
                from sam3_contract.interception import with_aiohttp  # noqa: PLC0415 - may not be installed

                own_ports.append(opened.enter_context(with_aiohttp.catching(self._hosts, desk.answer)))
            ACTIVE.enter(desk)
            opened.callback(ACTIVE.leave, desk)
            policy = Policy(allow=self._allow, loopback=self._loopback, own_ports=own_ports, answered=self._hosts)
            GUARD.open(policy)
            opened.callback(GUARD.close, policy)
            self._open = mock, opened.pop_all()
        return mock

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._open is not None, "left without having been entered"
        (mock, opened), self._open = self._open, None
        with opened:
            try:
                if error is None:  # a test that failed has something better to say
                    mock.verify()
            finally:
                mock.end()

    async def __aenter__(self) -> LocalMock:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """Intercept during each call of a function.

        Raises:
            UsageError: If it is a generator function, whose body runs after the call.
        """
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
        return type(self)(hosts=self._hosts, allow=self._allow, loopback=self._loopback, settings=self._settings)


def intercept(
    *,
    hosts: Iterable[str] = HOSTS,
    allow: Iterable[str] = (),
    loopback: bool = True,
    settings: Settings | None = None,
) -> Interception:
    """Let a mock in this process answer calls to the hosted service; let nothing else out to the network.

    It holds for the whole process: every thread and event loop. Interceptions may be nested; the innermost that has a
    host answers for it, and what one of them allows is allowed.

    Args:
        hosts: Names of the hosts that the mock answers for, without port; their certificates are not asked for.
        allow: Hosts that may be reached: names (``*`` stands for any part), addresses, networks.
        loopback: Whether programs of this machine may be reached.
        settings: How the mock behaves.

    Returns:
        A context manager (also for ``async with``) that yields the mock, and a decorator. It ends with an
        ``AssertionError`` if scenarios were not played as they are written.

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
    return Interception(hosts=hosts, allow=allow, loopback=loopback, settings=settings)
