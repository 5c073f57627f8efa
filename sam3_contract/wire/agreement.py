"""Whether the models and the OpenAPI document say the same.

Both are brought to one plain form (references resolved, titles and prose dropped, ``null`` made a type) and
compared keyword by keyword.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from sam3_contract.spec import Contract
from sam3_contract.wire import answers, requests

__all__ = ["MODELS", "disagreements"]

MODELS: Final[dict[str, type[BaseModel]]] = {
    model.__name__: model
    for model in (
        requests.ConceptSegmentRequest,
        requests.VisualSegmentRequest,
        requests.EmbedImageRequest,
        requests.ConceptPrompt,
        requests.VisualPrompt,
        requests.VisualPromptSet,
        requests.Image,
        requests.Point,
        requests.TopLeftBox,
        requests.CornerBox,
        requests.CenterBox,
        answers.ConceptSegmentResponse,
        answers.VisualSegmentResponse,
        answers.EmbedImageResponse,
        answers.PromptResult,
        answers.Echo,
        answers.PolygonPrediction,
        answers.RlePrediction,
        answers.Rle,
        answers.ResolvedModel,
    )
}
"""The model of each schema in ``components/schemas`` that has one, by the schema's name."""

# What describes but does not constrain, and `format`, which says how to generate a string.
_PROSE: Final = frozenset({"title", "description", "examples", "example", "format", "contentEncoding", "discriminator"})
# Rules across fields: pydantic puts them in code, out of reach of its JSON schema. The property-based test covers them.
_CROSS_FIELD: Final = frozenset({"allOf", "if", "then", "else"})
# The forms in which visual prompts may come are brought to one before the model sees them.
_NORMALISED_EARLY: Final = frozenset({"VisualSegmentRequest.prompts"})
_MOST_VALUES: Final = 20_000
"""Values of a schema with its references written out; the largest of the project's own has some 500."""


class _UnfoldsError(Exception):
    """A schema is short to write and endless, or nearly so, to write out."""


def disagreements(contract: Contract) -> list[str]:
    """List where the models and the document differ.

    Args:
        contract: The document to hold the models against.

    Returns:
        A line for each difference, naming schema, place and both sides; empty if they agree.
    """
    found = []
    schemas = contract.document.get("components", {}).get("schemas", {})
    for name, model in MODELS.items():
        if name not in schemas:
            found.append(f"{name}: the document has no such schema")
            continue
        ours = model.model_json_schema()
        try:
            documented = _plain(schemas[name], contract.document, iter(range(_MOST_VALUES)))
        except (_UnfoldsError, RecursionError):
            found.append(f"{name}: the document says more than {_MOST_VALUES} values, its references written out")
            continue
        modelled = _plain({key: value for key, value in ours.items() if key != "$defs"}, ours, itertools.count())
        found += [f"{name}{line}" for line in _differences(documented, modelled, name)]
    return found


def _differences(documented: Any, modelled: Any, place: str, path: str = "") -> Iterator[str]:
    if f"{place}{path.replace('.properties', '')}" in _NORMALISED_EARLY:
        return
    if isinstance(documented, dict) and isinstance(modelled, dict):
        for key in sorted(documented.keys() | modelled.keys()):
            absent = "nothing"
            yield from _differences(documented.get(key, absent), modelled.get(key, absent), place, f"{path}.{key}")
    elif documented != modelled:
        yield f"{path}: the document says {documented!r}, the model {modelled!r}"


def _plain(schema: Any, root: dict[str, Any], budget: Iterator[int]) -> Any:
    """Bring a JSON schema to the form in which two of them can be compared.

    Raises:
        _UnfoldsError: If that takes more steps than the budget has.
    """
    if next(budget, None) is None:
        raise _UnfoldsError
    if isinstance(schema, list):
        return [_plain(entry, root, budget) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target: Any = root
        for key in schema["$ref"][2:].split("/"):
            target = target[key]
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        return _plain({**target, **siblings}, root, budget)
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _PROSE or key in _CROSS_FIELD or key.startswith("x-"):
            continue
        if key == "properties":
            plain[key] = {name: _plain(entry, root, budget) for name, entry in value.items()}
        elif key in {"anyOf", "oneOf"}:
            plain |= _plain_choice([_plain(entry, root, budget) for entry in value])
        elif key == "required" or (key == "type" and isinstance(value, list)):
            plain[key] = sorted(value)
        elif key == "additionalProperties" and value is True:
            continue
        elif key in {"const", "enum"}:
            plain["enum"] = [value] if key == "const" else value
        elif key in {"default", "pattern"}:
            plain[key] = value
        else:
            plain[key] = _plain(value, root, budget)
    return plain


def _plain_choice(choices: list[Any]) -> dict[str, Any]:
    """Merge "this or null" into one schema; drop choices that only say which fields must be there."""
    if all(set(choice) <= {"required", "properties"} for choice in choices):
        return {}
    others = [choice for choice in choices if choice != {"type": "null"}]
    if len(others) == 1 and len(choices) == 2:
        return {**others[0], "type": sorted([others[0].get("type", "object"), "null"])}
    return {"choice": sorted(choices, key=repr)}
