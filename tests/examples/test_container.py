"""The example of Testcontainers, run before a stand-in for a Docker daemon."""

from __future__ import annotations

import pytest

from tests.examples.docker_daemon import make_daemon
from tests.examples.test_examples import run_tests
from tests.servers import serving


def test_example_starts_the_image_asks_it_and_removes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon, app = make_daemon()
    with serving(app) as url:
        monkeypatch.setenv("DOCKER_HOST", url.replace("http://", "tcp://"))
        monkeypatch.setenv("TESTCONTAINERS_CONNECTION_MODE", "docker_host")  # also where this is a container itself
        monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")  # a second container, which removes lost ones
        try:
            counts, output = run_tests("test_container.py")
        finally:
            daemon.stop()

    assert counts == {"passed": 2}, output
    (created,) = daemon.created
    assert created["HostConfig"]["ReadonlyRootfs"] is True
    assert list(created["ExposedPorts"]) == ["9001/tcp"]
    assert daemon.removed == ["c1"]
