"""Modules only import modules from layers below their own, and none in a circle; ARCHITECTURE.md draws the layers."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS = (
    {f"sam3_contract.{room}" for room in ("errors", "facade", "installed", "loopback", "redaction", "suggestions")},
    {
        "sam3_contract.files",
        "sam3_contract.terminal",
        "sam3_contract.exchanges",
        "sam3_contract.exchanges.predictions",
        "sam3_contract.extras",
    },
    {"sam3_contract.spec", "sam3_contract.spec_diff", "sam3_contract.images", "sam3_contract.masks"},
    {"sam3_contract.wire"},
    {"sam3_contract.answer_check"},
    {
        "sam3_contract.exchanges.exchange",
        "sam3_contract.exchanges.drawing",
        "sam3_contract.testing",
        "sam3_contract.mask_files",
    },
    {"sam3_contract.exchanges.deviations", "sam3_contract.exchanges.measuring", "sam3_contract.auditing"},
    {"sam3_contract.checks", "sam3_contract.cases", "sam3_contract.snapshots"},
    {
        "sam3_contract.transport",
        "sam3_contract.har",
        "sam3_contract.schemathesis_hooks",
    },
    {"mock_server.http", "mock_server.store"},
    {"mock_server.drawing"},
    {"mock_server.annotations"},
    {"mock_server.images"},
    {"mock_server.engines", "mock_server.journal"},
    {"mock_server.operations", "mock_server.scenarios", "mock_server.settings"},
    {"mock_server.faults.fault", "mock_server.faults.parameters"},
    {"mock_server.faults.editing"},
    {"mock_server.faults.chapters"},
    {"mock_server.faults"},
    {"mock_server.sessions"},
    {"mock_server.control", "mock_server.metrics"},
    {"mock_server.app"},
    {"mock_server.serving"},
    {"mock_server", "sam3_contract.verification", "sam3_contract.recording"},
    {"sam3_contract.report", "sam3_contract.targets"},
    {
        "sam3_contract.interception",
        "sam3_contract.verifying",
        "sam3_contract.drift",
        "sam3_contract.playground",
        "sam3_contract.loading",
    },
    {"sam3_contract.mutation", "sam3_contract.coverage", "sam3_contract.agents"},
    {"sam3_contract.cli", "sam3_contract.pytest_plugin"},
    {"sam3_contract", "sam3_contract.__main__"},
)
LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names}
# The judged and the judging share no judgement: siblings that must not know of each other, in either direction.
STRANGERS = [
    ("mock_server", "sam3_contract.checks"),
    ("mock_server", "sam3_contract.masks"),
    ("mock_server", "sam3_contract.verification"),
]
# Packages whose own file is a facade: nothing else may stand in them without a layer.
FACADES = ("sam3_contract", "mock_server")
MODULES = sorted(
    path.relative_to(ROOT) for package in ("sam3_contract", "mock_server") for path in (ROOT / package).rglob("*.py")
)


def module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def unit_of(module: str) -> str | None:
    """The room that *module* belongs to, or None outside the project."""
    candidates = [name for name in LAYER_OF if module == name or module.startswith(name + ".")]
    return max(candidates, key=len, default=None)


def imports_of(source: str) -> set[str]:
    """Every module that a source imports, at any depth, type-checking blocks included; the longest names only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if not any(other.startswith(name + ".") for other in found)}


@cache
def imports() -> dict[str, set[str]]:
    """What each module imports, read once."""
    return {module_of(path): imports_of((ROOT / path).read_text(encoding="utf-8")) for path in MODULES}


def units_imported_by(module: str) -> tuple[str, set[str]]:
    unit = unit_of(module)
    assert unit is not None, f"give {module} a layer"
    assert unit == module or unit not in FACADES, f"give {module} a layer"
    targets = {unit_of(name) for name in imports()[module]}
    return unit, {target for target in targets if target not in {None, unit}}  # type: ignore[misc]


def circles(graph: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or by way of others."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [error.args[1]]
    return []


def test_imports_point_down() -> None:
    upward = {
        module: sorted(up)
        for module in imports()
        for unit, targets in [units_imported_by(module)]
        if (up := {target for target in targets if LAYER_OF[target] >= LAYER_OF[unit]})
    }

    assert upward == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = imports().keys()
    graph = {
        module: {name if name in known else name.rpartition(".")[0] for name in names} & known - {module}
        for module, names in imports().items()
    }

    assert circles(graph) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []


def test_strangers_do_not_know_each_other() -> None:
    met = {
        (module, stranger)
        for module in imports()
        for unit, targets in [units_imported_by(module)]
        for pair in STRANGERS
        for one, stranger in (pair, pair[::-1])
        if is_in(unit, one) and any(is_in(target, stranger) for target in targets)
    }

    assert met == set()


def is_in(unit: str, room: str) -> bool:
    return unit == room or unit.startswith(f"{room}.")


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("flask", {"mock_server", "sam3_contract.interception", "sam3_contract.playground"}),
        ("uvicorn", {"mock_server.serving"}),
        ("sqlite3", {"mock_server.store"}),
        ("redis", {"mock_server.store"}),
        ("prometheus_client", {"mock_server.metrics"}),
        ("locust", {"sam3_contract.loading"}),
        ("schemathesis", {"sam3_contract.schemathesis_hooks", "sam3_contract.verification"}),
        ("hypothesis", {"sam3_contract.cases", "sam3_contract.verification"}),
        (
            "requests",
            {f"sam3_contract.{room}" for room in ("transport", "verification", "interception", "pytest_plugin")},
        ),
        ("click", {"sam3_contract.cli", "sam3_contract.report", "sam3_contract.terminal"}),
        (
            "pydantic",
            {
                f"sam3_contract.{room}"
                for room in (
                    "wire",
                    "answer_check",
                    "exchanges.deviations",
                    "checks",
                    "recording",
                    "playground",
                    "auditing",
                )
            }
            | {"mock_server"},
        ),
        ("mcp", {"sam3_contract.agents"}),
        ("scipy", {"sam3_contract.masks", "sam3_contract.snapshots"}),
        ("socket", {"mock_server", "sam3_contract.interception", "sam3_contract.pytest_plugin"}),
    ],
)
def test_library_is_imported_only_in_its_rooms(library: str, allowed: set[str]) -> None:
    users = {module for module, names in imports().items() if any(is_in(name, library) for name in names)}

    assert {module for module in users if not any(is_in(module, room) for room in allowed)} == set()


def test_a_wrong_import_would_be_found() -> None:
    source = "def late():\n    from mock_server.app import create_app\n"

    assert imports_of(source) == {"mock_server.app.create_app"}
    assert unit_of("mock_server.app.create_app") == "mock_server.app"
    assert LAYER_OF["mock_server.app"] > LAYER_OF["sam3_contract.checks"]


def test_architecture_names_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = {name.rpartition(".")[2] for name in LAYER_OF} - {"sam3_contract", "__main__"}

    assert {room for room in rooms if not re.search(rf"\b{room}\b", text)} == set()
