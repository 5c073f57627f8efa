"""Standard output on a full disk, or into a pipe that nobody reads any more: every command ends in at most one line."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sam3_contract.cli import commands, main

PREDICTION = {"masks": {"size": [4, 6], "counts": "5220;"}, "confidence": 0.9, "format": "rle"}
ANSWER = {"time": 0.1, "prompt_results": [{"prompt_index": 0, "predictions": [PREDICTION]}]}
HELP = ("--help",)  # of what serves, or asks a server
TO_RLE = ("masks", "convert", "answer.json", "--to", "rle", "-o", "-")
ARGUMENTS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("serve",): HELP,
    ("playground",): HELP,
    ("verify",): ("mock", "--dry-run", "--max-calls", "2"),
    ("snapshot", "compare"): HELP,
    ("snapshot", "take"): HELP,
    ("watch",): HELP,
    ("masks", "check"): ("answer.json",),
    ("masks", "convert"): ("answer.json", "--to", "rle", "-o", "-"),
    ("masks", "explain"): ("RLE18",),
    ("masks", "merge"): HELP,
    ("masks", "show"): HELP,
    ("checks",): (),
    ("checks", "explain"): ("M02",),
    ("checks", "list"): (),
    ("faults",): (),
    ("faults", "explain"): ("body_drips",),
    ("faults", "list"): (),
    ("probe",): HELP,
    ("spec", "diff"): ("spec.json",),
    ("spec", "show"): (),
    ("schema",): ("config",),
    ("mcp",): HELP,
    ("doctor",): (),
}


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Find every command that does something, by its names."""
    if not isinstance(command, click.Group):
        yield path
        return
    if command.invoke_without_command:
        yield path
    for name in command.list_commands(click.Context(command)):
        inner = command.get_command(click.Context(command), name)
        assert inner is not None
        yield from leaves(inner, (*path, name))


class Refusing(io.StringIO):
    """A stream that takes a beginning, and no more."""

    encoding = "utf-8"

    def __init__(self, number: int, taken: int) -> None:
        super().__init__()
        self._error = OSError(number, os.strerror(number))
        self._left = taken

    def write(self, text: str) -> int:
        self._left -= len(text)
        if self._left < 0:
            raise self._error
        return len(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    Path("answer.json").write_text(json.dumps(ANSWER), encoding="utf-8")
    Path("spec.json").write_text('{"openapi": "3.1.0", "info": {"title": "a", "version": "1"}, "paths": {}}', "utf-8")
    return tmp_path


def test_every_command_is_tried() -> None:
    assert set(leaves(commands)) == ARGUMENTS.keys()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("taken", [0, 10])
@pytest.mark.parametrize("path", ARGUMENTS, ids=" ".join)
def test_full_disk_under_standard_output_is_one_line(
    path: tuple[str, ...], taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Refusing(errno.ENOSPC, taken))

    with pytest.raises(SystemExit) as caught:
        main([*path, *ARGUMENTS[path]])

    lines = capsys.readouterr().err.splitlines()
    assert (caught.value.code, len(lines)) == (3, 1), lines
    assert lines[0].startswith("sam3-contract: standard output cannot be written: No space left on device")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("path", ARGUMENTS, ids=" ".join)
def test_pipe_that_nobody_reads_any_more_ends_a_command_quietly(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Refusing(errno.EPIPE, 10))
    monkeypatch.setattr(sys, "stderr", sys.stderr)  # click puts another in its place

    with pytest.raises(SystemExit) as caught:
        main([*path, *ARGUMENTS[path]])

    assert (caught.value.code, capsys.readouterr().err) == (3, "")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments", [("--version",), ("verify", "mock", "--max-calls", "2"), ("masks", "check", "answer.json"), TO_RLE]
)
def test_stream_that_was_closed_is_no_fault(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        with monkeypatch.context() as patch:
            patch.setattr(sys, name, None)  # as Python has it after `>&-`

            with pytest.raises(SystemExit) as caught:
                main(arguments)

        assert caught.value.code == 0


def test_error_that_is_not_of_writing_is_not_put_down_to_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(*_: object, **__: object) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr("sam3_contract.cli.commands", reset)

    with pytest.raises(ConnectionResetError):
        main([])


@pytest.mark.usefixtures("folder")
def test_mistake_is_told_by_the_exit_status_where_standard_error_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Refusing(errno.ENOSPC, 0))

    for arguments, status in ((["masks", "explain", "nonsense"], 2), (["masks", "check", "missing.json"], 3)):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == status


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_end_of_the_interpreter_adds_nothing(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "sam3_contract", "masks", "explain", "RLE18"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
            cwd=folder,
        )

    assert ended.returncode == 3
    assert ended.stderr == "sam3-contract: standard output cannot be written: No space left on device\n"
