"""The plugin's fixtures."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest

from sam3_contract.pytest_plugin import key_in_url
from sam3_contract.pytest_plugin.names import name_in_module
from sam3_contract.pytest_plugin.options import RECORD, live_key, why_not_live
from sam3_contract.pytest_plugin.outcome import fail, has_passed

# What these bring takes time to import, and most sessions that load the plugin have no use for it: each import stands
# where it is first needed (noqa: PLC0415 below).
if TYPE_CHECKING:
    from mock_server import Settings
    from sam3_contract.interception import LocalMock, Replay
    from sam3_contract.pytest_plugin.live import LiveService
    from sam3_contract.pytest_plugin.server import ServedMock, ThreadServer
    from sam3_contract.pytest_plugin.shared import SharedMock

RECORDINGS: Final = "__sam3_recordings__"
_RUN: Final = pytest.StashKey[str]()
_T = TypeVar("_T")


@pytest.fixture(scope="session")
def sam3_server() -> Iterator[ThreadServer]:
    """Serve what the other fixtures put in, on one port for the whole session."""
    from sam3_contract.pytest_plugin.server import ThreadServer  # noqa: PLC0415

    with ThreadServer() as server:
        yield server


@pytest.fixture
def sam3_mock(request: pytest.FixtureRequest, sam3_server: ThreadServer) -> Iterator[ServedMock | SharedMock]:
    """A mock of the SAM 3 API at `.url`, new for each test; fails the test if scenarios were not played as written."""
    served: str | None = request.config.getoption("sam3_server")
    mock = _session_of(served, request) if served else _served_here(request, sam3_server)
    try:
        _prepare(mock, request)
        yield mock
        key_in_url.remember(mock, request.node)
        if has_passed(request.node):
            mock.verify()
    except AssertionError as error:
        fail(error)
    finally:
        sam3_server.app = None
        mock.end()


def _served_here(request: pytest.FixtureRequest, server: ThreadServer) -> ServedMock:
    from sam3_contract.pytest_plugin.server import ServedMock  # noqa: PLC0415

    server.app = mock = ServedMock(_settings(request), url=server.url)
    return mock


def _session_of(served: str, request: pytest.FixtureRequest) -> SharedMock:
    """Make a session for a test on a mock that is served already."""
    if _markers(request, "sam3_settings"):
        pytest.skip(
            "@pytest.mark.sam3_settings is for a mock of the test's own; that of --sam3-server is as it is served"
        )
    from sam3_contract.errors import UsageError  # noqa: PLC0415
    from sam3_contract.pytest_plugin.shared import SharedMock  # noqa: PLC0415

    mock = SharedMock(served)
    try:
        mock.reset()
    except UsageError as error:
        fail(error)
    return mock


@pytest.fixture
def sam3_intercept(request: pytest.FixtureRequest) -> Iterator[LocalMock]:
    """A mock that answers for https://serverless.roboflow.com in this process; nothing else gets out to the network."""
    from sam3_contract.interception import intercept  # noqa: PLC0415

    given: dict[str, Any] = {}
    for marker in _markers(request, "sam3_intercept"):
        given |= marker.kwargs
    settings = _settings(request)
    interception = _or_fail(lambda: intercept(settings=settings, **given), "sam3_intercept")
    with interception as mock:
        _prepare(mock, request)
        yield mock
        key_in_url.remember(mock, request.node)
        if not has_passed(request.node):
            mock.scenarios.clear()  # what was not played is no news then
        try:
            mock.verify()
        except AssertionError as error:
            mock.scenarios.clear()
            fail(error)


