"""`masks check` as a process: standard input, the bar, colours, names on a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.masks.commands import CUT, RLE, Command, prediction, written
from tests.servers import ROOT, run_command

Monkey = pytest.MonkeyPatch


def test_check_reads_standard_input_and_writes_no_bar_into_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text((json.dumps(prediction(RLE)) + "\n") * 3000, encoding="utf-8")
    with path.open("rb") as file:
        result = subprocess.run(
            [sys.executable, "-m", "sam3_contract", "masks", "check", "-", "--jobs", "2"],
            cwd=ROOT,
            stdin=file,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    assert (result.stdout, result.stderr, result.returncode) == ("1 file, 3,000 masks: no defect\n", "", 0)


def test_closed_standard_input_is_named(command: Command, monkeypatch: Monkey) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    outcome = command("convert", "-", "--to", "rle", "-o", "x")

    assert (outcome.status, outcome.stderr) == (3, "sam3-contract: - cannot be read: standard input is closed\n")


def test_bar_on_a_terminal_leaves_stdout_alone(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    path = tmp_path / "lines.jsonl"
    path.write_text((json.dumps(prediction(CUT)) + "\n") * 2000, encoding="utf-8")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sam3_contract", "masks", "check", str(path), "--max-findings", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        text=True,
    ) as process:
        os.close(theirs)
        drawn = b""
        try:
            while piece := os.read(ours, 2**16):
                drawn += piece
        except OSError:  # what Linux says when the other end has gone
            pass
        stdout, _ = process.communicate()
    os.close(ours)

    assert process.returncode == 1
    assert "\x1b" not in stdout
    assert stdout.startswith(f"{path}:1  RLE13 counts_cut_short (error)\n")
    assert "RLE13  counts_cut_short  2,000  error\n" in stdout
    assert b"\x1b" in drawn
    assert b"RLE13" not in drawn


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_colours_on_a_terminal_are_colours_and_names_are_written_out(
    command: Command, monkeypatch: Monkey, no_colour: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_colour)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    outcome = command("check", written("a\x1b[31m.json", {**RLE, "counts": "5220k\x9b"}))

    red, end = ("", "") if no_colour else ("\x1b[31m", "\x1b[0m")
    first, *_, last, _ = outcome.stdout.splitlines()
    assert first.startswith(rf"a\x1b[31m.json  {red}RLE")
    assert first.endswith(f"{end} (error)")
    assert last == f"1 file, 1 mask: {red}1 error{end}"
    assert outcome.stdout.count("\x1b") == (0 if no_colour else 6)
    assert "\x9b" not in outcome.stdout


def test_output_for_programs_is_json_whatever_a_file_is_called(command: Command) -> None:
    name = written("a\xa0\x7f\x85\u2028\u202e\x1b.json", {**RLE, "counts": "5220k"})

    first, totals = command("check", name, "--format", "json").stdout.splitlines()

    assert json.loads(first)["file"] == str(name)
    assert json.loads(totals)["totals"]["masks"] == 1
    assert not any(character in first for character in "\xa0\x7f\x85\u2028\u202e")


@pytest.mark.parametrize("name", ["check", "convert", "show", "explain"])
def test_help_teaches(name: str) -> None:
    result = run_command("masks", name, "--help")

    assert result.returncode == 0
    assert "\\b" not in result.stdout
    assert "\b" not in result.stdout
    assert name == "explain" or re.search(r"Exit status:", result.stdout)
