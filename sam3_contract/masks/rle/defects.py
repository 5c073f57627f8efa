"""What is wrong with one RLE, and why: findings for `Breach`, and hints from sound runs that look odd."""

from __future__ import annotations

import ast
import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sam3_contract.errors import RleError
from sam3_contract.masks.catalogue.lookup import finding_of
from sam3_contract.masks.dialects.detection import finding_of_dialect
from sam3_contract.masks.dialects.numbers import holds_numbers
from sam3_contract.masks.limits import MAX_COUNTS_LENGTH, MAX_RLE_PIXELS
from sam3_contract.masks.rle.batch import parse_rles, unchecked_run_lengths
from sam3_contract.masks.rle.breach import CHARACTERS_PER_VALUE, Breach, breach_of_structure
from sam3_contract.masks.rle.encode import counts_from_few, counts_from_run_lengths
from sam3_contract.masks.rle.short import SHORT, sound_run_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sam3_contract.masks.catalogue.finding import Finding

__all__ = [
    "SIZE_BREACHES",
    "finding_of_list",
    "findings_of_rle",
    "findings_of_size",
    "run_lengths_from_uncompressed",
    "text_from_uncompressed",
]

_TRIAL_LENGTH = 2**20
"""Characters up to which a broken text is read in other ways; beyond, the breach alone is reported."""

_FOREIGN = re.compile(r"[^0-o]")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*", re.ASCII)

_SIZE_DEFECTS = {
    Breach.SIZE_NOT_INTEGERS: ("size_not_integers", "[height, width] as two integers"),
    Breach.SIZE_NOT_POSITIVE: ("size_not_positive", "sides of at least 1 pixel"),
    Breach.SIZE_TOO_LARGE: ("size_too_large", f"at most {MAX_RLE_PIXELS} pixels"),
}
SIZE_BREACHES = frozenset({Breach.NO_OBJECT, *_SIZE_DEFECTS})
"""Breaches after which there is no size to hold against an image."""

_TEXT_DEFECTS = {
    Breach.OUTSIDE_ALPHABET: ("counts_outside_alphabet", "characters '0'..'o'"),
    Breach.CUT_SHORT: ("counts_cut_short", "a last character in '0'..'O', which ends its value"),
    Breach.VALUE_TOO_LONG: ("value_too_long", f"values of at most {CHARACTERS_PER_VALUE} characters"),
    Breach.NOT_MINIMAL: ("value_not_minimal", "values without an idle last character"),
}


def findings_of_rle(rle: object, *, breach: Breach, path: str) -> list[Finding]:
    """Explain the breach of one RLE.

    Args:
        rle: The value.
        breach: What `parse_rles` says of it; `Breach.NONE` has no findings.
        path: JSON path of the value.

    Returns:
        One finding, naming the cause where a closer look decides it; none without a breach.
    """
    if breach == Breach.NONE:
        return []
    if breach == Breach.NO_OBJECT or not isinstance(rle, dict):
        return [finding_of("not_a_mask", path=path, found=rle, expected="an object with size and counts")]
    size, counts = rle.get("size"), rle.get("counts")
    if breach in _SIZE_DEFECTS:
        name, expected = _SIZE_DEFECTS[breach]
        return [finding_of(name, path=f"{path}.size", found=size, expected=expected)]
    assert isinstance(size, (list, tuple))
    return [_finding_of_counts(counts, height=size[0], width=size[1], breach=breach, path=f"{path}.counts")]


def findings_of_size(rle: dict[str, Any], *, image_size: tuple[int, int], path: str) -> list[Finding]:
    """Hold a sound ``size`` against the image.

    Args:
        rle: An RLE whose ``size`` is two positive integers.
        image_size: ``(height, width)`` of the image in pixels.
        path: JSON path of the RLE.

    Returns:
        One finding if they differ.
    """
    height, width = rle["size"]
    if (height, width) == tuple(image_size):
        return []
    swapped = (width, height) == tuple(image_size)
    return [
        finding_of(
            "size_swapped" if swapped else "size_not_image",
            path=f"{path}.size",
            found=[height, width],
            expected=f"the image's [height, width], {list(image_size)}",
            diagnosis=f"size is swapped: {[height, width]} would be {[width, height]}" if swapped else "",
        )
    ]


