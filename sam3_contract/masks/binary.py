"""The npz format of visual_segment: logits per mask, loaded without unpickling and with bounded decompression."""

from __future__ import annotations

import ast
import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sam3_contract.errors import BinaryMaskError
from sam3_contract.masks.catalogue.lookup import finding_of
from sam3_contract.masks.limits import MAX_ARCHIVE_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sam3_contract.masks.catalogue.finding import Finding

__all__ = ["BinaryMasks", "find_defects_in_npz", "masks_from_npz"]

_NAMES = ("masks", "low_res_masks")
_TYPES = ("|b1", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8")
_LONGEST_HEADER = 10_000
"""Characters of an npy header; numpy reads no longer ones either."""

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, NotImplementedError)
"""What zipfile raises on archives that are cut, encrypted (RuntimeError) or packed in unknown ways."""


@dataclass(frozen=True, slots=True)
class BinaryMasks:
    """Masks as the model gave them.

    Attributes:
        masks: Logits at the image's size, or bools, shape ``(n_masks, height, width)``; foreground from 0 up.
        low_res_masks: Logits at the model's resolution, shape ``(n_masks, rows, columns)``.
    """

    masks: NDArray[Any]
    low_res_masks: NDArray[Any]

    def bitmaps(self) -> NDArray[np.bool_]:
        """Threshold the logits at 0, shape ``(n_masks, height, width)``."""
        if self.masks.dtype == np.bool_:
            return self.masks
        bitmaps: NDArray[np.bool_] = self.masks >= 0
        return bitmaps


class _Defective(Exception):  # noqa: N818 - carries a finding, and never leaves this module
    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def masks_from_npz(payload: bytes, *, image_size: tuple[int, int] | None = None) -> BinaryMasks:
    """Load the arrays ``masks`` and ``low_res_masks``.

    Args:
        payload: Bytes of the npz archive.
        image_size: ``(height, width)`` in pixels that the masks must have; None for any.

    Returns:
        Both arrays.

    Raises:
        BinaryMaskError: If the bytes are no npz, an array is missing, holds objects, values that are not finite, or
            has another shape or size than it should, or would unpack beyond the limit.
    """
    arrays, findings = _examine(payload, image_size=image_size, path="$")
    if findings:
        raise BinaryMaskError(
            f"{findings[0].path} is {findings[0].found}, expected {findings[0].expected}",
            code=findings[0].code,
        )
    return BinaryMasks(arrays["masks"], arrays["low_res_masks"])


def find_defects_in_npz(payload: bytes, *, image_size: tuple[int, int] | None = None, path: str = "$") -> list[Finding]:
    """Find the defects of an npz of masks.

    Args:
        payload: Any bytes.
        image_size: ``(height, width)`` of the image in pixels; None if not known.
        path: Path of the payload, for the findings; the arrays' names are appended.

    Returns:
        Findings; empty for a sound archive. Nothing is unpickled, and no more unpacked than the limit.

    Example:
        >>> [finding.name for finding in find_defects_in_npz(b"Internal Server Error")]
        ['not_npz']
    """
    return _examine(payload, image_size=image_size, path=path)[1]


def _examine(
    payload: bytes, *, image_size: tuple[int, int] | None, path: str
) -> tuple[dict[str, NDArray[Any]], list[Finding]]:
    arrays: dict[str, NDArray[Any]] = {}
    findings: list[Finding] = []
    try:
        archive = zipfile.ZipFile(io.BytesIO(payload))
    except _DAMAGED:
        return {}, [finding_of("not_npz", path=path, found=payload[:64], expected="a zip of npy arrays")]
    with archive:
        for name in _NAMES:
            try:
                arrays[name] = _array_of(archive, name=name, path=f"{path}.{name}")
            except _Defective as defective:
                findings.append(defective.finding)
    masks = arrays.get("masks")
    if masks is not None and image_size is not None and masks.shape[1:] != tuple(image_size):
        said = f"shape {masks.shape}"
        expected = f"(n, {image_size[0]}, {image_size[1]})"
        findings.append(finding_of("array_not_image", path=f"{path}.masks", said=said, expected=expected))
    if len(arrays) == 2 and len({len(array) for array in arrays.values()}) == 2:
        said = f"{len(arrays['low_res_masks'])} masks"
        expected = f"{len(arrays['masks'])}, as in masks"
        findings.append(
            finding_of("counts_of_masks_differ", path=f"{path}.low_res_masks", said=said, expected=expected)
        )
    return arrays, findings


