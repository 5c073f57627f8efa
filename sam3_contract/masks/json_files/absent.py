"""What stands where a mask was looked for and none is: an error's body, a caption, a box, another program's file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sam3_contract.masks.dialects.detection import Proposal, proposed_dialect

__all__ = ["Absent", "absent_annotation", "absent_mask"]

_KEYS_NAMED: Final = 5
_OTHER_NAMES: Final = frozenset({"rle", "mask", "polygon", "polygons", "points", "contours", "encodedpixels"})
_OF_RLES: Final = frozenset({"rle", "rles", "encodedpixels", "rle_mask"})
_ERRORS: Final = frozenset({"error", "detail", "message"})


@dataclass(frozen=True, slots=True)
class Absent:
    """A value of a file that holds no mask.

    Attributes:
        value: The value.
        defect: Name of the defect that it is where masks are expected.
        why: What it has and lacks, to go on after its place: ``has no segmentation``.
    """

    value: Any
    defect: str
    why: str

    def at(self, path: str) -> str:
        """Say what stands at its place instead of a mask."""
        return f"{path} {self.why}"


def absent_annotation(entry: dict[str, Any]) -> Absent:
    """Say of an annotation or result of COCO what it has instead of a segmentation."""
    others = [key for key in ("bbox", "caption", "keypoints") if key in entry]
    return Absent(entry, "segmentation_missing", "has no segmentation" + (f", but {others[0]}" if others else ""))


def absent_mask(value: dict[str, Any]) -> Absent:
    """Say of any other object what it is that holds no mask."""
    # What may hold a mask under another name comes first.
    named = sorted(map(str, value), key=lambda key: key.lower() not in _OTHER_NAMES)
    keys = ", ".join(named[:_KEYS_NAMED]) + (", ..." if len(named) > _KEYS_NAMED else "")
    why = f"has no mask, but {keys}" if value else "is an empty object"
    if not _ERRORS.isdisjoint(value):
        why += ": it looks like the answer of an error"
    elif proposal := _proposal_of(value):
        why += f": it looks like {proposal.dialect} ({proposal.advice})"
    elif isinstance(value.get("shapes"), list):
        why += ": it looks like a file of LabelMe"
    return Absent(value, "not_a_mask", why)


def _proposal_of(value: dict[str, Any]) -> Proposal | None:
    """Propose the dialect of RLE of an object of another program."""
    within = {**value, **value["value"]} if isinstance(value.get("value"), dict) else value
    if "rle" in within and {"original_width", "brushlabels"} & within.keys():
        return Proposal("label-studio", "a brush mask")
    if within.get("type") == "mask" and isinstance(within.get("points"), list):
        return Proposal("cvat", "a shape that is a mask")
    for key, counts in within.items():
        if key.lower() in _OF_RLES:
            first = counts[0] if isinstance(counts, list) and counts and isinstance(counts[0], str | list) else counts
            proposal = proposed_dialect(first, size=None)
            if proposal is not None:
                return proposal
    for key in ("shapes", "result", "tag"):
        parts = within.get(key)
        if isinstance(parts, list):
            return next((found for part in parts if isinstance(part, dict) and (found := _proposal_of(part))), None)
    return None
