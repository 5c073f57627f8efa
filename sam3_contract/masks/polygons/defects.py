"""What is wrong with one mask of polygons, and why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sam3_contract.masks.catalogue.lookup import finding_of
from sam3_contract.masks.limits import (
    MAX_CONTOUR_FILL_WORK,
    MAX_COORDINATE,
    MAX_FILL_WORK,
    MAX_POINTS,
    MAX_RINGS,
)
from sam3_contract.masks.polygons.contours import survey_contours
from sam3_contract.masks.polygons.overlaps import findings_of_overlap
from sam3_contract.masks.polygons.rings import Rings, read_rings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sam3_contract.masks.catalogue.finding import Finding

__all__ = ["are_fractions", "findings_of_malformed", "findings_of_place", "findings_of_polygons"]

MODEL_SIDE = 1008
"""Height and width in pixels of the frame that SAM 3 works in."""

_PAIRS = "[[[x, y], ...], ...] of integers"

_FORMS = {
    "ring_not_points": _PAIRS,
    "box_for_polygon": _PAIRS,
    "coordinates_flat": _PAIRS,
    "coordinate_not_number": "an integer",
    "coordinate_not_finite": "an integer",
    "coordinate_too_large": f"an integer of at most {MAX_COORDINATE} either way",
    "coordinates_normalised": "pixels, not fractions of the image's sides",
    "coordinate_not_integer": "an integer",
}

_Flaw = tuple[str, tuple[int, ...], Any]
"""A defect's name, the places that lead to the value, and the value."""

_LAWS = {
    "ring_closed": "open rings",
    "point_repeated": "each point to differ from the one before it",
    "edge_direction": "edges that are horizontal, vertical or at 45 degrees",
    "edge_split": "one edge where two go in the same direction",
    "ring_start": "a ring to start at its topmost, then leftmost point",
    "ring_order": "rings in descending order of their first points, by row, then column",
    "ring_orientation": "counter-clockwise rings, as seen on the screen",
}


def findings_of_polygons(polygons: object, *, image_size: tuple[int, int] | None, path: str) -> list[Finding]:
    """Examine the polygons of one mask.

    Args:
        polygons: Any list.
        image_size: ``(height, width)`` of the image in pixels; None if not known.
        path: JSON path of the list.

    Returns:
        Each defect once, at its first place.
    """
    rings = read_rings(polygons)
    if rings is None:
        return findings_of_malformed(polygons, path=path)
    assert isinstance(polygons, (list, tuple))
    if not len(rings) and len(polygons) == 1:
        return [finding_of("mask_empty", path=path, found=polygons, expected="a mask of at least one pixel")]
    findings = _findings_of_empty_rings(polygons, path=path)
    if not len(rings):
        return findings
    findings += findings_of_place(rings, image_size=image_size, path=path)
    survey = survey_contours(rings)
    breaches, work = survey.breaches, survey.fill_work
    limit = MAX_FILL_WORK if breaches else MAX_CONTOUR_FILL_WORK
    if work > limit:
        # Points in such disorder break every law of contours; that would only hide the cause.
        said = f"{work} comparisons for {len(rings.points)} points"
        return [*findings, finding_of("fill_too_costly", path=path, said=said, expected=f"at most {limit}")]
    for breach in breaches:
        place = f"{path}[{int(rings.places[breach.ring])}]"
        start, stop = rings.offsets[breach.ring : breach.ring + 2].tolist()
        nearby = rings.points[max(start, start + breach.point - 1) : stop][:3].tolist()
        findings.append(
            finding_of(
                breach.name,
                path=place if breach.name in ("ring_order", "ring_orientation") else f"{place}[{breach.point}]",
                found=nearby,
                expected=_LAWS[breach.name],
                diagnosis=f"{breach.number} such in all" if breach.number > 1 else "",
            )
        )
    findings += _findings_of_few_points(rings, path=path)
    return findings + findings_of_overlap(rings, survey=survey, path=path)


