"""Engines of others, held to the protocol: what they do wrong is said in the answer, and is no error of the mock's."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mock_server.drawing.patches import Patch, trimmed
from mock_server.engines.protocol import Concept, Engine, Instance, Picture, Target
from mock_server.http.refusals import Refusal, no_answer

_OWN: Final = __name__.rpartition(".")[0] + "."
_MASKS: Final = 3  # of one object: the whole, a part, a subpart
_MOST_SAID: Final = 300  # characters of an engine's own error


def held_to_protocol(engine: Engine) -> Engine:
    """Put an engine of others behind checks; those of this package need none."""
    return engine if type(engine).__module__.startswith(_OWN) else PluggedIn(engine)


@dataclass(frozen=True, slots=True)
class PluggedIn:
    """An engine, and what it gives looked at.

    Attributes:
        engine: Somebody's own.
    """

    engine: Engine

    @property
    def reads_pixels(self) -> bool:
        """Whether pixels are looked at."""
        return self.engine.reads_pixels

    def find(self, concept: Concept, picture: Picture) -> Sequence[Instance]:
        """Find every instance of a concept.

        Raises:
            Refusal: 599 if the engine raises, or gives no instances.
        """
        return self._checked(lambda: self.engine.find(concept, picture), picture, "find")

    def segment(self, target: Target, picture: Picture) -> Sequence[Instance]:
        """Segment one object.

        Raises:
            Refusal: 599 if the engine raises, or does not give three instances.
        """
        found = self._checked(lambda: self.engine.segment(target, picture), picture, "segment")
        if len(found) != _MASKS:
            raise self._wrong(
                "segment", f"gave {len(found)} instances, expected {_MASKS}: the whole, a part, a subpart"
            )
        return found

    def _checked(self, make: Callable[[], Any], picture: Picture, method: str) -> list[Instance]:
        with self._said(method):
            found = list(make())
        return [self._instance(one, picture, method) for one in found]

    def _instance(self, one: Any, picture: Picture, method: str) -> Instance:
        if not isinstance(one, Instance):
            raise self._wrong(method, f"gave {type(one).__name__}, expected instances of Instance")
        try:
            confidence = float(one.confidence)
        except (TypeError, ValueError):
            confidence = math.nan
        if not 0 <= confidence <= 1:
            raise self._wrong(method, f"gave a confidence of {one.confidence!r}, expected a number in 0..1")
        return Instance(confidence, lambda: self._patch(one, picture, method))

    def _patch(self, one: Instance, picture: Picture, method: str) -> Patch:
        with self._said(method):
            patch: object = one.patch  # which may be anything, whatever its type says
            one.release()
        pixels: Any = patch.pixels if isinstance(patch, Patch) else None
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.bool_ or pixels.ndim != 2:
            kind = type(patch).__name__ if pixels is None else f"{pixels.dtype} of {pixels.shape}"
            raise self._wrong(method, f"gave a mask of {kind}, expected bool of {picture.size}")
        assert isinstance(patch, Patch), "so its pixels came from it"
        height, width = picture.size
        if patch.top < 0 or patch.left < 0 or patch.bottom > height or patch.right > width:
            raise self._wrong(method, f"gave a mask of {pixels.shape} that is not within the picture of {picture.size}")
        return trimmed(patch)  # most engines give masks of the whole picture, and of some concepts 200

    @contextmanager
    def _said(self, method: str) -> Iterator[None]:
        try:
            yield
        except Refusal:
            raise
        except Exception as error:
            logging.getLogger(__name__).exception("%s.%s raised", type(self.engine).__name__, method)
            raise self._wrong(method, f"raised {type(error).__name__}: {error}"[:_MOST_SAID]) from error

    def _wrong(self, method: str, what: str) -> Refusal:
        return no_answer(f"{type(self.engine).__name__}.{method} {what}; see docs/engines.md")