@pytest.fixture
def sam3_replay(request: pytest.FixtureRequest) -> Iterator[Replay]:
    """A recording that answers for https://serverless.roboflow.com; its requests and recorded calls have to fit."""
    from sam3_contract.errors import HarError  # noqa: PLC0415
    from sam3_contract.interception import intercept  # noqa: PLC0415

    given = _recording(request)
    path = given.pop("path")
    interception = _or_fail(lambda: intercept(record=path, **given), "sam3_recording")
    try:
        replay = _or_fail(interception.__enter__, "sam3_recording", but=HarError)
    except HarError as error:
        hint = "" if path.exists() else f"; {RECORD} once records it"
        fail(f"{error}{hint}")
    yield replay
    # What was not asked for is no news where the test has not passed; what it asked for in vain may be why.
    failed = None if has_passed(request.node) else AssertionError()
    if failed and replay.misses:
        said = "\n".join(f"no answer for {miss}" for miss in replay.misses)
        request.node.add_report_section("teardown", "sam3 recording", f"{said}\n{RECORD} new records what is missing")
    try:
        interception.__exit__(type(failed) if failed else None, failed, None)
    except AssertionError as error:
        fail(error)


@pytest.fixture
def sam3_live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The live service at `.url`; the test is skipped without --sam3-live and a key."""
    reason = why_not_live(request.config)
    key = live_key()
    if reason or key is None:
        pytest.skip(reason or "there is no key")
    from sam3_contract.pytest_plugin.live import Budget, LiveService  # noqa: PLC0415
    from sam3_contract.pytest_plugin.server import ThreadServer  # noqa: PLC0415

    base = tmp_path_factory.getbasetemp()
    common = base.parent if hasattr(request.config, "workerinput") else base  # xdist's processes have one each in it
    calls = request.config.getoption("sam3_max_calls")
    budget = Budget(common / "sam3-live-calls", calls=calls)
    with ThreadServer() as server:  # not that of the mock, which the same test may compare it with
        service = LiveService(server.url, target=request.config.getoption("sam3_live_url"), key=key, budget=budget)
        if not service.calls_left:
            fail(f"the budget of {calls} calls is used up (--sam3-max-calls)")
        server.app = service.gateway
        yield service
    if service.gateway.refused:
        fail(f"{service.gateway.refused} calls were not made: the budget of {calls} is used up (--sam3-max-calls)")


@pytest.fixture
def sam3(request: pytest.FixtureRequest) -> ServedMock | SharedMock | LiveService:
    """The mock, or with --sam3-live the live service, by the same `.url` and `.api_key`."""
    if not request.config.getoption("sam3_live"):
        mock: ServedMock | SharedMock = request.getfixturevalue("sam3_mock")
        return mock
    only_mock = [name for name in ("sam3_scenario", "sam3_faults", "sam3_settings") if _markers(request, name)]
    if only_mock:
        pytest.skip(f"@pytest.mark.{only_mock[0]} is for the mock; the live service knows nothing of it")
    service: LiveService = request.getfixturevalue("sam3_live")
    return service


@pytest.fixture
def sam3_artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder for what a failed test leaves to be looked at; of its own, perhaps not made yet."""
    chosen = request.config.getoption("sam3_artifacts")
    if chosen is None:
        return tmp_path
    from sam3_contract.snapshots.folder import safe_stem  # noqa: PLC0415

    # From where pytest was started: a test may have gone to another folder.
    return Path(request.config.invocation_params.dir, chosen, safe_stem(request.node.nodeid))


@pytest.fixture
def sam3_assert_masks_equal(sam3_artifacts: Path) -> MaskAssertion:
    """Assert that two masks show the same, like `sam3_contract.testing.assert_masks_equal`, with a picture if not."""
    return MaskAssertion(sam3_artifacts)


