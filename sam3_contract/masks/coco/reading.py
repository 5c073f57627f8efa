"""COCO's segmentations read as COCO means them: what is wrong with one, and the pixels that it covers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sam3_contract.errors import MaskError, PolygonError
from sam3_contract.masks.catalogue.lookup import finding_of
from sam3_contract.masks.coco.rasterise import run_lengths_from_flat_rings
from sam3_contract.masks.dialects.detection import finding_of_dialect
from sam3_contract.masks.limits import MAX_POINTS, MAX_RINGS
from sam3_contract.masks.polygons.defects import MODEL_SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sam3_contract.masks.catalogue.finding import Finding
    from sam3_contract.masks.coco.segmentation import CocoSegmentation

__all__ = ["FEWEST_NUMBERS", "findings_of_segmentation", "run_lengths_from_segmentation"]

FEWEST_NUMBERS: Final = 6
"""Numbers of a ring: x and y of three points."""
_MAX_COORDINATE: Final = 10**6
"""In pixels, either way: from some 10**7 on pycocotools takes gigabytes or crashes."""
_CLIPPED: Final = 1.0
"""Pixels outside the image that pass for rounding."""
_UNLIKE_RINGS: Final = ("counts_cvat", "counts_label_studio")
_FLAT: Final = "[x1, y1, x2, y2, ...], three points or more"

_Place = tuple[int, ...]


def findings_of_segmentation(
    segmentation: CocoSegmentation, *, image_size: tuple[int, int] | None, path: str
) -> list[Finding]:
    """Examine a segmentation that is no RLE.

    Args:
        segmentation: Any value but an object.
        image_size: ``(height, width)`` of the image in pixels; None if not known.
        path: JSON path of the value.

    Returns:
        Each defect once, at its first place.
    """
    value = segmentation.value
    if value is None or value in ([], ""):
        return [finding_of("segmentation_missing", path=path, found=value, expected="polygons or an RLE object")]
    if not isinstance(value, list):
        foreign = finding_of_dialect(value, size=image_size, path=path)
        expected = f"a list of rings {_FLAT}, or an RLE object"
        return [foreign or finding_of("not_a_mask", path=path, found=value, expected=expected)]
    if all(map(_is_number, value)):
        foreign = finding_of_dialect(value, size=image_size, path=path)
        # Pairs of numbers are more likely the points of a ring.
        if foreign is not None and foreign.name in _UNLIKE_RINGS:
            return [foreign]
        return [finding_of("segmentation_not_nested", path=path, found=value, expected="a list of rings")]
    n_numbers = sum(len(ring) for ring in value[: MAX_RINGS + 1] if isinstance(ring, list))
    if len(value) > MAX_RINGS or n_numbers > 2 * MAX_POINTS:
        said = f"{len(value)} rings, {n_numbers} numbers in the first {min(len(value), MAX_RINGS + 1)}"
        expected = f"at most {MAX_RINGS} rings and {2 * MAX_POINTS} numbers"
        return [finding_of("points_too_many", path=path, said=said, expected=expected)]
    first: dict[str, Finding] = {}
    for name, places, found, expected in _flaws(value):
        if name not in first:
            where = path + "".join(f"[{place}]" for place in places)
            first[name] = finding_of(name, path=where, found=found, expected=expected)
    if first:
        return list(first.values())
    return _findings_of_place([np.array(ring, np.float64) for ring in value], image_size=image_size, path=path)


def run_lengths_from_segmentation(segmentation: CocoSegmentation, *, image_size: tuple[int, int]) -> NDArray[np.int64]:
    """Measure the runs of the pixels that pycocotools reads.

    Args:
        segmentation: Flat rings.
        image_size: ``(height, width)`` of the image in pixels.

    Returns:
        Run lengths in pixels, down the columns, background first, shape ``(n_runs,)``.

    Raises:
        PolygonError: If the rings are not sound; what lies up to a pixel outside is cut off.
        MaskError: If it is no segmentation at all.
    """
    value = segmentation.value
    findings = findings_of_segmentation(segmentation, image_size=image_size, path="$")
    if not isinstance(value, list) or not value:
        raise MaskError(f"segmentation is {findings[0].found}, expected {findings[0].expected}", code=findings[0].code)
    for finding in findings:
        if finding.severity == "error":
            raise PolygonError(f"{finding.path} is {finding.found}, expected {finding.expected}", code=finding.code)
    return run_lengths_from_flat_rings([np.array(ring, np.float64) for ring in value], image_size=image_size)


def _flaws(rings: Sequence[Any]) -> Iterator[tuple[str, _Place, Any, str]]:
    """Yield what makes rings unreadable: the defect, where, the value, and what belongs there."""
    if len(rings) > 2 and all(
        isinstance(ring, list) and len(ring) == 2 and all(map(_is_number, ring)) for ring in rings
    ):
        yield "ring_not_flat", (), rings, f"a list of rings {_FLAT}; these are the points of one"
        return
    fractions = _are_fractions(rings)
    for place, ring in enumerate(rings):
        if not isinstance(ring, list) or any(isinstance(number, list | dict) for number in ring):
            yield "ring_not_flat", (place,), ring, _FLAT
        elif len(ring) < FEWEST_NUMBERS:
            yield "ring_too_short", (place,), ring, _FLAT
        elif len(ring) % 2:
            yield "ring_of_odd_length", (place,), ring, f"an even number of numbers, not {len(ring)}"
        else:
            for nth, number in enumerate(ring):
                flaw = _flaw_of_number(number)
                if flaw:
                    yield flaw[0], (place, nth), number, flaw[1]
            if fractions:
                yield "coordinates_normalised", (place, 0), ring[0], "pixels, not fractions of the image's sides"


def _is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


def _flaw_of_number(value: Any) -> tuple[str, str] | None:
    if not _is_number(value):
        return "coordinate_not_number", "a number"
    if not math.isfinite(value):
        return "coordinate_not_finite", "a number"
    if abs(value) > _MAX_COORDINATE:
        return "coordinate_too_large", f"at most {_MAX_COORDINATE} either way"
    return None


def _are_fractions(rings: Sequence[Any]) -> bool:
    """Tell whether all coordinates of all rings lie in 0..1, some of them strictly between."""
    numbers = [number for ring in rings if isinstance(ring, list) for number in ring]
    if not all(map(_is_number, numbers)) or not all(0 <= number <= 1 for number in numbers):
        return False
    return any(0 < number < 1 for number in numbers)


def _findings_of_place(
    rings: list[NDArray[np.float64]], *, image_size: tuple[int, int] | None, path: str
) -> list[Finding]:
    """Hold coordinates against the image: along the edges of its pixels, from 0 to its width and height."""
    findings = []
    limits = np.array([np.inf, np.inf] if image_size is None else [image_size[1], image_size[0]], np.float64)
    numbers = np.concatenate(rings)
    points = numbers.reshape(-1, 2)
    beyond = np.maximum(-points, points - limits).max(axis=1)
    if (beyond > 0).any():
        findings.append(_finding_outside(rings, beyond, limits, image_size, path))
        if findings[0].severity == "error":
            return findings
    return findings + _findings_of_nothing_drawn(rings, image_size, path)


def _finding_outside(
    rings: list[NDArray[np.float64]],
    beyond: NDArray[np.float64],
    limits: NDArray[np.float64],
    image_size: tuple[int, int] | None,
    path: str,
) -> Finding:
    points = np.concatenate(rings).reshape(-1, 2)
    name, diagnosis = _cause(points, beyond, limits)
    index = int(np.argmax(beyond > (0 if name == "coordinate_clipped" else _CLIPPED)))
    ring, before = 0, 0
    while index >= before + len(rings[ring]) // 2:
        before += len(rings[ring]) // 2
        ring += 1
    number = int((beyond > 0).sum())
    several = f"{number} of {len(points)} points" if number > 1 else ""
    bounds = "0 or more" if image_size is None else f"x in 0..{image_size[1]}, y in 0..{image_size[0]}"
    return finding_of(
        name,
        path=f"{path}[{ring}][{2 * (index - before)}]",
        found=points[index].tolist(),
        expected=bounds,
        diagnosis="; ".join(filter(None, (diagnosis, several))),
    )


def _cause(points: NDArray[np.float64], beyond: NDArray[np.float64], limits: NDArray[np.float64]) -> tuple[str, str]:
    if beyond.max() <= _CLIPPED:
        return "coordinate_clipped", ""
    right, bottom = points.max(axis=0).tolist()
    if points.min() < -_CLIPPED:
        return "coordinate_negative", ""
    if right <= limits[1] and bottom <= limits[0]:
        return "axes_swapped", "with x and y swapped all points lie in the image"
    if MODEL_SIDE // 2 < max(right, bottom) <= MODEL_SIDE:
        return "model_frame", f"all points lie in the model's frame of {MODEL_SIDE} x {MODEL_SIDE}"
    return "coordinate_outside", f"the points reach to x {right:g}, y {bottom:g}"


def _findings_of_nothing_drawn(
    rings: list[NDArray[np.float64]], image_size: tuple[int, int] | None, path: str
) -> list[Finding]:
    """Name a ring that draws no pixel; if none does, the mask is empty."""
    if image_size is None:
        return []
    try:
        drawn = [len(run_lengths_from_flat_rings([ring], image_size=image_size)) > 1 for ring in rings]
    except PolygonError as error:
        return [finding_of("fill_too_costly", path=path, said=str(error), expected="fewer crossings")]
    if all(drawn):
        return []
    if not any(drawn):
        return [finding_of("mask_empty", path=path, said="rings around no pixel", expected="a mask of a pixel or more")]
    expected = "a ring around the middle of a pixel or more"
    place = drawn.index(False)
    diagnosis = f"{drawn.count(False)} of {len(drawn)} rings" if drawn.count(False) > 1 else ""
    where = f"{path}[{place}]"
    found = rings[place].tolist()
    return [finding_of("ring_draws_nothing", path=where, found=found, expected=expected, diagnosis=diagnosis)]
