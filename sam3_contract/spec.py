"""The OpenAPI document: load it, and look operations, schemas and deviations up in it.

One file is the source of what is on the wire. It travels in the wheel as ``sam3_contract/_data/sam3.yaml``; an
editable install reads the checkout's ``openapi/sam3.yaml``; a path reads that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from sam3_contract.errors import SpecError
from sam3_contract.files.bounded import read_bounded
from sam3_contract.files.document_text import MAX_BYTES, UnreadableError, parse_document

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["Contract", "Deviation", "Operation", "load", "packaged_path"]

JSON: Final = "application/json"
OPERATIONS: Final = ("concept_segment", "visual_segment", "embed_image")
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PACKAGED: Final = Path(__file__).parent / "_data" / "sam3.yaml"
_CHECKOUT: Final = Path(__file__).parent.parent / "openapi" / "sam3.yaml"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path.

    Attributes:
        id: The document's ``operationId``; the last part of the path, if the document has other names for SAM 3's.
        method: In upper case, such as ``POST``.
        path: As in the document, such as ``/sam3/concept_segment``.
        request_schema: Name of the JSON body's schema in ``components/schemas``.
        answer_schemas: For each status in the document, the schema of each media type it may answer with,
            ``None`` where the document leaves the body open.
    """

    id: str
    method: str
    path: str
    request_schema: str
    answer_schemas: dict[int, dict[str, dict[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class Deviation:
    """A place where the documentation and the server disagree.

    Attributes:
        id: Stable name, used in reports.
        operation: An ``operationId``, or ``*`` for all.
        documented: What the public documentation says.
        observed: What the server does.
        source: Where the observation comes from.
        version: The server's release in which it was seen last.
        since: The day on which it was first seen, ``YYYY-MM-DD``.
        until: The day on which it was last seen; a server of today may do otherwise.
    """

    id: str
    operation: str
    documented: str
    observed: str
    source: str
    version: str
    since: str
    until: str

    @property
    def seen(self) -> str:
        """When it was seen, in words: ``seen 2026-11-22 to 2026-11-27, in 1.8.3``."""
        days = self.since if self.since == self.until else f"{self.since} to {self.until}"
        return f"seen {days}, in {self.version}"


def _deviation(entry: Mapping[str, Any]) -> Deviation:
    """Read an entry; older documents have one ``date``, on which it was seen."""
    fields = dict(entry)
    if "date" in fields:
        fields["since"] = fields["until"] = fields.pop("date")
    return Deviation(**fields)


class Contract:
    """A loaded OpenAPI document.

    Args:
        document: The parsed document.
        origin: Where it was read, for messages.

    Raises:
        SpecError: If a part that the toolkit needs is missing or malformed.
    """

    def __init__(self, document: object, *, origin: str = "the document") -> None:
        if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
            raise SpecError(f"{origin} has no paths: not an OpenAPI document")
        self.document: dict[str, Any] = document
        self.origin = origin
        self._refuse_dangling_references()
        self.operations = tuple(self._operations())

    @property
    def version(self) -> str:
        """The document's own version."""
        return str(self.document["info"]["version"])

    @cached_property
    def deviations(self) -> tuple[Deviation, ...]:
        """What ``x-deviations`` lists."""
        try:
            return tuple(_deviation(entry) for entry in self.document.get("x-deviations", ()))
        except (TypeError, ValueError) as error:
            raise SpecError(f"{self.origin}: an entry of x-deviations is malformed: {error}") from error

    def operation(self, name: str) -> Operation:
        """Look an operation up by its ``operationId``.

        Raises:
            SpecError: If there is none of that name.
        """
        for operation in self.operations:
            if operation.id == name:
                return operation
        known = ", ".join(operation.id for operation in self.operations) or "none"
        raise SpecError(f"{self.origin} has no operation {name!r}; it has {known}")

    def resolve(self, node: Any) -> Any:
        """Follow ``$ref`` until something else is found.

        Raises:
            SpecError: If a reference leads nowhere, outside the document, or in a circle.
        """
        seen: set[str] = set()
        while isinstance(node, dict) and "$ref" in node:
            reference = node["$ref"]
            if reference in seen:
                raise SpecError(f"{self.origin}: {reference!r} refers to itself")
            seen.add(reference)
            node = self._lookup(reference)
        return node

    def validator(self, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        """Build a JSON Schema 2020-12 validator for a schema of this document.

        Args:
            schema: Any schema; its ``#/components`` references are resolved in this document.
        """
        # Only here: a mock never judges an answer, and does not wait for what it would not use.
        import jsonschema_rs  # noqa: PLC0415

        whole = {**schema, "components": self.document.get("components", {})}
        return jsonschema_rs.validator_for({"$schema": "https://json-schema.org/draft/2020-12/schema", **whole})

    def _lookup(self, reference: object) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise SpecError(f"{self.origin}: {reference!r} points outside the document")
        node: Any = self.document
        for token in reference[2:].split("/"):
            key = token.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or key not in node:
                raise SpecError(f"{self.origin}: {reference!r} leads nowhere, there is no {key!r}")
            node = node[key]
        return node

    def _refuse_dangling_references(self) -> None:
        nodes: list[Any] = [self.document]
        for node in nodes:
            if isinstance(node, dict):
                if "$ref" in node:
                    self.resolve(node)
                nodes += node.values()
            elif isinstance(node, list):
                nodes += node

    def _operations(self) -> list[Operation]:
        for path, item in self.document["paths"].items():
            if not isinstance(item, dict):
                raise SpecError(f"{self.origin}: {path} holds {type(item).__name__}, not operations by method")
        described = [
            (path, method, item[method])
            for path, item in self.document["paths"].items()
            for method in METHODS
            if method in item
        ]
        # A server that describes itself makes up names, and describes much else.
        named = any(isinstance(node, dict) and node.get("operationId") in OPERATIONS for _, _, node in described)
        own = {} if named else {one[:2]: name for one in described if (name := _own_name(*one[:2]))}
        found = [self._operation(*one, name=own.get(one[:2])) for one in described if not own or one[:2] in own]
        names = [operation.id for operation in found]
        for name in names:
            if names.count(name) > 1:
                raise SpecError(f"{self.origin}: operationId {name!r} is given twice")
        return found

    def _operation(self, path: str, method: str, node: dict[str, Any], *, name: str | None) -> Operation:
        place = f"{self.origin}: {method.upper()} {path}"
        if "operationId" not in node:
            raise SpecError(f"{place} has no operationId")
        body = self.resolve(node.get("requestBody", {})).get("content", {}).get(JSON, {})
        reference = body.get("schema", {}).get("$ref", "")
        self.resolve(body.get("schema", {}))
        return Operation(
            id=name or node["operationId"],
            method=method.upper(),
            path=path,
            request_schema=reference.rpartition("/")[2],
            answer_schemas={
                self._status(place, status): self._media_types(answer)
                for status, answer in node.get("responses", {}).items()
            },
        )

    def _status(self, place: str, status: object) -> int:
        if not str(status).isdigit():
            raise SpecError(f"{place} answers {status!r}; the toolkit needs every status by its number")
        return int(str(status))

    def _media_types(self, answer: dict[str, Any]) -> dict[str, dict[str, Any] | None]:
        content = self.resolve(answer).get("content", {})
        return {media_type: media.get("schema") for media_type, media in content.items()}


def _own_name(path: str, method: str) -> str:
    """Name an operation of SAM 3 by its path; else nothing."""
    name = path.rpartition("/sam3/")[2]
    return name if method == "post" and name in OPERATIONS else ""


def packaged_path() -> Path:
    """Tell where the project's own document lies: in the wheel, else in the checkout.

    Raises:
        SpecError: If neither is there.
    """
    for path in (_PACKAGED, _CHECKOUT):
        if path.is_file():
            return path
    raise SpecError(f"no document at {_PACKAGED} nor at {_CHECKOUT}; install the package again")


def load(path: str | Path | None = None) -> Contract:
    """Load the contract.

    Args:
        path: A YAML or JSON file; the project's own document by default.

    Raises:
        SpecError: If the file cannot be read, is no YAML, or lacks what the toolkit needs.

    Example:
        >>> [operation.id for operation in load().operations]
        ['concept_segment', 'visual_segment', 'embed_image']
    """
    return _load_packaged() if path is None else _read(Path(path))


@cache
def _load_packaged() -> Contract:
    path = packaged_path()
    # Our own is not measured first: that takes longer than the 0.02 s in which the C loader reads it.
    return Contract(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader), origin=str(path))


def _read(path: Path) -> Contract:
    try:
        document = parse_document(read_bounded(path, most=MAX_BYTES))
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from error
    except UnreadableError as error:
        raise SpecError(f"{path} {error}") from error
    return Contract(document, origin=str(path))
