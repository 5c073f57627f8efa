"""What an engine is: it finds the instances of a concept, and segments what is clicked and boxed.

An engine knows pictures, prompts and masks in pixels. Thresholds, suppression, formats and all else that is on the wire
is the operations' part, so that an engine of one's own, with a model behind it, is two methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mock_server.drawing.patches import Patch
from mock_server.images.loading import Picture

__all__ = ["Box", "Click", "Concept", "Engine", "Instance", "Picture", "Target"]


@dataclass(frozen=True, slots=True)
class Box:
    """A box in pixels; it may lie partly or wholly outside the image, but its edges are in order.

    Attributes:
        left: Left edge.
        top: Top edge.
        right: Right edge.
        bottom: Bottom edge.
    """

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Click:
    """A point in pixels, to the right and down; it may lie outside the image.

    Attributes:
        x: Column.
        y: Row.
        positive: Whether it is on the object, or beside it.
    """

    x: float
    y: float
    positive: bool


@dataclass(frozen=True, slots=True)
class Concept:
    """What to find every instance of.

    Attributes:
        text: A noun phrase; ``None`` if there are only exemplars.
        positive: Exemplars: what looks like the things in these boxes.
        negative: What looks like the things in these boxes is not meant.
    """

    text: str | None
    positive: tuple[Box, ...] = ()
    negative: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """The one object to segment; without clicks and box, one of the engine's choice.

    Attributes:
        clicks: On it and beside it, in the client's order.
        box: Around it.
    """

    clicks: tuple[Click, ...] = ()
    box: Box | None = None


class Instance:
    """A mask with its confidence, drawn when somebody looks: most are too unsure to pass a threshold.

    Args:
        confidence: In 0..1.
        draw: Makes its mask, the same each time.
    """

    def __init__(self, confidence: float, draw: Callable[[], Patch]) -> None:
        self.confidence = confidence
        self._draw = draw
        self._patch: Patch | None = None

    @classmethod
    def of_bitmap(cls, bitmap: NDArray[np.bool_], confidence: float) -> Instance:
        """Make an instance of a mask of the whole image.

        Args:
            bitmap: Bool, shape ``(height, width)`` of the picture.
            confidence: In 0..1; rounded to 32 bits, as the service's are.

        Example:
            >>> one = Instance.of_bitmap(np.eye(3, dtype=np.bool_), 0.9)
            >>> one.patch.area, one.confidence
            (3, 0.8999999761581421)
        """
        return cls(float(np.float32(confidence)), lambda: Patch(0, 0, bitmap))

    @property
    def patch(self) -> Patch:
        """Where it is."""
        if self._patch is None:
            self._patch = self._draw()
        return self._patch

    def release(self) -> None:
        """Let go of the mask; it is drawn again, the same, if somebody looks again."""
        self._patch = None


class Engine(Protocol):
    """Where masks come from. The same picture and prompt give the same masks; methods may be called from any thread."""

    @property
    def reads_pixels(self) -> bool:
        """Whether it looks at :meth:`Picture.pixels`: only then files are kept with what is remembered of pictures."""
        ...

    def find(self, concept: Concept, picture: Picture) -> Sequence[Instance]:
        """Find every instance of a concept, however unsure; thresholds are applied later."""
        ...

    def segment(self, target: Target, picture: Picture) -> Sequence[Instance]:
        """Segment one object, three times: whole, part and subpart, best first."""
        ...
