"""Pixels, by the decoder that the service has; nothing else in this room decodes any."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from sam3_contract.images import png
from sam3_contract.images.bounds import is_bounded
from sam3_contract.images.image_header import ImageHeader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_SILENT: Final = 0  # LOG_LEVEL_SILENT of OpenCV
_TURNED_BY_COLUMNS: Final = frozenset({2, 3, 6, 7})
_TURNED_BY_ROWS: Final = frozenset({3, 4, 7, 8})


class _Quiet:
    """Keeps OpenCV from telling on standard error what is wrong with a file: whoever asked is told by an error of ours.

    Its level is the whole process's. The user's comes back when the last of the threads that decode has left.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._level = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._level = _set_log_level(_SILENT)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _set_log_level(self._level)


def _set_log_level(level: int) -> int:
    """Set how much OpenCV tells; return how much it told. OpenCV 5 has moved the function that does."""
    import cv2  # noqa: PLC0415 - as in raw_pixels

    if hasattr(cv2, "setLogLevel"):
        return int(cv2.setLogLevel(level))
    return int(cv2.utils.logging.setLogLevel(level))


_QUIET: Final = _Quiet()


def decode(content: bytes, header: ImageHeader) -> NDArray[np.uint8] | None:
    """Decode a file as the service does: 8 bits, no alpha, turned as OpenCV 4.12 turns it.

    Args:
        content: The whole file.
        header: What was read of it.

    Returns:
        BGR, shape ``(height, width, 3)``; ``None`` if OpenCV cannot decode it, or it has another size after all.
    """
    decoded = raw_pixels(content, header.format)
    if decoded is None:
        return None
    pixels = decoded if header.format == "TIFF" else _turned(decoded, header.orientation)
    return pixels if pixels.shape[:2] == header.size else None


def raw_pixels(content: bytes, name: str) -> NDArray[np.uint8] | None:
    """Decode a file as its pixels lie in it; a TIFF is turned by its decoder.

    Args:
        content: The whole file.
        name: Its format, as :class:`~sam3_contract.images.ImageHeader` names it.

    Returns:
        BGR, shape ``(height, width, 3)``; ``None`` if OpenCV cannot decode it, or only at a cost out of proportion.
    """
    # Only here: a header alone needs neither.
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    # Else turned here, as OpenCV's releases differ in what they turn.
    flags = cv2.IMREAD_COLOR | (0 if name == "TIFF" else cv2.IMREAD_IGNORE_ORIENTATION)
    decoded = _decoded(content, name, flags)
    if decoded is None:
        return None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_GRAY2BGR) if decoded.ndim == 2 else decoded, np.uint8)


def samples_of_png(content: bytes) -> NDArray[Any] | None:
    """Decode a PNG to the samples that it holds.

    Returns:
        BGR, BGRA or grey, 8 or 16 bits, shape ``(height, width, channels)`` or ``(height, width)``; ``None`` as of
        :func:`raw_pixels`.
    """
    import cv2  # noqa: PLC0415 - as in raw_pixels

    return _decoded(content, "PNG", cv2.IMREAD_UNCHANGED)


def _decoded(content: bytes, name: str, flags: int) -> NDArray[Any] | None:
    if not is_bounded(content, name):
        return None
    import cv2  # noqa: PLC0415 - as in raw_pixels
    import numpy as np  # noqa: PLC0415

    still = png.still(content) if name == "PNG" else content
    try:
        with _QUIET:
            return cv2.imdecode(np.frombuffer(still, np.uint8), flags)
    except cv2.error:
        return None


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    import numpy as np  # noqa: PLC0415 - as above

    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in _TURNED_BY_COLUMNS:
        pixels = pixels[:, ::-1]
    if orientation in _TURNED_BY_ROWS:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
