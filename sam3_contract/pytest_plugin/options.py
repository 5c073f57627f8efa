"""The plugin's options and markers."""

from __future__ import annotations

import os
from typing import Final

import pytest

from sam3_contract.pytest_plugin import coverage, key_in_url, mutation, snapshots

LIVE_URL: Final = "https://serverless.roboflow.com"
RECORD: Final = "--sam3-record"
_MINIMA: Final = {"--sam3-mutate-score": mutation.MUTATE, "--sam3-coverage-fail-under": coverage.COVERAGE}
_KEYS: Final = ("ROBOFLOW_API_KEY", "API_KEY")
_MARKERS: Final = (
    "sam3_scenario(source, **fields): let the mock answer as a file of scenarios says, or a dictionary of the same "
    "format, or one scenario given by its fields (when, answers, then, times, rate_limit)",
    "sam3_faults(*names): switch faults of the mock on, each as 'name' or 'name:parameter'",
    "sam3_settings(**fields): settings of the mock, as of mock_server.Settings",
    "sam3_intercept(hosts, allow, loopback): what the fixture answers for and lets out, as of sam3_contract.intercept",
    "sam3_recording(name, mode, hosts, allow, loopback, upstream, max_calls, time_limit, allow_unused): the recording "
    "of the fixture sam3_replay answers from, and how, as of sam3_contract.intercept",
    "sam3_live: a test of the live service only; skipped without --sam3-live and a key",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, under one heading of ``pytest --help``."""
    group = parser.getgroup("sam3", "SAM 3 API (sam3-contract)")
    group.addoption(
        "--sam3-profile",
        choices=["documented", "observed"],
        default="documented",
        help="Where documentation and server differ, let the mock play this side (default: documented).",
    )
    group.addoption(
        "--sam3-seed", type=int, default=0, metavar="N", help="Another seed gives other masks of the same images."
    )
    group.addoption(
        "--sam3-server",
        metavar="URL",
        help="Let the fixture sam3_mock lead to this mock, which `sam3-contract serve` serves, with a session for each "
        "test.",
    )
    group.addoption(
        "--sam3-live",
        action="store_true",
        help="Let the fixtures sam3 and sam3_live lead to the live service. It takes a key in ROBOFLOW_API_KEY or "
        "API_KEY, and credits.",
    )
    group.addoption("--sam3-live-url", default=LIVE_URL, metavar="URL", help=f"The live service (default: {LIVE_URL}).")
    group.addoption(
        "--sam3-max-calls",
        type=int,
        default=20,
        metavar="N",
        help="Calls of the live service that one run may make, over all its processes (default: 20).",
    )
    group.addoption(
        RECORD,
        choices=["none", "once", "new", "all"],
        help="What the fixture sam3_replay records of the service: nothing, everything if there is no recording yet, "
        "what it does not have, or everything anew (default: as the marker says, else nothing). It takes credits.",
    )
    group.addoption(
        "--sam3-artifacts",
        metavar="DIR",
        help="Save pictures of failed mask assertions here (default: the temporary folder of the test).",
    )
    snapshots.add_options(group)
    mutation.add_options(group)
    coverage.add_options(group)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, the snapshots, the note on keys and the trials."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    config.pluginmanager.register(snapshots.SnapshotPlugin(config), "sam3_snapshots")
    config.pluginmanager.register(key_in_url.KeyInUrlPlugin(), "sam3_key_in_url")
    for minimum, option in _MINIMA.items():
        if config.getoption(minimum) is not None and not config.getoption(option):
            raise pytest.UsageError(f"{minimum} is a minimum of what {option} finds, and nothing without it: give both")
    if config.getoption(mutation.MUTATE):
        config.pluginmanager.register(mutation.MutationPlugin(config), "sam3_mutation")
    if config.getoption(coverage.COVERAGE):
        if config.getoption("sam3_server"):
            raise pytest.UsageError(f"{coverage.COVERAGE} notes what mocks of this process answer, not --sam3-server")
        config.pluginmanager.register(coverage.CoveragePlugin(config), "sam3_coverage")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that tests cost credits, if they do."""
    if not config.getoption("sam3_live") or why_not_live(config):
        return None
    from sam3_contract.transport.credits import credits_for  # noqa: PLC0415 - as everything here: not before it is used

    calls = config.getoption("sam3_max_calls")
    least = f"{credits_for(calls):g} credits or more"
    return f"sam3-contract: live, {config.getoption('sam3_live_url')}, at most {calls} calls, {least} if all are made"


def live_key() -> str | None:
    """Find the key of the live service in the environment."""
    return next((key for name in _KEYS if (key := os.environ.get(name))), None)


def why_not_live(config: pytest.Config) -> str | None:
    """Say why tests of the live service are skipped; ``None`` if they run."""
    if not config.getoption("sam3_live"):
        return "a test of the live service; --sam3-live runs it"
    if live_key() is None:
        return f"--sam3-live takes a key in the environment, {' or '.join(_KEYS)}; there is none"
    return None
