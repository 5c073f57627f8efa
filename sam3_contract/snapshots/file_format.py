"""The text of a snapshot: JSON that a person can review and a version control system can compare line by line.

Files may have been written by anybody: what is wrong with one is said with its line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

from sam3_contract.errors import MaskError, SnapshotError
from sam3_contract.files.json_positions import half_pair, json_path, line_of, repeated_key
from sam3_contract.masks import Finding, parse_json
from sam3_contract.masks.catalogue.finding import shown
from sam3_contract.snapshots.model import (
    ImageReference,
    Instance,
    KeptAnswer,
    KeptRequest,
    PromptInstances,
    Snapshot,
)
from sam3_contract.snapshots.reading import MAX_INSTANCES, MAX_OF_PROMPT

SCHEMA: Final = "sam3-contract snapshot 1"
"""What a snapshot says it is; the number grows when a reader of today's could not read it any more."""

Problem = tuple[list[str | int], str]

MAX_SNAPSHOT_BYTES: Final = 2**26
"""Bytes of a snapshot that is read; one of 3,200 masks like SA-1B's has about 15 million."""

_STRING: Final = {"type": "string", "maxLength": 1000}
_SIDE: Final = {"type": "integer", "minimum": 1, "maximum": 2**20}
_SIZE: Final = {"type": "array", "items": _SIDE, "minItems": 2, "maxItems": 2}
_BOX: Final = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 4, "maxItems": 4}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_PREDICTION: Final = _object(
    area={"type": "integer", "minimum": 0},
    box=_BOX,
    confidence={"type": ["number", "null"]},
    format={"enum": ["polygon", "rle", "binary"]},
    masks=_object(counts={"type": "string"}, size=_SIZE),
)
_IMAGE: Final = _object(
    bytes={"type": "integer", "minimum": 1},
    format={"enum": ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]},
    name=_STRING,
    sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"},
    size=_SIZE,
)
_VALIDATOR: Final = jsonschema_rs.validator_for(
    _object(
        schema={"const": SCHEMA},
        created_by=_STRING,
        name=_STRING,
        request=_object(
            body={"type": ["object", "null"]},
            image={"anyOf": [_IMAGE, {"type": "null"}]},
            operation={"enum": ["concept_segment", "visual_segment", "embed_image"]},
        ),
        status={"type": "integer", "minimum": 100, "maximum": 599},
        answer=_object(
            breaches={"type": "array", "items": _STRING, "maxItems": 100},
            fields={"type": "object", "additionalProperties": _STRING, "maxProperties": 1000},
            model={"type": ["object", "null"]},
            prompts={
                "type": "array",
                "maxItems": 4096,
                "items": _object(
                    echo={"anyOf": [_STRING, {"type": "null"}]},
                    predictions={"type": "array", "items": _PREDICTION, "maxItems": MAX_OF_PROMPT},
                ),
            },
            refusal={"type": "string", "maxLength": 10_000},
        ),
    )
)


def snapshot_from_text(content: bytes, *, origin: str) -> Snapshot:
    """Read a snapshot that anybody may have written.

    Args:
        content: The file.
        origin: What to call it in messages.

    Raises:
        SnapshotError: If it is none; the message tells the line and what is wrong there.
    """
    if len(content) > MAX_SNAPSHOT_BYTES:
        raise SnapshotError(f"{origin} has {len(content)} bytes, expected at most {MAX_SNAPSHOT_BYTES}")
    value, findings = parse_json(content)
    if findings:
        raise SnapshotError(f"{origin}:{_line_of_finding(findings[0], content)}: {_words(findings[0])}")
    text = content.decode()
    problem = next(_problems(value), None)
    if problem is not None:
        path, words = problem
        raise SnapshotError(f"{origin}:{line_of(text, path)}: {words}")
    return _snapshot_from_json(value)


