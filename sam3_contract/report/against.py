"""A comparison of two servers, shown: as text, as JSON, and the worst masks as pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import orjson

from sam3_contract.errors import ImageError
from sam3_contract.exchanges.drawing import Contrast, draw_difference, enlargement, open_photograph
from sam3_contract.files.atomic import write_atomically
from sam3_contract.images import bytes_from_base64
from sam3_contract.verification.against import Comparison, Difference, Overlap

SCHEMA: Final = "sam3-contract/against/1"
MOST_LINES: Final = 8  # differences of one kind that are listed

_TITLES: Final = {
    "status": "answered with another status",
    "field": "answered with other fields",
    "count": "another number of masks",
    "confidence": "another confidence",
    "check": "another verdict",
    "mask": "another mask",
}


def as_text(comparison: Comparison) -> str:
    """Write a comparison for a terminal."""
    return "\n".join(_lines(comparison)) + "\n"


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Write a comparison for a program."""
    return {
        "schema": SCHEMA,
        "first": comparison.first,
        "second": comparison.second,
        "exit_status": comparison.exit_status,
        "compared": comparison.compared,
        "left_out": list(comparison.left_out),
        "mean_iou": comparison.mean_iou,
        "differences": [
            {"kind": one.kind, "case": one.case, "first": one.first, "second": one.second, "deviation": one.deviation}
            for one in comparison.differences
        ],
        "overlaps": [{"case": one.case, "prompt": one.prompt, "iou": round(one.iou, 6)} for one in comparison.overlaps],
        "deviations": [{"deviation": name, "shown_by": who} for name, who in comparison.deviations],
    }


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Write a comparison into a folder: JSON, and a picture of each of the worst masks.

    Raises:
        OutputError: If a file cannot be written.
    """
    document = folder / "against.json"
    write_atomically(document, orjson.dumps(as_json(comparison), option=orjson.OPT_INDENT_2))
    written = [document]
    for number, overlap in enumerate(comparison.worst, start=1):
        content = _picture(overlap, comparison)
        if content is not None:
            path = folder / f"worst-{number}.png"
            write_atomically(path, content)
            written.append(path)
    return written


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"{comparison.first}  against  {comparison.second}: {comparison.compared} cases put to both"
    if comparison.left_out:
        yield f"  left out, as only one was asked in these words: {len(comparison.left_out)} cases"
    yield ""
    for kind, title in _TITLES.items():
        own = [one for one in comparison.unexplained if one.kind == kind]
        if own:
            yield f"{title}: {len(own)}"
            yield from (f"  {_told(one)}" for one in own[:MOST_LINES])
            if len(own) > MOST_LINES:
                yield f"  and {len(own) - MOST_LINES} more"
    yield from _masks(comparison)
    yield from _known(comparison)
    yield f"\n{('they answer alike', 'they differ', '', 'nothing could be compared')[comparison.exit_status]}"


def _told(one: Difference) -> str:
    return f"{one.case}: {one.first} -> {one.second}" if one.first else f"{one.case}: {one.second}"


def _masks(comparison: Comparison) -> Iterator[str]:
    found = comparison.overlaps
    if not found:
        return
    shared = [one for one in found if one.first is not None and one.second is not None]
    only = Counter("first" if one.second is None else "second" for one in found if one not in shared)
    mean = "" if comparison.mean_iou is None else f", IoU {comparison.mean_iou:.3f} on average"
    exact = sum(one.iou == 1.0 for one in shared)
    yield f"masks: {len(shared)} in both{mean}, {exact} of them the same to the pixel"
    yield from (f"  only {name} has {count}" for name, count in sorted(only.items()))
    yield from (f"  least alike: {one.case}, prompt {one.prompt}: IoU {one.iou:.3f}" for one in comparison.worst)


def _known(comparison: Comparison) -> Iterator[str]:
    known = Counter(one.deviation for one in comparison.differences if one.deviation)
    if known or comparison.deviations:
        yield "known deviations, not counted:"
    yield from (f"  {name}: {count} differences" for name, count in sorted(known.items()))
    yield from (f"  {name}: shown by {who} only" for name, who in comparison.deviations)


def _picture(overlap: Overlap, comparison: Comparison) -> bytes | None:
    """Draw both masks over the photograph; ``None`` if the request held none that can be drawn on."""
    image = overlap.exchange.case.sent.get("image")
    value = image.get("value") if isinstance(image, dict) and image.get("type") == "base64" else None
    size = next(mask.size for mask in (overlap.first, overlap.second) if mask is not None)
    try:
        photograph = open_photograph(bytes_from_base64(value if isinstance(value, str) else ""))
    except ImageError:
        return None
    if (photograph.height, photograph.width) != size:
        return None
    masks = [None if mask is None else mask.bitmap for mask in (overlap.first, overlap.second)]
    contrast = Contrast(masks[0], masks[1], f"IoU {overlap.iou:.2f}")
    names = (comparison.first[:40], comparison.second[:40])
    file = BytesIO()
    draw_difference(photograph, [contrast], names=names, times=enlargement(photograph)).save(file, "PNG")
    return file.getvalue()
