"""One server for the tests of a process; each test finds it empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.redis_server import COMMAND, MISSING, RedisServer, redis_server


@pytest.fixture(scope="session")
def started_redis() -> Iterator[RedisServer]:
    if COMMAND is None:
        pytest.skip(MISSING)
    with redis_server() as server:
        yield server


@pytest.fixture
def redis_url(started_redis: RedisServer) -> str:
    redis = pytest.importorskip("redis", reason="the extra `redis` is not installed")
    with redis.Redis.from_url(started_redis.url) as client:
        client.flushall()
    return started_redis.url
