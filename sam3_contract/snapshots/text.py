"""The text of a snapshot: JSON that a person can review and a version control system can compare line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sam3_contract.snapshots.model import ImageReference, Instance, Snapshot

__all__ = ["SCHEMA", "text_from_snapshot"]

SCHEMA: Final = "sam3-contract snapshot 1"
"""What a snapshot says it is; the number grows when a reader of today's could not read it any more."""


def text_from_snapshot(snapshot: Snapshot) -> str:
    """Write a snapshot: keys sorted, one prediction a line, the same text for the same snapshot."""
    request, answer = snapshot.request, snapshot.answer
    value = {
        "schema": SCHEMA,
        "created_by": snapshot.created_by,
        "name": snapshot.name,
        "request": {
            "body": request.body,
            "image": None if request.image is None else _json_of_image(request.image),
            "operation": request.operation,
        },
        "status": snapshot.status,
        "answer": {
            "breaches": list(answer.breaches),
            "fields": answer.fields,
            "model": answer.model,
            "prompts": [
                {"echo": prompt.echo, "predictions": [_json_of_instance(one) for one in prompt.instances]}
                for prompt in answer.prompts
            ],
            "refusal": answer.refusal,
        },
    }
    return "".join(_lines(value, "", is_element=False)) + "\n"


def _json_of_image(image: ImageReference) -> dict[str, Any]:
    return {
        "bytes": image.n_bytes,
        "format": image.format,
        "name": image.name,
        "sha256": image.sha256,
        "size": list(image.size),
    }


def _json_of_instance(instance: Instance) -> dict[str, Any]:
    return {
        "area": instance.area,
        "box": list(instance.box),
        "confidence": instance.confidence,
        "format": instance.form,
        "masks": instance.rle,
    }


def _lines(value: Any, indent: str, *, is_element: bool) -> Iterator[str]:
    """Write JSON: what is an element of a list, and holds no list of objects, on one line."""
    if not isinstance(value, (Mapping, list)) or not value or _is_flat(value, is_element=is_element):
        yield _compact(value)
        return
    inner = indent + "  "
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    entries = sorted(value.items()) if isinstance(value, Mapping) else [(None, one) for one in value]
    for number, (key, one) in enumerate(entries):
        yield f"{',' if number else opening}\n{inner}"
        if key is not None:
            yield f"{_compact(key)}: "
        yield from _lines(one, inner, is_element=key is None)
    yield f"\n{indent}{closing}"


def _is_flat(value: Any, *, is_element: bool) -> bool:
    if isinstance(value, list):
        return not any(isinstance(one, (Mapping, list)) for one in value)
    return is_element and all(
        _is_flat(one, is_element=True) for one in value.values() if isinstance(one, (Mapping, list))
    )


def _compact(value: Any) -> str:
    if isinstance(value, str):
        # Other characters would be shown as something else, or not at all.
        return json.dumps(value, ensure_ascii=not value.isprintable())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_compact(key)}: {_compact(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_compact, value)) + "]"
    return json.dumps(value, allow_nan=False)
