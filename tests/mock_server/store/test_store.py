"""What every store promises, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mock_server.store.memory import MemoryStore
from mock_server.store.opening import open_store
from mock_server.store.protocol import Bounds, Codec, Log, Shelf, Store, Value
from sam3_contract.errors import StoreError, UsageError

TEXT: Codec[str] = Codec(str.encode, bytes.decode)
BOUNDS: Bounds[str] = Bounds(3, 10, len)
Open = Callable[[], Store]
"""Opens the store of a test, once more in another process as it were."""


def shared_store(which: str, request: pytest.FixtureRequest) -> Open:
    folder: Path = request.getfixturevalue("tmp_path")
    address = f"sqlite:{folder / 'store'}" if which == "sqlite" else request.getfixturevalue("redis_url")
    return lambda: open_store(address, sessions=3, idle=60)


@pytest.fixture(params=["sqlite", "redis"])
def shared(request: pytest.FixtureRequest) -> Open:
    return shared_store(request.param, request)


@pytest.fixture(params=["memory", "sqlite", "redis"])
def opened(request: pytest.FixtureRequest) -> Open:
    if request.param != "memory":
        return shared_store(request.param, request)
    store = MemoryStore()
    return lambda: store


@pytest.fixture
def store(opened: Open) -> Store:
    return opened()


@pytest.fixture
def shelf(store: Store) -> Shelf[str]:
    return store.shelf("one", "shelf", TEXT, BOUNDS)


@pytest.fixture
def log(store: Store) -> Log[str]:
    return log_of(store)


def log_of(store: Store, session: str = "one", name: str = "log", bounds: Bounds[str] = BOUNDS) -> Log[str]:
    """A log of texts; "0" is that of one that has no number yet."""
    return store.log(session, f"log {name}", TEXT, bounds, numbered=lambda text, n: str(n) if text == "0" else text)


# Shelves


def test_first_value_with_a_name_keeps_it(shelf: Shelf[str]) -> None:
    assert shelf.find(b"\xff") is None
    assert [shelf.keep(b"\xff", value) for value in ("a", "b")] == ["a", "a"]
    assert (shelf.find(b"\xff"), shelf.find(b"\xfe")) == ("a", None)


def test_oldest_value_goes_when_there_are_too_many(shelf: Shelf[str]) -> None:
    for name in (b"1", b"2", b"3", b"1", b"4"):
        shelf.keep(name, name.decode())

    assert [shelf.find(name) for name in (b"1", b"2", b"3", b"4")] == [None, "2", "3", "4"]


def test_oldest_value_goes_when_they_weigh_too_much(shelf: Shelf[str]) -> None:
    for name in ("a" * 5, "b" * 5, "c" * 4):
        shelf.keep(name[:1].encode(), name)

    assert [shelf.find(name) for name in (b"a", b"b", b"c")] == [None, "bbbbb", "cccc"]


def test_value_that_weighs_too_much_alone_is_not_kept(shelf: Shelf[str]) -> None:
    shelf.keep(b"a", "a")

    assert shelf.keep(b"b", "b" * 11) == "b" * 11
    assert (shelf.find(b"a"), shelf.find(b"b")) == (None, None)
    assert shelf.keep(b"a", "a2") == "a2"


def test_values_are_listed_by_group(shelf: Shelf[str]) -> None:
    for name, group in ((b"1", b"odd\x00*"), (b"2", b"even"), (b"3", b"odd\x00*")):
        shelf.keep(name, name.decode(), group=group)
    assert sorted(shelf.group(b"odd\x00*")) == ["1", "3"]

    shelf.keep(b"4", "4", group=b"even")

    assert list(shelf.group(b"odd\x00*")) == ["3"]
    assert shelf.group(b"odd") == []


def test_shelf_that_is_cleared_is_empty(shelf: Shelf[str]) -> None:
    shelf.keep(b"a", "a" * 9, group=b"g")

    shelf.clear()

    assert (shelf.find(b"a"), list(shelf.group(b"g")), shelf.memory) == (None, [], 0)
    assert [shelf.keep(name, "b" * 5) for name in (b"a", b"b")] == ["b" * 5] * 2
    assert shelf.find(b"a") == "b" * 5


# Logs


def test_log_numbers_what_comes_and_keeps_the_last(log: Log[str]) -> None:
    assert (log.last, log.all(), log.dropped) == (None, [], 0)

    for _ in range(5):
        log.add(str)

    assert (log.all(), log.last, log.dropped) == (["3", "4", "5"], "5", 2)


def test_log_is_bounded_in_weight(log: Log[str]) -> None:
    for text in ("a" * 6, "b" * 3, "c" * 5):
        log.add(lambda _: text)  # noqa: B023 - called at once

    assert (log.all(), log.dropped) == (["bbb", "ccccc"], 1)


def test_log_that_is_cleared_counts_from_1(log: Log[str]) -> None:
    for _ in range(5):
        log.add(str)

    log.clear()
    log.add(str)

    assert (log.all(), log.dropped) == (["1"], 0)


# Tallies


def test_tally_counts_by_name_up_to_a_limit(store: Store) -> None:
    tally = store.tally("one", "tally", most=10)

    assert [tally.add("a") for _ in range(3)] == [1, 2, 3]
    assert [tally.add("b", below=2) for _ in range(4)] == [1, 2, None, None]
    assert tally.counts(["b", "never", "a"]) == [2, 0, 3]
    tally.forget(["a", "never"])
    assert tally.counts(["a", "b"]) == [0, 2]
    tally.clear()
    assert tally.counts(["a", "b"]) == [0, 0]


def test_tally_forgets_what_was_not_counted_for_longest(store: Store) -> None:
    tally = store.tally("one", "tally", most=3)
    for name in "abcad":
        tally.add(name)

    assert tally.counts(list("abcd")) == [2, 0, 1, 1]


def test_tally_lets_so_many_pass_in_so_many_seconds(store: Store) -> None:
    tally = store.tally("one", "tally", most=3)

    def at(*times: float, most: int = 2, name: str = "a") -> list[float | None]:
        return [tally.admit(name, most, 60, now=1000 + time) for time in times]

    assert at(0, 10, 20.5, 59, 60, 61, 70) == [None, None, 39.5, 1, None, 9, None]
    assert at(70, most=0, name="never") == [60]
    assert at(70, name="another") == [None]
    tally.forget(["a"])
    assert at(71) == [None]
    tally.clear()
    assert at(71, most=1, name="another") == [None]


def test_tally_has_a_clock_of_its_own(store: Store) -> None:
    tally = store.tally("one", "tally", most=3)

    assert tally.admit("a", 1, 3600) is None
    left = tally.admit("a", 1, 3600)
    assert left is not None
    assert 3590 < left <= 3600


# Values


@pytest.fixture
def value(store: Store) -> Value[str]:
    return store.value("one", "value", TEXT, "initial")


def test_value_is_what_it_was_changed_to(value: Value[str]) -> None:
    assert value.read() == "initial"
    assert value.change(lambda text: f"{text}, changed") == "initial, changed"
    assert [value.read() for _ in range(2)] == ["initial, changed"] * 2


def test_value_stays_if_its_change_fails(value: Value[str]) -> None:
    value.change(lambda _: "kept")

    with pytest.raises(ZeroDivisionError):
        value.change(lambda _: str(1 / 0))

    assert value.read() == "kept"
    assert value.change(lambda text: f"{text}!") == "kept!"


# Sessions


def test_sessions_and_names_do_not_share(store: Store) -> None:
    for session in ("one", "other"):
        for name in ("a", "b"):
            shelf = store.shelf(session, f"shelf {name}", TEXT, BOUNDS)
            assert shelf.keep(b"x", session + name) == session + name
            assert store.tally(session, f"tally {name}", most=3).add("x") == 1
            log = log_of(store, session, name)
            log.add(str)
            assert log.all() == ["1"]
            value = store.value(session, f"value {name}", TEXT, "")
            assert value.change(lambda text: f"{text}!") == "!"


def test_store_that_is_shared_shows_each_what_others_did(shared: Open) -> None:
    one, other = shared(), shared()

    one.shelf("one", "shelf", TEXT, BOUNDS).keep(b"x", "kept", group=b"g")
    log_of(one).add(str)
    one.tally("one", "tally", most=3).add("x")
    mine, theirs = (store.value("one", "value", TEXT, "") for store in (one, other))
    mine.change(lambda _: "changed")

    assert other.shelf("one", "shelf", TEXT, BOUNDS).group(b"g") == ["kept"]
    assert log_of(other).all() == ["1"]
    assert other.tally("one", "tally", most=3).counts(["x"]) == [1]
    assert theirs.read() == "changed"
    assert theirs.change(lambda text: f"{text} again") == mine.read() == "changed again"


def test_session_that_ends_leaves_nothing(shared: Open) -> None:
    store = shared()
    for session in ("", "one", "other"):
        store.touch(session)
        store.shelf(session, "shelf", TEXT, BOUNDS).keep(b"x", "kept")
        log_of(store, session).add(str)
        tally = store.tally(session, "tally", most=3)
        tally.add("x")
        tally.admit("x", 1, 60)
        store.value(session, "value", TEXT, "").change(lambda _: "changed")

    store.end("one")

    assert [left(store, session) for session in ("", "one", "other")] == [True, False, True]


def test_what_is_written_of_a_session_that_has_ended_ends_as_well(tmp_path: Path) -> None:
    store = open_store(f"sqlite:{tmp_path / 'store'}", sessions=1, idle=60)
    store.touch("one")
    store.end("one")
    store.value("one", "value", TEXT, "").change(lambda _: "late")

    store.touch("two")

    assert store.value("one", "value", TEXT, "").read() == ""


def test_shared_store_keeps_only_so_many_sessions(shared: Open) -> None:
    store = shared()
    for session in ("", "a", "b", "c", "a", "d"):
        store.touch(session)
        store.value(session, "value", TEXT, "").change(lambda _: "changed")

    found = [store.value(session, "value", TEXT, "").read() for session in ("", "a", "b", "c", "d")]
    assert found == ["changed", "changed", "", "changed", "changed"]


def left(store: Store, session: str) -> bool:
    """Whether there is everything of a session, or nothing; anything between fails."""
    found = {
        store.shelf(session, "shelf", TEXT, BOUNDS).find(b"x") == "kept",
        log_of(store, session).all() == ["1"],
        store.tally(session, "tally", most=3).counts(["x"]) == [1],
        store.tally(session, "tally", most=3).admit("x", 1, 60) is not None,
        store.value(session, "value", TEXT, "").read() == "changed",
    }
    assert len(found) == 1
    return found.pop()


def test_each_number_is_given_once_when_many_count(opened: Open) -> None:
    stores = [opened() for _ in range(4 if opened().shared else 1)]
    roomy: Bounds[str] = Bounds(1000, 10_000, len)
    tallies = [store.tally("one", "tally", most=3) for store in stores]
    logs = [log_of(store, bounds=roomy) for store in stores]
    shelves = [store.shelf("one", "shelf", TEXT, roomy) for store in stores]

    def count(number: int) -> tuple[int | None, str]:
        which = number % len(stores)
        logs[which].add(str)
        return tallies[which].add("x", below=100), shelves[which].keep(b"x", str(number))

    with ThreadPoolExecutor(16) as pool:
        counted, kept = zip(*pool.map(count, range(160)), strict=True)

    assert sorted(number for number in counted if number) == list(range(1, 101))
    assert counted.count(None) == 60
    assert len(set(kept)) == 1
    assert logs[0].all() == [str(number) for number in range(1, 161)]


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "",
        "sqlite:",
        "postgres://user:secret@host",
        "nowhere",
        "redis://user:secret@host:secret",
        "redis://host?secret=1",
        "redis://host/secret",
        "rediss://host?ssl_cert_reqs=secret",
        "unix://",
    ],
)
def test_what_is_no_address_of_a_store_is_not_repeated(address: str) -> None:
    with pytest.raises(UsageError, match=r"a store is sqlite:PATH|such as redis://HOST:6379") as caught:
        open_store(address, sessions=3, idle=60)

    assert "secret" not in str(caught.value)


def test_file_that_cannot_be_used_is_an_error_until_it_can(tmp_path: Path) -> None:
    store = open_store(f"sqlite:{tmp_path / 'not yet' / 'store'}", sessions=3, idle=60)
    tally = store.tally("one", "tally", most=3)

    with pytest.raises(StoreError, match="a SQLite file, cannot be used: unable to open"):
        tally.add("x")

    (tmp_path / "not yet").mkdir()
    assert tally.add("x") == 1


@pytest.mark.parametrize("part", ["values", "order", "weights", "groups", "state", "counts", "counted", "value"])
def test_pieces_that_a_server_evicted_in_part_go_on(redis_url: str, part: str) -> None:
    redis = pytest.importorskip("redis", reason="the extra `redis` is not installed")
    store = open_store(redis_url, sessions=3, idle=60)
    shelf, log, tally = store.shelf("one", "shelf", TEXT, BOUNDS), log_of(store), store.tally("one", "tally", most=2)
    value = store.value("one", "value", TEXT, "initial")

    def used(letter: str) -> None:
        for number in range(4):
            shelf.keep(f"{letter}{number}".encode(), "four", group=b"group")
            log.add(lambda _: "four")
            tally.add(f"{letter}{number}")
            tally.admit(f"{letter}{number}", 1, 60)
        value.change(lambda _: letter)

    def came() -> int:
        return log.dropped + len(log.all())

    used("a")
    assert (came(), tally.counts(["a1", "a2", "a3"])) == (4, [0, 1, 1])
    with redis.Redis.from_url(redis_url) as client:
        gone = [key for key in client.scan_iter() if key.decode().endswith(f":{part}")]
        assert client.delete(*gone)
    assert value.read() in ("a", "initial")
    assert set(shelf.group(b"group")) <= {"four"}
    assert (set(log.all()) <= {"four"}, came()) == (True, 4)
    assert tally.counts(["a2", "a3"]) == ([0, 0] if part == "counts" else [1, 1])
    used("b")

    assert (log.all(), came()) == (["four"] * 2, 8)
    assert tally.counts(["b1", "b2", "b3"]) == [0, 1, 1]
    assert value.read() == "b"
    assert len(shelf.group(b"group")) <= 3
    used("c")
    assert shelf.find(b"c3") == "four"
    assert log.last == "four"
    tally.clear()
    assert tally.counts([f"{letter}{number}" for letter in "abc" for number in range(4)]) == [0] * 12
    assert [tally.add("c3"), tally.admit("c3", 1, 60)] == [1, None]
