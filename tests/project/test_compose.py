"""The compose file of two mocks that share a store, as far as it can be held to the project without Docker."""

from __future__ import annotations

import re
from typing import Any

import click
import yaml

from sam3_contract.cli.serve.command import serve
from tests.servers import ROOT

FOLDER = ROOT / "examples" / "compose"
SERVICES: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]
MOCKS = {name: service for name, service in SERVICES.items() if name.startswith("mock-")}
BALANCER = (FOLDER / "balancer.cfg").read_text(encoding="utf-8")


def test_there_are_two_mocks_a_balancer_and_a_store() -> None:
    assert set(SERVICES) == {"mock-1", "mock-2", "balancer", "store"}
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)


def test_mocks_are_served_alike_by_options_that_exist() -> None:
    commands = [service["command"] for service in MOCKS.values()]
    context = serve.make_context("serve", ["--host", "0.0.0.0", *commands[0]])

    assert commands[0] == commands[1]
    assert (context.params["workers"], context.params["metrics"]) == (2, True)
    address = re.fullmatch(r"redis://([a-z]+):6379", context.params["store"])
    assert address is not None
    assert SERVICES[address[1]]["image"].startswith("valkey/")
    names = [one.name or "" for one in serve.params if isinstance(one, click.Option)]
    variables = {f"SAM3_MOCK_{name.upper()}" for name in names}
    assert {name for service in MOCKS.values() for name in service["environment"]} <= variables


def test_balancer_knows_each_mock_and_is_what_is_published() -> None:
    servers = re.findall(r"^    server (\S+) (\S+):9001 check$", BALANCER, re.MULTILINE)
    (bound,) = re.findall(r"^    bind :(\d+)$", BALANCER, re.MULTILINE)

    assert servers == [(name, name) for name in MOCKS]
    assert SERVICES["balancer"]["ports"] == [f"127.0.0.1:{bound}:{bound}"]
    assert [volume.split(":")[0] for volume in SERVICES["balancer"]["volumes"]] == ["./balancer.cfg"]
    assert not any("ports" in service for name, service in SERVICES.items() if name != "balancer")


def test_image_has_what_the_options_take() -> None:
    locked = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")

    assert (FOLDER / MOCKS["mock-1"]["build"] / "Dockerfile").resolve() == ROOT / "Dockerfile"
    assert "requirements/run.txt" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for library in ("redis", "prometheus-client"):
        assert re.search(rf"^{library}==", locked, re.MULTILINE), library
