"""The examples, run as their readers run them, and what this repository offers to CI."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from PIL import Image

from mock_server import Settings, control_of, create_app
from sam3_contract.cases import built_in_images
from tests.faults import KEY
from tests.servers import ROOT, serving


def run_example(name: str, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        cwd=directory,
        env={**os.environ, "API_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("name", ["docs_sample.py", "docs_sample_legacy.py"])
def test_docs_sample_prints_the_keys_of_the_answer(name: str, tmp_path: Path) -> None:
    photograph = tmp_path / "dog.jpeg"
    photograph.write_bytes(built_in_images()[1].content)

    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        result = run_example(name, str(photograph), url, directory=tmp_path)

    assert result.stdout.strip() == "['inference_id', 'frame_id', 'time', 'resolved_model', 'prompt_results']"
    assert result.returncode == 0


def test_demo_draws_the_masks_and_verifies_the_mock(tmp_path: Path) -> None:
    result = run_example("demo.py", str(tmp_path / "out"), directory=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "all that could be judged held" in result.stdout
    with (
        Image.open(tmp_path / "out" / "masks.png") as picture,
        Image.open(tmp_path / "out" / "photograph.jpg") as photo,
    ):
        assert picture.size == photo.size == (600, 400)
        assert len(set(zip(*[iter(picture.convert("RGB").tobytes())] * 3, strict=True))) > 1000


# Other plugins take seconds of each start, and the examples use none.
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def run_tests(*arguments: str, key: str | None = None) -> tuple[dict[str, int], str]:
    """Run examples with pytest; count the outcomes."""
    without_keys = {name: value for name, value in os.environ.items() if name not in {"API_KEY", "ROBOFLOW_API_KEY"}}
    with_key = {"ROBOFLOW_API_KEY": key} if key else {}
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "sam3_contract.pytest_plugin",
            "-rs",
            *arguments,
        ],
        cwd=ROOT / "examples",
        env={**without_keys, **with_key, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200", **ALONE},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    output = result.stdout + result.stderr
    counts = re.findall(r"(\d+) (passed|failed|skipped|errors?)", output.splitlines()[-1])
    return {name: int(number) for number, name in counts}, output


def test_offline_development_needs_no_network(tmp_path: Path) -> None:
    result = run_example("offline_development.py", directory=tmp_path)

    assert result.stdout.splitlines() == [
        "specimen:tiny: 3",
        "specimen:nothing: 0",
        "without credits: 402",
        "refused: example.com",
    ], result.stderr


def test_retries_are_tested() -> None:
    counts, output = run_tests("test_retries.py")

    assert counts == {"passed": 9}, output


def test_regression_suite_holds_and_tells_what_another_model_does() -> None:
    counts, output = run_tests("test_regression.py")
    assert counts == {"passed": 3}, output

    counts, output = run_tests("test_regression.py", "--sam3-seed", "7")
    assert counts == {"failed": 3}, output
    assert "the model changed" in output
    assert "appeared" in output
    assert "vanished" in output
    assert all(Path(path).is_file() for path in re.findall(r"picture +(\S+\.png)", output))


def test_nightly_run_is_skipped_offline_and_runs_where_a_service_is() -> None:
    counts, output = run_tests("test_nightly.py")
    assert counts == {"skipped": 3}, output
    assert "--sam3-live runs it" in output

    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        counts, output = run_tests("test_nightly.py", "--sam3-live", "--sam3-live-url", url, key=KEY)
    assert counts == {"passed": 3}, output
    assert KEY not in output


def test_sample_application_is_tested_on_the_mock() -> None:
    counts, output = run_tests("cutout")

    assert counts == {"passed": 18}, output


def test_sample_application_is_tested_on_the_live_service() -> None:
    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        options = ["--sam3-live", "--sam3-live-url", url, "--sam3-max-calls=10"]
        counts, output = run_tests("cutout/tests/test_cut_out.py", *options, key=KEY)

    assert counts == {"passed": 6}, output
    assert KEY not in output


def test_javascript_client_is_tested_by_node() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    with serving(create_app()) as url:
        result = subprocess.run(
            [node, "--test", str(ROOT / "examples" / "fetch_client.test.mjs")],
            env={**os.environ, "SAM3_URL": url},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"pass 4\b", result.stdout)


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def run_step(
    name: str, directory: Path, *, outputs: dict[str, str] | None = None, **inputs: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run one step of the action as a runner does; return what it says, and the outputs and variables it sets.

    Programs in the folder `bin` of the directory come before all others; *outputs* are those of the step `watch`.
    """
    (step,) = (step for step in read_yaml("action.yml")["runs"]["steps"] if step.get("name") == name)
    known = {"github.action_path": str(ROOT), "github.repository": "us/ours", "runner.temp": str(directory)}
    known |= {f"steps.watch.outputs.{key}": value for key, value in (outputs or {}).items()}
    known |= {f"inputs.{key}": str(given["default"]) for key, given in read_yaml("action.yml")["inputs"].items()}
    known |= {f"inputs.{key.replace('_', '-')}": value for key, value in inputs.items()}
    env = {
        key: re.sub(r"\$\{\{ (.+?) \}\}", lambda found: known[found[1]], value) for key, value in step["env"].items()
    }
    assert "${{" not in step["run"]
    command = directory / "sam3-contract" / "bin" / "sam3-contract"
    command.parent.mkdir(parents=True, exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sam3_contract "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    files = {"GITHUB_OUTPUT": str(directory / "output"), "GITHUB_ENV": str(directory / "environment")}
    path = f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}"
    summary = str(directory / "summary.md")
    result = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=directory,
        env={**os.environ, **env, **files, "PYTHONPATH": str(ROOT), "PATH": path, "GITHUB_STEP_SUMMARY": summary},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = [line for file in files.values() if Path(file).exists() for line in Path(file).read_text().splitlines()]
    return result, dict(line.split("=", 1) for line in lines)