class MaskAssertion:
    """Asserts that two masks show the same, and saves a picture if they do not.

    Args:
        folder: Where to; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = 0

    def __call__(
        self,
        expected: object,
        actual: object,
        *,
        iou: float = 1.0,
        image_size: tuple[int, int] | None = None,
        holes_matter: bool = True,
    ) -> None:
        """Assert that two masks show the same; arguments as of :func:`sam3_contract.testing.assert_masks_equal`.

        Raises:
            AssertionError: If they do not; the message says how they differ, and where the picture is.
            UsageError: If no image size is known.
            MaskError: If one of them is no sound mask.
        """
        __tracebackhide__ = True
        from sam3_contract.testing import assert_masks_equal  # noqa: PLC0415

        self._calls += 1
        picture = self._folder / f"masks-{self._calls}.png"
        try:
            assert_masks_equal(expected, actual, iou=iou, image_size=image_size, holes_matter=holes_matter)
        except AssertionError:
            self._folder.mkdir(parents=True, exist_ok=True)
        else:
            return
        assert_masks_equal(
            expected, actual, iou=iou, image_size=image_size, holes_matter=holes_matter, difference=picture
        )


def _settings(request: pytest.FixtureRequest) -> Settings:
    from mock_server import Settings  # noqa: PLC0415

    chosen: dict[str, Any] = {
        "profile": request.config.getoption("sam3_profile"),
        "seed": request.config.getoption("sam3_seed"),
    }
    for marker in _markers(request, "sam3_settings"):
        chosen |= marker.kwargs
    return _or_fail(lambda: Settings(**chosen), "sam3_settings")


def _prepare(mock: LocalMock | SharedMock, request: pytest.FixtureRequest) -> None:
    """Do what the test's markers say."""
    folder = request.path.parent
    for marker in _markers(request, "sam3_scenario"):
        source = marker.args[0] if marker.args else None
        if isinstance(source, str | Path):
            source = folder / source
        _or_fail(lambda: mock.scenario(source, **marker.kwargs), "sam3_scenario")  # noqa: B023 - called at once
    names = [name for marker in _markers(request, "sam3_faults") for name in marker.args]
    if names:
        _or_fail(lambda: setattr(mock, "faults", names), "sam3_faults")


def _markers(request: pytest.FixtureRequest, name: str) -> list[pytest.Mark]:
    """List the test's markers of a name, the nearest last: of two that say different things, it is right."""
    return list(request.node.iter_markers(name))[::-1]


def _recording(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Say how the fixture ``sam3_replay`` of a test is to be made: by its marker, the option, and the test's own name.

    Returns:
        Arguments of :func:`sam3_contract.intercept`; ``path`` is the recording.
    """
    from sam3_contract.snapshots.folder import safe_stem  # noqa: PLC0415

    given: dict[str, Any] = {"mode": "none"}
    name = name_in_module(request.node)
    for marker in _markers(request, "sam3_recording"):
        name = _name_in(marker) or name
        given |= marker.kwargs
    given["mode"] = request.config.getoption("sam3_record") or given["mode"]
    path = request.path.parent / RECORDINGS / safe_stem(request.path.stem) / f"{safe_stem(name)}.har"
    return {**given, "run": _run_of(request.config, given["mode"]), "path": path}


def _name_in(marker: pytest.Mark) -> str:
    """Take the name of a recording from its marker; empty if it gives none."""
    given = marker.args
    odd = sorted(marker.kwargs.keys() & {"name", "path", "record", "run", "settings"})
    if odd or len(given) > 1 or not all(isinstance(name, str) and name for name in given):
        got = odd[0] if odd else ", ".join(map(repr, given))
        fail(f"@pytest.mark.sam3_recording takes one name, a text, before its options; got {got}")
    return given[0] if given else ""


def _run_of(config: pytest.Config, mode: str) -> str:
    """Name the test run, alike in all its workers.

    In one process, each test is a run of its own where all is recorded anew: what an attempt recorded is replaced then
    by the next one of the same test.
    """
    of_workers: str = getattr(config, "workerinput", {}).get("testrunuid", "")
    return of_workers or ("" if mode == "all" else config.stash.setdefault(_RUN, uuid.uuid4().hex))


def _or_fail(prepare: Callable[[], _T], marker: str, *, but: type[Exception] | tuple[()] = ()) -> _T:
    """Prepare something; fail the test, without a traceback, with what is wrong with its marker."""
    from sam3_contract.errors import Sam3ContractError  # noqa: PLC0415

    try:
        return prepare()
    except but:
        raise
    except (Sam3ContractError, TypeError) as error:
        fail(f"@pytest.mark.{marker}: {error}")
