"""Reading and moving what prompts hold.

What is no number is left alone: the observed profile takes single prompts that it cannot read for none at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mock_server.faults.fault import Json
from mock_server.http.inspection import prompts_of

FAR: Final = 1e6  # coordinates beyond are as good as this one
Point = tuple[float, float]


def points_of(prompt: Json) -> list[Json]:
    """List the points of a visual prompt."""
    points = prompt.get("points")
    return [point for point in points if isinstance(point, dict)] if isinstance(points, list) else []


def boxes_of(prompt: Json) -> list[Json]:
    """List the exemplar boxes of a concept prompt, else the box of a visual one."""
    boxes = prompt["boxes"] if "boxes" in prompt else [prompt.get("box")]
    return [box for box in boxes if isinstance(box, dict)] if isinstance(boxes, list) else []


def numbers(holder: Json, *names: str) -> list[float] | None:
    """Read numbers, also those that are written as texts; ``None`` unless all are there."""
    try:
        return [max(-FAR, min(FAR, float(holder[name]))) for name in names]
    except (KeyError, TypeError, ValueError):
        return None
    except OverflowError:  # an integer of hundreds of digits
        return None


def corner_numbers(box: Json) -> list[float] | None:
    """Read a box of two corners, left, top, right and bottom; not one that has a width as well."""
    return None if "width" in box else numbers(box, "x0", "y0", "x1", "y1")


def place_points(body: Json, change: Callable[[float, float], Point]) -> Json:
    """Move all points of all prompts, in place."""
    for prompt in prompts_of(body):
        for point in points_of(prompt):
            place = numbers(point, "x", "y")
            if place is not None:
                point["x"], point["y"] = change(*place)
    return body


def place_boxes(body: Json, change: Callable[[float, float], Point], *, centred: bool) -> Json:
    """Move the corners of all boxes of all prompts, in place; upright boxes stay upright.

    Args:
        body: The request's.
        change: Moves one corner.
        centred: Whether ``x`` and ``y`` of a box are its centre, else its top-left corner.
    """
    for prompt in prompts_of(body):
        for box in boxes_of(prompt):
            corners = corner_numbers(box)
            if corners is not None:
                box.update(zip(("x0", "y0", "x1", "y1"), _between(corners, change), strict=True))
                continue
            sided = numbers(box, "x", "y", "width", "height")
            if sided is not None:
                box.update(_sided(sided, change, 0.5 if centred else 0.0))
    return body


def _between(corners: list[float], change: Callable[[float, float], Point]) -> tuple[float, float, float, float]:
    (ax, ay), (bx, by) = change(*corners[:2]), change(*corners[2:])
    return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def _sided(sided: list[float], change: Callable[[float, float], Point], anchor: float) -> dict[str, Any]:
    x, y, width, height = sided
    left, top = x - anchor * width, y - anchor * height
    left, top, right, bottom = _between([left, top, left + width, top + height], change)
    width, height = right - left, bottom - top
    return {"x": left + anchor * width, "y": top + anchor * height, "width": width, "height": height}
