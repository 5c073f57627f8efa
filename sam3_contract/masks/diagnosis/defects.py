"""Find every defect that a mask payload shows by itself or against the size of its image.

Nothing here raises on any JSON value, and the time and memory spent are bounded whatever it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sam3_contract.errors import MaskError
from sam3_contract.masks.catalogue.lookup import finding_of
from sam3_contract.masks.coco.reading import findings_of_segmentation
from sam3_contract.masks.coco.segmentation import CocoSegmentation
from sam3_contract.masks.diagnosis.compare import compare
from sam3_contract.masks.dialects.detection import finding_of_dialect
from sam3_contract.masks.formats import run_lengths_from_masks
from sam3_contract.masks.json_files.absent import Absent
from sam3_contract.masks.polygons.defects import findings_of_polygons
from sam3_contract.masks.rle.batch import parse_rles
from sam3_contract.masks.rle.breach import Breach
from sam3_contract.masks.rle.defects import (
    SIZE_BREACHES,
    finding_of_list,
    findings_of_rle,
    findings_of_size,
    text_from_uncompressed,
)
from sam3_contract.masks.rle.oddities import oddities_of
from sam3_contract.masks.rle.parts import holes_filled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sam3_contract.masks.catalogue.finding import Finding

__all__ = ["find_defects", "find_defects_in_many", "find_disagreements"]

_FORMATS = ("polygon", "rle")


def find_defects(
    masks: object,
    *,
    declared_format: str | None = None,
    image_size: tuple[int, int] | None = None,
    path: str = "$.masks",
) -> list[Finding]:
    """Find the defects of one ``masks`` payload.

    Args:
        masks: Any JSON value; polygons or an RLE object are what belongs there. A `CocoSegmentation` is judged by
            COCO's rules.
        declared_format: What the prediction calls the format; None if it is not declared.
        image_size: ``(height, width)`` of the image in pixels; None if not known.
        path: JSON path of the payload, for the findings.

    Returns:
        Findings, errors first; empty for a sound mask.

    Example:
        >>> [finding] = find_defects({"size": [4, 6], "counts": "522"})
        >>> print(finding)
        RLE18 pixels_missing at $.masks.counts: runs of 9 pixels, expected 24 pixels (4 x 6)
        >>> find_defects([[[1, 1], [1, 3], [3, 3], [3, 1]]], declared_format="polygon", image_size=(5, 5))
        []
    """
    return find_defects_in_many([(path, masks, declared_format, image_size)])[0]


def find_defects_in_many(
    items: Iterable[tuple[str, object, str | None, tuple[int, int] | None]],
) -> list[list[Finding]]:
    """Find the defects of many payloads, all RLEs in one pass.

    Args:
        items: ``(path, masks, declared_format, image_size)`` of each payload, as `find_defects` takes them;
            what ``masks_of_record`` yields can be given as it is.

    Returns:
        Findings per item, in the items' order.

    Example:
        >>> sound, broken = find_defects_in_many([
        ...     ("$[0].masks", {"size": [4, 6], "counts": "5220;"}, "rle", (4, 6)),
        ...     ("$[1].masks", {"size": [4, 6], "counts": "5220"}, "rle", (4, 6)),
        ... ])
        >>> sound, broken[0].name
        ([], 'pixels_missing')
    """
    chosen = list(items)
    results: list[list[Finding]] = [
        _findings_of_format(masks, declared_format=declared, image_size=size, path=path)
        for path, masks, declared, size in chosen
    ]
    encoded = [index for index, (_, masks, _, _) in enumerate(chosen) if _is_rle(_rle_in(masks))]
    rles: list[object] = []
    for index in encoded:
        rle, findings = _compressed(_rle_in(chosen[index][1]), path=chosen[index][0])
        # COCO keeps crowds uncompressed: there it is no oddity.
        by_coco = isinstance(chosen[index][1], CocoSegmentation)
        results[index] += [one for one in findings if not (by_coco and one.name == "counts_uncompressed")]
        rles.append(rle)
    batch = parse_rles(rles)
    breaches = batch.breaches.tolist()
    for place, index in enumerate(encoded):
        path, _, _, image_size = chosen[index]
        if rles[place] is not None and (breaches[place] or image_size is not None):
            results[index] += _findings_of_parsed(
                rles[place], breach=Breach(breaches[place]), image_size=image_size, path=path
            )
    for place, oddity in oddities_of(batch):
        results[encoded[place]].append(
            finding_of(
                oddity.name,
                path=chosen[encoded[place]][0],
                found=rles[place],
                expected=oddity.expected,
                diagnosis=oddity.diagnosis,
            )
        )
    for index, (path, masks, _, image_size) in enumerate(chosen):
        if isinstance(masks, (list, tuple)):
            results[index] += findings_of_polygons(masks, image_size=image_size, path=path)
        elif isinstance(masks, CocoSegmentation) and not _is_rle(masks.value):
            results[index] += findings_of_segmentation(masks, image_size=image_size, path=path)
    return [sorted(findings, key=_rank) if len(findings) > 1 else findings for findings in results]


def find_disagreements(
    polygons: object, rle: object, *, image_size: tuple[int, int], path: str = "$.masks"
) -> list[Finding]:
    """Hold the polygons and the RLE of one mask against each other, without drawing either where that suffices.

    Args:
        polygons: The mask asked for as polygons.
        rle: The same mask asked for as RLE.
        image_size: ``(height, width)`` of the image in pixels.
        path: JSON path, for the findings.

    Returns:
        One finding if they differ by more than filled holes. None if one of them is not sound: `find_defects` says why.

    Example:
        >>> rle = {"size": [4, 6], "counts": "5220;"}
        >>> find_disagreements([[[1, 1], [1, 2], [2, 2], [2, 1]]], rle, image_size=(4, 6))
        []
        >>> [finding] = find_disagreements([[[2, 1], [2, 2], [3, 2], [3, 1]]], rle, image_size=(4, 6))
        >>> finding.diagnosis
        'the polygon mask is the RLE, moved by 1 px to the right'
    """
    try:
        outline = run_lengths_from_masks(polygons, image_size=image_size)
        runs = run_lengths_from_masks(rle, image_size=image_size)
    except MaskError:
        return []
    if np.array_equal(outline, runs) or np.array_equal(outline, holes_filled(runs, size=image_size)):
        return []
    comparison = compare(rle, polygons, image_size=image_size)
    explanation = comparison.explanation.replace("the second mask", "the polygon mask").replace("the first", "the RLE")
    return [
        finding_of(
            "forms_disagree",
            path=path,
            said=f"{comparison.differing_pixels} differing pixels, IoU {comparison.iou:.4f}",
            expected="the same mask in both formats, filled holes apart",
            diagnosis=explanation,
        )
    ]


def _rank(finding: Finding) -> int:
    return ("error", "warning", "note").index(finding.severity)


def _rle_in(masks: object) -> object:
    return masks.value if isinstance(masks, CocoSegmentation) else masks


def _findings_of_format(
    masks: object, *, declared_format: object, image_size: tuple[int, int] | None, path: str
) -> list[Finding]:
    if isinstance(masks, CocoSegmentation):
        return []
    if isinstance(masks, Absent):
        expected = "a mask: polygons or an RLE object"
        return [finding_of(masks.defect, path=path, found=masks.value, expected=expected, diagnosis=f"it {masks.why}")]
    if isinstance(masks, dict) and not _is_rle(masks):
        return [finding_of("not_a_mask", path=path, found=masks, expected="a list of polygons or an RLE object")]
    found = "rle" if isinstance(masks, dict) else "polygon" if isinstance(masks, (list, tuple)) else None
    if found is None:
        expected = "a list of polygons or an RLE object"
        foreign = finding_of_dialect(masks, size=image_size, path=path)
        return [foreign or finding_of("not_a_mask", path=path, found=masks, expected=expected)]
    if declared_format is None or declared_format == found:
        return []
    known = declared_format in _FORMATS if isinstance(declared_format, str) else False
    return [
        finding_of(
            "format_mismatch" if known else "format_unknown",
            path=path,
            found=declared_format,
            expected=f"format {found!r}",
            diagnosis=f"the payload is {'an RLE object' if found == 'rle' else 'a list'}",
        )
    ]


def _is_rle(value: object) -> bool:
    """Check whether a value says to be an RLE, sound or not."""
    return isinstance(value, dict) and not value.keys().isdisjoint(("size", "counts"))


def _compressed(rle: object, *, path: str) -> tuple[object, list[Finding]]:
    """Bring uncompressed counts into the one format that the parser reads; None if they cannot be."""
    assert isinstance(rle, dict)
    counts = rle.get("counts")
    if not isinstance(counts, list) or not counts:
        return ({**rle, "counts": ""} if counts == [] else rle), []
    text, findings = text_from_uncompressed(counts, path=f"{path}.counts")
    if findings:
        return None, findings
    foreign = finding_of_list(counts, size=rle.get("size"), path=f"{path}.counts")
    if foreign is not None:
        return None, [foreign]
    finding = finding_of("counts_uncompressed", path=f"{path}.counts", found=counts, expected="compressed text")
    return {"size": rle.get("size"), "counts": text}, [finding]


def _findings_of_parsed(rle: object, *, breach: Breach, image_size: tuple[int, int] | None, path: str) -> list[Finding]:
    findings = findings_of_rle(rle, breach=breach, path=path)
    if image_size is not None and breach not in SIZE_BREACHES:
        assert isinstance(rle, dict)
        findings += findings_of_size(rle, image_size=image_size, path=path)
    return findings
