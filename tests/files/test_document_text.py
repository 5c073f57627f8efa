"""Documents of anybody's: what unfolds, holds itself or is nested too deeply is refused before it costs anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mock_server import create_app
from sam3_contract import spec
from sam3_contract.errors import SpecError, TransportError
from sam3_contract.files.document_text import MAX_NODES, UnreadableError, parse_document
from sam3_contract.transport.documents import read_document

OURS = spec.packaged_path().read_text("utf-8")


def doubling(times: int) -> str:
    return "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, times))


def test_json_with_a_byte_order_mark_is_read() -> None:
    assert parse_document(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_aliases_that_unfold_within_the_bound_are_read() -> None:
    value = parse_document(doubling(10).encode())

    assert len(value["a9"]) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (doubling(60), f"stands for more than {MAX_NODES} values by its aliases"),
        ("a: &a {b: [*a]}", "holds itself: alias \\*a stands within its own anchor"),
        ("a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 500)), "is nested deeper than 400"),
        ("[" * 500 + "]" * 500, "is nested deeper than 400"),
        ("{" * 2_000, "is nested deeper than 400"),
        ("a: [1", "is neither JSON nor YAML"),
    ],
    ids=["doubling", "circle", "chain of aliases", "lists", "braces", "no YAML"],
)
def test_text_that_costs_more_than_it_shows_is_refused(text: str, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        parse_document(text.encode())


def test_contract_of_a_document_that_unfolds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(OURS + "\nx-bomb:\n" + "".join(f"  {line}\n" for line in doubling(60).splitlines()), "utf-8")

    with pytest.raises(SpecError, match="by its aliases"):
        spec.load(path)


def test_pipe_that_nobody_writes_into_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    os.mkfifo(path)

    with pytest.raises(SpecError, match=r"spec\.yaml cannot be read: it is no regular file"):
        spec.load(path)
    with pytest.raises(TransportError, match="it is no regular file"):
        read_document(str(path))


@pytest.mark.parametrize("shape", ["properties", "anyOf", "itself"])
def test_mock_refuses_references_that_unfold(shape: str) -> None:
    contract = spec.load()
    chain = {f"S{i}": doubled(f"S{i + 1}", shape) for i in range(60)} | {"S60": {"type": "string"}}
    request = contract.document["components"]["schemas"]["ConceptSegmentRequest"]
    request = {**request, "properties": {**request["properties"], "id": {"$ref": "#/components/schemas/S0"}}}
    schemas = {**contract.document["components"]["schemas"], **chain, "ConceptSegmentRequest": request}
    document = {**contract.document, "components": {**contract.document["components"], "schemas": schemas}}

    with pytest.raises(SpecError, match="ConceptSegmentRequest: the document says more than 20000 values"):
        create_app(contract=spec.Contract(document, origin="spec.yaml"))


def doubled(name: str, shape: str) -> dict[str, object]:
    target = {"$ref": f"#/components/schemas/{name}"}
    if shape == "itself":
        return {"properties": {"a": {"$ref": "#/components/schemas/S0"}}}
    return {"properties": {"a": target, "b": target}} if shape == "properties" else {shape: [target, target]}
