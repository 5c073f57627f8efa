"""An audit on a cluster of Dask: a real scheduler, two processes of workers, one of which is killed."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sam3_contract.auditing import Summary, running
from sam3_contract.auditing.cluster import outcomes_on_cluster
from sam3_contract.auditing.outcome import Outcome
from sam3_contract.auditing.running import outcomes_here
from sam3_contract.auditing.units import Terms, Unit, units_of
from sam3_contract.cli import main
from sam3_contract.mask_files.opening import Unreadable

SOUND = {"masks": {"size": [4, 6], "counts": "5220;"}}
TERMS = Terms()
CUT = {"masks": {"size": [4, 6], "counts": "5220k"}}


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of 4,000 masks, in units of 10,000 bytes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "UNIT_BYTES", 10_000)
    text = "".join(json.dumps(CUT if number % 97 == 0 else SOUND) + "\n" for number in range(4000))
    Path("lines.jsonl").write_text(text, encoding="utf-8")
    return "lines.jsonl"


def local_cluster(**options: Any) -> Any:
    """Start a scheduler and its workers on this machine."""
    from distributed import LocalCluster  # noqa: PLC0415 - each worker collects this file; it takes a second and 15 MB

    return LocalCluster(dashboard_address="127.0.0.1:0", host="127.0.0.1", silence_logs=logging.CRITICAL, **options)


def added_up(name: str, outcomes: Iterator[Outcome]) -> Any:
    summary = Summary([name, "missing.json"])
    found = [located for outcome in outcomes for located in summary.add(outcome)]
    return found, summary.close(), summary.as_json()


def units_of_file(name: str) -> Iterator[Unit]:
    return units_of([name, "missing.json"], TERMS, unit_bytes=10_000)


def test_a_worker_that_is_killed_changes_no_total(lines: str) -> None:
    def with_one_killed(cluster: Any) -> Iterator[Outcome]:
        outcomes = outcomes_on_cluster(cluster.scheduler_address, units_of_file(lines), TERMS)
        yield next(outcomes)
        worker = next(iter(cluster.workers.values()))
        worker.auto_restart = False
        os.kill(worker.pid, signal.SIGKILL)
        yield from outcomes

    with local_cluster(n_workers=2, threads_per_worker=1) as cluster:
        found, late, totals = added_up(lines, with_one_killed(cluster))

    here = added_up(lines, outcomes_here(units_of_file(lines), TERMS))
    assert (found, late) == here[:2]
    # Workers may have another folder, so that they are given, and name, whole paths.
    [reason] = totals.pop("unread")
    assert reason == f"{Path.cwd() / 'missing.json'} cannot be read: No such file or directory"
    assert totals == {key: value for key, value in here[2].items() if key != "unread"}


def test_an_answer_whose_worker_dies_while_it_is_on_its_way_is_no_error(
    lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client  # noqa: PLC0415 - see above

    gather = Client._gather

    async def gather_and_lose(client: Client, futures: Any, **options: Any) -> Any:
        answer = await gather(client, futures, **options)
        for future in futures:
            client._handle_lost_data(key=future.key)  # what the scheduler says of a worker that died
        return answer

    monkeypatch.setattr(Client, "_gather", gather_and_lose)
    with local_cluster(n_workers=1, processes=False, protocol="tcp://") as cluster:
        outcomes = outcomes_on_cluster(cluster.scheduler_address, units_of_file(lines), TERMS)
        found, late, _ = added_up(lines, outcomes)

    assert (found, late) == added_up(lines, outcomes_here(units_of_file(lines), TERMS))[:2]


def test_a_scheduler_that_goes_away_is_named(lines: str) -> None:
    with local_cluster(n_workers=1, processes=False, protocol="tcp://") as cluster:
        outcomes = outcomes_on_cluster(cluster.scheduler_address, units_of_file(lines), TERMS, seconds=0.5)
        first = next(outcomes)
        cluster.close()
        with pytest.raises(Unreadable) as gone:
            list(outcomes)

    assert first.n_masks > 0
    assert str(gone.value) == f"the scheduler at {cluster.scheduler_address} is gone: what follows was not judged"


def test_a_scheduler_without_workers_is_named(lines: str) -> None:
    with (
        local_cluster(n_workers=0, processes=False, protocol="tcp://") as cluster,
        pytest.raises(Unreadable) as none,
    ):
        next(outcomes_on_cluster(cluster.scheduler_address, units_of_file(lines), TERMS, seconds=0.3))

    assert str(none.value) == f"the scheduler at {cluster.scheduler_address} has no worker"


def test_a_scheduler_that_is_not_there_is_one_line(
    lines: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(outcomes_on_cluster, "__kwdefaults__", {"seconds": 0.2})

    with pytest.raises(SystemExit) as exit_:
        main(["masks", "check", lines, "--cluster", "tcp://127.0.0.1:9"])

    output = capsys.readouterr()
    assert output.err == (
        "sam3-contract: no scheduler answers at tcp://127.0.0.1:9 within 0.2 s; `dask scheduler` starts one\n"
    )
    assert exit_.value.code == 3


def test_without_dask_the_extra_is_named(lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(SystemExit) as exit_:
        main(["masks", "check", lines, "--cluster", "tcp://127.0.0.1:9"])

    assert exit_.value.code == 2
