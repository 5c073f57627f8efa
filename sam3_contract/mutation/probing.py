"""A function tried under faults without any test of it: what it returns is held to what it returns without one."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pickle
import sys
import time
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sam3_contract.errors import ProbeError, UsageError
from sam3_contract.interception import HOSTS, intercept
from sam3_contract.interception.trial import Trial, on_trial
from sam3_contract.mutation.limits import Hang, let_pass, time_limit
from sam3_contract.mutation.trials import Client
from sam3_contract.mutation.verdict import End, end_of

__all__ = ["client_of", "function_named"]

_ENDED_WELL: Final = "exit status 0"
"""What comes of a program that ends by ``sys.exit(0)``: nothing that says of any trouble."""


def function_named(text: str) -> Callable[[], Any]:
    """Import what ``package.module:function`` or ``package.module:Class.method`` names, from the current folder too.

    A method is one of the class itself, static or of the class: no object is made.

    Raises:
        UsageError: If there is no such module or function; its own errors on import pass.
    """
    module_name, _, name = text.partition(":")
    if not name:
        raise UsageError(f"{text!r} names no function; write it as package.module:function")
    with _current_folder():
        try:
            found: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
                raise
            raise UsageError(f"there is no module {error.name!r}, neither installed nor in this folder") from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UsageError(f"module {module_name!r} has no function {name!r}")
    function: Callable[[], Any] = found
    return function


def client_of(function: Callable[[], Any], *, name: str, seconds: float, hosts: Iterable[str] = HOSTS) -> Client:
    """Make a client of a function: its calls to the service go to a mock in this process.

    Args:
        function: Called without arguments, again and again; it may be ``async``, or a generator.
        name: What reports call it.
        seconds: After which a call counts as hung.
        hosts: Where it thinks the service is.

    Raises:
        ProbeError: If it does not pass without a fault, comes to something else each time, or asks for nothing.
    """
    first: list[Any] = []
    took = 0.0  # seconds, without a fault

    def call(trial: Trial) -> End:
        trial.passes = let_pass
        try:
            with on_trial(trial), intercept(hosts=hosts), time_limit(seconds, besides=took, release=trial.end):
                result = _awaited(function())
        except Hang as error:
            return End("hung", str(error))
        except KeyboardInterrupt:  # of whoever waits for the command
            raise
        except BaseException as error:
            if not isinstance(error, SystemExit) or error.code not in {None, 0}:
                return end_of(error)
            result = _ENDED_WELL
        if not first:
            first.append(result)
        return End("same") if _same(first[0], result) else End("changed")

    clean, again = Trial(), Trial()
    for trial in (clean, again):
        began = time.monotonic()
        end = call(trial)
        took = time.monotonic() - began
        if end.kind == "changed":
            raise ProbeError(f"{name} returns something else each time, so that a fault could not be told by it")
        if end.kind != "same":
            raise ProbeError(f"{name} does not even pass without a fault: {trial.without_keys(end.says)}")
    if not clean.answers:
        raise ProbeError(f"{name} asked {', '.join(hosts)} for nothing")
    return Client(name, call, clean.answers, clean.may_be_felt)


def _awaited(result: Any) -> Any:
    """Run what an ``async`` function or a generator gives, which until then has asked for nothing."""
    if inspect.isasyncgen(result):
        return asyncio.run(_listed(result))
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    return list(result) if inspect.isgenerator(result) else result


async def _listed(items: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in items]


def _same(one: Any, other: Any) -> bool:
    """Compare results of any kind; arrays, and objects that are equal only to themselves, by what they are made of."""
    try:
        if one == other:
            return True
    except (TypeError, ValueError):  # an array does not say whether it is equal
        pass
    try:
        return pickle.dumps(one) == pickle.dumps(other)
    except (pickle.PicklingError, TypeError, AttributeError):
        return repr(one) == repr(other)


@contextmanager
def _current_folder() -> Iterator[None]:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
