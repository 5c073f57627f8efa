"""What a suite has met of the contract and what not, in words, JSON and HTML, with tests for what is missing."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from pprint import pformat
from textwrap import indent
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from mock_server.faults import FAULTS
from sam3_contract.coverage.parts import CUT, OPERATIONS, Part, field_paths
from sam3_contract.files.atomic import write_atomically
from sam3_contract.spec import Contract

__all__ = ["Coverage", "lines_of", "write_files"]

_HEAD: Final = """import pytest
import requests


def ask(mock, operation, body):
    headers = {"Authorization": f"Bearer {mock.api_key}"}
    return requests.post(f"{mock.url}/sam3/{operation}", headers=headers, json=body, timeout=10)
"""
"""How the written tests begin."""
_WHAT: Final = "# what does your code make of it?"
_KINDS: Final = ("operation", "format", "field", "answer", "fault family")


@dataclass(frozen=True)
class Coverage:
    """What a suite has met.

    Attributes:
        contract: The document.
        parts: All that there are.
        met: Those that the suite has met.
    """

    contract: Contract
    parts: Sequence[Part]
    met: Collection[Part]

    @property
    def percent(self) -> float:
        """The part that was met, in per cent."""
        return 100 * len(self.met) / len(self.parts)

    @cached_property
    def missing(self) -> list[Part]:
        """What was not met, in the order of the document."""
        return [part for part in self.parts if part not in self.met]

    def counts(self) -> dict[str, tuple[int, int]]:
        """For each kind of part, how many were met, and how many there are."""
        return {
            kind: (
                sum(part.kind == kind for part in self.met),
                sum(part.kind == kind for part in self.parts),
            )
            for kind in _KINDS
        }

    def tests(self) -> str:
        """Write tests, to be pasted, that meet what is missing: one for each request or answer that does."""
        written = dict.fromkeys(self._test_of(part) for part in self.missing)
        return _HEAD + "".join(f"\n\n{test}" for test in written if test)

    def _test_of(self, part: Part) -> str:
        if part.kind in {"answer", "fault family"}:
            return self._test_of_trouble(part)
        found = self._example_with(part)
        if found is None:
            return ""
        name, body = found
        return _test(f"{part.operation}_{name}", body, f"assert {_ask(part.operation)}.status_code == 200")

    def _test_of_trouble(self, part: Part) -> str:
        _, body = next(self._examples("concept_segment"))
        ask = _ask("concept_segment")
        if part.kind == "fault family":
            return _test(f"family_{part.name}", body, f"{ask}  {_WHAT}", fault=_fault_of(part.name))
        if part.name == CUT:
            raises = f"with pytest.raises(requests.ConnectionError):  {_WHAT}\n        {ask}"
            return _test("no_answer", body, raises, fault="connection_reset")
        if part.name == "422":
            body = {**body, "prompts": "none"}
        fault = "" if part.name in {"200", "422"} else f"status:{part.name}"
        return _test(f"answer_{part.name}", body, f"assert {ask}.status_code == {part.name}", fault=fault)

    def _example_with(self, part: Part) -> tuple[str, Any] | None:
        for name, body in self._examples(part.operation):
            if part.kind == "format":
                return f"as_{part.name}", {**body, "format": part.name}
            if part.kind == "operation" or part.name in set(field_paths(body)):
                return name, body
        return self._example_made_for(part)

    def _example_made_for(self, part: Part) -> tuple[str, Any] | None:
        """Add a field that no example has to the first one, with a value that some schema tells."""
        fields = [self._field(operation, part.name) for operation in (part.operation, *OPERATIONS)]
        if not fields[0]:
            return None
        values = [value for field in fields for value in (*field.get("examples", ()), field.get("default")) if value]
        _, body = next(self._examples(part.operation))
        return f"with_{part.name}", {**body, part.name: values[0] if values else "mine"}

    def _field(self, operation: str, name: str) -> dict[str, Any]:
        schema = self.contract.document["components"]["schemas"][self.contract.operation(operation).request_schema]
        field: dict[str, Any] = self.contract.resolve(schema["properties"].get(name, {}))
        return field

    def _examples(self, operation: str) -> Iterator[tuple[str, Any]]:
        path = self.contract.operation(operation).path
        media = self.contract.document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        for name, example in media["examples"].items():
            body = self.contract.resolve(example)["value"]
            yield name, {key: value for key, value in body.items() if key != "api_key"}


def _fault_of(family: str) -> str:
    return next(
        name for name, fault in FAULTS.items() if fault.family == family and "concept_segment" in fault.operations
    )


def _ask(operation: str) -> str:
    return f'ask(sam3_mock, "{operation}", body)'


def _test(name: str, body: Any, ending: str, *, fault: str = "") -> str:
    marker = f'@pytest.mark.sam3_faults("{fault}")\n' if fault else ""
    written = indent(pformat(body, width=100, sort_dicts=False), "    ").lstrip()
    return f"{marker}def test_{name}(sam3_mock):\n    body = {written}\n    {ending}\n"


def lines_of(coverage: Coverage) -> Iterator[str]:
    """Write the coverage for the terminal."""
    for kind, (met, there) in coverage.counts().items():
        missing = [part for part in coverage.missing if part.kind == kind]
        names = ", ".join(part.label for part in missing[:6])
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        yield f"{kind:13} {met:3} of {there:3}" + (f"  missing: {names}{more}" if missing else "")
    yield f"contract coverage {coverage.percent:.0f} %"


def write_files(coverage: Coverage, folder: Path) -> list[Path]:
    """Write ``coverage.json``, ``coverage.html`` and ``missing_tests.py`` into a folder, which is made if need be.

    Raises:
        OutputError: If one cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    value = {
        "version": 1,
        "percent": round(coverage.percent, 1),
        "kinds": {kind: {"met": met, "of": there} for kind, (met, there) in coverage.counts().items()},
        "missing": [{"kind": part.kind, "operation": part.operation, "name": part.name} for part in coverage.missing],
    }
    texts = {
        "coverage.json": json.dumps(value, indent=2) + "\n",
        "coverage.html": _template().render(coverage=coverage, kinds=_KINDS),
        "missing_tests.py": coverage.tests(),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in texts]


@cache
def _template() -> Template:
    loader = PackageLoader("sam3_contract.coverage")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("coverage.html.j2")
