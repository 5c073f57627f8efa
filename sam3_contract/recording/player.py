"""Which recorded call answers a request: the first of its meaning that has not been played yet."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.errors import ImageError
from sam3_contract.images import read_header
from sam3_contract.recording.cassette import Call, Cassette
from sam3_contract.recording.meaning import Meaning, differing
from sam3_contract.recording.messages import Answer
from sam3_contract.recording.pictures import are_alike, blocks_of

_MOST_COMPARED: Final = 2_000  # calls that a miss is compared with
_MOST_NAMED: Final = 5  # fields in which the nearest of them differs
_MOST_DECODED: Final = 64  # pictures whose blocks are kept

Key = tuple[bytes, str]
"""What is asked but for the image, and the image."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A request that no recorded call answers.

    Attributes:
        operation: The ``operationId``.
        said: Which recorded call is nearest, and what it has otherwise.
    """

    operation: str
    said: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.said}"


class Player:
    """Plays a cassette.

    Args:
        cassette: What was recorded.
        repeats: Whether the last answer of a meaning is given again to whoever asks once more.
    """

    def __init__(self, cassette: Cassette, *, repeats: bool = False) -> None:
        self._cassette = cassette
        self._repeats = repeats
        self._lock = threading.Lock()
        self._known = 0
        self._calls: dict[Key, list[Call]] = {}
        self._images: dict[bytes, dict[str, None]] = {}  # of each rest, in the order of the file
        self._played: Counter[Key] = Counter()
        self._same: dict[tuple[bytes, str], str] = {}  # recorded images that others were found to show as well
        self._blocks: dict[str, NDArray[np.int16] | None] = {}
        self._take_in()

    def play(self, asked: Meaning) -> Answer | Miss:
        """Answer a request.

        Raises:
            HarError: If the recorded answer is malformed.
        """
        with self._lock:
            self._take_in()
            key = self._key_of(asked)
            calls = self._calls.get(key, [])
            played = self._played[key]
            if played < len(calls) or (calls and self._repeats):
                self._played[key] += 1
                return self._cassette.answer(calls[min(played, len(calls) - 1)])
            if calls:
                places = ", ".join(str(call.index) for call in calls[:_MOST_NAMED])
                times = "once" if len(calls) == 1 else f"{len(calls)} times"
                said = f"this is recorded {times} (entry {places} of {self._cassette.path.name}), and asked once more"
                return Miss(asked.operation, said)
            return Miss(asked.operation, self._nearest(asked))

    def unplayed(self) -> list[str]:
        """Name the recorded calls that nobody asked for."""
        with self._lock:
            self._take_in()
            left = [call for key, calls in self._calls.items() for call in calls[self._played[key] :]]
        return [f"entry {call.index}, {call.operation}" for call in sorted(left, key=lambda call: call.index)]

    def count_as_played(self, asked: Meaning) -> None:
        """Take a request as played that has been recorded just now: its entry is not to be played to the next one."""
        with self._lock:
            self._take_in()
            self._played[asked.rest, asked.image] += 1

    def _take_in(self) -> None:
        for call in self._cassette.calls[self._known :]:
            key = (call.rest, call.image)
            calls = self._calls.setdefault(key, [])
            if call.run and calls and calls[-1].run != call.run:
                calls.clear()  # what was there before was recorded anew
                self._played[key] = 0
            calls.append(call)
            self._images.setdefault(call.rest, {})[call.image] = None
        self._known = len(self._cassette.calls)

    def _key_of(self, asked: Meaning) -> Key:
        """Find under which image a request is recorded: its own, or another file of the same picture."""
        rest, image = asked.rest, asked.image
        recorded = self._images.get(rest, {})
        if image in recorded or asked.content is None or not recorded:
            return rest, image
        if (rest, image) not in self._same:
            blocks = blocks_of(asked.content)
            alike = (name for name in recorded if blocks is not None and are_alike(blocks, self._blocks_of(rest, name)))
            self._same[rest, image] = next(alike, image)
        return rest, self._same[rest, image]

    def _blocks_of(self, rest: bytes, image: str) -> NDArray[np.int16] | None:
        if image not in self._blocks:
            content = self._cassette.meaning(self._calls[rest, image][0]).content
            if len(self._blocks) >= _MOST_DECODED:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[image] = None if content is None else blocks_of(content)
        return self._blocks[image]

    def _nearest(self, asked: Meaning) -> str:
        name = self._cassette.path.name
        candidates = [call for call in self._cassette.calls if call.operation == asked.operation][:_MOST_COMPARED]
        if not candidates:
            kinds = Counter(call.operation for call in self._cassette.calls)
            held = ", ".join(f"{number} x {kind}" for kind, number in kinds.items()) or "no call"
            left_out = self._cassette.left_out
            unplayable = f", but {len(left_out)} that cannot be played: {left_out[0]}" if left_out else ""
            return f"{name} holds {held}{unplayable}"
        call, differences = min(
            ((call, list(self._differences(asked, call))) for call in candidates), key=lambda found: len(found[1])
        )
        more = f" and {len(differences) - _MOST_NAMED} more" if len(differences) > _MOST_NAMED else ""
        return f"the nearest in {name} is entry {call.index}: {'; '.join(differences[:_MOST_NAMED])}{more}"

    def _differences(self, asked: Meaning, call: Call) -> Iterator[str]:
        recorded = self._cassette.meaning(call)
        if asked.image != call.image and self._same.get((call.rest, asked.image)) != call.image:
            yield f"the image is {_described(asked)}, recorded was {_described(recorded)}"
        yield from differing(asked, recorded)


def _described(meaning: Meaning) -> str:
    if meaning.content is None:
        return meaning.image.removeprefix("url:") or "absent"
    try:
        header = read_header(meaning.content)
    except ImageError:
        return f"no image, {meaning.image[:15]}..."
    return f"{header.format} of {header.width} x {header.height}, {meaning.image[:15]}..."
