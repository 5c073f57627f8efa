"""`sam3-contract doctor`: what is in place and what is not, without a key shown or a request sent."""

from __future__ import annotations

import socket
import tomllib
from importlib import metadata
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mock_server import create_app
from sam3_contract.cli import commands
from sam3_contract.cli import doctor as module
from tests.servers import ROOT, serving

VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing."""
    for name in (*VARIABLES, *map(str.lower, VARIABLES), "API_KEY", "ROBOFLOW_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def run(*options: str) -> Result:
    return CliRunner().invoke(commands, ["doctor", *options])


def states(result: Result) -> dict[str, tuple[str, str]]:
    rows = [(line[:5].strip(), line[7:21].strip(), line[23:]) for line in result.output.splitlines()]
    return {subject: (state, says) for state, subject, says in rows}


def test_sound_installation_is_told_and_nothing_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("sent something")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    result = run()

    assert result.exit_code == 0, result.output
    told = states(result)
    assert told["sam3-contract"] == ("ok", metadata.version("sam3-contract"))
    assert told["packages"][0] == told["document"][0] == told["certificates"][0] == "ok"
    assert told["proxy"] == ("ok", "none")
    known = set(metadata.metadata("sam3-contract").get_all("Provides-Extra") or ()) - {"dev"}
    assert {told[f"extra {name}"] for name in known} == {("ok", "installed")}
    assert told["key"] == ("note", "none in ROBOFLOW_API_KEY or API_KEY; the live service takes one")


def test_key_is_counted_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "s3cret-key")
    assert states(run())["key"] == ("ok", "API_KEY is set, 10 characters")

    monkeypatch.setenv("API_KEY", "s3cret-key\n")
    result = run()
    assert result.exit_code == 3
    assert states(result)["key"][0] == "wrong"
    assert "s3cret" not in result.output


def test_package_that_is_missing_or_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"sam3-contract": "1.0", "numpy": "1.0", "click": "8.4", "httpx": "0.28.1"}
    required = ["click<9", "numpy>=2.1,<3", 'orjson; python_version < "4"', 'winapi; sys_platform == "win32"']
    required += ['httpx>=0.28; extra == "httpx"', 'httpx>=9; extra == "dev"', 'schemathesis; extra == "fuzz"']

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(module.metadata, "version", version)
    monkeypatch.setattr(module.metadata, "requires", lambda _: required)
    result = run()

    assert result.exit_code == 3
    wrong = [line for line in result.output.splitlines() if line.startswith("wrong")]
    assert wrong == [
        "wrong  packages        numpy is 1.0, it has to be <3,>=2.1",
        "wrong  packages        orjson is not installed",
    ]
    told = states(result)
    assert told["extra httpx"] == ("ok", "installed")
    assert told["extra fuzz"] == ("note", "not installed: pip install 'sam3-contract[fuzz]'")
    assert told["extra mcp"] == ("note", "not known to this installation; install sam3-contract again")


def test_every_extra_for_users_is_looked_at() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [subject.removeprefix("extra ") for subject in states(run()) if subject.startswith("extra ")]

    assert sorted(names) == sorted(set(project["optional-dependencies"]) - {"dev"})


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("HTTPS_PROXY", "foo://bar", "HTTPS_PROXY names 'foo://bar', which is no proxy"),
        ("REQUESTS_CA_BUNDLE", "/no/such.pem", "REQUESTS_CA_BUNDLE names '/no/such.pem'"),
    ],
)
def test_environment_that_cannot_be_used_is_named(
    variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    result = run()

    assert result.exit_code == 3
    assert says in states(result)["way to server"][1]


def test_proxy_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:s3cret@proxy.example:3128")
    result = run()

    assert states(result)["proxy"] == ("ok", "http://proxy.example:3128")
    assert "s3cret" not in result.output


def test_server_is_asked_only_if_wanted() -> None:
    with serving(create_app()) as url:
        result = run("--network", "--url", url)
    unreached = run("--network", "--url", url)

    assert result.exit_code == 0
    assert states(result)["server"][1].startswith(f"{url} answers with status 200 in ")
    assert unreached.exit_code == 3
    assert states(unreached)["server"] == ("wrong", f"{url} does not answer: connection refused")
