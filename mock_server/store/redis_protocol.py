"""The store of mocks on several machines: a server that speaks Redis's protocol, such as redis or valkey."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mock_server.store import redis_scripts as scripts
from mock_server.store.protocol import Bounds, Codec, Log, Shelf, Tally, Value
from sam3_contract.errors import StoreError, UsageError

T = TypeVar("T")

PATIENCE: Final = 2.0  # seconds to wait for a connection, and for an answer
CONNECTIONS: Final = 64  # of each process
_DATABASE: Final = re.compile("/?[0-9]{0,9}/?")  # the path of an address
_PREFIX: Final = "sam3-mock:1:"  # the number is that of how things are written
_SESSIONS: Final = "sam3-mock:sessions"
_KEYS: Final = ":keys"
_DEFAULT_LIVES: Final = 86_400.0  # seconds that the default session of mocks is kept that nobody uses


class RedisStore:
    """A store in a server that speaks Redis's protocol. It is connected to when something is first asked of it.

    Args:
        address: ``redis://``, ``rediss://`` or ``unix://``, as redis-py takes it.
        sessions: How many sessions there may be besides the default one.
        idle: Seconds after which one is forgotten that is not used.

    Raises:
        UsageError: If this is no address of such a server.
    """

    shared = True

    def __init__(self, address: str, *, sessions: int, idle: float) -> None:
        try:
            _refuse_odd(address)
            pool = redis.BlockingConnectionPool.from_url(
                address,
                max_connections=CONNECTIONS,
                timeout=PATIENCE,
                socket_timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                retry=Retry(NoBackoff(), 0),  # what counts must not be done twice
            )
            pool.connection_kwargs["decode_responses"] = False  # what is kept is bytes
            pool.connection_class(**pool.connection_kwargs)  # refuses options that it does not take; connects nowhere
        except (TypeError, ValueError, redis.RedisError) as error:  # the last of options of TLS
            # The address is not repeated: it may hold a password.
            raise UsageError(
                "the address of the store is none that redis-py takes, such as redis://HOST:6379"
            ) from error
        self._client = redis.Redis(connection_pool=pool)
        self._sessions = sessions
        self._idle = idle

    def shelf(self, session: str, name: str, codec: Codec[T], bounds: Bounds[T]) -> Shelf[T]:
        """Take the shelf of that name."""
        return _RedisShelf(self._place(session, name), codec, bounds)

    def log(
        self, session: str, name: str, codec: Codec[T], bounds: Bounds[T], *, numbered: Callable[[T, int], T]
    ) -> Log[T]:
        """Take the log of that name."""
        return _RedisLog(self._place(session, name), codec, bounds, numbered)

    def tally(self, session: str, name: str, *, most: int) -> Tally:
        """Take the tally of that name."""
        return _RedisTally(self._place(session, name), most)

    def value(self, session: str, name: str, codec: Codec[T], initial: T) -> Value[T]:
        """Take the value of that name."""
        return _RedisValue(self._place(session, name), codec, initial)

    def touch(self, session: str) -> None:
        """Say that a session is in use; forget those that are not, and those that are too many."""
        limits = (self._sessions, self._idle, _PREFIX, _KEYS)
        self._place(session, "").run(scripts.TOUCH, _SESSIONS, arguments=(session, *limits))

    def end(self, session: str) -> None:
        """Forget a session and all that is its."""
        self._place(session, "").ask(scripts.END, (f"{_PREFIX}{session}{_KEYS}", _SESSIONS), (session,))

    def close(self) -> None:
        """Let go of all connections."""
        self._client.close()

    def _place(self, session: str, name: str) -> _Place:
        return _Place(self._client, session, name, self._idle if session else _DEFAULT_LIVES)


def _refuse_odd(address: str) -> None:
    """Refuse what redis-py takes for something else: a database that is no number for 0, no socket for a host."""
    parts = urlsplit(address)
    if parts.scheme == "unix" and not parts.path:
        raise ValueError("no path of a socket")
    if parts.scheme != "unix" and not _DATABASE.fullmatch(parts.path):
        raise ValueError("a database that is no number")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a piece of a session is.

    Attributes:
        client: Asks the server.
        session: The id of the session.
        name: The piece's.
        lives: Seconds that it is kept when nobody uses it.
    """

    client: Any  # redis-py's own types are of its asynchronous clients, too
    session: str
    name: str
    lives: float

    def key(self, part: str) -> str:
        """Name a part of the piece."""
        return f"{_PREFIX}{self.session}:{self.name}:{part}"

    @property
    def all_keys(self) -> str:
        """Name the set of all keys of the session."""
        return f"{_PREFIX}{self.session}{_KEYS}"

    def run(self, script: str, *keys: str, arguments: Sequence[Any] = ()) -> Any:
        """Run a script that changes something."""
        life = max(int(self.lives * 1000), 1)
        return self.ask(script, (self.all_keys, *keys), (life, *arguments))

    def ask(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a script; the server is sent its text when it does not know it by its digest."""
        with _named():
            return self.client.register_script(script)(keys=list(keys), args=list(arguments))

    def delete(self, *parts: str) -> None:
        """Delete parts of the piece."""
        with _named():
            self.client.delete(*map(self.key, parts))


@contextmanager
def _named() -> Iterator[None]:
    """Say that it is the store that failed."""
    try:
        yield
    except redis.RedisError as error:
        raise StoreError(f"the store of this mock, a Redis server, cannot be used: {error}") from error


class _RedisShelf(Generic[T]):
    memory = 0  # nothing of it is in this process

    def __init__(self, place: _Place, codec: Codec[T], bounds: Bounds[T]) -> None:
        self._place = place
        self._codec = codec
        self._bounds = bounds

    def find(self, name: bytes) -> T | None:
        with _named():
            content = self._place.client.hget(self._place.key("values"), name)
        return None if content is None else self._codec.decode(content)

    def group(self, group: bytes) -> Sequence[T]:
        keys = [self._place.key(part) for part in ("values", "groups")]
        return [self._codec.decode(content) for content in self._place.ask(scripts.GROUP, keys, (group,))]

    def keep(self, name: bytes, value: T, *, group: bytes = b"") -> T:
        bounds = self._bounds
        kept = self._place.run(
            scripts.KEEP,
            *(self._place.key(part) for part in ("values", "order", "weights", "groups", "state")),
            arguments=(name, self._codec.encode(value), group, bounds.weigh(value), bounds.most, bounds.most_bytes),
        )
        return self._codec.decode(kept)

    def clear(self) -> None:
        self._place.delete("values", "order", "weights", "groups", "state")


class _RedisLog(Generic[T]):
    memory = 0  # nothing of it is in this process

    def __init__(self, place: _Place, codec: Codec[T], bounds: Bounds[T], numbered: Callable[[T, int], T]) -> None:
        self._place = place
        self._codec = codec
        self._bounds = bounds
        self._numbered = numbered

    def add(self, make: Callable[[int], T]) -> None:
        # One step: the server gives it the number that it is read with.
        value, bounds = make(0), self._bounds
        self._place.run(
            scripts.APPEND,
            *(self._place.key(part) for part in ("state", "values", "weights")),
            arguments=(self._codec.encode(value), bounds.weigh(value), bounds.most, bounds.most_bytes),
        )

    def all(self) -> list[T]:
        return self._range(0, -1)

    @property
    def last(self) -> T | None:
        return next(iter(self._range(-1, -1)), None)

    @property
    def dropped(self) -> int:
        # What came and is not there, whoever took it: the log, which is bounded, or a server that evicts keys.
        values = self._place.key("values")
        with _named(), self._place.client.pipeline() as together:
            together.hget(self._place.key("state"), "number")
            together.zrange(values, -1, -1, withscores=True)
            together.zcard(values)
            number, last, kept = together.execute()
        return max(int(number or (last[0][1] if last else 0)) - int(kept), 0)

    def clear(self) -> None:
        self._place.delete("state", "values", "weights")

    def _range(self, first: int, last: int) -> list[T]:
        with _named():
            found = self._place.client.zrange(self._place.key("values"), first, last)
        return [self._read(*content.partition(b":")[::2]) for content in found]

    def _read(self, number: bytes, content: bytes) -> T:
        return self._numbered(self._codec.decode(content), int(number))


class _RedisTally:
    def __init__(self, place: _Place, most: int) -> None:
        self._place = place
        self._most = most

    def add(self, name: str, *, below: int | None = None) -> int | None:
        keys = [self._place.key(part) for part in ("counts", "counted")]
        limit = "" if below is None else below
        count: int | None = self._place.run(
            scripts.COUNT, *keys, arguments=(name, limit, self._most, self._place.key("passed "))
        )
        return count

    def counts(self, names: Sequence[str]) -> list[int]:
        if not names:
            return []
        with _named():
            return [int(count or 0) for count in self._place.client.hmget(self._place.key("counts"), list(names))]

    def admit(self, name: str, most: int, seconds: float, *, now: float | None = None) -> float | None:
        at = "" if now is None else repr(now)
        keys = (self._passed(name), self._place.key("counted"))
        left = self._place.run(scripts.ADMIT, *keys, arguments=(most, seconds, at, name))
        return None if left is None else float(left)

    def forget(self, names: Sequence[str]) -> None:
        if not names:
            return
        with _named(), self._place.client.pipeline() as together:
            together.hdel(self._place.key("counts"), *names)
            together.zrem(self._place.key("counted"), *names)
            together.delete(*map(self._passed, names))
            together.execute()

    def clear(self) -> None:
        with _named():
            names = [name.decode() for name in self._place.client.zrange(self._place.key("counted"), 0, -1)]
            kept = self._place.client.smembers(self._place.all_keys)  # by which it is found what names were evicted
            passed = [key for key in kept if key.startswith(self._passed("").encode())]
            self._place.client.delete(*map(self._place.key, ("counts", "counted")), *map(self._passed, names), *passed)

    def _passed(self, name: str) -> str:
        return self._place.key(f"passed {name}")


class _RedisValue(Generic[T]):
    def __init__(self, place: _Place, codec: Codec[T], initial: T) -> None:
        self._place = place
        self._codec = codec
        self._initial = initial
        self._read: tuple[bytes, T] | None = None  # the version that was read last

    def read(self) -> T:
        with _named():
            version = self._place.client.hget(self._place.key("value"), "version")
        known = self._read
        if version is None:
            return self._initial
        return known[1] if known is not None and known[0] == version else self._current()[1]

    def change(self, change: Callable[[T], T]) -> T:
        while True:
            version, before = self._current()
            after = change(before)
            new = uuid.uuid4().hex
            if self._place.run(
                scripts.SWAP, self._place.key("value"), arguments=(version, new, self._codec.encode(after))
            ):
                return after

    def _current(self) -> tuple[bytes, T]:
        with _named():
            version, content = self._place.client.hmget(self._place.key("value"), ["version", "value"])
        if version is None:
            return b"", self._initial
        value = self._codec.decode(content)
        self._read = version, value
        return version, value
