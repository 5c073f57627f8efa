"""What a mock remembers from one request to the next: images by ``image_id``, and for which prompts logits were kept.

Both are bounded as in the service, the oldest entries going first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import orjson

from mock_server.annotations.library import Library
from mock_server.images.loading import NO_LIBRARY, Picture
from mock_server.store.protocol import Bounds, Codec, Shelf, Store
from sam3_contract import wire

EMBEDDINGS_KEPT: Final = 100
FILE_BYTES_KEPT: Final = 128 * 1024 * 1024  # of the files of remembered pictures, where an engine reads pixels
LOGITS_KEPT: Final = 1000
SMALL: Final = 64  # prompts and clicks; a larger request for a mask is only found again as a whole

Coordinates = tuple[float, float, float, float]


class PromptKey(NamedTuple):
    """What one visual prompt asks for.

    Attributes:
        box: Centre, width and height; ``None`` without a box.
        clicks: ``(x, y, positive)``, in no order.
    """

    box: Coordinates | None
    clicks: frozenset[tuple[float, float, bool]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What logits were kept for.

    Attributes:
        prompts: The prompts; ``None`` for a request too large to be found again but as a whole.
    """

    prompts: Sequence[PromptKey] | None


class Embeddings:
    """Pictures by ``image_id``: the first one sent with an id keeps it.

    Args:
        shelf: Where they are kept.
        files: Whether the files of pictures are kept as well, for an engine that reads pixels.
    """

    def __init__(self, shelf: Shelf[Picture], *, files: bool) -> None:
        self._shelf = shelf
        self._files = files

    def find(self, image_id: str | None) -> Picture | None:
        """Look a picture up."""
        return None if image_id is None else self._shelf.find(short(image_id))

    def keep(self, image_id: str, picture: Picture) -> Picture:
        """Remember a picture, unless the id has one; return the one it has."""
        return self._shelf.keep(short(image_id), picture if self._files else replace(picture, file=None))

    @property
    def memory(self) -> int:
        """What the files of the remembered pictures take, in bytes."""
        return self._shelf.memory

    def clear(self) -> None:
        """Forget every picture."""
        self._shelf.clear()


class Logits:
    """For which images and prompts low-resolution logits were kept.

    Args:
        shelf: Where that is kept.
    """

    def __init__(self, shelf: Shelf[Asked]) -> None:
        self._shelf = shelf

    def find(self, image: str, prompts: Sequence[PromptKey]) -> bool:
        """Check whether there are logits to start from.

        Args:
            image: Names the image.
            prompts: The prompts: their own logits will do, and those of prompts that they grew from, see
                :func:`grew_from`.
        """
        name = short(image)
        if self._shelf.find(name + digest_of(prompts)) is not None:
            return True
        return any(asked.prompts is not None and grew_from(asked.prompts, prompts) for asked in self._shelf.group(name))

    def keep(self, image: str, prompts: Sequence[PromptKey]) -> None:
        """Remember that logits were kept."""
        name = short(image)
        asked = Asked(prompts if is_small(prompts) else None)
        self._shelf.keep(name + digest_of(prompts), asked, group=name)

    @property
    def memory(self) -> int:
        """What they take in this process, in bytes, about."""
        return self._shelf.memory

    def clear(self) -> None:
        """Forget all of them."""
        self._shelf.clear()


def _weight_of(asked: Asked) -> int:
    return 500 + sum(300 + 150 * len(one.clicks) for one in asked.prompts or ())  # bytes, about


@dataclass(frozen=True, slots=True)
class Caches:
    """What a mock remembers.

    Attributes:
        embeddings: Images by ``image_id``.
        logits: For which images and prompts logits were kept.
    """

    embeddings: Embeddings
    logits: Logits

    @property
    def memory(self) -> int:
        """What it takes in this process, in bytes, about."""
        return self.embeddings.memory + self.logits.memory

    def clear(self) -> None:
        """Forget everything."""
        self.embeddings.clear()
        self.logits.clear()


def caches_in(
    store: Store, session: str = "", *, engine: str = "", library: Library = NO_LIBRARY, files: bool = False
) -> Caches:
    """Make what remembers the images and logits of a session.

    Args:
        store: Where they are kept.
        session: Its id.
        engine: Names the engine: what one remembers no other does.
        library: The images that the mock knows; the same in all processes that share a store.
        files: Whether the engine reads pixels.
    """
    few: Bounds[Picture] = Bounds(EMBEDDINGS_KEPT, FILE_BYTES_KEPT, lambda picture: len(picture.file or b""))
    pictures = store.shelf(session, f"images {engine}", _picture_codec(library), few)
    asked: Bounds[Asked] = Bounds(LOGITS_KEPT, FILE_BYTES_KEPT, _weight_of)
    return Caches(Embeddings(pictures, files=files), Logits(store.shelf(session, f"logits {engine}", _ASKED, asked)))


def _picture_codec(library: Library) -> Codec[Picture]:
    """Write of a picture its digest, its size, which known image it shows, and its file; masks follow from those."""

    def encode(picture: Picture) -> bytes:
        number = None if picture.known is None else library.number_of(picture.known)
        head = orjson.dumps([picture.digest.hex(), *picture.size, number, picture.file is not None])
        return head + b"\n" + (picture.file or b"")

    def decode(content: bytes) -> Picture:
        head, _, file = content.partition(b"\n")
        digest, height, width, number, has_file = orjson.loads(head)
        size = (height, width)
        known = None if number is None else library.numbered(number, size=size)
        return Picture(bytes.fromhex(digest), size, known, file if has_file else None)

    return Codec(encode, decode)


def _encode_asked(asked: Asked) -> bytes:
    prompts = asked.prompts
    return orjson.dumps(prompts and [(one.box, sorted(one.clicks)) for one in prompts])


def _decode_asked(content: bytes) -> Asked:
    prompts = orjson.loads(content)
    return Asked(
        prompts
        and [PromptKey(None if box is None else tuple(box), frozenset(map(tuple, clicks))) for box, clicks in prompts]
    )


_ASKED: Final = Codec(_encode_asked, _decode_asked)


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
    """Name something in a few bytes: a client's name may be as long as a body, or be a key by mistake."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=32).digest()
