"""Masks in the formats that the service answers with.

Contours come from OpenCV and run-length strings from pycocotools, as in the service itself. The checks of
``sam3_contract.masks`` read them with a codec of their own, so that one mistake cannot hide in both.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mock_server.drawing.patches import Patch
from mock_server.drawing.run_lengths import counts_from_runs, runs_from_patch

Ring = NDArray[np.int32]

LOGIT: Final = 8.0  # of a pixel in the mask; outside it is negative
LOW_RES: Final = 256  # side of the low-resolution logits, in cells
_CONFIDENCES: Final[list[float]] = (np.arange(1001) / 1000).astype(np.float32).tolist()


def confidence_from_permille(permille: int) -> float:
    """Widen a 32-bit float, as the service's confidences are.

    Args:
        permille: From 0 to 1000.

    Example:
        >>> confidence_from_permille(880)
        0.8799999952316284
    """
    return _CONFIDENCES[permille]


def rings_from_patch(patch: Patch) -> list[Ring]:
    """Trace the outer contour of each connected part.

    Returns:
        Rings of ``(x, y)`` in the image, each int32, shape ``(n, 2)``, first point not repeated; a ring without points
        for a mask without pixels.
    """
    if patch.pixels.size:
        contours, _ = cv2.findContours(
            patch.pixels.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(patch.left, patch.top)
        )
        if contours:
            # OpenCV's are int32; its types say any number.
            return [np.asarray(contour.reshape(-1, 2), np.int32) for contour in contours]
    return [np.empty((0, 2), np.int32)]


def polygons_from_patch(patch: Patch) -> list[list[list[int]]]:
    """Trace the outer contour of each connected part, see :func:`rings_from_patch`.

    Returns:
        Rings of ``[x, y]`` in the image; ``[[]]`` for a mask without pixels.
    """
    return [ring.tolist() for ring in rings_from_patch(patch)]


def rle_from_patch(patch: Patch, *, size: tuple[int, int]) -> dict[str, Any]:
    """Encode a mask as compressed COCO run lengths of the whole image.

    Args:
        patch: The mask's window.
        size: ``(height, width)`` of the image; their product must stay under 2**29, where pycocotools overflows.
    """
    height, width = size
    counts = counts_from_runs(runs_from_patch(patch, size=size), size=size)
    return {"size": [height, width], "counts": counts.decode("ascii")}


def npz_from_patches(patches: Sequence[Patch], *, size: tuple[int, int]) -> bytes:
    """Write masks as the npz archive of ``format: binary``.

    Args:
        patches: One for each prediction.
        size: ``(height, width)`` of the image.

    Returns:
        An archive of ``masks``, float32, shape ``(n, height, width)``, logits (0 and more is mask), and
        ``low_res_masks``, float32, shape ``(n, 256, 256)``.
    """
    masks = np.full((len(patches), *size), -LOGIT, np.float32)
    for plane, patch in zip(masks, patches, strict=True):
        plane[patch.top : patch.bottom, patch.left : patch.right][patch.pixels] = LOGIT
    rows, columns = (np.arange(LOW_RES) * extent // LOW_RES for extent in size)
    return npz_from_arrays({"masks": masks, "low_res_masks": masks[:, rows][:, :, columns]})


def npz_from_arrays(arrays: Mapping[str, NDArray[Any]], *, pickles: bool = False) -> bytes:
    """Write arrays as an npz archive that is the same at any time.

    Args:
        arrays: By name.
        pickles: Whether arrays of objects are written, as pickles.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as container:
        for name, array in arrays.items():
            # numpy's own savez stamps the wall clock into the archive.
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with container.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=pickles)
    return archive.getvalue()
