"""Units of work judged by a cluster of Dask, whose scheduler gives those of a machine that dies to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from sam3_contract.auditing.outcome import Outcome
from sam3_contract.auditing.running import outcomes_by
from sam3_contract.auditing.units import Terms, Unit
from sam3_contract.extras import extra
from sam3_contract.mask_files.opening import STANDARD_STREAM, Unreadable
from sam3_contract.mask_files.urls import is_url

__all__ = ["outcomes_on_cluster"]

_SECONDS: Final = 10
"""How long a scheduler has to answer, and to name a worker."""
_AHEAD: Final = 4
"""Tasks per thread of the cluster that are sent ahead of the one waited for."""


def outcomes_on_cluster(
    address: str, units: Iterable[Unit], terms: Terms, *, seconds: float = _SECONDS
) -> Iterator[Outcome]:
    """Judge on a cluster, whose workers open the files themselves: at the same paths, or by URL.

    Args:
        address: Of the scheduler, such as ``tcp://scheduler:8786``.
        units: What to judge.
        terms: How they are read, and what is looked for.
        seconds: How long the scheduler has to answer, and to name a worker.

    Yields:
        Outcomes in the order of the units.

    Raises:
        Unreadable: If no scheduler answers, it has no worker, or it goes away.
        UsageError: If the library is missing, or the address is none.
    """
    distributed = extra("distributed", name="dask", need="--cluster sends work through it")
    with _connected(distributed, address, seconds) as client:
        try:
            client.wait_for_workers(1, timeout=seconds)
        except TimeoutError as error:
            raise Unreadable(f"the scheduler at {address} has no worker") from error
        n_threads = sum(client.nthreads().values())
        executor = _ClusterExecutor(client)
        here = (_with_whole_path(unit) for unit in units)
        try:
            yield from outcomes_by(
                executor,
                here,
                terms,
                ahead=_AHEAD * n_threads,
                killed=(distributed.scheduler.KilledWorker,),
                is_lost=lambda: client.status != "running",
            )
        except Exception as error:
            # A client that loses its scheduler cancels what it waits for, or a call to it ends in an error of the line.
            if client.status == "running" and not isinstance(error, CancelledError):
                raise
            raise Unreadable(f"the scheduler at {address} is gone: what follows was not judged") from error


class _ClusterExecutor(Executor):
    """A client as an executor of PEP 3148.

    `Client.get_executor` is another, which takes an answer for an error if the worker that gave it dies while the
    answer is on its way.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, judge: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        sent = self._client.submit(judge, *arguments, **options)
        answer: Future[Any] = Future()
        answer.add_done_callback(lambda answer: sent.cancel() if answer.cancelled() else None)
        self._client.loop.add_callback(self._fetch, sent, answer)
        return answer

    async def _fetch(self, sent: Any, answer: Future[Any]) -> None:
        try:
            [outcomes] = await self._client.gather([sent], asynchronous=True)
        except Exception as error:  # what was raised elsewhere is raised where it is waited for
            end = partial(answer.set_exception, error)
        else:
            end = partial(answer.set_result, outcomes)
        if answer.set_running_or_notify_cancel():
            end()


def _connected(distributed: Any, address: str, seconds: float) -> Any:
    # One that never connected would try to close for seconds, and complain, when it is collected.
    client = type("Client", (distributed.Client,), {"__del__": lambda _: None})
    try:
        return client(address, timeout=seconds, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Unreadable(
            f"no scheduler answers at {address} within {seconds:g} s; `dask scheduler` starts one"
        ) from error


def _with_whole_path(unit: Unit) -> Unit:
    """Name a file so that a worker in another folder finds it."""
    return (
        unit
        if unit.name == STANDARD_STREAM or is_url(unit.name)
        else replace(unit, name=str(Path(unit.name).absolute()))
    )
