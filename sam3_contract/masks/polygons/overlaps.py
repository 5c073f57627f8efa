"""Whether the rings of one mask overlap, nest, touch, or are no tracer's: they are drawn, but never beyond a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from sam3_contract.masks.catalogue.lookup import finding_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sam3_contract.masks.catalogue.finding import Finding
    from sam3_contract.masks.polygons.contours import ContourSurvey
    from sam3_contract.masks.polygons.rings import Rings

__all__ = ["boxes_meet", "findings_of_overlap"]

MAX_DRAWN_PIXELS = 2**25
"""Pixels of the mask's box, and of all rings' boxes together, up to which rings are drawn."""

_TRACED = "rings that findContours makes of the mask they cover"

_MAX_PAIRED_RINGS = 2048
"""Rings up to which boxes are compared pair by pair; more are taken to meet."""


def boxes_meet(rings: Rings) -> bool:
    """Tell whether the boxes of any two rings share a pixel or touch, corners included."""
    if len(rings) < 2:
        return False
    if len(rings) > _MAX_PAIRED_RINGS:
        return True
    left, top, right, bottom = rings.boxes().T
    meet = (left[:, None] <= right + 1) & (top[:, None] <= bottom + 1)
    meet &= meet.T
    np.fill_diagonal(meet, val=False)
    return bool(meet.any())


def findings_of_overlap(rings: Rings, *, survey: ContourSurvey, path: str) -> list[Finding]:
    """Look for rings that share pixels, lie inside others, or touch, and for contours that no tracer makes.

    Args:
        rings: The rings of one mask; filling them must be within the limits of work.
        survey: What their points tell; touching is judged only if they break no law of contours.
        path: JSON path of the mask.

    Returns:
        At most one finding of each kind, at the first ring concerned.
    """
    box = rings.box()
    if box[2] * box[3] > MAX_DRAWN_PIXELS:
        return []
    inner = rings.moved(dx=-box[0], dy=-box[1])
    canvas = np.zeros((box[3], box[2]), np.uint8)
    if not boxes_meet(rings):
        if survey.breaches:
            return []
        cv2.fillPoly(canvas, inner.arrays(), 1)
        return [] if _traces_to(inner, canvas) else [_finding("not_a_contour", [0], rings, _TRACED, path)]
    boxes = rings.boxes()
    if int((boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=1).sum()) > MAX_DRAWN_PIXELS:
        return []
    nested, overlapping = _draw(inner, canvas, areas=survey.areas)
    findings = []
    if nested:
        findings.append(_finding("ring_nested", nested, rings, "rings that lie beside one another", path))
    if overlapping:
        findings.append(_finding("rings_overlap", overlapping, rings, "rings without common pixels", path))
    if not findings and not survey.breaches and not _traces_to(inner, canvas):
        findings.append(_finding("rings_touch", [1], rings, _TRACED, path))
    return findings


def _draw(rings: Rings, canvas: NDArray[np.uint8], *, areas: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Draw ring after ring, largest first: those that set no new pixel are nested, those that set few overlap."""
    nested: list[int] = []
    overlapping: list[int] = []
    arrays, boxes = rings.arrays(), rings.boxes().tolist()
    for index in np.argsort(-areas, kind="stable").tolist():
        left, top, right, bottom = boxes[index]
        view = canvas[top : bottom + 1, left : right + 1]
        alone = np.zeros(view.shape, np.uint8)
        cv2.fillPoly(alone, [arrays[index] - np.array([left, top], np.int32)], 1)
        shared = cv2.countNonZero(alone & view)
        if shared:
            (nested if shared == cv2.countNonZero(alone) else overlapping).append(index)
        view |= alone
    return sorted(nested), sorted(overlapping)


def _traces_to(rings: Rings, canvas: NDArray[np.uint8]) -> bool:
    traced, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = np.concatenate([contour[:, 0, :] for contour in traced])
    return len(traced) == len(rings) and np.array_equal(points, rings.points)


def _finding(name: str, indices: list[int], rings: Rings, expected: str, path: str) -> Finding:
    index = indices[0]
    start, stop = rings.offsets[index : index + 2].tolist()
    return finding_of(
        name,
        path=f"{path}[{int(rings.places[index])}]",
        found=rings.points[start:stop][:4].tolist(),
        expected=expected,
        diagnosis=f"{len(indices)} of {len(rings)} rings" if name in ("ring_nested", "rings_overlap") else "",
    )