def test_action_starts_a_mock_for_the_steps_that_follow(tmp_path: Path) -> None:
    result, said = run_step("Start the mock", tmp_path, options="--seed=7\n\n--profile=observed\n")
    try:
        assert result.returncode == 0, result.stderr
        assert said["url"] == said["SAM3_URL"]
        assert requests.get(f"{said['url']}/model/registry", params={"api_key": "any"}, timeout=30).status_code == 200
    finally:
        found = re.search(r"process (\d+)", result.stdout)
        if found:
            os.kill(int(found[1]), signal.SIGTERM)


def test_action_says_why_a_mock_did_not_start(tmp_path: Path) -> None:
    result, _ = run_step("Start the mock", tmp_path, options="--sead=7")

    assert result.returncode == 1
    assert "the mock did not start:" in result.stderr
    assert "--sead" in result.stderr


def test_action_holds_a_server_to_the_contract(tmp_path: Path) -> None:
    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        held, said = run_step(
            "Hold the server to the contract", tmp_path, url=url, api_key=KEY, options="--max-calls=3"
        )
    assert held.returncode == 0, held.stdout + held.stderr
    assert any((tmp_path / said["report"]).iterdir())
    assert KEY not in held.stdout + held.stderr

    with serving(create_app(Settings(faults=("size_swapped",)))) as url:
        broken, _ = run_step("Hold the server to the contract", tmp_path, url=url, api_key=KEY)
    assert broken.returncode == 1
    assert "M03" in broken.stdout


def test_action_takes_a_report_that_names_no_other_output(tmp_path: Path) -> None:
    result, said = run_step(
        "Hold the server to the contract", tmp_path, url="http://127.0.0.1:9", report="report\nurl=http://evil.example"
    )

    assert (result.returncode, said) == (2, {})
    assert "report takes one line" in result.stderr


# Stands in for GitHub's command line: issues are files, what was asked of it is in a log.
GH = """#!/bin/bash
cd "$GH_ISSUES"
echo "$*" >> log
case "$1 $2" in
"issue list") if [ -f open ]; then echo 7; fi ;;
"issue create") for last; do :; done; cp "$last" open ;;
"issue edit") for last; do :; done; cp "$last" open ;;
"issue close") mv open closed ;;
esac
"""