def _array_of(archive: zipfile.ZipFile, *, name: str, path: str) -> NDArray[Any]:
    """Read one array, header first; nothing of its content is unpacked before the header has passed."""
    try:
        entry = archive.getinfo(f"{name}.npy")
    except KeyError:
        present = [entry.filename for entry in archive.infolist()[:8]]
        raise _Defective(finding_of("array_missing", path=path, found=present, expected=f"{name}.npy")) from None
    try:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotImplementedError(entry.compress_type)
        with archive.open(entry) as member:
            shape, by_columns, descr = _header_of(member)
            dtype = _checked_dtype(shape, descr=descr, path=path)
            wanted = math.prod(shape) * dtype.itemsize
            content = member.read(wanted)
    except _DAMAGED as damage:
        raise _Defective(
            finding_of("not_npz", path=path, said=type(damage).__name__, expected="a sound npy array")
        ) from damage
    if len(content) != wanted:
        said = f"{len(content)} of {wanted} bytes"
        raise _Defective(finding_of("not_npz", path=path, said=said, expected="a whole npy array"))
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")
    if dtype.kind == "f" and not np.isfinite(array).all():
        place = [int(axis) for axis in np.argwhere(~np.isfinite(array))[0]]
        where = f"{path}{place}".replace(" ", "")
        raise _Defective(
            finding_of("value_not_finite", path=where, found=float(array[tuple(place)]), expected="finite logits")
        )
    return array


def _header_of(member: IO[bytes]) -> tuple[tuple[int, ...], bool, str]:
    """Read the header of an npy file: shape, whether it runs down the columns, and the name of its type.

    numpy's own reader also repairs headers of Python 2, and lets errors of its tokenizer through.

    References:
        The npy format, versions 1.0 to 3.0, in ``numpy.lib.format``.
    """
    start = member.read(8)
    if start[:6] != b"\x93NUMPY" or start[6:] not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise ValueError("npy magic")
    length = int.from_bytes(member.read(2 if start[6] == 1 else 4), "little")
    if length > _LONGEST_HEADER:
        raise ValueError("npy header length")
    try:
        header = ast.literal_eval(member.read(length).decode("latin-1"))
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError("npy header") from error
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise ValueError("npy header keys")
    shape, by_columns, descr = header["shape"], header["fortran_order"], header["descr"]
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError("npy shape")
    # A list describes fields, which no array of masks has.
    return shape, bool(by_columns), descr if isinstance(descr, str) else "fields"


def _checked_dtype(shape: tuple[int, ...], *, descr: str, path: str) -> np.dtype[Any]:
    if descr == "|O":
        raise _Defective(finding_of("array_of_objects", path=path, said=f"dtype {descr}", expected="floats or bools"))
    if descr not in _TYPES:
        said = f"dtype {descr[:40]}"
        raise _Defective(finding_of("dtype_unexpected", path=path, said=said, expected="floats or bools"))
    dtype = np.dtype(descr)
    if len(shape) != 3 or min(shape) < 1:
        raise _Defective(
            finding_of("shape_unexpected", path=path, said=f"shape {shape}", expected="(n, height, width)")
        )
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes > MAX_ARCHIVE_BYTES:
        said = f"{n_bytes} bytes"
        raise _Defective(finding_of("array_too_large", path=path, said=said, expected=f"at most {MAX_ARCHIVE_BYTES}"))
    return dtype