def findings_of_malformed(polygons: object, *, path: str) -> list[Finding]:
    """Say why `read_rings` refuses a value.

    Args:
        polygons: Any value that it refuses.
        path: JSON path of the value.

    Returns:
        At least one finding; each defect once, at its first place.
    """
    if not isinstance(polygons, (list, tuple)):
        return [finding_of("not_a_mask", path=path, found=polygons, expected=_PAIRS)]
    if not polygons:
        expected = "at least one ring; [[]] for an empty mask"
        return [finding_of("no_rings", path=path, found=polygons, expected=expected)]
    n_points = sum(len(ring) for ring in polygons[: MAX_RINGS + 1] if isinstance(ring, (list, tuple)))
    if len(polygons) > MAX_RINGS or n_points > MAX_POINTS:
        said = f"{len(polygons)} rings, {n_points} points in the first {min(len(polygons), MAX_RINGS + 1)}"
        expected = f"at most {MAX_RINGS} rings and {MAX_POINTS} points"
        return [finding_of("points_too_many", path=path, said=said, expected=expected)]
    if _are_numbers(polygons):
        return [_finding_of_flat(polygons, path=path)]
    if all(_is_pair(ring) for ring in polygons):
        diagnosis = "a level of lists is missing: these are points, not rings"
        return [finding_of("ring_not_points", path=path, found=polygons, expected=_PAIRS, diagnosis=diagnosis)]
    first: dict[str, _Flaw] = {}
    for flaw in _flaws(polygons):
        first.setdefault(flaw[0], flaw)
    return [
        finding_of(
            name,
            path=path + "".join(f"[{place}]" for place in places),
            found=value,
            expected=_FORMS[name],
            diagnosis=_diagnosis_of_flaw(name, value),
        )
        for name, places, value in first.values()
    ]


def findings_of_place(rings: Rings, *, image_size: tuple[int, int] | None, path: str) -> list[Finding]:
    """Hold coordinates against the image.

    Args:
        rings: The rings of one mask.
        image_size: ``(height, width)`` of the image in pixels; None if not known.
        path: JSON path of the mask.

    Returns:
        Findings for points outside, with the likeliest cause.
    """
    if not len(rings):
        return []
    low = rings.points.min(axis=1) < 0
    findings = []
    if low.any():
        findings.append(_finding_outside("coordinate_negative", low, rings, "coordinates of at least 0", path))
    if image_size is None:
        return findings
    height, width = image_size
    high = (rings.points >= np.array([width, height])).any(axis=1)
    if high.any():
        name, diagnosis = _cause_of_outside(rings, image_size=image_size)
        expected = f"x below {width} and y below {height}"
        findings.append(_finding_outside(name, high, rings, expected, path, diagnosis))
    return findings


def _cause_of_outside(rings: Rings, *, image_size: tuple[int, int]) -> tuple[str, str]:
    height, width = image_size
    right, bottom = rings.points.max(axis=0).tolist()
    if right <= width and bottom <= height:
        return "coordinate_off_by_one", "points count pixel edges, or from 1"
    if right < height and bottom < width:
        return "axes_swapped", "with x and y swapped all points lie in the image"
    if MODEL_SIDE // 2 < max(right, bottom) <= MODEL_SIDE:
        return "model_frame", f"all points lie in the model's frame of {MODEL_SIDE} x {MODEL_SIDE}"
    return "coordinate_outside", f"the points reach to x {right}, y {bottom}"


def _finding_outside(name: str, outside: Any, rings: Rings, expected: str, path: str, diagnosis: str = "") -> Finding:
    index = int(np.flatnonzero(outside)[0])
    ring = int(np.searchsorted(rings.offsets, index, side="right")) - 1
    number = int(outside.sum())
    several = f"{number} of {len(outside)} points" if number > 1 else ""
    return finding_of(
        name,
        path=f"{path}[{int(rings.places[ring])}][{index - int(rings.offsets[ring])}]",
        found=rings.points[index].tolist(),
        expected=expected,
        diagnosis="; ".join(filter(None, (diagnosis, several))),
    )


