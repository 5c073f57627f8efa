"""A long run of mixed requests: no accident, and neither memory nor descriptors that grow without end."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from itertools import count, islice
from pathlib import Path

import pytest

from mock_server import Settings
from mock_server.http.protocol import Profile
from tests.contract.test_one_service import ODD, Sent, in_process, recorded
from tests.mock_server.client import Json, click, image
from tests.mock_server.serving.test_serving import children_of, command
from tests.mock_server.test_conformance import EXCHANGES

REQUESTS = int(os.environ.get("SAM3_SOAK_REQUESTS", "1000000"))  # of both profiles together
STRETCHES = 10
CLIENTS = 4
KEY = "good-key"
TEXTS = ("person", "dog", "specimen:hole", "specimen:many", "犬", "x" * 5000)
REPEATED = [
    sent
    for sent in (*map(recorded, EXCHANGES), *ODD)
    if not sent.is_chunked and "X-Mock-Fault" not in dict(sent.headers)
]
Accidents = Counter[tuple[str, str, int | str]]


def new(number: int) -> Sent:
    """Make a request like no other, of an image that nobody saw before."""
    operation = ("concept_segment", "visual_segment", "embed_image")[number % 3]
    body: Json = {"image": image(200 + number % 900, 150 + number % 700, str(number))}
    if operation == "concept_segment":
        body |= {"prompts": [{"text": text} for text in TEXTS[: 1 + number % 6]], "nms_iou_threshold": 0.5}
    else:
        body |= {"image_id": str(number)}
    if operation == "visual_segment":
        body |= {"prompts": [{"points": [click(number % 150, 50)]}], "save_logits_to_cache": True}
    return Sent("POST", f"/sam3/{operation}?api_key={KEY}", body=json.dumps(body).encode())


class Client:
    """Sends every fourth request, half of them new ones, over one connection, or another where a server ends it.

    Args:
        place: Host and port.
        first: The number of its first request.
        expected: The statuses of what is sent again and again.
    """

    def __init__(self, place: tuple[str, int], first: int, expected: Sequence[int | str]) -> None:
        self._connection = HTTPConnection(*place, timeout=60)
        self._numbers = count(first, CLIENTS)
        self._expected = expected

    def ask_many(self) -> Accidents:
        """Ask for one stretch, and count what was answered by accident."""
        accidents: Accidents = Counter()
        for number in islice(self._numbers, REQUESTS // 2 // STRETCHES // CLIENTS):
            place = number // CLIENTS % (2 * len(REPEATED))
            again = place < len(REPEATED)
            sent, expected = (REPEATED[place], self._expected[place]) if again else (new(number), 200)
            status = self._ask_twice(sent)
            if status != expected and (isinstance(status, str) or status >= 500):
                accidents[sent.method, sent.target[:80], status] += 1
        return accidents

    def close(self) -> None:
        self._connection.close()

    def _ask_twice(self, sent: Sent) -> int | str:
        for _ in range(2):  # the server may have closed a connection that was idle
            try:
                return self._ask(sent)
            except (HTTPException, ConnectionError):
                self._connection.close()
        return "no whole answer"

    def _ask(self, sent: Sent) -> int:
        named = any(name.lower() == "host" for name, _ in sent.headers)
        self._connection.putrequest(sent.method, sent.target, skip_host=named, skip_accept_encoding=True)
        for name, value in sent.headers:
            self._connection.putheader(name, value)
        if sent.body:
            self._connection.putheader("Content-Length", str(len(sent.body)))
        self._connection.endheaders(sent.body)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


def load_of(worker: int) -> tuple[float, int]:
    """Read the resident memory of a process, in MB, and how many files and connections it has open."""
    status = Path(f"/proc/{worker}/status").read_text(encoding="ascii")
    resident = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    return resident, len(list(Path(f"/proc/{worker}/fd").iterdir()))


@pytest.mark.soak
@pytest.mark.parametrize("profile", ["documented", "observed"])
def test_no_accident_and_nothing_grows_over_many_requests(profile: Profile) -> None:
    reference = in_process(Settings(api_keys=frozenset({KEY}), profile=profile))
    expected = [reference(sent).status for sent in REPEATED]
    loads: list[tuple[float, int]] = []
    accidents: Accidents = Counter()

    with ExitStack() as stack:
        process, place = stack.enter_context(command("--profile", profile, "--api-key", KEY))
        worker = max(children_of(process.pid))
        clients = [Client(place, first, expected) for first in range(CLIENTS)]
        for client in clients:
            stack.callback(client.close)
        pool = stack.enter_context(ThreadPoolExecutor(CLIENTS))
        for _ in range(STRETCHES):
            for found in pool.map(Client.ask_many, clients):
                accidents += found
            loads.append(load_of(worker))
            logging.getLogger(__name__).info("%s: %.0f MB, %d descriptors", profile, *loads[-1])

    assert accidents == Counter()
    # By the second stretch, the journal and what is remembered of images are full.
    assert loads[-1][0] < loads[1][0] * 1.1, loads
    assert loads[-1][1] <= loads[1][1] + CLIENTS, loads
