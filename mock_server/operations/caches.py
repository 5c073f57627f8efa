"""What a mock remembers from one request to the next: images by ``image_id``, and for which prompts logits were kept.

Both are bounded as in the service, the oldest entries going first. In a single process they are held in memory;
:mod:`mock_server.operations.shared_caches` holds them in a file for several.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final, NamedTuple, Protocol

from mock_server.annotations.library import Library
from mock_server.images.loading import Picture
from sam3_contract import wire

EMBEDDINGS_KEPT: Final = 100
FILE_BYTES_KEPT: Final = 128 * 1024 * 1024  # of the files of remembered pictures, where an engine reads pixels
LOGITS_KEPT: Final = 1000
SMALL: Final = 64  # prompts and clicks; a larger request for a mask is only found again as a whole
_LONGEST: Final = 64  # bytes of a name that is kept as it is

Coordinates = tuple[float, float, float, float]


class PromptKey(NamedTuple):
    """What one visual prompt asks for.

    Attributes:
        box: Centre, width and height; ``None`` without a box.
        clicks: ``(x, y, positive)``, in no order.
    """

    box: Coordinates | None
    clicks: frozenset[tuple[float, float, bool]]


class Embeddings(Protocol):
    """Pictures by ``image_id``: the first one sent with an id keeps it."""

    def find(self, image_id: str | None) -> Picture | None:
        """Look a picture up."""

    def keep(self, image_id: str, picture: Picture) -> Picture:
        """Remember a picture, unless the id has one; return the one it has."""

    def clear(self) -> None:
        """Forget every picture."""


class Logits(Protocol):
    """For which images and prompts low-resolution logits were kept."""

    def find(self, image: str, prompts: Sequence[PromptKey]) -> bool:
        """Check whether there are logits to start from.

        Args:
            image: Names the image.
            prompts: The prompts: their own logits will do, and those of prompts that they grew from, see
                :func:`grew_from`.
        """

    def keep(self, image: str, prompts: Sequence[PromptKey]) -> None:
        """Remember that logits were kept."""

    def clear(self) -> None:
        """Forget all of them."""


class EmbeddingCache:
    """:class:`Embeddings` of one process.

    Args:
        files: Whether the files of pictures are kept as well, for an engine that reads pixels.
    """

    def __init__(self, *, files: bool = False) -> None:
        self._pictures: OrderedDict[bytes, Picture] = OrderedDict()
        self._files = files
        self._bytes = 0
        self._lock = Lock()

    def find(self, image_id: str | None) -> Picture | None:
        """Look a picture up."""
        return None if image_id is None else self._pictures.get(short(image_id))

    def keep(self, image_id: str, picture: Picture) -> Picture:
        """Remember a picture, unless the id has one; return the one it has."""
        with self._lock:
            known = self._pictures.get(short(image_id))
            if known is not None:
                return known
            kept = picture if self._files else replace(picture, file=None)
            self._pictures[short(image_id)] = kept
            self._bytes += len(kept.file or b"")
            while len(self._pictures) > EMBEDDINGS_KEPT or self._bytes > FILE_BYTES_KEPT:
                self._bytes -= len(self._pictures.popitem(last=False)[1].file or b"")
        return kept

    def clear(self) -> None:
        """Forget every picture."""
        with self._lock:
            self._pictures.clear()
            self._bytes = 0


class LogitsCache:
    """:class:`Logits` of one process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[bytes, bytes], Sequence[PromptKey] | None] = OrderedDict()
        self._lock = Lock()

    def find(self, image: str, prompts: Sequence[PromptKey]) -> bool:
        """Check whether there are logits to start from."""
        name = short(image)
        with self._lock:
            if (name, digest_of(prompts)) in self._kept:
                return True
            return any(
                before is not None and grew_from(before, prompts)
                for (of_image, _), before in self._kept.items()
                if of_image == name
            )

    def keep(self, image: str, prompts: Sequence[PromptKey]) -> None:
        """Remember that logits were kept."""
        with self._lock:
            self._kept.setdefault((short(image), digest_of(prompts)), prompts if is_small(prompts) else None)
            while len(self._kept) > LOGITS_KEPT:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._kept.clear()


@dataclass(frozen=True, slots=True)
class Caches:
    """What a mock remembers.

    Attributes:
        embeddings: Images by ``image_id``.
        logits: For which images and prompts logits were kept.
    """

    embeddings: Embeddings = field(default_factory=EmbeddingCache)
    logits: Logits = field(default_factory=LogitsCache)

    def clear(self) -> None:
        """Forget everything."""
        self.embeddings.clear()
        self.logits.clear()


class MakeCaches(Protocol):
    """Makes the caches of a mock."""

    def __call__(self, library: Library, *, files: bool) -> Caches:
        """Make them, given the images that the mock knows, and whether its engine reads pixels."""
        ...


def own_caches(library: Library, *, files: bool) -> Caches:  # noqa: ARG001 - pictures here hold what they show
    """Make the caches of a single process."""
    return Caches(EmbeddingCache(files=files))


def prompt_keys_of(prompts: Sequence[wire.VisualPrompt | wire.LenientVisualPrompt]) -> list[PromptKey]:
    """Read what prompts ask for."""
    return [
        PromptKey(
            None if prompt.box is None else (prompt.box.x, prompt.box.y, prompt.box.width, prompt.box.height),
            frozenset((point.x, point.y, point.positive) for point in prompt.points or ()),
        )
        for prompt in prompts
    ]


def grew_from(before: Sequence[PromptKey], now: Sequence[PromptKey]) -> bool:
    """Check whether prompts hold earlier ones: each of those is in one of these, with the same box and all its clicks.

    From a prompt that asked for nothing in particular none grew.

    References:
        ``is_prompt_strict_subset`` in the server's ``segment_anything2.py``.
    """
    left = list(now)
    for old in before:
        new = next((one for one in left if one.box == old.box and one.clicks >= old.clicks), None)
        if new is None or not (old.box or old.clicks):
            return False
        left.remove(new)
    return True


def is_small(prompts: Sequence[PromptKey]) -> bool:
    """Check whether prompts are few enough to be kept whole: a body of 20 MB may hold a million clicks."""
    return sum(1 + len(one.clicks) for one in prompts) <= SMALL


def digest_of(prompts: Sequence[PromptKey]) -> bytes:
    """Make a digest of prompts that differs from that of all others, whatever the order of their clicks."""
    text = repr([(one.box, sorted(one.clicks)) for one in prompts])
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def short(name: str) -> bytes:
    """Name something in a few bytes: a client's name may be as long as a body."""
    octets = name.encode("utf-8", "surrogatepass")
    # One byte longer than any name that is kept as it is.
    return octets if len(octets) <= _LONGEST else b"#" + hashlib.blake2b(octets, digest_size=_LONGEST).digest()
