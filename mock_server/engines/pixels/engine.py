"""The engine ``pixels``."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from mock_server.engines.pixels import clicks, concepts
from mock_server.engines.pixels.regions import Regions, regions_of
from mock_server.engines.protocol import Concept, Instance, Target
from mock_server.images.loading import Picture

KEPT: Final = 32  # pictures, of about half a megabyte each


class Pixels:
    """Segments what is in the picture, by its colours and edges.

    Args:
        seed: Another seed gives other regions to texts that are not understood.
    """

    reads_pixels: Final = True

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._seen: OrderedDict[bytes, Regions] = OrderedDict()
        self._lock = Lock()

    def find(self, concept: Concept, picture: Picture) -> list[Instance]:
        """Find every instance of a concept, however unsure."""
        return concepts.find(concept, self._regions(picture), self._seed)

    def segment(self, target: Target, picture: Picture) -> list[Instance]:
        """Segment one object, three times, best first."""
        return clicks.segment(target, self._regions(picture))

    def _regions(self, picture: Picture) -> Regions:
        """Look at a picture, unless that was done a little while ago."""
        with self._lock:
            seen = self._seen.get(picture.digest)
            if seen is not None:
                self._seen.move_to_end(picture.digest)
                return seen
        # Not under the lock: two requests for two pictures need not wait for each other.
        looked = regions_of(picture.pixels())
        with self._lock:
            self._seen[picture.digest] = looked
            while len(self._seen) > KEPT:
                self._seen.popitem(last=False)
        return looked
