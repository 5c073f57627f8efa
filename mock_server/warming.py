"""A first request of each kind, before anybody asks: so the first client waits no longer than the others.

Nothing remembers it, and the memory that a worker takes at the start is about what it takes from then on.
"""

from __future__ import annotations

from typing import Any, Final

from mock_server.operations import concept, visual
from mock_server.operations.backend import World
from sam3_contract import wire

__all__ = ["warm_up"]

_IMAGE: Final[dict[str, Any]] = {"type": "url", "value": "https://example.com/warm.jpg"}
_TEXTS: Final = [{"text": f"noun {number}"} for number in range(8)]
_CLICKS: Final = [{"points": [{"x": 500, "y": 300, "positive": True}, {"x": 20, "y": 20, "positive": False}]}]


def warm_up() -> None:
    """Answer requests in a world of their own."""
    world = World()
    for form in ("polygon", "rle"):
        body = {"image": _IMAGE, "prompts": _TEXTS, "format": form}
        concept.concept_segment(wire.parse_request(wire.ConceptSegmentRequest, body), world)
    body = {"image": _IMAGE, "prompts": _CLICKS}
    visual.visual_segment(wire.parse_request(wire.VisualSegmentRequest, body), world)
