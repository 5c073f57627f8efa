"""``sam3-contract schema``: what it says of a file is what the command says that reads it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner

from mock_server.faults import FAULTS, parse
from mock_server.scenarios.files import read
from mock_server.scenarios.player import Scenarios
from sam3_contract.cli import commands
from sam3_contract.cli.serve.command import serve
from sam3_contract.errors import ScenarioError, UsageError
from tests.servers import ROOT

OPERATIONS = ("concept_segment", "visual_segment", "embed_image")


def schema_of(kind: str) -> dict[str, Any]:
    result = CliRunner().invoke(commands, ["schema", kind], catch_exceptions=False)
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


SCENARIO, CONFIG = (schema_of(kind) for kind in ("scenario", "config"))
SCENARIOS = jsonschema_rs.validator_for(SCENARIO)
CONFIGS = jsonschema_rs.validator_for(CONFIG)

GOOD: list[dict[str, Any]] = [
    {"answers": ["normal", {"status": 503}, {"delay": 1.5}, {"fault": "status:503:2"}]},
    {"when": {"operation": "embed_image", "nth": 3}, "answers": [{"body": None}], "times": "any"},
    {"when": {"operation": ["concept_segment", "visual_segment"], "texts": ["a", "b"]}, "times": 2, "then": "refuse"},
    {"when": {"headers": {"X-Experiment": "7"}}, "answers": [{"fault": ["size_swapped", "slow:0.5"]}]},
    {"rate_limit": {"requests": 0, "seconds": 0.5}, "name": "none"},
    {"answers": [{"text": "<h1>502</h1>", "headers": {"Content-Type": "text/html"}, "delay": 60}]},
]
BAD: list[dict[str, Any]] = [
    {"answer": ["normal"]},
    {"answers": []},
    {"answers": [{}]},
    {"answers": ["usual"]},
    {"answers": [{"status": 199}]},
    {"answers": [{"status": "503"}]},
    {"answers": [{"delay": 61}]},
    {"answers": [{"fault": "size_swaped"}]},
    {"answers": [{"fault": ["size_swapped"] * 9}]},
    {"answers": [{"fault": "size_swapped", "status": 200}]},
    {"answers": [{"body": {}, "text": ""}]},
    {"answers": [{"status": 200, "headers": {"Content-Length": "1"}}]},
    {"when": {"operation": "segment"}},
    {"when": {"operation": []}},
    {"when": {"nth": 1, "every": 2}},
    {"when": {"nth": 0}},
    {"when": {"text": None}},
    {"when": {"headers": {"AUTHORIZATION": "Bearer key"}}},
    {"then": "stop"},
    {"times": -1},
    {"times": "all"},
    {"rate_limit": {"requests": 1}},
    {"rate_limit": {"requests": 1, "seconds": 1}, "answers": ["normal"]},
    {"name": None},
]


def is_read(content: Any) -> bool:
    """Whether the mock plays a file."""
    scenarios = Scenarios(OPERATIONS, check_fault=parse)
    try:
        scenarios.load(content)
    except ScenarioError:
        return False
    return True


@pytest.mark.parametrize("scenario", GOOD, ids=json.dumps)
def test_scenario_that_the_mock_plays_keeps_the_schema(scenario: dict[str, Any]) -> None:
    content = {"$schema": "scenario.schema.json", "scenarios": [scenario]}

    assert is_read(content)
    assert SCENARIOS.is_valid(content)


@pytest.mark.parametrize("scenario", BAD, ids=json.dumps)
def test_scenario_that_the_mock_refuses_breaks_the_schema(scenario: dict[str, Any]) -> None:
    content = {"scenarios": [scenario]}

    assert not is_read(content)
    assert not SCENARIOS.is_valid(content)


@pytest.mark.parametrize("content", [{}, {"strict": False}, {"$schema": 1, "strict": True}, {"scenario": []}])
def test_file_without_scenarios_is_refused_by_both(content: dict[str, Any]) -> None:
    assert not is_read(content)
    assert not SCENARIOS.is_valid(content)


def test_strictness_is_enough_of_a_file() -> None:
    assert is_read({"strict": True})
    assert SCENARIOS.is_valid({"strict": True})


def test_example_keeps_the_schema() -> None:
    SCENARIOS.validate(read(ROOT / "examples" / "scenarios.yaml").value)


def test_every_fault_is_taken() -> None:
    texts = [f"{one.name}:{one.parameter.default}" if one.parameter else one.name for one in FAULTS.values()]

    SCENARIOS.validate({"scenarios": [{"answers": [{"fault": text}, {"fault": f"{text}:1/3"}]} for text in texts]})


@pytest.mark.parametrize("name", ["_When", "_Answer", "_Scenario", "_RateLimit"])
def test_every_field_is_described(name: str) -> None:
    fields = SCENARIO["$defs"][name]["properties"]

    assert [field for field, schema in fields.items() if not schema.get("description")] == []


def config_is_read(tmp_path: Path, content: str) -> bool:
    path = tmp_path / "mock.toml"
    path.write_text(content, encoding="utf-8")
    try:
        result = CliRunner().invoke(serve, ["--config", str(path)], catch_exceptions=False)
    except UsageError:
        return False
    return result.exit_code == 0


@pytest.mark.parametrize(
    "content",
    [
        '"$schema" = "config.schema.json"\nport = 9002',
        'api-key = ["one", "two"]\nno-scenes = true\nread-timeout = 5',
        'profile = "observed"\nfault = ["size_swapped"]',
    ],
)
@pytest.mark.usefixtures("served")
def test_config_that_is_read_keeps_the_schema(tmp_path: Path, content: str) -> None:
    assert config_is_read(tmp_path, content)
    assert CONFIGS.is_valid(tomllib.loads(content))


@pytest.mark.parametrize(
    "content",
    [
        *("ports = 1", "port = 70000", 'port = "1"', "api-key = 'one'", "no-auth = 1", "profile = 'real'"),
        *("config = 'a'", "read-timeout = 0.01", '"$schema" = 1'),
    ],
)
@pytest.mark.usefixtures("served")
def test_config_that_is_refused_breaks_the_schema(tmp_path: Path, content: str) -> None:
    assert not config_is_read(tmp_path, content)
    assert not CONFIGS.is_valid(tomllib.loads(content))


def test_every_option_of_serve_but_config_is_in_the_schema() -> None:
    names = {max(option.opts, key=len).removeprefix("--") for option in serve.params}

    assert set(CONFIG["properties"]) == (names | {"$schema"}) - {"config"}
    assert all(field["description"] for field in CONFIG["properties"].values())
