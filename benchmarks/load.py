"""Many clients at once, and very many requests: answers stay the same, memory stays flat.

    python -m benchmarks.load [--requests N] [--connections N] [--images N] [--workers N]

First every request is answered over one connection, then all of them over many connections at once, in another order:
each answer has to be the same to the byte. Then ever new images are sent, each with an ``image_id`` of its own, and the
memory of the server's processes is read on the way. Exit status 1 if an answer differs or is no success, or if memory
grows by more than a tenth of what it was after the first hundred images. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from benchmarks.apparatus.photographs import HEADERS, PATH, bodies, photograph
from benchmarks.apparatus.servers import Server, mock

TEXTS: Final = ("person", "dog", "specimen:hole", "yellow school bus", "犬")
GROWTH: Final = 1.1  # of memory, at most
SETTLED: Final = 100  # images, after which memory is what it should stay


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes:
        path: With its query.
        body: JSON.
    """

    path: str
    body: bytes


def concept_requests(content: bytes, number: int) -> Iterator[Ask]:
    """Make requests to ``concept_segment`` that all differ: in image, texts, format and thresholds."""
    for index, body in enumerate(islice(bodies(content), number)):
        asked = json.loads(body)
        asked["prompts"] = [{"text": TEXTS[(index + step) % len(TEXTS)]} for step in range(1 + index % 3)]
        asked["format"] = ("polygon", "rle")[index % 2]
        asked["output_prob_thresh"] = index % 10 / 10
        yield Ask(PATH, json.dumps(asked).encode())


def visual_requests(content: bytes, number: int) -> Iterator[Ask]:
    """Make requests to ``visual_segment``, some of which refuse to be understood, each with clicks of its own."""
    for index, body in enumerate(islice(bodies(content), number)):
        click = {"x": index % 397, "y": index % 293, "positive": True}
        asked: dict[str, Any] = {"image": json.loads(body)["image"], "prompts": [{"points": [click]}]}
        asked["format"] = ("json", "rle")[index % 2]
        if index % 20 == 0:
            asked["prompts"] = "none"
        yield Ask("/sam3/visual_segment?api_key=any", json.dumps(asked).encode())


async def answers(port: int, asked: Sequence[Ask], *, connections: int) -> list[bytes]:
    """Send requests over several connections at once; return a digest of each answer's status and body."""
    found: list[bytes] = [b""] * len(asked)
    queue = iter(enumerate(asked))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for index, ask in queue:
            found[index] = hashlib.sha256(await _answer(reader, writer, ask)).digest()
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client() for _ in range(connections)))
    return found


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ask: Ask) -> bytes:
    head = f"POST {ask.path} HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(ask.body)}\r\n\r\n".encode() + ask.body)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = lines[0].split()[1]
    if status not in {"200", "422"}:
        raise SystemExit(f"status {status}")
    length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
    return status.encode() + await reader.readexactly(length)


def same_under_load(server: Server, *, requests: int, connections: int) -> bool:
    """Compare the answers of one connection with those of many; print how many differ."""
    content = photograph(20)
    asked = [*concept_requests(content, requests // 2), *visual_requests(content, requests - requests // 2)]
    alone = asyncio.run(answers(server.port, asked, connections=1))
    order = list(range(len(asked)))
    random.Random(1).shuffle(order)  # noqa: S311 - an order, no secret
    started = time.perf_counter()
    together = asyncio.run(answers(server.port, [asked[index] for index in order], connections=connections))
    seconds = time.perf_counter() - started
    differ = sum(alone[index] != answer for index, answer in zip(order, together, strict=True))
    rate = len(asked) / seconds
    print(f"{len(asked)} requests over {connections} connections: {differ} answers differ, {rate:.0f} a second")
    return differ == 0


def flat_memory(server: Server, *, images: int) -> bool:
    """Send ever new images under ever new names, and print how memory grows."""
    source = bodies(photograph(20))
    connection = server.connection()
    settled = [0.0]
    for number in range(images):
        body = json.loads(next(source))
        name = f"image {number}"
        path = PATH
        if number % 2:
            path = "/sam3/visual_segment?api_key=any"
            del body["prompts"]
        connection.request("POST", path, json.dumps({**body, "image_id": name}), HEADERS)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}")
        if number + 1 == SETTLED:
            settled = server.resident()
        if number + 1 == SETTLED or (number + 1) % max(images // 10, 1) == 0:
            shown = ", ".join(f"{size:.1f}" for size in server.resident())
            print(f"{number + 1:>8} images: {shown} MB, shared once {server.proportional():.1f} MB")
    return all(now <= before * GROWTH for before, now in zip(settled, server.resident(), strict=True))


def main() -> int:
    """Print what happened; exit status 1 if it should not have."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000, help="to be answered alike alone and together")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--images", type=int, default=100_000, help="of the memory test; 0 leaves it out")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    good = True
    with mock("--workers", str(arguments.workers)) as server:
        if arguments.requests:
            good &= same_under_load(server, requests=arguments.requests, connections=arguments.connections)
    with mock("--workers", str(arguments.workers)) as server:
        if arguments.images:
            print(f"at the start: {', '.join(f'{size:.1f}' for size in server.resident())} MB")
            good &= flat_memory(server, images=arguments.images)
    print("held" if good else "MISSED")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
