"""Where an operation is in a document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from sam3_contract.spec_diff.differences import Target
from sam3_contract.spec_diff.document import Document, UnresolvedError
from sam3_contract.spec_diff.values import fields_of

__all__ = ["Operation", "find_operation"]

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document.

    Attributes:
        id: Its ``operationId``, or nothing.
        method: In upper case.
        path: As in the document.
        prefix: The path of the server's URL, which stands before.
        node: The operation itself.
        parameters: The path's parameters, then the operation's.
    """

    id: str
    method: str
    path: str
    prefix: str
    node: dict[str, Any]
    parameters: list[Any] = field(default_factory=list)

    @property
    def full_path(self) -> str:
        """The path as clients call it."""
        return f"{self.prefix}{self.path}"


def find_operation(document: Document, target: Target) -> Operation | None:
    """Find an operation: by method and path, whatever stands before the path, else by its id.

    FastAPI's own ids, such as ``sam3_segment_image_sam3_concept_segment_post``, end in the path and the method.
    """
    listed = list(_operations(document))
    wanted = target.path.rstrip("/")
    same_method = [operation for operation in listed if operation.method == target.method]
    exact = [operation for operation in same_method if operation.path.rstrip("/") == wanted]
    below = [operation for operation in same_method if operation.full_path.rstrip("/").endswith(wanted)]
    slug = re.sub(r"\W", "_", f"{target.path}_{target.method.lower()}")
    named = [operation for operation in listed if operation.id == target.id]
    slugged = [operation for operation in listed if operation.id.endswith(slug)]
    found = exact or sorted(below, key=lambda operation: len(operation.full_path)) or named or slugged
    return found[0] if found else None


def _operations(document: Document) -> Iterator[Operation]:
    root = fields_of(document.root)
    for path, entry in fields_of(root.get("paths")).items():
        try:
            item = fields_of(document.resolve(entry))
        except UnresolvedError:
            continue  # a path that leads nowhere serves nothing
        for method in METHODS:
            node = item.get(method)
            if isinstance(node, dict):
                servers = node.get("servers") or item.get("servers") or root.get("servers")
                yield Operation(
                    id=node["operationId"] if isinstance(node.get("operationId"), str) else "",
                    method=method.upper(),
                    path=path,
                    prefix=_prefix(servers),
                    node=fields_of(node),
                    parameters=[*_list(item.get("parameters")), *_list(node.get("parameters"))],
                )


def _prefix(servers: Any) -> str:
    first = servers[0] if isinstance(servers, list) and servers else None
    url = first.get("url") if isinstance(first, dict) else None
    try:
        return urlsplit(url).path.rstrip("/") if isinstance(url, str) else ""
    except ValueError:
        return ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
