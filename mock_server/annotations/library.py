"""The images that the mock knows: found by the bytes of their file, else by what they show.

A file is decoded only if it says of itself that it has the size of a known image, so the cost of any other image is a
look-up. The same picture is found in whichever format and by whichever program it was written: the means of a coarse
grid have to agree in every cell, and the pixels on average.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mock_server.annotations.annotated_image import AnnotatedImage
from sam3_contract.errors import ImageError
from sam3_contract.images import decode, read_header

Pixels = NDArray[np.uint8]
Size = tuple[int, int]

MAX_DECODED: Final = 2**26
"""Pixels; a larger image is found by its file's bytes only."""

GRID: Final = 16  # cells across and down
CELL_TOLERANCE: Final = 12  # levels out of 255 that the mean of a cell may be off, in each channel
PIXEL_TOLERANCE: Final = 8.0  # levels that a pixel may be off on average; JPEG of quality 85 needs up to about 5
DECODERS: Final = 4  # known images that are decoded at a time
CANDIDATES: Final = 4  # images whose pixels are compared
REMEMBERED: Final = 1024  # files of which is remembered which image they show, if any


@dataclass(frozen=True, slots=True, eq=False)
class KnownImage:
    """An image that the mock can recognise.

    Attributes:
        image: What is in it.
        pixels: Makes its pixels, BGR, shape ``(height, width, 3)``; ``None`` if they cannot be had any more.
        digest: SHA-256 of its file, if there is one.
    """

    image: AnnotatedImage
    pixels: Callable[[], Pixels | None] = field(repr=False)
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Images of one size that are made when one of it is looked for.

    Attributes:
        count: How many there are.
        make: Makes them.
    """

    count: int
    make: Callable[[], Iterable[KnownImage]]


_NONE_LATER: Final[Mapping[Size, Later]] = MappingProxyType({})


class Library:
    """The known images.

    Args:
        images: In order of precedence, should two be the same.
        later: Of sizes ``(height, width)``, the images behind those: how many there are, and what makes them when an
            image of that size is looked for.
    """

    def __init__(self, images: Iterable[KnownImage] = (), later: Mapping[Size, Later] = _NONE_LATER) -> None:
        self._shelves: dict[Size, _Shelf] = {}
        self._later = dict(later)
        self._count = sum(one.count for one in later.values())
        self._lock = Lock()
        for known in images:
            self._shelves.setdefault(known.image.size, _Shelf()).add(known)
            self._count += 1

    def __len__(self) -> int:
        return self._count

    def number_of(self, image: AnnotatedImage) -> int:
        """Number one of the images among those of its size; a library of the same images gives the same number."""
        return self._shelves[image.size].numbers[image]

    def numbered(self, number: int, *, size: Size) -> AnnotatedImage:
        """Find the image that has a number among those of a size, see :meth:`number_of`."""
        self._make(size)
        return self._shelves[size].image(number)

    def recognise(self, content: bytes, *, digest: bytes, size: Size) -> AnnotatedImage | None:
        """Find the image that a file shows.

        Args:
            content: The whole file.
            digest: SHA-256 of it.
            size: ``(height, width)`` after EXIF orientation, as its header says.
        """
        self._make(size)
        shelf = self._shelves.get(size)
        return None if shelf is None else shelf.recognise(content, digest, size)

    def _make(self, size: Size) -> None:
        """Make the images of a size that are not made yet."""
        if size not in self._later:
            return
        with self._lock:
            if size in self._later:
                shelf = self._shelves.setdefault(size, _Shelf())
                for known in self._later[size].make():
                    shelf.add(known)
                del self._later[size]


def pixels_from_content(content: bytes, *, size: tuple[int, int]) -> Pixels | None:
    """Decode a file as the service does: 8 bits, BGR, no alpha, turned as EXIF says.

    Args:
        content: The whole file.
        size: The ``(height, width)`` it has to have.

    Returns:
        Shape ``(height, width, 3)``; ``None`` if OpenCV cannot decode it, or it has another size after all.
    """
    try:
        header = read_header(content)
    except ImageError:
        return None
    return decode(content, header) if header.size == size and size[0] * size[1] <= MAX_DECODED else None


class _Shelf:
    """The known images of one size."""

    def __init__(self) -> None:
        self._images: list[KnownImage] = []
        self._by_digest: dict[bytes, AnnotatedImage] = {}
        self._signatures: NDArray[np.int16] | None = None
        self._seen: OrderedDict[bytes, AnnotatedImage | None] = OrderedDict()
        self._lock = Lock()

    def add(self, known: KnownImage) -> None:
        self._images.append(known)
        if known.digest is not None:
            self._by_digest.setdefault(known.digest, known.image)

    @cached_property
    def numbers(self) -> dict[AnnotatedImage, int]:
        return {known.image: number for number, known in enumerate(self._images)}

    def image(self, number: int) -> AnnotatedImage:
        return self._images[number].image

    def recognise(self, content: bytes, digest: bytes, size: tuple[int, int]) -> AnnotatedImage | None:
        if digest in self._by_digest:
            return self._by_digest[digest]
        if digest in self._seen:
            return self._seen[digest]
        pixels = pixels_from_content(content, size=size)
        found = None if pixels is None else self._most_alike(pixels)
        with self._lock:
            self._seen[digest] = found
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return found

    def _most_alike(self, pixels: Pixels) -> AnnotatedImage | None:
        differences = np.abs(self._all_signatures() - _signature(pixels)).reshape(len(self._images), -1)
        worst = differences.max(axis=1)
        alike = []
        for index in np.argsort(differences.sum(axis=1), kind="stable")[:CANDIDATES]:
            known = self._images[index]
            theirs = known.pixels() if worst[index] <= CELL_TOLERANCE else None
            if theirs is not None:
                alike.append((float(cv2.absdiff(pixels, theirs).mean()), int(index)))
        off, best = min(alike, default=(np.inf, -1))
        return self._images[best].image if off <= PIXEL_TOLERANCE else None

    def _all_signatures(self) -> NDArray[np.int16]:
        # Not before somebody asks: a large set is decoded for it.
        with self._lock:
            if self._signatures is None:
                with ThreadPoolExecutor(DECODERS) as pool:
                    self._signatures = np.stack(list(pool.map(_signature_of, self._images)))
            return self._signatures


def _signature_of(known: KnownImage) -> NDArray[np.int16]:
    pixels = known.pixels()
    # One that cannot be had looks like nothing that is.
    return np.full((GRID, GRID, 3), -1000, np.int16) if pixels is None else _signature(pixels)


def _signature(pixels: Pixels) -> NDArray[np.int16]:
    """Take the means of a grid over the picture."""
    means = cv2.resize(pixels, (GRID, GRID), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.int16)
