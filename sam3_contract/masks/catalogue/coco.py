"""Catalogue entries for the ``segmentation`` of COCO files: flat rings of floats along the edges of pixels."""

from __future__ import annotations

from sam3_contract.masks.catalogue.defect import Defect

__all__ = ["COCO_DEFECTS"]

COCO_DEFECTS: tuple[Defect, ...] = (
    Defect(
        code="COC01",
        name="segmentation_missing",
        severity="warning",
        meaning="An annotation has no segmentation, or an empty one: perhaps a box, but no mask.",
        cause="A data set for detection, or an exporter that writes [] beside each box.",
        mend="Leave such annotations out, or make masks of their boxes if that is what is meant.",
        example=[],
    ),
    Defect(
        code="COC02",
        name="ring_not_flat",
        severity="error",
        meaning="A ring of a segmentation is not a flat list of numbers, [x1, y1, x2, y2, ...].",
        cause="Points as pairs, as the service has them, or as objects.",
        mend="Flatten each ring: [number for point in ring for number in point].",
        example=[[[1, 1], [1, 3], [3, 3]]],
    ),
    Defect(
        code="COC03",
        name="ring_too_short",
        severity="error",
        meaning="A ring of a segmentation has fewer than six numbers; pycocotools reads four as a box, and fails.",
        cause="A line, a point or a box among the polygons.",
        mend="Leave the ring out; write a box as its four corners.",
        example=[[1, 1, 3, 1, 3, 3], [1, 1, 3, 3]],
    ),
    Defect(
        code="COC04",
        name="ring_of_odd_length",
        severity="error",
        meaning="A ring of a segmentation has an odd number of numbers; pycocotools drops the last.",
        cause="A number lost or added on the way.",
        mend="Write x and y of each point.",
        example=[[1, 1, 3, 1, 3, 3, 1]],
    ),
    Defect(
        code="COC05",
        name="segmentation_not_nested",
        severity="error",
        meaning="The numbers of a segmentation stand in one list, without a list for each ring.",
        cause="A level of lists was lost; pycocotools does not read it.",
        mend="Put the ring into a list: [[x1, y1, x2, y2, ...]].",
        example=[1, 1, 3, 1, 3, 3],
    ),
    Defect(
        code="COC06",
        name="coordinate_clipped",
        severity="warning",
        meaning="A coordinate lies up to a pixel outside 0..width or 0..height; pycocotools cuts off what is outside.",
        cause="Rounding, or points that were counted from 1.",
        mend="Clip x to 0..width and y to 0..height.",
        example=[[1, 1, 6.5, 1, 6.5, 3]],
        image_size=(4, 6),
    ),
    Defect(
        code="COC07",
        name="ring_draws_nothing",
        severity="note",
        meaning="A ring of a segmentation encloses the middle of no pixel, so that it adds none to the mask.",
        cause="A ring thinner than a pixel, or points of pixels where COCO has points on their edges.",
        mend="Trace along the edges of the pixels: x and y of a pixel's far side are one more than its own.",
        example=[[1, 1, 3, 1, 3, 3, 1, 3], [5, 1, 5, 3, 5, 2]],
        image_size=(4, 6),
    ),
)
