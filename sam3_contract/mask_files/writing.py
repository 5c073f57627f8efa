"""Masks written in another format."""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sam3_contract.errors import MaskError, UsageError
from sam3_contract.files.atomic import replacing, write_atomically
from sam3_contract.mask_files.dataset import Dataset, annotation_of
from sam3_contract.mask_files.opening import STANDARD_STREAM, Size
from sam3_contract.mask_files.values import FoundMask, Runs, SoundMask, Value, at_path
from sam3_contract.masks import (
    CocoSegmentation,
    Finding,
    area_of_run_lengths,
    bitmap_from_run_lengths,
    flat_rings_from_run_lengths,
    holes_filled,
    parts_of_run_lengths,
    polygons_from_run_lengths,
    rle_from_run_lengths,
    run_lengths_from_masks,
    run_lengths_from_rle,
)
from sam3_contract.masks.coco.reading import run_lengths_from_segmentation
from sam3_contract.masks.limits import MAX_ARCHIVE_BYTES

__all__ = ["WRITERS", "Conversion", "NoMask", "Unsound", "sorted_by_soundness"]

_MAX_NAMED: Final = 20
"""Unsound masks that are named; the number tells of the rest."""

_LOGIT: Final = 8.0
_LOW_RES: Final = 256
"""Side of the low-resolution logits, in cells."""


class Unsound(Exception):  # noqa: N818 - only ends the reading, the command catches it
    """There are unsound masks, and they are not to be skipped."""


class NoMask(Exception):  # noqa: N818 - only ends the reading, the command catches it
    """There is nothing to write; the message says what stands in the file instead, if anything."""


@dataclass(slots=True)
class Conversion:
    """What became of the masks."""

    skip_unsound: bool
    n_masks: int = 0
    unsound: list[str] = field(default_factory=list)
    n_with_holes: int = 0
    n_filled: int = 0
    n_parts_lost: int = 0
    n_absent: int = 0
    n_kept: int = 0
    first_absent: str = ""
    n_empty: int = 0
    n_new_ids: int = 0

    def segmentation(self, runs: Runs, size: Size) -> Any:
        """Trace a mask as COCO has it, and reckon what that loses; one without pixels stays an RLE, as it has to."""
        rings = flat_rings_from_run_lengths(runs, size=size)
        if not rings:
            self.n_empty += 1
            return rle_from_run_lengths(runs, size=size)
        drawn = run_lengths_from_segmentation(CocoSegmentation(rings), image_size=size)
        n_filled = area_of_run_lengths(drawn) - area_of_run_lengths(runs)
        self.n_with_holes += bool(n_filled)
        self.n_filled += n_filled
        return rings

    def polygons(self, runs: Runs, size: Size) -> list[list[list[int]]]:
        """Trace a mask as the service does, and reckon what that loses."""
        filled = holes_filled(runs, size=size)
        if len(filled) != len(runs):
            self.n_with_holes += 1
            self.n_filled += area_of_run_lengths(filled) - area_of_run_lengths(runs)
            n_parts = [len(parts_of_run_lengths(each, size=size)) for each in (runs, filled)]
            self.n_parts_lost += n_parts[0] - n_parts[1]
        return polygons_from_run_lengths(runs, size=size)

    def named(self) -> Iterator[str]:
        """Name the unsound masks."""
        yield from self.unsound[:_MAX_NAMED]
        if len(self.unsound) > _MAX_NAMED:
            yield f"and {len(self.unsound) - _MAX_NAMED} more unsound masks"

    def told(self, output: str) -> Iterator[str]:
        """Say what was written, and what it lost."""
        skipped = f", {len(self.unsound)} unsound left out" if self.unsound else ""
        yield f"{output}: {self.n_masks} mask{'s' * (self.n_masks != 1)}{skipped}"
        if self.n_with_holes:
            parts = f", and {self.n_parts_lost} nested in them are gone" if self.n_parts_lost else ""
            yield f"holes of {self.n_with_holes} masks are filled, {self.n_filled} pixels in all{parts}"
        if self.n_empty:
            yield f"{self.n_empty} without a pixel stay RLEs: COCO has no empty polygon"
        if self.n_new_ids:
            ids = "1 id" if self.n_new_ids == 1 else f"{self.n_new_ids} ids"
            yield f"{ids} had to change, as another had the same"
        if self.n_kept:
            yield f"{self.n_kept} without a mask stay as they are"
        if self.n_absent > self.n_kept:
            yield f"{self.n_absent - self.n_kept} without a mask are left out"

    def note_absent(self, value: Value) -> None:
        """Count where masks were looked for and none is."""
        self.n_absent += len(value.absent)
        if value.absent and not self.first_absent:
            path, absent = value.absent[0].path, value.absent[0].masks
            self.first_absent = absent.at(path if value.line is None else f"line {value.line}: {path}")


