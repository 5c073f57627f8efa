"""What a request may cost, told from its bytes: only what is quick for certain runs on the event loop, where all wait.

Decoding a body to find out would cost most requests as much again as they take. So this looks for an upper bound:
objects are counted by their braces, and the pixels of the image stand in the first bytes of its file. Whatever cannot
be told at a glance is taken for work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pybase64

from mock_server.engines.specimens import PREFIX
from mock_server.http.protocol import CONTROL_PREFIX
from sam3_contract.errors import ImageError
from sam3_contract.images import jpeg, png
from sam3_contract.images.rough_size import rough_size

QUICK_BYTES: Final = 1024 * 1024
QUICK_OBJECTS: Final = 64
QUICK_VALUES: Final = 1024
QUICK_SPECIMENS: Final = 2
"""Prompts for what is made to be hard: one may give 200 masks, in about a hundredth of a second."""
QUICK_PIXELS: Final = 2**23
"""Of all masks that may be drawn: about a hundredth of a second of work."""
_DECODED: Final = 4  # times the pixels: what an image weighs that is decoded when it is new, as any but most JPEGs is
_VIRTUAL: Final = 1080 * 1080  # pixels of the largest virtual photograph
_PREFIXES: Final = (1024, 128 * 1024)  # characters of base64 in which a header is looked for; metadata may come first
_QUICK_FORMATS: Final = (png.START, b"\xff\xd8", b"GIF8", b"BM", b"RIFF")
_SLOW_PATHS: Final = (CONTROL_PREFIX, "/docs", "/openapi.json")
_SPECIMEN: Final = PREFIX.encode()
_HEAVY_WORDS: Final = (b"binary", _SPECIMEN)  # archives are packed; and of some specimens there are 200 masks
_HEAVY: Final = 8  # times what a mask weighs
_SUPPRESSION: Final = (
    b"nms_iou_threshold",
    b"output_prob_thresh",
)  # without a threshold 200 masks a prompt are compared
_SUPPRESSED: Final = 6  # objects of a request in which they are few enough
_VALUE: Final = re.compile(rb'"value"\s*:\s*"(?:data:image/[a-z]+;base64,)?')
_IMAGE_ID: Final = re.compile(rb'"image_id"\s*:\s*(?:null|"([^"\\]{0,64})")')

Remembered = Callable[[Mapping[str, Any], str], int | None]


@dataclass(frozen=True, slots=True)
class Cost:
    """Judges the requests of one mock.

    Attributes:
        remembered: Tells, of a request's environ, how many pixels the image has that is remembered by a name; ``None``
            if there is none.
        always: Whether any operation may be work: an image has to be decoded, or read from a file.
    """

    remembered: Remembered
    always: bool = False

    def is_quick(self, environ: Mapping[str, Any], body: bytes) -> bool:
        """Check whether a request is answered in some hundredths of a second at most, whatever it holds."""
        path: str = environ["PATH_INFO"]
        if len(body) > QUICK_BYTES or path.startswith(_SLOW_PATHS):
            return False
        if not body or not path.startswith("/sam3/"):
            return True
        if self.always:
            return False
        start, end = _place_of_value(body)
        # Not the image itself: looking through that for a few words would cost as much as the answer.
        rest = body[:start] + body[end:]
        objects = rest.count(b"{")
        if objects > QUICK_OBJECTS or rest.count(b",") > QUICK_VALUES or _asks_for_many_masks(rest, objects):
            return False
        pixels = self._pixels(environ, memoryview(body)[start:end], rest)
        # One object is the body, and one the image.
        weight = max(objects - 2, 1) * (_HEAVY if any(word in rest for word in _HEAVY_WORDS) else 1)
        return pixels is not None and pixels * weight <= QUICK_PIXELS

    def _pixels(self, environ: Mapping[str, Any], value: memoryview, rest: bytes) -> int | None:
        # Names may be written with escapes, and the last of several of one name counts.
        if rest.count(b'"value"') != 1 or b"\\u00" in rest:
            return None
        sent = _pixels_sent(value)
        if sent is None or b'"image_id"' not in rest:
            return sent
        named = _IMAGE_ID.search(rest)
        if named is None or rest.count(b'"image_id"') != 1:
            return None
        name = (named[1] or b"").decode("utf-8", "replace")
        return max(sent, self.remembered(environ, name) or 0)


def _asks_for_many_masks(rest: bytes, objects: int) -> bool:
    is_suppressed = all(word in rest for word in _SUPPRESSION)
    return rest.count(_SPECIMEN) > QUICK_SPECIMENS or (is_suppressed and objects > _SUPPRESSED)


def _place_of_value(body: bytes) -> tuple[int, int]:
    """Find where the text of the first ``value`` begins and ends; nowhere if there is none."""
    found = _VALUE.search(body)
    if found is None:
        return 0, 0
    end = body.find(b'"', found.end())
    return found.end(), len(body) if end < 0 else end


def _pixels_sent(value: memoryview) -> int | None:
    if value[:4].tobytes() == b"http":
        return _VIRTUAL
    for length in _PREFIXES:
        text = value[:length].tobytes().replace(b"\\/", b"/")
        try:
            content = pybase64.b64decode(text[: len(text) // 4 * 4], validate=True)
        except ValueError:
            return None
        weight = _weight_of(content)
        if weight is not None:
            return weight
    return None


def _weight_of(content: bytes) -> int | None:
    """Weigh an image by its pixels, from the first bytes of its file, and by whether it has to be decoded."""
    if not content.startswith(b"\xff\xd8"):
        pixels = pixels_of(content)
        return None if pixels is None else pixels * _DECODED
    try:
        frame = jpeg.first_frame(content)
    except ImageError:
        return None
    if frame is None:
        return None
    is_sequential, width, height = frame
    return width * height * (1 if is_sequential else _DECODED)


def pixels_of(content: bytes) -> int | None:
    """Find how many pixels an image has, from the first bytes of its file; ``None`` if they do not tell.

    Only of formats that are decoded in no more time than their pixels take.

    Example:
        >>> pixels_of(b"GIF89a" + bytes([64, 0, 48, 0]))
        3072
    """
    sides = rough_size(content) if content.startswith(_QUICK_FORMATS) else None
    return None if sides is None else sides[0] * sides[1]
