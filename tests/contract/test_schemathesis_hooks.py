"""schemathesis' own command line with our hooks: all default checks on, no failure against a mock that wants a key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mock_server import Settings, create_app
from sam3_contract.checks import CHECKS
from sam3_contract.spec import packaged_path
from tests.faults import KEY, FaultyServer, on_rle
from tests.servers import serving

HOOKS = "sam3_contract.schemathesis_hooks"


def schemathesis(url: str, directory: Path, *options: str, hooks: str = HOOKS) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("schemathesis"))
    arguments = [program, "run", str(packaged_path()), "--url", url, "-H", f"Authorization: Bearer {KEY}"]
    return subprocess.run(
        [*arguments, "--max-examples", "5", "--seed", "1", "--no-color", *options],
        cwd=directory,
        env={**os.environ, "SCHEMATHESIS_HOOKS": hooks},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--phases", "examples,fuzzing"),
        ("--phases", "coverage", "--include-operation-id", "embed_image", "--mode", "positive"),
        pytest.param(("--phases", "coverage"), marks=pytest.mark.soak),
        pytest.param(("--max-examples", "30"), marks=pytest.mark.soak),
    ],
    ids=" ".join,
)
def test_schemathesis_finds_no_failure_in_the_mock(options: tuple[str, ...], tmp_path: Path) -> None:
    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        result = schemathesis(url, tmp_path, *options)

    assert result.returncode == 0, result.stdout[-4000:]
    assert "No issues found" in result.stdout


def test_schemathesis_without_hooks_never_generates_an_image(tmp_path: Path) -> None:
    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        result = schemathesis(
            url, tmp_path, "--include-operation-id", "concept_segment", "--phases", "fuzzing", hooks="json"
        )  # any module that registers nothing

    assert result.returncode == 1
    # For its image or, if that is made up first, for the name of its model: which of them varies.
    assert "Schema-valid request rejected" in result.stdout


@pytest.mark.parametrize(
    ("fault", "check"),
    [(on_rle(lambda rle: rle["size"].reverse()), "sam3_rle_size_is_the_images")],
    ids=["size swapped"],
)
def test_schemathesis_finds_what_our_checks_see(fault: Any, check: str, tmp_path: Path) -> None:
    with serving(FaultyServer(fault)) as url:
        result = schemathesis(url, tmp_path, "--include-operation-id", "concept_segment", "--phases", "examples")

    assert result.returncode == 1
    assert check in result.stdout
    assert KEY not in result.stdout


def test_every_check_of_one_exchange_is_registered() -> None:
    import schemathesis as library  # noqa: PLC0415

    from sam3_contract import schemathesis_hooks  # noqa: F401, PLC0415

    names = set(library.checks.CHECKS.get_all_names())
    ours = [check for check in CHECKS if check.code[0] in "MCV" and check.severity == "error"]
    assert {f"sam3_{check.name}" for check in ours if check.kind == "hard"} <= names
    # A single miss of a model that is good enough is no failure.
    assert names.isdisjoint(f"sam3_{check.name}" for check in ours if check.kind == "statistical")
