"""How much one mask may ask of us: every bound on size, length and work, in one place.

A payload beyond a bound is refused by name before anything is allocated for it. The bounds lie far above any
photograph: they exist for input that was made to hurt.
"""

from __future__ import annotations

__all__ = [
    "MAX_ARCHIVE_BYTES",
    "MAX_BITMAP_PIXELS",
    "MAX_CONTOUR_FILL_WORK",
    "MAX_COORDINATE",
    "MAX_COUNTS_LENGTH",
    "MAX_CROSSINGS",
    "MAX_FILL_WORK",
    "MAX_POINTS",
    "MAX_RINGS",
    "MAX_RLE_PIXELS",
]

MAX_RLE_PIXELS = 2**29 - 1
"""Pixels of an RLE's ``size``: from 2**29 on, pycocotools writes past its buffer when it encodes."""

MAX_COUNTS_LENGTH = 2**22
"""Characters of one ``counts`` string: a 2048 x 2048 checkerboard has as many, a photograph a few thousand."""

MAX_BITMAP_PIXELS = 2**27
"""Pixels of a bitmap that we allocate, one byte each: 11,585 x 11,585."""

MAX_RINGS = 2**16
"""Rings of one mask."""

MAX_POINTS = 2**18
"""Points of one mask, over all its rings."""

MAX_COORDINATE = 2**15 - 1
"""Largest coordinate and, negated, the smallest, in pixels: OpenCV's fixed-point edges overflow beyond it."""

MAX_FILL_WORK = 2**32
"""Bound of (rows crossed by all edges)**2 / rows, to which OpenCV's fill is proportional: about 0.3 s."""

MAX_CONTOUR_FILL_WORK = 2**36
"""The same bound for rings that pass for contours: a comb's edges never cross, and cost far less to keep sorted."""

MAX_CROSSINGS = 2**23
"""Times that the edges of one COCO polygon may cross the middle of a column of pixels; each takes about 0.1 us."""

MAX_ARCHIVE_BYTES = 2**29
"""Bytes of one array of an npz, once unpacked."""
