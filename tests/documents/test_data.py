"""Blocks in YAML and JSON, and the example files for other programs: each is as the schema of its kind says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema_rs import validator_for

from tests.documents.blocks import Block
from tests.documents.pages import BLOCKS
from tests.documents.running import read_ours
from tests.servers import ROOT, run_command

WORKFLOWS = [block for block in BLOCKS if block.language == "yaml"]


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def errors_of(name: str, value: Any) -> list[str]:
    schema = validator_for(get_builtin_schema(f"vendor.{name}"))
    return [f"{list(error.instance_path)}: {error.message}" for error in schema.iter_errors(value)]


def workflow_of(part: Any) -> Any:
    """Put steps, or what a job has besides its runner, into a workflow."""
    job = {"steps": part} if isinstance(part, list) else part
    return {"on": "push", "jobs": {"job": {"runs-on": "ubuntu-latest", **job}}}


def problems_of(workflow: Any) -> list[str]:
    """What a workflow has that GitHub does not take, or that our action does not have."""
    action = read_yaml("action.yml")
    found = errors_of("github-workflows", workflow)
    for job in workflow["jobs"].values():
        ours = [step for step in job["steps"] if re.search(r"sam3-contract(@|$)", step.get("uses", ""))]
        found += [f"no input {name}" for step in ours for name in set(step.get("with", {})) - set(action["inputs"])]
        for step in (step for step in ours if "id" in step):
            told = re.findall(rf"steps\.{step['id']}\.outputs\.([\w-]+)", str(job))
            found += [f"no output {name}" for name in set(told) - set(action["outputs"])]
    return found


@pytest.mark.parametrize("block", WORKFLOWS, ids=lambda block: block.id)
def test_part_of_a_workflow_is_one_that_github_takes(block: Block) -> None:
    assert block.page == "ci.md", "what is this YAML a part of?"
    assert problems_of(workflow_of(yaml.safe_load(block.text))) == []


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ({"run": "npm test", "shel": "bash"}, "shel"),
        ({"uses": "actions/checkout@v5", "runs": "npm test"}, "runs"),
        ({"uses": "./path/to/sam3-contract", "with": {"uri": "x"}}, "no input uri"),
        ({"uses": "us/sam3-contract@v0.2.0", "id": "us", "if": "steps.us.outputs.reports"}, "no output reports"),
    ],
)
def test_workflow_that_is_wrong_is_found(step: Any, problem: str) -> None:
    assert any(problem in told for told in problems_of(workflow_of([step])))


def test_server_of_an_agent_is_a_command_of_ours() -> None:
    (block,) = (block for block in BLOCKS if block.language == "json")

    for one in json.loads(block.text)["mcpServers"].values():
        assert one["command"] == "sam3-contract"
        read_ours(one["args"])


def test_files_for_other_programs_are_as_their_schemas_say() -> None:
    workflow = read_yaml("examples/workflows/sam3.yml")

    assert problems_of({"on" if key is True else key: value for key, value in workflow.items()}) == []
    assert errors_of("github-actions", read_yaml("action.yml")) == []
    assert errors_of("compose-spec", read_yaml("examples/compose/compose.yaml")) == []
    assert errors_of("compose-spec", {"services": {"mock": {"image": "x", "port": 9001}}}) != []


def test_example_of_scenarios_is_as_our_schema_says() -> None:
    schema = json.loads(run_command("schema", "scenario").stdout)

    assert validator_for(schema).is_valid(read_yaml("examples/scenarios.yaml"))
    assert not validator_for(schema).is_valid({"scenarios": [{"answer": []}]})
