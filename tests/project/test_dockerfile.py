"""The Dockerfile, as far as it can be held to the project without Docker."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import click
import pytest
import requests

from sam3_contract.cli.serve.command import serve
from tests.servers import ROOT, command_serving

INSTRUCTIONS = [
    (words[0], words[1])
    for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
    for words in [line.split(maxsplit=1)]
]
OPTIONS = [one for one in serve.params if isinstance(one, click.Option)]


def arguments(name: str) -> list[str]:
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def copied() -> list[str]:
    return [source for rest in arguments("COPY") if "--from" not in rest for source in rest.split()[:-1]]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert ignored[1] == "*"
    assert sorted(copied()) == sorted(line[1:] for line in ignored if line.startswith("!"))
    for source in copied():
        assert (ROOT / source).exists(), source


def test_all_that_the_build_needs_is_copied() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'^readme = "(.+)"|^license-files = \["(.+)"\]|^"(openapi)/sam3.yaml"', project, re.MULTILINE)
    packages = re.findall(r'^packages = \["(.+)", "(.+)"\]', project, re.MULTILINE)

    locks = {source for source in copied() if source.startswith("requirements/")}

    assert locks == {"requirements/build.txt", "requirements/run.txt"}
    needed = {"pyproject.toml", *filter(None, (name for names in named + packages for name in names))}
    assert needed == set(copied()) - locks


def test_the_server_is_started_with_options_that_exist_and_without_privileges() -> None:
    (entry,) = map(json.loads, arguments("ENTRYPOINT"))

    assert entry == ["sam3-contract", "serve", "--host", "0.0.0.0"]
    assert {one for one in entry if one.startswith("--")} <= {name for option in OPTIONS for name in option.opts}
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", arguments("USER")[0])


def test_images_are_named_by_digest() -> None:
    (name,) = arguments("ARG")

    assert re.fullmatch(r"PYTHON=python:3\.\d+-slim@sha256:[0-9a-f]{64}", name)
    assert [rest.split()[0] for rest in arguments("FROM")] == ["${PYTHON}", "${PYTHON}"]


def test_control_routes_are_not_for_whoever_reaches_the_container() -> None:
    (entry,) = map(json.loads, arguments("ENTRYPOINT"))

    with command_serving(*entry[2:], address="0.0.0.0") as url:
        port = url.rpartition(":")[2]
        assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30).status_code == 200
        assert requests.get(f"http://127.0.0.1:{port}/_mock/requests", timeout=30).status_code == 401


def test_port_and_environment_are_those_of_the_command() -> None:
    variables = {rest.partition("=")[0] for rest in arguments("ENV")} - {"PATH"}

    assert arguments("EXPOSE") == [str(next(option.default for option in OPTIONS if option.name == "port"))]
    assert variables
    assert variables <= {option.envvar for option in OPTIONS}


@pytest.mark.parametrize("healthy", [True, False])
def test_health_check_tells_whether_the_server_answers(healthy: bool) -> None:
    (check,) = arguments("HEALTHCHECK")
    program, *rest = json.loads(check.partition("CMD ")[2])

    with command_serving() as url:
        port = url.rpartition(":")[2]
        if healthy:
            result = subprocess.run([sys.executable, *rest], env={**os.environ, "SAM3_MOCK_PORT": port}, check=False)
    if not healthy:  # nothing listens there any more
        environment = {**os.environ, "SAM3_MOCK_PORT": port}
        result = subprocess.run([sys.executable, *rest], env=environment, stderr=subprocess.DEVNULL, check=False)

    assert program == "python"
    assert (result.returncode == 0) == healthy