def run_lengths_from_uncompressed(counts: list[Any], *, size: object) -> NDArray[np.int64]:
    """Check a list of run lengths.

    Args:
        counts: Run lengths in pixels, background first.
        size: ``[height, width]`` in pixels.

    Returns:
        The run lengths, shape ``(n_runs,)``.

    Raises:
        RleError: If an entry is no integer, a run is negative or zero, or the runs do not fill the mask.

    Example:
        >>> run_lengths_from_uncompressed([5, 2, 17], size=[4, 6]).tolist()
        [5, 2, 17]
    """
    text, findings = text_from_uncompressed(counts, path="$.counts")
    rle = {"size": size, "counts": text}
    batch = parse_rles([rle])
    if not findings and batch.breaches[0] == Breach.NONE:
        return batch.run_lengths
    findings = findings or findings_of_rle(rle, breach=Breach(batch.breaches[0]), path="$")
    first = findings[0]
    raise RleError(f"{first.path} is {first.found}, expected {first.expected}", code=first.code)


def text_from_uncompressed(counts: list[Any], *, path: str) -> tuple[str, list[Finding]]:
    """Compress a list of run lengths, sound or not, so that one parser judges both formats.

    Args:
        counts: Any list.
        path: JSON path of the list.

    Returns:
        The compressed text, and a finding if an entry is no integer of 31 bits; the text is empty then.
    """
    if len(counts) > MAX_COUNTS_LENGTH:
        said = f"{len(counts)} runs"
        return "", [finding_of("counts_too_long", path=path, said=said, expected=f"at most {MAX_COUNTS_LENGTH}")]
    for place, run in enumerate(counts):
        if type(run) is not int or not -(2**31) < run < 2**31:
            finding = finding_of(
                "run_not_integer", path=f"{path}[{place}]", found=run, expected="an integer of at most 31 bits"
            )
            return "", [finding]
    if len(counts) <= SHORT:
        return counts_from_few(counts), []
    return counts_from_run_lengths(np.array(counts, np.int64)), []


def finding_of_list(counts: list[Any], *, size: object, path: str) -> Finding | None:
    """Recognise a list that is no list of run lengths: a dialect of RLE, or the bytes of compressed text.

    Args:
        counts: A list of integers.
        size: What stands as ``[height, width]`` in pixels, unchecked.
        path: JSON path of the list.

    Returns:
        One finding; None if it passes for run lengths, or is nothing that is known.
    """
    if breach_of_structure({"size": size, "counts": "0"}) != Breach.NONE or len(counts) > _TRIAL_LENGTH:
        return None
    assert isinstance(size, (list, tuple))
    height, width = size
    if sum(counts) == height * width:
        return None
    if all(48 <= run <= 111 for run in counts) and _reads_as_mask(bytes(counts).decode("ascii"), size=(height, width)):
        diagnosis = "bytes(counts).decode('ascii') gives a sound RLE of this size"
        return finding_of(
            "counts_bytes_listed", path=path, found=counts, expected="compressed text", diagnosis=diagnosis
        )
    return finding_of_dialect(counts, size=(height, width), path=path)


def _finding_of_counts(counts: object, *, height: int, width: int, breach: Breach, path: str) -> Finding:
    pixels = height * width
    if not isinstance(counts, str):
        diagnosis = "counts.decode('ascii') gives the text" if isinstance(counts, bytes) else ""
        return finding_of("counts_not_text", path=path, found=counts, expected="compressed text", diagnosis=diagnosis)
    if breach == Breach.COUNTS_EMPTY:
        return finding_of(
            "counts_empty",
            path=path,
            found=counts,
            expected="at least one run",
            diagnosis=f"an empty mask is {counts_from_run_lengths(np.array([pixels]))!r}",
        )
    if breach == Breach.COUNTS_TOO_LONG:
        limit = min(MAX_COUNTS_LENGTH, CHARACTERS_PER_VALUE * (pixels + 1))
        return finding_of(
            "counts_too_long",
            path=path,
            said=f"{len(counts)} characters",
            expected=f"at most {limit} for {height} x {width} pixels",
        )
    return (
        _finding_of_disguise(counts, size=(height, width), path=path)
        or _finding_of_text(counts, breach=breach, path=path)
        or _finding_of_runs(counts, size=(height, width), breach=breach, path=path)
    )


