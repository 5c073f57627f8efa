"""What several workers of one server share without a store of anybody's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.mock_server.client import IMAGE
from tests.mock_server.test_metrics import samples_of
from tests.servers import command_serving

ANSWERS = [{"status": 500 + number} for number in range(20)]
AskAtOnce = Callable[[str, int], list[int]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("workers") / "a.json"
    file.write_text(json.dumps({"scenarios": [{"answers": ANSWERS, "then": "refuse"}]}), encoding="utf-8")
    with command_serving("--workers", "2", "--metrics", "--scenario", str(file)) as url:
        yield url


@pytest.fixture(scope="module")
def ask() -> Iterator[AskAtOnce]:
    """Ask so many times at once, each over a connection, and so of a worker, of its own; tell the statuses."""
    with ThreadPoolExecutor(8) as pool:

        def status_of(base: str) -> int:
            return requests.post(f"{base}/sam3/embed_image?api_key=any", json={"image": IMAGE}, timeout=30).status_code

        yield lambda base, times: list(pool.map(status_of, [base] * times))


def test_scenarios_are_played_together(url: str, ask: AskAtOnce) -> None:
    assert sorted(ask(f"{url}/s/played", 21)) == [*range(500, 520), 599]


def test_journal_is_kept_together(url: str, ask: AskAtOnce) -> None:
    statuses = ask(f"{url}/s/kept", 10)

    seen = requests.get(f"{url}/s/kept/_mock/requests", timeout=30).json()["requests"]
    assert [one["number"] for one in seen] == list(range(1, 11))
    assert sorted(one["status"] for one in seen) == sorted(statuses)


def test_limits_are_counted_together(url: str, ask: AskAtOnce) -> None:
    limit = {"scenarios": [{"rate_limit": {"requests": 2, "seconds": 60}}]}
    assert requests.put(f"{url}/s/limited/_mock/scenarios", json=limit, timeout=30).status_code == 200

    assert sorted(ask(f"{url}/s/limited", 6)) == [200] * 2 + [429] * 4


def test_what_they_measure_is_added_up(url: str, ask: AskAtOnce) -> None:
    def counted() -> float:
        found = samples_of(requests.get(f"{url}/metrics", timeout=30).text)
        return found["sam3_mock_request_seconds_count", ("embed_image",)]

    ask(f"{url}/s/measured", 1)
    before = counted()
    ask(f"{url}/s/measured", 24)

    assert {counted() - before for _ in range(4)} == {24}
