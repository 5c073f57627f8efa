"""A page for people: the operations of the OpenAPI document, their fields and an example of each. It loads nothing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2
import orjson
from flask import Flask, Response, request

from sam3_contract import spec

Json = Mapping[str, Any]

_SCHEMAS: Final = "#/components/schemas/"
_LIMITS: Final = {"minimum": "at least", "maximum": "at most", "minItems": "at least", "maxItems": "at most"}
_HEADERS: Final = {
    "vary": "Accept, Origin",
    # Nothing is loaded from anywhere, and the page is held to it.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of what a field takes: words, or the name of an object that the page describes."""

    text: str
    link: bool = False


def install(app: Flask, contract: spec.Contract, about: Json) -> None:
    """Add the front page, for browsers and for programs, and the page under ``/docs``.

    Args:
        app: The application.
        contract: What it serves.
        about: What the front page tells programs, as JSON.
    """

    def page() -> Response:
        return Response(
            _page(contract, about, request.host_url.rstrip("/")),
            content_type="text/html; charset=utf-8",
            headers=_HEADERS,
        )

    def front() -> Response:
        accepted = request.accept_mimetypes.best_match(("application/json", "text/html"))
        if accepted == "text/html":
            return page()
        return Response(orjson.dumps(about), content_type="application/json", headers={"vary": _HEADERS["vary"]})

    app.add_url_rule("/", "about", front, methods=["GET"])
    app.add_url_rule("/docs", "docs", page, methods=["GET"])


def _page(contract: spec.Contract, about: Json, url: str) -> str:
    document = contract.document
    operations = [_operation(contract, operation, url) for operation in contract.operations]
    return _template().render(
        title=document["info"]["title"],
        version=contract.version,
        about=about,
        operations=operations,
        objects=list(_objects(contract, [one["body"] for one in operations])),
    )


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True).get_template("docs.html")


def _operation(contract: spec.Contract, operation: spec.Operation, url: str) -> Json:
    node = contract.document["paths"][operation.path][operation.method.lower()]
    body = node["requestBody"]["content"]["application/json"]
    examples = [_resolved(contract, one).get("value", {}) for one in body.get("examples", {}).values()]
    answers = (
        (status, _resolved(contract, answer).get("description", "")) for status, answer in node["responses"].items()
    )
    return {
        "id": operation.id,
        "method": operation.method,
        "path": operation.path,
        "summary": node.get("summary", ""),
        "description": node.get("description", ""),
        "curl": _curl(f"{url}{operation.path}?api_key=any", operation.method, min(examples, key=_length, default={})),
        "body": operation.request_schema,
        "answers": [(status, meaning.strip()) for status, meaning in answers],
    }


def _resolved(contract: spec.Contract, node: Any) -> Json:
    found = contract.resolve(node)
    return found if isinstance(found, dict) else {}  # a schema may be just true or false


def _length(example: Any) -> int:
    return len(json.dumps(example))


def _curl(url: str, method: str, body: Any) -> str:
    content = shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))
    return f'curl -s -X {method} {shlex.quote(url)} \\\n  -H "Content-Type: application/json" \\\n  -d {content}'


def _objects(contract: spec.Contract, names: list[str]) -> Iterator[Json]:
    """Describe the objects of these names and all that they lead to, each once."""
    for name in names:  # grows while it is walked
        schema = contract.document["components"]["schemas"][name]
        fields = [
            {
                "name": field,
                "required": field in schema.get("required", ()),
                "value": list(_value(contract, node)),
                "description": _resolved(contract, node).get("description", ""),
            }
            for field, node in schema.get("properties", {}).items()
        ]
        names += [one for one in dict.fromkeys(_links(fields)) if one not in names]
        yield {"name": name, "description": schema.get("description", ""), "fields": fields}


def _links(fields: list[dict[str, Any]]) -> Iterator[str]:
    return (part.text for field in fields for part in field["value"] if part.link)


def _value(contract: spec.Contract, node: Json) -> Iterator[_Part]:
    """Say what a field takes."""
    schema = _resolved(contract, node)
    if schema.get("type") == "object" and "$ref" in node:
        yield _Part(node["$ref"].removeprefix(_SCHEMAS), link=True)
        return
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        yield from _choices(contract, choices)
    elif schema.get("type") == "array" or "items" in schema:
        yield _Part("list of ")
        yield from _value(contract, schema.get("items", {}))
    else:
        yield _Part(_kind(schema))
    limits = [f"{words} {schema[name]}" for name, words in _LIMITS.items() if name in schema]
    if "default" in schema:
        limits.append(f"by default {json.dumps(schema['default'])}")
    yield _Part("".join(f", {limit}" for limit in limits))


def _choices(contract: spec.Contract, choices: list[Json]) -> Iterator[_Part]:
    for index, choice in enumerate(choices):
        if index:
            yield _Part(" or ")
        yield from _value(contract, choice)


def _kind(schema: Json) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    kind = schema.get("type", "anything")
    return kind if isinstance(kind, str) else " or ".join(kind)
