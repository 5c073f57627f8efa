"""The engine of every mock: specimens by their name, true masks of known images, and another engine for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mock_server.drawing.patches import Patch
from mock_server.engines.annotated import Annotated
from mock_server.engines.protocol import Box, Concept, Engine, Instance, Target
from mock_server.engines.specimens import specimen_of
from mock_server.engines.synthetic import half_pixels
from mock_server.images.loading import Picture


@dataclass(frozen=True, slots=True)
class Mixed:
    """Asks the engine that knows most.

    Attributes:
        annotated: For images whose annotations are known.
        otherwise: For all others.
    """

    annotated: Annotated
    otherwise: Engine

    @property
    def reads_pixels(self) -> bool:
        """Whether pixels are looked at."""
        return self.otherwise.reads_pixels

    def find(self, concept: Concept, picture: Picture) -> list[Instance]:
        """Find every instance of a concept; none where a negative exemplar is, whichever engine is asked."""
        specimen = None if concept.text is None else specimen_of(concept.text, picture.size)
        if specimen is not None:
            concept = Concept(None, concept.positive, concept.negative)
        found = [*(specimen or ()), *self._engine(picture).find(concept, picture)]
        return [one for one in found if not _is_meant_by(concept.negative, one)]

    def segment(self, target: Target, picture: Picture) -> Sequence[Instance]:
        """Segment one object."""
        return self._engine(picture).segment(target, picture)

    def _engine(self, picture: Picture) -> Engine:
        return self.otherwise if picture.known is None else self.annotated


def _is_meant_by(boxes: Sequence[Box], instance: Instance) -> bool:
    """Check whether negative exemplars lie on an instance, whose mask is not kept for that."""
    if not boxes:
        return False
    patch = instance.patch
    instance.release()
    return any(_touches(patch, box) for box in boxes)


def _touches(patch: Patch, box: Box) -> bool:
    left, right = half_pixels(box.left), half_pixels(box.right)
    top, bottom = half_pixels(box.top), half_pixels(box.bottom)
    return bool(patch.window(top // 2, left // 2, (bottom + 1) // 2, (right + 1) // 2).any())
