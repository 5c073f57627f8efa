"""Where `sam3-contract serve` takes its options from: flags, the environment, a TOML file, in this order."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from mock_server import Settings
from sam3_contract.cli.serve.command import serve
from sam3_contract.errors import UsageError
from tests.servers import command_serving, run_command

SECRET = "a-very-secret-key"


def run(*arguments: str, env: dict[str, str] | None = None) -> Any:
    return CliRunner().invoke(serve, arguments, env=env, catch_exceptions=False)


def config(tmp_path: Path, content: str) -> str:
    path = tmp_path / "mock.toml"
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_options_come_from_a_file(served: list[dict[str, Any]], tmp_path: Path) -> None:
    path = config(
        tmp_path,
        """
        port = 9100
        workers = 2
        read-timeout = 5
        host = "::1"
        api-key = ["one", "two"]
        refuse-key = ["poor=402"]
        profile = "observed"
        latency = "real"
        access-log = "json"
        fetch-urls = true
        no-scenes = true
        strict = true
        ready-file = "run/ready"
        store = "sqlite:/elsewhere/store"
        sessions = 7
        session-idle = 60
        metrics = true
        """,
    )

    assert run("--config", path).exit_code == 0

    (call,) = served
    assert (call["port"], call["workers"], call["host"], call["read_timeout"]) == (9100, 2, "::1", 5.0)
    assert call["settings"] == Settings(
        api_keys=frozenset({"one", "two"}),
        refused_keys={"poor": "402"},
        profile="observed",
        latency=True,
        access_log="json",
        fetch_urls=True,
        scenes=False,
        coco_strict=True,
        store="sqlite:/elsewhere/store",
        sessions=7,
        session_idle=60.0,
        metrics=True,
    )


def test_paths_in_a_file_are_relative_to_its_folder(served: list[dict[str, Any]], tmp_path: Path) -> None:
    run("--config", config(tmp_path, 'url-images = "pictures"\nspec = "/elsewhere/sam3.yaml"'))

    assert served[0]["settings"].url_images == tmp_path / "pictures"
    assert served[0]["document"] == "/elsewhere/sam3.yaml"


def test_flags_win_over_the_environment_and_that_over_the_file(served: list[dict[str, Any]], tmp_path: Path) -> None:
    path = config(tmp_path, 'port = 1\nseed = 1\nworkers = 1\napi-key = ["of-the-file"]')
    environment = {"SAM3_MOCK_CONFIG": path, "SAM3_MOCK_PORT": "2", "SAM3_MOCK_SEED": "2"}

    run("--port", "3", env=environment)

    (call,) = served
    assert (call["port"], call["settings"].seed, call["workers"]) == (3, 2, 1)
    assert call["settings"].api_keys == {"of-the-file"}


def test_several_values_in_the_environment_are_parted_by_spaces(served: list[dict[str, Any]]) -> None:
    run(env={"SAM3_MOCK_API_KEY": "one two", "SAM3_MOCK_NO_AUTH": "true", "SAM3_MOCK_URL_IMAGES": "a folder"})

    settings = served[0]["settings"]
    assert (settings.api_keys, settings.auth, settings.url_images) == ({"one", "two"}, False, Path("a folder"))


def test_every_option_can_come_from_the_environment() -> None:
    options = [one for one in serve.params if isinstance(one, click.Option)]

    assert len(options) > 15
    for option in options:
        name = max(option.opts, key=len).removeprefix("--").upper().replace("-", "_")
        assert option.envvar == f"SAM3_MOCK_{name}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prot = 9001", "mock.toml: there is no option 'prot'; did you mean 'port'?"),
        ("api_key = ['x']", "mock.toml: there is no option 'api_key'; did you mean 'api-key'?"),
        ("[server]\nport = 1", "mock.toml: there is no option 'server'; "),
        ("zzz = 1", "mock.toml: there is no option 'zzz'; there are host, port, "),
        ("config = 'other.toml'", "mock.toml: there is no option 'config'"),
        ("port = '9001'", "mock.toml: port takes an integer, not str"),
        ("port = 9001.5", "mock.toml: port takes an integer, not float"),
        ("port = true", "mock.toml: port takes an integer, not bool"),
        ("port = 99999", "mock.toml: port: 99999 is not in the range 0<=x<=65535."),
        ("read-timeout = 'long'", "mock.toml: read-timeout takes a number, not str"),
        ("no-auth = 1", "mock.toml: no-auth takes true or false, not int"),
        ("no-auth = 'yes'", "mock.toml: no-auth takes true or false, not str"),
        ("profile = 'obsevred'", "mock.toml: profile: 'obsevred' is not one of 'documented', 'observed'."),
        ("host = 1", "mock.toml: host takes a text, not int"),
        ("url-images = ['a']", "mock.toml: url-images takes a text, not list"),
        (f"api-key = '{SECRET}'", "mock.toml: api-key takes a list of texts, not str"),
        (f"api-key = ['{SECRET}', 1]", "mock.toml: api-key takes a list of texts, not list"),
        (f"api-key = {{key = '{SECRET}'}}", "mock.toml: api-key takes a list of texts, not dict"),
        (f"api-key = ['{SECRET}'", "mock.toml is no TOML: "),
        (f"refuse-key = ['{SECRET}']", "--refuse-key takes KEY=STATUS, with a status of 401, 402, 403, 423"),
        (f"refuse-key = ['other={SECRET}']", "--refuse-key takes KEY=STATUS, with a status of 401, 402, 403, 423"),
    ],
)
def test_mistake_in_a_file_is_named_without_its_keys(
    content: str, said: str, tmp_path: Path, served: list[dict[str, Any]]
) -> None:
    path = config(tmp_path, content)

    with pytest.raises(UsageError) as refused:
        run("--config", path)

    assert said in str(refused.value)
    assert SECRET not in str(refused.value)
    assert served == []


def test_file_that_is_no_text_or_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match=r"binary\.toml is no TOML"):
        run("--config", str(tmp_path / "binary.toml"))
    with pytest.raises(UsageError, match=r"missing\.toml cannot be read: No such file"):
        run("--config", str(tmp_path / "missing.toml"))


def test_wrong_value_in_the_environment_is_named() -> None:
    result = run(env={"SAM3_MOCK_PORT": "many"})

    assert result.exit_code == 2
    assert "'--port'" in result.output


def test_help_tells_of_the_environment_and_of_the_file() -> None:
    shown = " ".join(run("--help").output.split())

    assert "SAM3_MOCK_<OPTION>" in shown
    assert "A flag wins over the environment, the environment over the file." in shown
    assert set(tomllib.loads('port = 9001\napi-key = ["good-key"]\nno-auth = true')) == {"port", "api-key", "no-auth"}
    assert '`port = 9001`, `api-key = ["good-key"]`, `no-auth = true`' in shown


@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        (["--fetch-urls", "--host", "0.0.0.0"], True),
        (["--fetch-urls", "--host", "::"], True),
        (["--fetch-urls", "--host", "0.0.0.0", "--api-key", "one"], False),
        (["--fetch-urls"], False),
        (["--fetch-urls", "--host", "localhost"], False),
        (["--fetch-urls", "--host", "::1"], False),
        (["--host", "0.0.0.0"], False),
    ],
)
def test_fetching_for_everyone_is_warned_of(arguments: list[str], warned: bool, served: list[dict[str, Any]]) -> None:
    result = run(*arguments)

    assert ("whoever reaches this server can make it fetch images" in result.stderr) == warned
    assert len(served) == 1


def test_requests_are_logged_on_a_terminal_only_unless_told(served: list[dict[str, Any]]) -> None:
    for choice in ([], ["--access-log", "text"], ["--access-log", "none"]):
        run(*choice)

    # What the runner puts in the place of standard error is no terminal.
    assert [call["settings"].access_log for call in served] == ["none", "text", "none"]


def test_name_of_a_host_is_listened_on_by_its_address() -> None:
    with command_serving("--host", "localhost") as url:
        assert url.startswith("http://127.0.0.1:")


def test_name_that_nobody_knows_ends_in_one_line() -> None:
    result = run_command("serve", "--host", "no such host", "--port", "0")

    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "nobody knows this name" in result.stderr


def test_byte_order_mark_of_a_configuration_is_skipped(tmp_path: Path, served: list[dict[str, Any]]) -> None:
    path = tmp_path / "mock.toml"
    path.write_bytes(codecs.BOM_UTF8 + b"port = 9007")

    assert run("--config", str(path)).exit_code == 0
    assert served[0]["port"] == 9007


# ---------------------------------------------------------------- where it listens, and what says so


@pytest.mark.parametrize(
    ("host", "said"), [("nosuch.invalid", "cannot listen on 'nosuch.invalid': nobody knows"), ("", "is empty")]
)
def test_host_that_is_none_is_refused_before_anything_is_said(
    host: str, said: str, served: list[dict[str, Any]]
) -> None:
    with pytest.raises(UsageError) as refused:
        run("--host", host)

    assert said in str(refused.value)
    assert served == []


def test_ready_file_of_an_earlier_server_goes_first(served: list[dict[str, Any]], tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.write_text("http://127.0.0.1:1\n", encoding="utf-8")

    run("--ready-file", str(ready))

    assert not ready.exists()
    served[0]["ready"]("http://127.0.0.1:2")
    assert ready.read_text(encoding="utf-8") == "http://127.0.0.1:2\n"
    served[0]["ended"]("http://127.0.0.1:3")
    assert ready.exists(), "the file was another server's"
    served[0]["ended"]("http://127.0.0.1:2")
    assert not ready.exists()


def test_ready_file_that_cannot_be_written_is_refused_before_serving(
    served: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match=r"--ready-file .*/file/ready cannot be written: "):
        run("--ready-file", str(tmp_path / "file" / "ready"))

    assert served == []


def test_pipe_as_ready_file_is_written_into_and_stays(served: list[dict[str, Any]], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    run("--ready-file", str(pipe))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(served[0]["ready"], "http://127.0.0.1:2")
        assert pipe.read_text(encoding="utf-8") == "http://127.0.0.1:2\n"
        writing.result()
    served[0]["ended"]("http://127.0.0.1:2")

    assert pipe.is_fifo()


# ---------------------------------------------------------------- an environment that others fill

OF_KUBERNETES = {
    "SAM3_MOCK_PORT": "tcp://10.0.0.1:9001",
    "SAM3_MOCK_PORT_9001_TCP": "tcp://10.0.0.1:9001",
    "SAM3_MOCK_PORT_9001_TCP_PROTO": "tcp",
    "SAM3_MOCK_PORT_9001_TCP_PORT": "9001",
    "SAM3_MOCK_PORT_9001_TCP_ADDR": "10.0.0.1",
    "SAM3_MOCK_SERVICE_HOST": "10.0.0.1",
    "SAM3_MOCK_SERVICE_PORT": "9001",
    "SAM3_MOCK_SERVICE_PORT_HTTP": "9001",
    "SAM3_MOCK_CANARY_SERVICE_HOST": "10.0.0.2",
}


def test_what_kubernetes_says_of_a_service_is_no_option(served: list[dict[str, Any]]) -> None:
    result = run(env=OF_KUBERNETES)

    assert (result.exit_code, served[0]["port"]) == (0, 9001)
    assert result.stderr.splitlines() == [
        "SAM3_MOCK_PORT is not read: it holds the address of a service, as Kubernetes sets it"
    ]


def test_file_holds_where_the_environment_holds_the_address_of_a_service(
    served: list[dict[str, Any]], tmp_path: Path
) -> None:
    run("--config", config(tmp_path, "port = 9100"), env=OF_KUBERNETES)

    assert served[0]["port"] == 9100


def test_variable_that_no_option_takes_is_warned_of_without_its_value(served: list[dict[str, Any]]) -> None:
    result = run(env={"SAM3_MOCK_API_KEYS": SECRET, "SAM3_MOCK_ZZZ": SECRET, "SAM3_MOCK_PORT": "9100"})

    assert served[0]["port"] == 9100
    assert result.stderr.splitlines() == [
        "SAM3_MOCK_API_KEYS is not read: there is no option 'api-keys'; did you mean 'api-key'?",
        "SAM3_MOCK_ZZZ is not read: there is no option 'zzz'; `--help` lists the options",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('host = "a\\u0000b"', "mock.toml: host holds a NUL"),
        ('url-images = "a\\u0000b"', "mock.toml: url-images holds a NUL"),
        ('api-key = ["a\\u0000b"]', "mock.toml: api-key holds a NUL"),
        ("read-timeout = nan", "mock.toml: read-timeout takes a finite number, not nan"),
        ("read-timeout = inf", "mock.toml: read-timeout takes a finite number, not inf"),
        ("a = " + "[" * 5000 + "]" * 5000, "mock.toml is no TOML: "),
    ],
)
def test_odd_value_in_a_file_is_refused_in_one_line(
    content: str, said: str, tmp_path: Path, served: list[dict[str, Any]]
) -> None:
    with pytest.raises(UsageError) as refused:
        run("--config", config(tmp_path, content))

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert served == []


def test_patience_has_to_be_finite(served: list[dict[str, Any]]) -> None:
    result = run("--read-timeout", "nan")

    assert "Invalid value for '--read-timeout': 'nan' is no number that can be meant." in result.output
    assert (result.exit_code, served) == (2, [])


class Full(io.StringIO):
    """A device on which there is no room."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_url_that_cannot_be_printed_is_no_reason_not_to_serve(served: list[dict[str, Any]], tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    run("--ready-file", str(ready))

    with contextlib.redirect_stdout(Full()):
        served[0]["ready"]("http://127.0.0.1:2")

    assert ready.exists()


def test_engine_is_handed_on_and_may_be_a_module_at_hand(
    served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])

    assert run("--engine", "pixels", env={"SAM3_MOCK_ENGINE": "synthetic"}).exit_code == 0
    assert "" not in sys.path
    assert run(env={"SAM3_MOCK_ENGINE": "engine_of_your_own:Bright"}).exit_code == 0

    assert [call["settings"].engine for call in served] == ["pixels", "engine_of_your_own:Bright"]
    assert sys.path[0] == ""
