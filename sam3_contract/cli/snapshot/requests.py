"""The requests that ``sam3-contract snapshot take`` asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from sam3_contract.errors import UsageError
from sam3_contract.exchanges.exchange import Case, Photograph, as_base64
from sam3_contract.files.bounded import read_text_file
from sam3_contract.files.json_positions import half_pair, json_path
from sam3_contract.masks import parse_json
from sam3_contract.spec import Contract

_MAX_REQUEST_BYTES: Final = 2**25
_POINT: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*,\s*([0-9]+(?:\.[0-9]+)?)\s*")

NamedCase = tuple[Case, str]
"""A case, and what to call its image."""


def point_from_text(text: str) -> dict[str, Any]:
    """Read a click from ``x,y`` in pixels.

    Raises:
        UsageError: If it is written otherwise.

    Example:
        >>> point_from_text("99,80")
        {'x': 99.0, 'y': 80.0, 'positive': True}
    """
    found = _POINT.fullmatch(text)
    if not found:
        raise UsageError(f"--point is {text!r}, expected x,y in pixels, such as 99,80")
    return {"x": float(found[1]), "y": float(found[2]), "positive": True}


def cases_of_options(
    photographs: Sequence[Photograph], *, texts: Sequence[str], points: Sequence[Mapping[str, Any]]
) -> Iterator[NamedCase]:
    """Make the cases of the options: for each image, one for all texts and one for all clicks.

    Args:
        photographs: The images.
        texts: Concepts, at most 16; none makes no such request.
        points: Clicks, each a prompt of its own; none makes no such request.
    """
    for photograph in photographs:
        stem = Path(photograph.name).stem
        concept = {"prompts": [{"type": "text", "text": text} for text in texts]}
        # One mask for each click: which of three is the best is not for a regression to tell.
        visual = {"prompts": [{"points": [point]} for point in points], "multimask_output": False}
        for operation, body in (("concept_segment", concept), ("visual_segment", visual)):
            if body["prompts"]:
                whole = {"image": as_base64(photograph), "format": "rle", **body}
                name = f"{operation}-{stem}"
                yield Case(name, operation, "is to be kept", whole, image=photograph.header), photograph.name


def cases_from_file(path: str, photographs: Sequence[Photograph], contract: Contract) -> Iterator[NamedCase]:
    """Make the cases of a JSON file: ``{"operation": ..., "body": ...}``.

    Args:
        path: The file. A body without ``image`` is sent with each of *photographs*.
        photographs: The images.
        contract: Has the operations.

    Raises:
        UsageError: If the file cannot be read, or holds something else.
    """
    operation, body = _read(path, contract)
    stem = Path(path).stem
    if "image" in body:
        case = Case.from_body(operation, body, name=stem)
        yield case, stem
        return
    for photograph in photographs:
        whole = {"image": as_base64(photograph), **body}
        name = f"{stem}-{Path(photograph.name).stem}"
        yield Case(name, operation, "is to be kept", whole, image=photograph.header), photograph.name


def _read(path: str, contract: Contract) -> tuple[str, dict[str, Any]]:
    try:
        content = read_text_file(Path(path), most=_MAX_REQUEST_BYTES)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    value, findings = parse_json(content)
    if findings:
        raise UsageError(f"{path} is no JSON: {findings[0].diagnosis or findings[0]}")
    half = half_pair(value)
    if half is not None:
        raise UsageError(f"{path}: {json_path(half)} holds half of a surrogate pair, which is no character")
    known = ", ".join(operation.id for operation in contract.operations)
    if not isinstance(value, dict) or set(value) != {"operation", "body"} or not isinstance(value["body"], dict):
        keys = orjson.dumps(sorted(value)[:5]).decode() if isinstance(value, dict) else type(value).__name__
        raise UsageError(f'{path} holds {keys}, expected {{"operation": ..., "body": {{...}}}}')
    if value["operation"] not in {operation.id for operation in contract.operations}:
        raise UsageError(f"{path}: operation is {value['operation']!r}, expected one of {known}")
    return value["operation"], value["body"]
