"""An engine of your own: what is brighter than the rest. Serve it from the folder of this file:

sam3-contract serve --engine engine_of_your_own:Bright
"""

from mock_server.engines.protocol import Concept, Instance, Picture, Target


class Bright:
    reads_pixels = True

    def find(self, concept: Concept, picture: Picture) -> list[Instance]:
        return [self._brighter_than(200, 0.9, picture)]

    def segment(self, target: Target, picture: Picture) -> list[Instance]:
        # Always three: the whole, a part, a subpart, best first.
        return [self._brighter_than(level, sure, picture) for level, sure in ((128, 0.9), (176, 0.7), (224, 0.5))]

    def _brighter_than(self, level: int, confidence: float, picture: Picture) -> Instance:
        return Instance.of_bitmap(picture.pixels().mean(axis=2) > level, confidence)