def _finding_of_disguise(counts: str, *, size: tuple[int, int], path: str) -> Finding | None:
    """Recognise text of another dialect, or wrapped once too often; the inner text is tried where one can be had."""
    if len(counts) > _TRIAL_LENGTH:
        return None
    if holds_numbers(counts):
        return finding_of_dialect(counts, size=size, path=path)
    if counts[:2] in ("b'", 'b"') and counts[-1] == counts[1]:
        return _disguise("counts_bytes_repr", counts, inner=_unquoted(counts), size=size, path=path)
    if "\\\\" in counts:
        inner = counts.replace("\\\\", "\\")
        if _reads_as_mask(inner, size=size):
            return _disguise("counts_backslash_doubled", counts, inner=inner, size=size, path=path)
    if _BASE64.fullmatch(counts):
        inner = _from_base64(counts)
        if _reads_as_mask(inner, size=size) or (_FOREIGN.search(counts) and len(counts) % 4 == 0):
            return _disguise("counts_base64", counts, inner=inner, size=size, path=path)
    return None


def _disguise(name: str, counts: str, *, inner: str, size: tuple[int, int], path: str) -> Finding:
    sound = _reads_as_mask(inner, size=size)
    return finding_of(
        name,
        path=path,
        found=counts,
        expected="pycocotools' text as it is",
        diagnosis="the text inside is a sound RLE of this size" if sound else "the text inside is no RLE either",
    )


def _unquoted(counts: str) -> str:
    try:
        inner = ast.literal_eval(counts)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""
    return inner.decode("latin-1") if isinstance(inner, bytes) else ""


def _from_base64(counts: str) -> str:
    try:
        return base64.b64decode(counts).decode("latin-1")
    except (ValueError, binascii.Error):
        return ""


def _reads_as_mask(counts: str, *, size: tuple[int, int]) -> bool:
    if len(counts) <= SHORT:
        return sound_run_lengths(counts, pixels=size[0] * size[1]) is not None
    return bool(parse_rles([{"size": size, "counts": counts}]).breaches[0] == Breach.NONE)


def _finding_of_text(counts: str, *, breach: Breach, path: str) -> Finding | None:
    if breach not in _TEXT_DEFECTS:
        return None
    name, expected = _TEXT_DEFECTS[breach]
    if breach == Breach.CUT_SHORT:
        return finding_of(
            name,
            path=path,
            found=counts[-1],
            expected=expected,
            diagnosis=f"the last of {len(counts)} characters",
        )
    foreign = _FOREIGN.search(counts)
    if foreign:
        n_foreign = len(_FOREIGN.findall(counts)) if len(counts) <= _TRIAL_LENGTH else 1
        return finding_of(
            name,
            path=path,
            found=foreign[0],
            expected=expected,
            diagnosis=f"character {foreign.start()} of {len(counts)}, {n_foreign} such in all",
        )
    return finding_of(name, path=path, found=counts, expected=expected)


def _finding_of_runs(counts: str, *, size: tuple[int, int], breach: Breach, path: str) -> Finding:
    height, width = size
    runs = unchecked_run_lengths(counts)
    if breach in (Breach.NEGATIVE_RUN, Breach.ZERO_RUN):
        wrong = runs < 0 if breach == Breach.NEGATIVE_RUN else runs == 0
        place = int(np.flatnonzero(wrong[1:])[0]) + 1 if wrong[1:].any() else 0
        return finding_of(
            "run_negative" if breach == Breach.NEGATIVE_RUN else "run_zero",
            path=path,
            found=int(runs[place]),
            expected="runs of at least 1 pixel; the first may be 0",
            diagnosis=f"run {place} of {len(runs)}, counted from 0; {int(wrong.sum())} such in all",
        )
    total = int(runs.sum())
    missing = breach == Breach.PIXELS_MISSING
    diagnosis = ""
    if missing and len(runs) % 2 == 0:
        diagnosis = f"the last run is foreground: a background run of {height * width - total} may be left out"
    return finding_of(
        "pixels_missing" if missing else "pixels_excess",
        path=path,
        said=f"runs of {total} pixels",
        expected=f"{height * width} pixels ({height} x {width})",
        diagnosis=diagnosis,
    )
