"""The JSON Schema of scenario files, made from the models that validate them: for editors, and for checks before a run.

A schema knows less than the models: not whether a file exists, a fault takes its parameter, or a name is given twice.
Whatever it refuses, the models refuse as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from mock_server.scenarios.model import BODIES, COUNTS, GIVEN, OWN_HEADERS, ScenarioFile

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_KEY_HEADERS: Final = ("authorization",)

# What an editor shows beside a name, by the model that has it.
_ABOUT: Final[Mapping[str, Mapping[str, str]]] = {
    "ScenarioFile": {
        "scenarios": "A request goes to the first of these that takes it; what none takes is answered as ever.",
        "strict": "Whether a request that no scenario takes gets status 599, and is reported.",
    },
    "_Scenario": {
        "name": "What messages call it.",
        "when": "Which requests it is for: all that is named has to hold.",
        "answers": "The answers of the first, the second, ... request that it takes.",
        "then": "What requests behind the last answer get: it again, normal answers, or none (status 599).",
        "times": "How many requests it has to take: by default at least one, `any` for whatever comes.",
        "rate_limit": "Answer 429 to what comes faster, and let the rest pass on.",
    },
    "_When": {
        "operation": "The operation, or a list of them.",
        "text": "The text of one of the prompts.",
        "texts": "The texts of all prompts, in order.",
        "format": "The format that is asked for.",
        "image": "A file's SHA-256 as sha256:..., a path from this file's folder, or the URL that the request holds.",
        "image_id": "The client's name for the image.",
        "headers": "Headers of the request, by name; never one with an API key.",
        "nth": "Only the nth of the requests for which the rest holds, from 1.",
        "after": "Only those behind the first so many.",
        "every": "Only every second, third, ...",
    },
    "_Answer": {
        "delay": "Seconds to wait before.",
        "fault": "A fault, or a list of them, put on the mock's own answer: NAME[:PARAMETER[:TIMES]].",
        "status": "The HTTP status of an answer that is given as it is; 200 unless it is said.",
        "headers": "Its headers.",
        "body": "Its body, written as JSON.",
        "text": "Its body, as plain text.",
        "body_file": "Its body, from a file whose path begins at this file's folder.",
    },
    "_RateLimit": {
        "requests": "So many requests ...",
        "seconds": "... in so many seconds.",
    },
}


def scenario_schema(operations: Collection[str], faults: Collection[str]) -> dict[str, Any]:
    """Make the JSON Schema of scenario files.

    Args:
        operations: The operations that there are, by ``operationId``.
        faults: The names of the faults that there are.

    Returns:
        The schema, of draft 2020-12.

    Example:
        >>> schema = scenario_schema(["embed_image"], ["cut"])
        >>> sorted(schema["properties"])
        ['$schema', 'scenarios', 'strict']
    """
    schema = ScenarioFile.model_json_schema(schema_generator=_Generator)
    models = {**schema.pop("$defs"), "ScenarioFile": schema}
    for name, about in _ABOUT.items():
        models[name]["description"] = " ".join((models[name].get("description") or "").split())
        for field, words in about.items():
            models[name]["properties"][field]["description"] = words
    _restrict(models, operations, faults)
    schema["properties"]["$schema"] = {"type": "string", "description": "Where this schema is, for editors."}
    del models["ScenarioFile"]
    return {"$schema": _DIALECT, **schema, "title": "Scenarios of the SAM 3 mock", "$defs": models}


class _Generator(GenerateJsonSchema):
    """Writes models whose fields are left out rather than null, without titles and defaults that say nothing."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def _restrict(models: Mapping[str, Any], operations: Collection[str], faults: Collection[str]) -> None:
    """Add what the validators of the models say in code."""
    when, answer = models["_When"], models["_Answer"]
    scenario, file = models["_Scenario"], models["ScenarioFile"]
    when["properties"]["operation"] |= _one_or_list({"enum": list(operations)}, most=16)
    when["properties"]["headers"]["propertyNames"] = {"not": {"pattern": _any_case(_KEY_HEADERS)}}
    when["allOf"] = _apart(COUNTS)
    answer["properties"]["fault"] |= _one_or_list(_fault(faults), most=8)
    answer["properties"]["headers"]["propertyNames"] = {"not": {"pattern": _any_case(OWN_HEADERS)}}
    answer["minProperties"] = 1
    answer["allOf"] = [*_apart(BODIES), *(_not_both("fault", name) for name in GIVEN)]
    scenario["allOf"] = [_not_both("rate_limit", "answers"), _not_both("rate_limit", "then")]
    file["anyOf"] = [{"required": ["scenarios"]}, {"required": ["strict"], "properties": {"strict": {"const": True}}}]


def _one_or_list(one: Mapping[str, Any], *, most: int) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": most}]}


def _fault(names: Collection[str]) -> dict[str, Any]:
    with_parameter = {"type": "string", "pattern": f"^(?:{'|'.join(map(re.escape, names))}):"}
    return {"anyOf": [{"enum": sorted(names)}, with_parameter]}


def _apart(names: Collection[str]) -> list[dict[str, Any]]:
    """Let no two of some names stand beside each other."""
    listed = sorted(names)
    return [_not_both(one, other) for index, one in enumerate(listed) for other in listed[index + 1 :]]


def _not_both(one: str, other: str) -> dict[str, Any]:
    return {"not": {"required": [one, other]}}


def _any_case(names: Collection[str]) -> str:
    """Write a pattern of some names, in capitals or not: patterns of JSON Schema have no flags."""
    letters = ("".join(f"[{one}{one.upper()}]" if one.isalpha() else one for one in name) for name in sorted(names))
    return f"^(?:{'|'.join(letters)})$"