def test_action_keeps_one_issue_about_a_server_that_drifts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    issues = tmp_path / "issues"
    for folder in (issues, tmp_path / "bin"):
        folder.mkdir()
    (tmp_path / "bin" / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "bin" / "gh").chmod(0o755)
    monkeypatch.setenv("GH_ISSUES", str(issues))
    app = create_app(Settings(api_keys=frozenset({KEY}), profile="observed"))

    inputs = {"watch": "true", "issue": "true", "api_key": KEY, "options": "--max-calls=3"}

    def watch(*faults: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
        control_of(app).faults = faults
        watched, said = run_step("Watch the server", tmp_path, **inputs, url=url, report=str(tmp_path / "report"))
        assert watched.returncode == 0, watched.stderr
        return watched, said

    def keep(said: dict[str, str]) -> int:
        kept, _ = run_step("Keep one issue up to date", tmp_path, **inputs, url=url, outputs=said)
        assert kept.returncode == 0, kept.stderr
        return run_step("Fail if anything drifted", tmp_path, **inputs, url=url, outputs=said)[0].returncode

    with serving(app) as url:
        broken, said = watch("size_swapped")
        statuses = [keep(said), keep(said)]
        assert "M03 rle_size_is_the_images is broken`\n" in (issues / "open").read_text(encoding="utf-8")
        mended, said = watch()
        statuses.append(keep(said))

    assert statuses == [1, 1, 0]
    assert "::error title=sam3-contract watch%3A contract::M03 rle_size_is_the_images is broken" in broken.stdout
    assert "::error" not in mended.stdout
    acts = [line.split()[1] for line in (issues / "log").read_text(encoding="utf-8").splitlines()]
    assert [act for act in acts if act != "list"] == ["create", "create", "edit", "close"]  # the label, then one issue
    assert not (issues / "open").exists()
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.count("# `http://127.0.0.1") == 2
    assert {"last.json", "watch.json", "watch.sarif"} <= {path.name for path in (tmp_path / "report").iterdir()}
    assert KEY not in broken.stdout + broken.stderr + summary


def test_action_installs_this_checkout_in_an_environment_of_its_own() -> None:
    (step,) = (step for step in read_yaml("action.yml")["runs"]["steps"] if step["name"] == "Install")

    assert step["env"] == {"SOURCE": "${{ github.action_path }}", "FOLDER": "${{ runner.temp }}/sam3-contract"}
    check = subprocess.run(["bash", "-n", "-c", step["run"]], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


def test_action_says_that_python_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)

    result, _ = run_step("Install", tmp_path)

    assert result.returncode == 2
    assert "Python 3.11 or newer is needed; let actions/setup-python come before" in result.stderr


def test_pre_commit_hook_finds_what_is_wrong(tmp_path: Path) -> None:
    (hook,) = read_yaml(".pre-commit-hooks.yaml")
    program, *arguments = hook["entry"].split()
    assert program == "sam3-contract"
    (good, bad) = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"size": [4, 6], "counts": "5220;"}', encoding="utf-8")
    bad.write_text('{"size": [4, 6], "counts": "5220"}', encoding="utf-8")

    def check(*files: Path) -> int:
        command = [sys.executable, "-m", "sam3_contract", *arguments, *map(str, files)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=120).returncode

    assert all(
        re.search(hook["files"], file.name) and not re.search(hook["exclude"], file.name) for file in (good, bad)
    )
    assert re.search(hook["exclude"], "web/package.json")
    assert check(good) == 0
    assert check(good, bad) == 1


def test_example_workflows_use_what_there_is() -> None:
    workflow = read_yaml("examples/workflows/sam3.yml")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    inputs = set(read_yaml("action.yml")["inputs"])
    ours = [step for step in steps if "sam3-contract@" in step.get("uses", "")]
    options = {option for step in steps for option in re.findall(r"--sam3-[a-z-]+", step.get("run", ""))}
    _, known = run_tests("--help")
    hooks = read_yaml("examples/workflows/pre-commit-config.yaml")["repos"][0]["hooks"]

    installed = [
        word for step in steps for word in re.findall(r"sam3-contract[^ /\"]*(?: @ [^ \"]+)?", step.get("run", ""))
    ]
    assert installed
    assert all(word.endswith(" @ $SAM3_CONTRACT") for word in installed)
    assert workflow["env"]["SAM3_CONTRACT"].startswith("git+https://")
    assert ours
    assert all(set(step.get("with", {})) <= inputs for step in ours)
    assert options
    assert all(option in known for option in options)
    assert {hook["id"] for hook in hooks} == {hook["id"] for hook in read_yaml(".pre-commit-hooks.yaml")}
