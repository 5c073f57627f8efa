"""What a command imports before it does anything; completion in shells."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys

import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from sam3_contract.cli import commands, main
from sam3_contract.errors import UsageError

HEAVY = frozenset(
    {"numpy", "cv2", "pycocotools", "PIL", "pydantic", "flask", "werkzeug", "requests", "jinja2", "rich"}
) | {
    "yaml",
    "scipy",
    "schemathesis",
    "hypothesis",
    "jsonschema_rs",
    "orjson",
    "pytest",
}


def imported_by(*arguments: str) -> set[str]:
    """The packages that a command leaves imported."""
    program = (
        "import sys\n"
        "from sam3_contract.cli import main\n"
        f"try:\n    main({list(arguments)!r})\n"
        "finally:\n    print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(result.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("masks", "--help"), ("masks", "explain", "RLE04"), ("masks", "explain")]
)
def test_command_that_only_tells_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert imported_by(*arguments) & HEAVY == set()


def test_server_does_not_wait_for_what_few_mocks_need() -> None:
    program = (
        "import sys\n"
        "import mock_server.serving.server\n"
        "from mock_server.settings import Settings\n"
        "from sam3_contract.playground import serving\n"
        "app = mock_server.create_app(Settings())\n"
        "serving.beside_mock(app, app, Settings())\n"
        "mock_server.serving.server.warm_up()\n"
        "print(*sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    spared = {
        f"sam3_contract.{room}" for room in ("recording", "har", "checks", "cases", "wire.lenient", "wire.answers")
    }
    spared |= {"mock_server.scenarios.model", "mock_server.annotations.coco", "mock_server.images.fetching", "urllib3"}
    assert set(result.stdout.split()) & spared == set()


def test_heavy_imports_would_be_seen() -> None:
    assert "yaml" in imported_by("spec", "show", "--path")


def test_only_a_process_of_its_own_looks_for_garbage_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    thresholds: list[int] = []
    monkeypatch.setattr(gc, "set_threshold", thresholds.append)
    monkeypatch.setattr(sys, "argv", ["sam3-contract", "--version"])

    with pytest.raises(SystemExit):
        main(["--version"])
    assert thresholds == []

    with pytest.raises(SystemExit):
        main()
    assert thresholds == [50_000]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_given_what_completes(shell: str) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'sam3-contract'; from sam3_contract.cli import main; main()"],
        env={"_SAM3_CONTRACT_COMPLETE": f"{shell}_source", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "_SAM3_CONTRACT_COMPLETE" in completed.stdout


def test_commands_and_options_are_completed() -> None:
    completion = BashComplete(commands, {}, "sam3-contract", "_SAM3_CONTRACT_COMPLETE")

    assert [one.value for one in completion.get_completions([], "ver")] == ["verify"]
    assert "explain" in [one.value for one in completion.get_completions(["masks"], "")]
    assert "--max-calls" in [one.value for one in completion.get_completions(["verify"], "--max")]


def test_commands_are_completed_without_importing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sam3_contract.cli.lazy.importlib.import_module", pytest.fail)
    completion = BashComplete(commands, {}, "sam3-contract", "_SAM3_CONTRACT_COMPLETE")

    found = {one.value: one.help for one in completion.get_completions([], "")}

    assert found["serve"] == "Serve a fake SAM 3 API."
    assert len(found) > 10
    assert [one.value for one in completion.get_completions([], "--v")] == ["--version"]


def test_fuzz_says_what_it_takes_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sam3_contract.cli.verify.command.find_spec", lambda _: None)

    result = CliRunner().invoke(commands, ["verify", "http://127.0.0.1:9", "--fuzz", "3"])

    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == "--fuzz takes schemathesis: pip install 'sam3-contract[fuzz]'"


def test_hooks_say_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "schemathesis", None)
    monkeypatch.delitem(sys.modules, "sam3_contract.schemathesis_hooks", raising=False)

    with pytest.raises(ModuleNotFoundError, match=r"pip install 'sam3-contract\[fuzz\]'"):
        importlib.import_module("sam3_contract.schemathesis_hooks")
