"""What has become of a request, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sam3_contract.snapshots.changes import Change, InstanceChange, RequestChange, Verdict
from sam3_contract.snapshots.model import Instance

_MOST_LINES: Final = 30


def lines_of(change: RequestChange, *, picture: str = "") -> Iterator[str]:
    """Tell in words what has become of a request: a headline, then what changed, then the picture.

    Args:
        change: What was found.
        picture: Where the picture is; empty if there is none.
    """
    yield f"{_safe(change.name)}  {_headline(change)}"
    for sentence in change.schema:
        yield f"  schema    {_safe(sentence)}"
    changed = change.changed
    for number, instance in enumerate(changed[:_MOST_LINES], start=1):
        yield f"  {number:<8}  {_line(instance)}"
    if len(changed) > _MOST_LINES:
        yield f"  and {len(changed) - _MOST_LINES} more instances"
    for note in change.notes:
        yield f"  note      {_safe(note)}"
    if picture:
        yield f"  picture   {picture}"


def as_json(change: RequestChange, *, file: str, picture: str = "") -> dict[str, Any]:
    """Write what has become of a request as JSON.

    Args:
        change: What was found.
        file: The snapshot's file.
        picture: Where the picture is; empty if there is none.
    """
    return {
        "name": change.name,
        "file": file,
        "verdict": change.verdict,
        "schema_changed": bool(change.schema),
        "model_changed": change.model_changed,
        "could_not_look": change.not_compared or None,
        "schema": list(change.schema),
        "numbers": {str(kind): change.numbers[kind] for kind in Change},
        "instances": [_instance_as_json(one) for one in change.instances],
        "notes": list(change.notes),
        "picture": picture or None,
    }


def _headline(change: RequestChange) -> str:
    if change.not_compared:
        return f"{change.verdict}: {_safe(change.not_compared)}"
    verdicts = [Verdict.SCHEMA] if change.schema else []
    verdicts += [Verdict.MODEL] if change.model_changed else []
    numbers = ", ".join(f"{change.numbers[kind]} {kind}" for kind in Change if change.numbers[kind])
    tolerated = sum(one.tolerated for one in change.instances)
    words = " and ".join(verdicts or [Verdict.SAME])
    if not change.instances:
        return f"{words} (no instances)" if not change.schema else words
    return f"{words}: {numbers}{f' ({tolerated} tolerated)' if tolerated else ''}"


def _line(one: InstanceChange) -> str:
    words = [str(one.change)]
    if one.text:
        words.append(_safe(repr(one.text)))
    elif one.prompt:
        words.append(f"prompt {one.prompt}")
    if one.iou is not None:
        words.append(f"IoU {one.iou:.4f}")
    if one.change == Change.MOVED and one.shift is not None:
        words.append(f"centre moved by ({one.shift[0]:g}, {one.shift[1]:g}) px")
    words.append(_confidences(one))
    present = one.new or one.old
    assert present is not None
    words.append(_place(present))
    text = ", ".join(filter(None, words))
    return text + (f"; {one.explanation}" if one.explanation else "") + (" (tolerated)" if one.tolerated else "")


def _confidences(one: InstanceChange) -> str:
    old, new = (_score(instance) for instance in (one.old, one.new))
    if one.old is None or one.new is None:
        return f"confidence {old or new}" if old or new else ""
    return f"confidence {old} -> {new}" if old != new else f"confidence {old}" if old else ""


def _score(instance: Instance | None) -> str:
    return "" if instance is None or instance.confidence is None else f"{instance.confidence:.3f}"


def _place(instance: Instance) -> str:
    if not instance.area:
        return "empty"
    x, y, width, height = instance.box
    return f"{instance.area:,} px in the box {width} x {height} at ({x}, {y})"


def _instance_as_json(one: InstanceChange) -> dict[str, Any]:
    return {
        "change": one.change,
        "prompt": one.prompt,
        "asked": one.text or None,
        "iou": one.iou,
        "shift": one.shift,
        "explanation": one.explanation or None,
        "tolerated": one.tolerated,
        "old": _side_as_json(one.old),
        "new": _side_as_json(one.new),
    }


def _side_as_json(instance: Instance | None) -> dict[str, Any] | None:
    if instance is None:
        return None
    return {
        "confidence": instance.confidence,
        "area": instance.area,
        "box": list(instance.box),
        "format": instance.format,
    }


def _safe(text: str) -> str:
    """Show characters that a terminal would obey as what they are."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
