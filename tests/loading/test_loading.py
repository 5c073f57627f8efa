"""Load by Locust: what is asked, how answers are judged, the budget, and a master with two workers."""

from __future__ import annotations

import csv
import os
import select
import socket
import socketserver
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from mock_server import Settings, create_app
from mock_server.store.memory import MemoryStore
from sam3_contract.errors import UsageError
from sam3_contract.loading.budget import Budget, is_live, refuse_without_budget
from sam3_contract.loading.judging import failures_of
from sam3_contract.loading.mix import cases
from sam3_contract.spec import load
from tests.servers import ROOT, serving

LOCUSTFILE = ROOT / "examples" / "locustfile.py"
WsgiApp = Callable[..., Iterable[bytes]]


def judged(app: Any, *, seed: int, number: int) -> Counter[tuple[str, str]]:
    """How often a law was broken, by operation; the empty word for answers that break none."""
    contract, client = load(), app.test_client()
    found: Counter[tuple[str, str]] = Counter()
    for case in islice(cases(seed), number):
        headers = {"Content-Type": "application/json", "Authorization": "Bearer any"}
        answer = client.post(contract.operation(case.operation).path, data=case.content, headers=headers)
        status, body = answer.status_code, answer.get_data()
        broken = failures_of(case, contract, status=status, headers=dict(answer.headers), body=body)
        found.update((case.operation, law) for law in broken or [""])
    return found


def test_a_sound_mock_breaks_no_law_whatever_is_asked() -> None:
    found = judged(create_app(), seed=3, number=60)

    assert {law for _, law in found} == {""}
    assert {operation for operation, _ in found} == {"concept_segment", "visual_segment", "embed_image"}
    assert found["concept_segment", ""] > 10


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("size_swapped", "M03 rle_size_is_the_images"),
        ("counts_truncated", "M02 rle_is_sound"),
        ("success_status_wrong", "status 201, expected 200"),
    ],
)
def test_faults_are_named_by_the_law_that_they_break(fault: str, law: str) -> None:
    found = judged(create_app(Settings(faults=(fault,))), seed=3, number=12)

    assert law in {law for _, law in found}


def test_each_user_asks_its_own_and_the_same_each_time() -> None:
    first, again, other = ([case.content for case in islice(cases(seed), 12)] for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_shares_of_a_budget_add_up_to_it() -> None:
    for calls, n_processes in ((10, 3), (2, 4), (7, 1)):
        budgets = [Budget(calls, n_processes=n_processes, place=place) for place in range(n_processes)]
        assert sum(budget.take() for budget in budgets for _ in range(calls + 5)) == calls
    assert all(Budget(0).take() for _ in range(100))


@pytest.mark.parametrize(
    ("host", "live"),
    [
        ("https://serverless.roboflow.com", True),
        ("https://SERVERLESS.roboflow.com.:443/x", True),
        ("https://roboflow.com", True),
        ("http://127.0.0.1:9001", False),
        ("https://roboflow.com.example.org", False),
        ("", False),
    ],
)
def test_a_live_host_is_known_and_takes_a_budget(host: str, live: bool) -> None:
    assert is_live(host) == live
    refuse_without_budget(host, 5)
    if live:
        with pytest.raises(
            UsageError, match=r"is the live service, whose calls cost credits: --budget N allows N of them"
        ):
            refuse_without_budget(host, 0)


def locust(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Start a process of Locust's own: importing it patches the standard library."""
    return subprocess.Popen(
        [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@contextmanager
def balanced(*addresses: str) -> Iterator[str]:
    """Pass connections on to servers in turns, as the balancer of the compose file does: as they are."""
    turns = cycle(int(address.rpartition(":")[2]) for address in addresses)

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", next(turns))) as server:
                pairs = {self.request: server, server: self.request}
                while True:
                    for ready in select.select(list(pairs), (), ())[0]:
                        piece = ready.recv(2**16)
                        if not piece:
                            return
                        pairs[ready].sendall(piece)

    class Balancer(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False  # clients keep connections open

        def handle_error(self, *_: Any) -> None:
            """Say nothing of clients that went away."""

    with Balancer(("127.0.0.1", 0), Connection) as balancer:
        thread = threading.Thread(target=balancer.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{balancer.server_address[1]}"
        balancer.shutdown()
        thread.join()


def test_a_master_and_two_workers_find_the_fault_of_two_mocks_and_nothing_else(tmp_path: Path) -> None:
    store = MemoryStore()
    mocks = [create_app(store=store) for _ in range(2)]
    faulty = create_app(Settings(faults=("size_swapped",)))
    n_answered = Counter[int]()

    def app(number: int) -> WsgiApp:
        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            n_answered[number] += 1
            is_visual = environ["PATH_INFO"] == "/sam3/visual_segment"
            return (faulty if is_visual else mocks[number])(environ, start_response)

        return answer

    port = str(free_port())
    with serving(app(0)) as first, serving(app(1)) as second, balanced(first, second) as address:
        workers = [
            locust("--worker", "--master-host", "127.0.0.1", "--master-port", port, folder=tmp_path) for _ in range(2)
        ]
        master = locust(
            *("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2"),
            *("--host", address, "--users", "10", "--spawn-rate", "10", "--run-time", "50"),
            *("--sample", "1", "--budget", "31", "--csv", "load"),
            folder=tmp_path,
        )
        said, _ = master.communicate(timeout=100)
        told = [worker.communicate(timeout=50)[0] for worker in workers]

    rows = list(csv.DictReader((tmp_path / "load_stats.csv").read_text(encoding="utf-8").splitlines()))
    counts = {row["Name"]: (int(row["Request Count"]), int(row["Failure Count"])) for row in rows}
    assert min(n_answered[0], n_answered[1]) > 0
    assert n_answered.total() == 31
    n_requests, n_failures = counts.pop("Aggregated")
    failures = list(csv.DictReader((tmp_path / "load_failures.csv").read_text(encoding="utf-8").splitlines()))
    assert n_requests == 31, (said, told)
    assert {row["Error"] for row in failures} == {"CatchResponseError('M03 rle_size_is_the_images')"}
    assert all(row["Name"].startswith("visual_segment") for row in failures)
    assert n_failures == sum(failed for name, (_, failed) in counts.items() if name.startswith("visual_segment")) > 0
    assert any(name.startswith("concept_segment") for name in counts)
    assert master.returncode == 1


def test_the_live_host_is_refused_without_a_budget(tmp_path: Path) -> None:
    process = locust("--host", "https://serverless.roboflow.com", "--run-time", "1", folder=tmp_path)

    said, _ = process.communicate(timeout=100)

    assert "sam3-contract: https://serverless.roboflow.com is the live service, whose calls cost credits" in said
    assert process.returncode == 2