def _problems(value: Any) -> Iterator[Problem]:
    """Find what keeps a parsed value from being a snapshot, the most telling first."""
    version = value.get("schema") if isinstance(value, dict) else None
    if version != SCHEMA:
        said = f"`schema` is {shown(version)}" if version is not None else "there is no `schema`"
        yield ["schema"], f"{said}, expected {SCHEMA!r}: no snapshot that this version of sam3-contract reads"
        return
    path = half_pair(value)
    if path is not None:
        yield path, f"{json_path(path)} holds half of a surrogate pair, which is no character"
        return
    for error in _VALIDATOR.iter_errors(value):
        place = list(error.instance_path)
        yield place, f"{json_path(place)}: {error.message.splitlines()[0][:200]}"
        return
    yield from _problems_of_masks(value)


def _problems_of_masks(value: dict[str, Any]) -> Iterator[Problem]:
    image, body = value["request"]["image"], value["request"]["body"]
    # An image_id may stand for another image, which the service saw earlier.
    size = image["size"] if image and not (body or {}).get("image_id") else None
    number = 0
    for index, prompt in enumerate(value["answer"]["prompts"]):
        for place, prediction in enumerate(prompt["predictions"]):
            path: list[str | int] = ["answer", "prompts", index, "predictions", place]
            number += 1
            size = size or prediction["masks"]["size"]
            if number > MAX_INSTANCES:
                yield path, f"{json_path(path)} is more than {MAX_INSTANCES} predictions"
            elif prediction["masks"]["size"] != size:
                found = prediction["masks"]["size"]
                path += ["masks", "size"]
                yield path, f"{json_path(path)} is {found}, expected {size} as of the image"
            else:
                yield from _problems_of_mask(prediction, path)


def _problems_of_mask(prediction: dict[str, Any], path: list[str | int]) -> Iterator[Problem]:
    instance = _instance_from_json(prediction)
    try:
        derived = {"area": instance.area, "box": list(instance.box)}
    except MaskError as error:
        yield [*path, "masks"], f"{json_path(path)}.masks: {error}"
        return
    for name, found in derived.items():
        if prediction[name] != found:
            yield [*path, name], f"{json_path(path)}.{name} is {prediction[name]}, the mask's is {found}"


def _snapshot_from_json(value: dict[str, Any]) -> Snapshot:
    request, answer = value["request"], value["answer"]
    return Snapshot(
        name=value["name"],
        request=KeptRequest(
            request["operation"],
            request["body"],
            None if request["image"] is None else _image_from_json(request["image"]),
        ),
        status=value["status"],
        answer=KeptAnswer(
            fields=answer["fields"],
            breaches=tuple(answer["breaches"]),
            model=answer["model"],
            prompts=tuple(
                PromptInstances(prompt["echo"], tuple(map(_instance_from_json, prompt["predictions"])))
                for prompt in answer["prompts"]
            ),
            refusal=answer["refusal"],
        ),
        created_by=value["created_by"],
    )


def _image_from_json(image: dict[str, Any]) -> ImageReference:
    height, width = image["size"]
    return ImageReference(image["name"], image["sha256"], image["bytes"], image["format"], (height, width))


def _instance_from_json(prediction: dict[str, Any]) -> Instance:
    height, width = prediction["masks"]["size"]
    return Instance(prediction["masks"]["counts"], (height, width), prediction["confidence"], prediction["format"])


def _line_of_finding(finding: Finding, content: bytes) -> int:
    if finding.name == "not_json":
        _, _, after = finding.diagnosis.partition("line ")
        return int(after.partition(",")[0]) if after[:1].isdigit() else 1
    if finding.name == "key_repeated":
        return (repeated_key(content.decode()) or (1, ""))[0]
    return 1


def _words(finding: Finding) -> str:
    return f"{finding.found}, expected {finding.expected}" + (f"; {finding.diagnosis}" if finding.diagnosis else "")


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
        "format": instance.format,
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
