"""Many clients at once get what one alone would, and nothing that is remembered grows without end."""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from mock_server import Settings, create_app
from mock_server.images import loading
from mock_server.operations import caches
from tests.mock_server.client import Client, Json, click, image
from tests.servers import command_serving

CONNECTIONS = 8
A_TRACE = sys.getsizeof(bytes(32))  # bytes that the least takes by which an image can be remembered, its digest
TEXTS = ("person", "dog", "specimen:hole", "犬")


def asked(number: int) -> tuple[str, bytes]:
    """Make a request like no other: operation and body, some of which is refused."""
    body: Json = {"image": image(300 + number, 200, str(number))}
    if number % 2:
        body |= {"prompts": [{"points": [click(number, 50)]}], "format": ("json", "rle", "binary")[number % 3]}
        return "visual_segment", json.dumps(body).encode()
    body |= {"prompts": [{"text": text} for text in TEXTS[: number % 5]], "output_prob_thresh": number % 10 / 10}
    return "concept_segment", json.dumps(body).encode()


def answers_alone(requests: int) -> list[tuple[int, bytes]]:
    client = create_app(Settings()).test_client()
    answers = [
        client.post(f"/sam3/{operation}?api_key=any", data=body, content_type="application/json")
        for operation, body in map(asked, range(requests))
    ]
    return [(answer.status_code, answer.get_data()) for answer in answers]


@pytest.mark.parametrize("requests", [60, pytest.param(3_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("workers", [1, 2])
def test_clients_at_once_get_the_same_bytes_as_one_alone(workers: int, requests: int) -> None:
    alone = answers_alone(requests)

    with command_serving("--workers", str(workers)) as url:

        def client(first: int) -> dict[int, tuple[int, bytes]]:
            connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
            got = {}
            for number in range(first, requests, CONNECTIONS):
                operation, body = asked(number)
                headers = {"Content-Type": "application/json"}
                connection.request("POST", f"/sam3/{operation}?api_key=any", body, headers)
                answer = connection.getresponse()
                got[number] = (answer.status, answer.read())
            connection.close()
            return got

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            parts = list(pool.map(client, range(CONNECTIONS)))

    together = {number: answer for part in parts for number, answer in part.items()}
    assert {status for status, _ in alone} == {200, 422}
    assert [together[number] for number in range(requests)] == alone


@pytest.mark.parametrize("images", [60, pytest.param(1_000, marks=pytest.mark.soak)])
def test_memory_stays_what_it_is_however_many_images_come(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "LOGITS_KEPT", 30)
    monkeypatch.setattr(caches, "EMBEDDINGS_KEPT", 30)
    monkeypatch.setattr(loading, "MAX_REMEMBERED", 30)
    client = Client(Settings(journal_requests=30))

    def memory_after(first: int, last: int) -> int:
        for number in range(first, last):
            body: Json = {"image": image(60, 40, f"{number:06}"), "image_id": f"{number:06}"}
            client.ask("visual_segment", {**body, "save_logits_to_cache": True})
            client.ask("concept_segment", {**body, "prompts": [{"text": "dog"}]})
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        held = [memory_after(first, first + images) for first in range(0, 5 * images, images)]
    finally:
        tracemalloc.stop()

    # What is made once falls into one stretch; what was made before the tracing is replaced little by little by what is
    # traced, some 40 bytes an image with Python 3.12.
    assert min(after - before for before, after in pairwise(held)) < images * A_TRACE


def test_what_is_kept_of_each_image_would_be_seen() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [caches.short(f"{number:06}") for number in range(300)]
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert len(kept) * 32 < after - before
