"""What a suite has met of the contract and what not, in words, JSON and HTML, with tests for what is missing."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from mock_server.faults import FAULTS
from sam3_contract.atomic import write_atomically
from sam3_contract.coverage.parts import CUT, OPERATIONS, Part, field_paths
from sam3_contract.spec import Contract

__all__ = ["Coverage", "lines_of", "write_files"]

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
        return "import pytest\nimport requests\n" + "".join(f"\n\n{test}" for test in written if test)

    def _test_of(self, part: Part) -> str:
        if part.name == CUT:
            return self._test_of_cut()
        if part.kind in {"answer", "fault family"}:
            return self._test_of_trouble(part)
        found = self._example_with(part)
        if found is None:
            return ""
        name, body = found
        return _test(f"test_{part.operation}_{name}", part.operation, body, "    assert answer.status_code == 200\n")

    def _test_of_trouble(self, part: Part) -> str:
        _, body = next(self._examples("concept_segment"))
        if part.kind == "fault family":
            marker, said = _fault_of(part.name), "# what does your code make of it?"
        elif part.name == "422":
            body = {**body, "prompts": "none"}
            marker, said = "", "assert answer.status_code == 422"
        elif part.name == "200":
            marker, said = "", "assert answer.status_code == 200"
        else:
            marker, said = f"status:{part.name}", f"assert answer.status_code == {part.name}"
        title = part.name.replace(" ", "_")
        above = f'@pytest.mark.sam3_faults("{marker}")\n' if marker else ""
        return above + _test(f"test_{part.kind.replace(' ', '_')}_{title}", "concept_segment", body, f"    {said}\n")

    def _test_of_cut(self) -> str:
        _, body = next(self._examples("concept_segment"))
        test = _test("test_no_answer", "concept_segment", body, "")
        above, call = test.rstrip().rsplit("\n", 1)
        call = call.replace("    answer = ", "        ")
        raises = "    with pytest.raises(requests.ConnectionError):  # what does your code make of it?"
        return f'@pytest.mark.sam3_faults("connection_reset")\n{above}\n{raises}\n{call}\n'

    def _example_with(self, part: Part) -> tuple[str, Any] | None:
        for name, body in self._examples(part.operation):
            if part.kind == "format":
                return f"as_{part.name}", {**body, "format": part.name}
            if part.kind == "operation" or part.name in set(field_paths(body)):
                return name, body
        return self._example_made_for(part)

    def _example_made_for(self, part: Part) -> tuple[str, Any] | None:
        """Add a field that no example has to the first one, with a value that some schema tells."""
        schemas = self.contract.document["components"]["schemas"]
        fields = [
            self.contract.resolve(
                schemas[self.contract.operation(operation).request_schema]["properties"].get(name, {})
            )
            for operation in (part.operation, *OPERATIONS)
            for name in [part.name]
        ]
        values = [value for field in fields for value in (*field.get("examples", ()), field.get("default")) if value]
        if not values and "type" not in fields[0]:
            return None
        _, body = next(self._examples(part.operation))
        return f"with_{part.name}", {**body, part.name: values[0] if values else "mine"}

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


def _test(name: str, operation: str, body: Any, ending: str) -> str:
    written = json.dumps(body, indent=4).replace("\n", "\n    ")
    written = written.replace(": true", ": True").replace(": false", ": False").replace(": null", ": None")
    return (
        f"def {name}(sam3_mock):\n"
        f"    body = {written}\n"
        f'    answer = requests.post(f"{{sam3_mock.url}}/sam3/{operation}",'
        f' headers={{"Authorization": f"Bearer {{sam3_mock.api_key}}"}}, json=body, timeout=10)\n'
        f"{ending}"
    )


def lines_of(coverage: Coverage) -> Iterator[str]:
    """Write the coverage for the terminal."""
    for kind, (met, there) in coverage.counts().items():
        missing = [part for part in coverage.missing if part.kind == kind]
        names = ", ".join(part.label for part in missing[:6])
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        yield f"{kind:13} {met:3} of {there:3}" + (f"  missing: {names}{more}" if missing else "")
    yield f"contract coverage {coverage.percent:.0f} %"


def write_files(coverage: Coverage, folder: Path) -> list[Path]:
    """Write ``coverage.json``, ``coverage.html`` and ``test_missing.py`` into a folder, which is made if need be.

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
        "test_missing.py": coverage.tests(),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in texts]


@cache
def _template() -> Template:
    loader = PackageLoader("sam3_contract.coverage")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("coverage.html.j2")
