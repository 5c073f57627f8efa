"""Runs the commands of a block in this process, at the servers and with the files of a test."""

from __future__ import annotations

import io
import re
import runpy
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from unittest.mock import patch

import click

from sam3_contract.cli import commands
from tests.documents.blocks import Command, commands_of
from tests.documents.held import HELD
from tests.faults import KEY
from tests.servers import run_command

MOCK: Final = "http://127.0.0.1:9001"
LIVE: Final = "https://serverless.roboflow.com"
CALLS: Final = 3  # of a verification whose page shows no output: what it asks is run by other tests

# Commands of ours whose options are read and that are not run, by the word that keeps them from it, and why.
ONLY_READ: Final[Mapping[str, str]] = {
    "redis://store.internal:6379": "there is no such server; tests/mock_server/store serves mocks by one",
    "tcp://scheduler:8786": "there is no such cluster; tests/auditing/test_cluster.py judges on one",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where commands are run.

    Attributes:
        folder: With the files that they name.
        mock: URL of a mock that takes any key.
        live: URL of one in the place of the service, which takes one.
    """

    folder: Path
    mock: str
    live: str

    def here(self, text: str) -> str:
        """Put the servers of the test in the place of those that a page names."""
        text = text.replace(MOCK, self.mock).replace(LIVE, self.live).replace("s3://bucket", "memory://bucket")
        return re.sub(r"^https://docs\.roboflow\.com/.*", f"{self.mock}/docs", text)


def expanded(command: Command, stage: Stage, variables: Mapping[str, str]) -> list[str]:
    """The arguments as a shell would hand them over, at the servers of the test."""
    words = []
    for word in command.words[1:]:
        text = re.sub(r"\$([A-Z_]+)", lambda found: variables[found[1]], stage.here(word))
        is_pattern = "*" in text and "://" not in text and text not in command.quoted
        words += (sorted(map(str, Path().glob(text))) if is_pattern else []) or [text]
    return words


def run_ours(command: Command, stage: Stage, variables: Mapping[str, str]) -> None:
    words = expanded(command, stage, variables)
    if any(word in ONLY_READ for word in words):
        read_ours(command.words[1:])
        return
    if words[0] in {"verify", "watch"} and not command.said:
        words += ["--max-calls", str(CALLS)]
    keys = {"ROBOFLOW_API_KEY": KEY} if any(stage.live in word for word in words) else {}
    if "--rate" in words:
        words += ["--rate", "100/s"]  # nobody waits for what is not sent anywhere
    result = run_command(*words, env={**keys, **{name: value for name, value in variables.items() if value != "..."}})
    differs = {"--fault", "--diff", "--against"} & set(words)
    assert result.returncode in ({0, 1} if differs else {0}), f"{command}\n{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stderr
    if command.output:
        Path(command.output).write_text(result.stdout, encoding="utf-8")
    out = iter([line.rstrip() for line in result.stdout.splitlines()])
    assert all(line.rstrip() in out for line in command.said), result.stdout


def read_ours(words: Sequence[str]) -> None:
    """Let the command line read a command, without running it."""
    command: click.Command = commands
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    with command.make_context(command.name, list(words)):
        pass


def run(command: Command, stage: Stage, variables: Mapping[str, str]) -> None:
    """Run a command of a page, or hold it to what it is of."""
    for before in command.after:
        if before.program == "cd":
            assert Path(before.words[1]).is_dir(), f"there is no folder {before.words[1]}"
        else:
            run(before, stage, variables)
    if command.program == "sam3-contract":
        run_ours(command, stage, {**variables, **command.variables})
    elif command.program == "python":
        run_script(command, stage)
    elif command.program in HELD:
        HELD[command.program](replace(command, words=tuple(map(stage.here, command.words))), stage.folder)
    else:
        raise AssertionError(f"nothing is known of {command.program}: run it here, or hold it in held.py")


def run_script(command: Command, stage: Stage) -> None:
    """Run a script of ours, with what stands before it in its environment."""
    script, *arguments = expanded(command, stage, {})
    with (
        patch.object(sys, "argv", [script, *arguments]),
        patch.dict("os.environ", command.variables),
        redirect_stdout(io.StringIO()) as out,
    ):
        runpy.run_path(script, run_name="__main__")
    assert list(command.said) == out.getvalue().splitlines()


def run_block(text: str, stage: Stage) -> None:
    """Run a block of a shell; what is of a job array, once for each of its numbers."""
    counted = re.search(r"^#SBATCH --array=(\d+)-(\d+)$", text, re.MULTILINE)
    numbers = range(int(counted[1]), int(counted[2]) + 1) if counted else range(1)
    for command in commands_of(text):
        for number in numbers if "$SLURM_ARRAY_TASK_ID" in str(command) else numbers[:1]:
            run(command, stage, {"SLURM_ARRAY_TASK_ID": str(number)})