Checked = Iterator[tuple[Value, list[SoundMask], list[FoundMask]]]


def sorted_by_soundness(values: Iterator[Value], conversion: Conversion) -> Checked:
    """Sort the sound masks of each value from the unsound; stop after the last value if that is not allowed."""
    for value in values:
        conversion.note_absent(value)
        conversion.unsound += [_name(value.where, finding) for finding in value.errors]
        sound, unsound = [], []
        for found in value.masks:
            runs = None if value.errors else _run_lengths(value, found, conversion)
            if runs is None:
                unsound.append(found)
            else:
                assert found.image_size is not None
                sound.append(SoundMask(found, found.image_size, runs))
        conversion.n_masks += len(sound)
        if conversion.skip_unsound or not conversion.unsound:
            yield value, sound, unsound
    if conversion.unsound and not conversion.skip_unsound:
        raise Unsound
    if not conversion.n_masks:
        raise NoMask(conversion.first_absent)


def _run_lengths(value: Value, found: FoundMask, conversion: Conversion) -> Runs | None:
    if found.errors:
        conversion.unsound.append(_name(value.where, found.errors[0]))
        return None
    if found.image_size is None:
        hint = "pass --image-size WxH or --image FILE"
        raise UsageError(
            f"{value.where}: the size of the image of {found.shown_place} is not known{_lacking(value, found)}; {hint}"
        )
    try:
        return run_lengths_from_masks(found.masks, image_size=found.image_size)
    except MaskError as error:
        conversion.unsound.append(f"{value.where}: {error.code or 'MSK01'} at {found.shown_place}: {error}")
        return None


def _lacking(value: Value, found: FoundMask) -> str:
    """Say of an annotation in a COCO file what keeps its image's size from being known."""
    if found.place or not _is_coco_file(value.value) or "image_id" not in found.entry:
        return ""
    return f": `images` has none of the id {found.entry['image_id']!r} with a width and a height"


def _name(where: str, finding: Finding) -> str:
    return f"{where}: {finding}"


def _write_in_place(mask_format: str) -> Callable[[Checked, Conversion, str], None]:
    def write(values: Checked, conversion: Conversion, output: str) -> None:
        with _replacing(output) as file:
            for value, sound, unsound in values:
                if not value.errors:
                    converted = _converted(value, sound, unsound, mask_format=mask_format, conversion=conversion)
                    if converted is not _NOTHING:
                        file.write(json.dumps(converted) + "\n")

    return write


_NOTHING: Final = object()


def _converted(
    value: Value, sound: Sequence[SoundMask], unsound: Sequence[FoundMask], *, mask_format: str, conversion: Conversion
) -> Any:
    """Put every mask into another format where it stands, and take the unsound ones out."""
    whole = value.value
    conversion.n_kept += len(value.absent)
    for mask in sound:
        way, steps = at_path(whole, mask.found.path)
        payload: Any
        if mask_format == "rle":
            payload = rle_from_run_lengths(mask.runs, size=mask.size)
        elif steps and steps[-1] == "segmentation":
            payload = conversion.segmentation(mask.runs, mask.size)
        else:
            payload = conversion.polygons(mask.runs, mask.size)
        if not steps:
            return payload
        way[-2][steps[-1]] = payload
        if steps[-1] == "masks":
            way[-2]["format"] = mask_format
    # From the last to the first, so that the places of those before stay right.
    for found in reversed(unsound):
        way, steps = at_path(whole, found.path)
        while steps and not isinstance(steps[-1], int):
            steps.pop()
            way.pop()
        if not steps:
            return _NOTHING
        del way[-2][steps[-1]]
    return whole