def _findings_of_empty_rings(polygons: Sequence[Any], *, path: str) -> list[Finding]:
    empty = [place for place, ring in enumerate(polygons) if not ring]
    if not empty:
        return []
    diagnosis = f"{len(empty)} of {len(polygons)} rings"
    expected = "rings of at least one point"
    return [finding_of("ring_empty", path=f"{path}[{empty[0]}]", found=[], expected=expected, diagnosis=diagnosis)]


def _findings_of_few_points(rings: Rings, *, path: str) -> list[Finding]:
    few = np.flatnonzero(np.diff(rings.offsets) < 3)
    if not few.size:
        return []
    start, stop = rings.offsets[few[0] : few[0] + 2].tolist()
    return [
        finding_of(
            "ring_few_points",
            path=f"{path}[{int(rings.places[few[0]])}]",
            found=rings.points[start:stop].tolist(),
            expected="three points or more, for programs that need an area",
            diagnosis=f"{few.size} of {len(rings)} rings",
        )
    ]


def _is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


def _are_numbers(values: Sequence[object]) -> bool:
    return bool(values) and all(map(_is_number, values))


def _is_pair(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and _are_numbers(value)


def _finding_of_flat(numbers: Sequence[Any], *, path: str) -> Finding:
    name = "box_for_polygon" if len(numbers) == 4 else "coordinates_flat"
    return finding_of(
        name, path=path, found=numbers, expected=_FORMS[name], diagnosis=_diagnosis_of_flaw(name, numbers)
    )


def _diagnosis_of_flaw(name: str, value: Any) -> str:
    if name == "box_for_polygon":
        return "four numbers, as of a box"
    if name == "coordinates_flat":
        return f"{len(value)} numbers in a row" + ("; an odd number of them" if len(value) % 2 else "")
    if name == "coordinate_not_integer" and value.is_integer():
        return f"{int(value)} written as a float"
    if name == "ring_not_points" and isinstance(value, dict) and "counts" in value:
        return "a list of RLE objects is no mask: each is one of its own"
    return ""


def _flaws(polygons: Sequence[Any]) -> Iterator[_Flaw]:
    """Yield what is malformed, ring by ring; nothing is formatted here, for there may be millions."""
    fractions = are_fractions(polygons)
    for ring_place, ring in enumerate(polygons):
        if not isinstance(ring, (list, tuple)):
            yield "ring_not_points", (ring_place,), ring
        elif _are_numbers(ring):
            box = len(ring) == 4 and len(polygons) == 1
            yield "box_for_polygon" if box else "coordinates_flat", (ring_place,), ring
        else:
            for point_place, point in enumerate(ring):
                if not isinstance(point, (list, tuple)) or len(point) != 2 or isinstance(point[0], list):
                    yield "ring_not_points", (ring_place, point_place), point
                    continue
                for axis, value in enumerate(point):
                    name = _flaw_of_number(value, fractions=fractions)
                    if name:
                        yield name, (ring_place, point_place, axis), value


def _flaw_of_number(value: Any, *, fractions: bool) -> str:
    if not _is_number(value):
        return "coordinate_not_number"
    if isinstance(value, float) and not math.isfinite(value):
        return "coordinate_not_finite"
    if abs(value) > MAX_COORDINATE:
        return "coordinate_too_large"
    if isinstance(value, float):
        return "coordinates_normalised" if fractions else "coordinate_not_integer"
    return ""


def are_fractions(polygons: Sequence[Any]) -> bool:
    """Tell whether every number of well-formed rings lies in 0..1, some of them strictly between."""
    between = False
    for ring in polygons:
        if not isinstance(ring, (list, tuple)):
            return False
        for point in ring:
            if not _is_pair(point) or not all(0 <= value <= 1 for value in point):
                return False
            between = between or any(0 < value < 1 for value in point)
    return between
