"""Masks as the SAM 3 API sends them: strict, safe on any input, and many at a time.

Sizes are ``(height, width)`` in pixels throughout, boxes ``(x, y, width, height)`` anchored at their top left pixel,
runs go down the columns and start with background. Conversions are named ``<target>_from_<source>``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sam3_contract.facade import facade

if TYPE_CHECKING:
    from sam3_contract.masks.binary import BinaryMasks, find_defects_in_npz, masks_from_npz
    from sam3_contract.masks.catalogue.finding import Finding, Severity
    from sam3_contract.masks.catalogue.lookup import DEFECTS, Defect, defect_named
    from sam3_contract.masks.coco.segmentation import CocoSegmentation
    from sam3_contract.masks.coco.tracing import flat_rings_from_run_lengths
    from sam3_contract.masks.diagnosis.compare import Comparison, Verdict, compare
    from sam3_contract.masks.diagnosis.defects import find_defects, find_defects_in_many, find_disagreements
    from sam3_contract.masks.dialects.dialect import Dialect, DialectRle
    from sam3_contract.masks.dialects.reading import DIALECTS, run_lengths_from_dialect
    from sam3_contract.masks.formats import bitmap_from_masks, run_lengths_from_masks
    from sam3_contract.masks.json_files.absent import Absent
    from sam3_contract.masks.json_files.records import MaskRecord, check_records, masks_of_record
    from sam3_contract.masks.json_files.stream import elements_of_text, masks_of_text
    from sam3_contract.masks.json_files.text import parse_json
    from sam3_contract.masks.matching import matched
    from sam3_contract.masks.polygons.contours import (
        ContourBreach,
        area_of_contours,
        contour_breaches,
        passes_for_contours,
    )
    from sam3_contract.masks.polygons.polygon import (
        bitmap_from_polygons,
        polygons_from_bitmap,
        polygons_from_run_lengths,
        rings_from_polygons,
        rings_from_run_lengths,
        run_lengths_from_polygons,
        run_lengths_from_rings,
    )
    from sam3_contract.masks.polygons.rings import Rings, polygons_from_rings
    from sam3_contract.masks.rle.batch import RleBatch, parse_rles
    from sam3_contract.masks.rle.breach import Breach
    from sam3_contract.masks.rle.defects import run_lengths_from_uncompressed
    from sam3_contract.masks.rle.encode import counts_from_run_lengths, counts_from_run_lengths_of_many
    from sam3_contract.masks.rle.parts import holes_filled, parts_of_run_lengths
    from sam3_contract.masks.rle.plain import plainly_sound
    from sam3_contract.masks.rle.rle import (
        bitmap_from_rle,
        bitmap_from_run_lengths,
        is_canonical,
        rle_from_bitmap,
        rle_from_run_lengths,
        run_lengths_from_bitmap,
        run_lengths_from_counts,
        run_lengths_from_rle,
    )
    from sam3_contract.masks.rle.runs import (
        area_of_run_lengths,
        box_of_run_lengths,
        intersection,
        intersection_areas,
        iou,
        iou_matrix,
        union,
    )

__all__ = [
    "DEFECTS",
    "DIALECTS",
    "Absent",
    "BinaryMasks",
    "Breach",
    "CocoSegmentation",
    "Comparison",
    "ContourBreach",
    "Defect",
    "Dialect",
    "DialectRle",
    "Finding",
    "MaskRecord",
    "Rings",
    "RleBatch",
    "Severity",
    "Verdict",
    "area_of_contours",
    "area_of_run_lengths",
    "bitmap_from_masks",
    "bitmap_from_polygons",
    "bitmap_from_rle",
    "bitmap_from_run_lengths",
    "box_of_run_lengths",
    "check_records",
    "compare",
    "contour_breaches",
    "counts_from_run_lengths",
    "counts_from_run_lengths_of_many",
    "defect_named",
    "elements_of_text",
    "find_defects",
    "find_defects_in_many",
    "find_defects_in_npz",
    "find_disagreements",
    "flat_rings_from_run_lengths",
    "holes_filled",
    "intersection",
    "intersection_areas",
    "iou",
    "iou_matrix",
    "is_canonical",
    "masks_from_npz",
    "masks_of_record",
    "masks_of_text",
    "matched",
    "parse_json",
    "parse_rles",
    "parts_of_run_lengths",
    "passes_for_contours",
    "plainly_sound",
    "polygons_from_bitmap",
    "polygons_from_rings",
    "polygons_from_run_lengths",
    "rings_from_polygons",
    "rings_from_run_lengths",
    "rle_from_bitmap",
    "rle_from_run_lengths",
    "run_lengths_from_bitmap",
    "run_lengths_from_counts",
    "run_lengths_from_dialect",
    "run_lengths_from_masks",
    "run_lengths_from_polygons",
    "run_lengths_from_rings",
    "run_lengths_from_rle",
    "run_lengths_from_uncompressed",
    "union",
]

# On demand: explaining a defect, for one, does not wait for numpy and OpenCV.
_NAMES: Final = {
    "binary": ("BinaryMasks", "find_defects_in_npz", "masks_from_npz"),
    "catalogue.finding": ("Finding", "Severity"),
    "catalogue.lookup": ("DEFECTS", "Defect", "defect_named"),
    "coco.segmentation": ("CocoSegmentation",),
    "coco.tracing": ("flat_rings_from_run_lengths",),
    "dialects.dialect": ("Dialect", "DialectRle"),
    "dialects.reading": ("DIALECTS", "run_lengths_from_dialect"),
    "diagnosis.compare": ("Comparison", "Verdict", "compare"),
    "diagnosis.defects": ("find_defects", "find_defects_in_many", "find_disagreements"),
    "formats": ("bitmap_from_masks", "run_lengths_from_masks"),
    "json_files.absent": ("Absent",),
    "json_files.records": ("MaskRecord", "check_records", "masks_of_record"),
    "json_files.stream": ("elements_of_text", "masks_of_text"),
    "json_files.text": ("parse_json",),
    "matching": ("matched",),
    "polygons.contours": ("ContourBreach", "area_of_contours", "contour_breaches", "passes_for_contours"),
    "polygons.polygon": (
        "bitmap_from_polygons",
        "polygons_from_bitmap",
        "polygons_from_run_lengths",
        "rings_from_polygons",
        "rings_from_run_lengths",
        "run_lengths_from_polygons",
        "run_lengths_from_rings",
    ),
    "polygons.rings": ("Rings", "polygons_from_rings"),
    "rle.batch": ("RleBatch", "parse_rles"),
    "rle.plain": ("plainly_sound",),
    "rle.breach": ("Breach",),
    "rle.defects": ("run_lengths_from_uncompressed",),
    "rle.encode": ("counts_from_run_lengths", "counts_from_run_lengths_of_many"),
    "rle.parts": ("holes_filled", "parts_of_run_lengths"),
    "rle.rle": (
        "bitmap_from_rle",
        "bitmap_from_run_lengths",
        "is_canonical",
        "rle_from_bitmap",
        "rle_from_run_lengths",
        "run_lengths_from_bitmap",
        "run_lengths_from_counts",
        "run_lengths_from_rle",
    ),
    "rle.runs": (
        "area_of_run_lengths",
        "box_of_run_lengths",
        "intersection",
        "intersection_areas",
        "iou",
        "iou_matrix",
        "union",
    ),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = facade(
        __name__, {name: f"{__name__}.{module}" for module, names in _NAMES.items() for name in names}
    )
