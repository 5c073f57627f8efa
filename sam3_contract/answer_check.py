"""One call for a client's own code: is this answer what the service promises?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ValidationError

from sam3_contract.errors import AnswerError, UsageError
from sam3_contract.exchanges.predictions import prediction_lists
from sam3_contract.images.header import read_header
from sam3_contract.masks import find_defects_in_many
from sam3_contract.wire.answers import ConceptSegmentResponse, VisualSegmentResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_answer"]

_MODELS: Final[dict[str, type[BaseModel]]] = {
    "concept_segment": ConceptSegmentResponse,
    "visual_segment": VisualSegmentResponse,
}
_MOST: Final = 5
"""Findings that the message shows; the error has them all."""


def check_answer(
    answer: object,
    image: bytes | tuple[int, int] | None = None,
    *,
    operation: Literal["concept_segment", "visual_segment"] | None = None,
) -> None:
    """Fail unless an answer of ``concept_segment`` or ``visual_segment`` is sound.

    For a client's own code: what it looks at is what a program trips over later, far from its cause. The shape of the
    JSON, and each mask: its format, its run lengths or rings, its size against the image's.

    Args:
        answer: The decoded JSON body.
        image: The file that was sent, or ``(height, width)`` in pixels as the service sees them, after EXIF
            orientation; without it, masks are not held against the image's size.
        operation: Whose answer it is; by default the one that it looks like.

    Raises:
        AnswerError: With everything that is wrong, each with its place in the answer.
        ImageError: If the file is no image.
        UsageError: If *image* is neither a file's bytes nor a size, or *operation* none of the two.

    Example:
        >>> answer = {"time": 0.1, "predictions": [{"format": "rle", "confidence": 0.9, "masks": {}}]}
        >>> check_answer(answer)
        Traceback (most recent call last):
            ...
        sam3_contract.errors.AnswerError: the answer is not sound: $.predictions[0].masks.size: Field required; ...
    """
    if operation not in (None, *_MODELS):
        raise UsageError(f"operation is {operation!r}, expected {' or '.join(_MODELS)}")
    size = None if image is None else _size_of(image)
    findings = [*_of_shape(answer, operation), *_of_masks(answer, size)]
    if findings:
        more = f"; and {len(findings) - _MOST} more" if len(findings) > _MOST else ""
        raise AnswerError(f"the answer is not sound: {'; '.join(findings[:_MOST])}{more}", findings=findings)


def _size_of(image: object) -> tuple[int, int]:
    """Take the size of a file, or the one that is given; a path, an array or a photograph that is open is neither."""
    if isinstance(image, bytes | bytearray | memoryview):
        header = read_header(bytes(image))
        return header.height, header.width
    if isinstance(image, list | tuple) and len(image) == 2 and all(isinstance(side, int) for side in image):
        return image[0], image[1]
    raise UsageError(f"image is {type(image).__name__}, expected the bytes of the file, or (height, width)")


def _of_shape(answer: object, operation: str | None) -> Iterator[str]:
    if operation is None:
        looks_like_concept = isinstance(answer, dict) and "prompt_results" in answer
        operation = "concept_segment" if looks_like_concept else "visual_segment"
    try:
        _MODELS[operation].model_validate(answer, strict=True)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_context=False, include_input=False):
            yield f"{_path(found['loc'])}: {found['msg']}"


def _path(location: tuple[int | str, ...]) -> str:
    """Write pydantic's place as a JSON path; the name of a union's branch is no place in the answer."""
    names = [name for name in location if name not in {"polygon", "rle"}]
    return "$" + "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in names)


def _of_masks(answer: object, size: tuple[int, int] | None) -> Iterator[str]:
    payloads = [
        (f"{found.path}[{place}].masks", prediction.get("masks"), _format_of(prediction), size)
        for found in prediction_lists(answer)
        for place, prediction in enumerate(found.predictions)
        if isinstance(prediction, dict) and isinstance(prediction.get("masks"), dict | list)
    ]
    for findings in find_defects_in_many(payloads):
        yield from (str(finding) for finding in findings if finding.severity == "error")


def _format_of(prediction: Mapping[str, Any]) -> str | None:
    name = prediction.get("format")
    return name if isinstance(name, str) else None