def _write_coco(values: Checked, conversion: Conversion, output: str) -> None:
    document = Dataset()
    results: list[Any] = []
    for number, (value, sound, unsound) in enumerate(values, start=1):
        if value.errors:
            continue
        if _is_coco_file(value.value):
            document.add_file(_converted(value, sound, unsound, mask_format="rle", conversion=conversion), value, sound)
            continue
        for mask in sound:
            annotation = annotation_of(mask, default_image=value.line or number)
            if mask.found.confidence is not None:
                results.append(annotation)
            document.add(annotation, mask, value)
    whole = results if results and len(results) == document.n_annotations else document.as_json()
    conversion.n_new_ids = document.n_new_ids
    with _replacing(output) as file:
        json.dump(whole, file)
        file.write("\n")


def _is_coco_file(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("annotations"), list)


def _write_png(values: Checked, _conversion: Conversion, output: str) -> None:
    rles = _rles(values)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    digits = max(4, len(str(len(rles))))
    for number, bitmap in enumerate(_bitmaps(rles), start=1):
        _, png = cv2.imencode(".png", np.ascontiguousarray(bitmap).view(np.uint8) * np.uint8(255))
        write_atomically(folder / f"mask-{number:0{digits}}.png", png.tobytes())


def _write_npz(values: Checked, _conversion: Conversion, output: str) -> None:
    rles = _rles(values)
    sizes = Counter(tuple(rle["size"]) for rle in rles)
    if len(sizes) > 1:
        shown = " and ".join(f"{height} x {width}" for height, width in list(sizes)[:2])
        raise UsageError(f"masks have {len(sizes)} sizes, {shown} among them; an npz holds one: convert to png or rle")
    height, width = rles[0]["size"]
    n_bytes = len(rles) * height * width * np.dtype(np.float32).itemsize
    if n_bytes > MAX_ARCHIVE_BYTES:
        raise UsageError(f"{len(rles)} masks of {height} x {width} take {n_bytes} bytes, limit {MAX_ARCHIVE_BYTES}")
    # As visual_segment writes them: logits, of which those from 0 up are the mask.
    logits = np.empty((len(rles), height, width), np.float32)
    for plane, bitmap in zip(logits, _bitmaps(rles), strict=True):
        plane[...] = np.where(bitmap, _LOGIT, -_LOGIT)
    rows, columns = (np.arange(_LOW_RES) * side // _LOW_RES for side in (height, width))
    with _replacing(output, binary=True) as file:
        np.savez_compressed(file, masks=logits, low_res_masks=logits[:, rows][:, :, columns])


def _rles(values: Checked) -> list[dict[str, Any]]:
    # As RLE a mask takes about a kilobyte: so all can be judged before the first is written.
    return [rle_from_run_lengths(mask.runs, size=mask.size) for _, sound, _ in values for mask in sound]


def _bitmaps(rles: Sequence[dict[str, Any]]) -> Iterator[NDArray[np.bool_]]:
    for rle in rles:
        yield bitmap_from_run_lengths(run_lengths_from_rle(rle), size=rle["size"])


@contextmanager
def _replacing(output: str, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Write a file that comes into being, or takes the place of an older one, only when it is complete."""
    if output == STANDARD_STREAM:
        with tempfile.TemporaryFile("w+b" if binary else "w+") as file:
            yield file
            file.seek(0)
            out = sys.stdout.buffer if binary else sys.stdout
            out.write(file.read())
            out.flush()
        return
    with replacing(Path(output)) as file:
        if binary:
            yield file
            return
        text = io.TextIOWrapper(file, encoding="utf-8")
        yield text
        text.flush()
        text.detach()


WRITERS: Final[dict[str, Callable[[Checked, Conversion, str], None]]] = {
    "rle": _write_in_place("rle"),
    "polygon": _write_in_place("polygon"),
    "coco": _write_coco,
    "png": _write_png,
    "npz": _write_npz,
}
