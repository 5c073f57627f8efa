"""The worst of what was found, as pictures: a mask of each kind of defect over its photograph."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image

from sam3_contract.auditing.judging import batches_of_unit
from sam3_contract.auditing.units import Terms, Unit
from sam3_contract.errors import ImageError, MaskError
from sam3_contract.exchanges.drawing import Layer, draw_masks, enlargement, open_photograph
from sam3_contract.files.atomic import write_atomically
from sam3_contract.files.bounded import read_bounded
from sam3_contract.mask_files.batches import Archive, Batch, Document, Lines
from sam3_contract.mask_files.judging import LocatedFinding
from sam3_contract.mask_files.opening import STANDARD_STREAM, Size, Unreadable
from sam3_contract.mask_files.urls import is_url
from sam3_contract.masks import DEFECTS, CocoSegmentation, MaskRecord, masks_of_record, parse_json
from sam3_contract.masks.diagnosis.sketch import sketch_of

__all__ = ["Worst"]

_MOST: Final = 12
_TRIES: Final = 3
"""Findings of a kind that are kept: of some the mask cannot be drawn at all."""
_MAX_PIXELS: Final = 2**26
_MOST_BYTES: Final = 2**26  # of a photograph
_PHOTOGRAPHS: Final = (".jpg", ".jpeg", ".png", ".webp")
_RANKS: Final = {
    defect.code: (("error", "warning", "note").index(defect.severity), n) for n, defect in enumerate(DEFECTS)
}


class Worst:
    """Keeps the first findings of each kind, and draws them in the end.

    Args:
        terms: How the files were read.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._found: defaultdict[str, list[tuple[str, LocatedFinding]]] = defaultdict(list)

    def add(self, path: str, findings: Sequence[LocatedFinding]) -> None:
        """Take the findings of a file, whose path is needed to read it once more."""
        for one in findings:
            of_kind = self._found[one.finding.code]
            if len(of_kind) < _TRIES and path != STANDARD_STREAM:
                of_kind.append((path, one))

    def draw(self, folder: Path) -> Iterator[tuple[Path, str, LocatedFinding]]:
        """Draw a mask of each kind of defect, errors first, over the photograph that lies beside it by the same name.

        Args:
            folder: Where the pictures go; made if need be.

        Yields:
            Each picture, the path of its file of masks, and the finding.

        Raises:
            OutputError: If a picture cannot be written.
        """
        number = 0
        for code in sorted(self._found, key=_RANKS.__getitem__):
            for path, located in self._found[code]:
                picture = self._picture(path, located)
                if picture is None:
                    continue
                number += 1
                content = io.BytesIO()
                picture.save(content, "PNG")
                target = folder / f"{number:02}-{code}-{located.finding.name}.png"
                write_atomically(target, content.getvalue())
                yield target, path, located
                break
            if number == _MOST:
                return

    def _picture(self, path: str, located: LocatedFinding) -> Image.Image | None:
        try:
            record = _record_at(path, located, self._terms)
            if record is None:
                return None
            photograph = _photograph(path, located.member)
            size = (photograph.height, photograph.width) if photograph else _size_of(record)
            if size is None or size[0] * size[1] > _MAX_PIXELS:
                return None
            bitmap = sketch_of(record.masks, image_size=size).bitmap
        except (MaskError, ImageError, Unreadable, OSError):
            return None
        photograph = photograph or Image.new("RGB", size[::-1], "#888888")
        layer = Layer(bitmap, f"{located.finding.code} {located.finding.name}", 0)
        return draw_masks(photograph, [layer], times=enlargement(photograph))


def _record_at(path: str, located: LocatedFinding, terms: Terms) -> MaskRecord | None:
    """Read the mask of a finding once more; None if it is no longer there."""
    for member, batch in batches_of_unit(Unit(0, path), terms):
        if member == located.member:
            for record in _records_of(batch, located.line, terms):
                if located.finding.path == record.path or located.finding.path.startswith(
                    (f"{record.path}.", f"{record.path}[")
                ):
                    return record
    return None


def _records_of(batch: Batch, line: int | None, terms: Terms) -> Iterator[MaskRecord]:
    if isinstance(batch, Archive):
        return
    if isinstance(batch, Document):
        text: bytes | None = batch.text
    elif isinstance(batch, Lines):
        place = (line or 0) - batch.first
        text = batch.texts[place] if 0 <= place < len(batch.texts) else None
    else:
        yield from batch.records
        return
    value = None if text is None else parse_json(text)[0]
    if value is not None:
        yield from masks_of_record(value, image_size=terms.image_size)


def _size_of(record: MaskRecord) -> Size | None:
    if record.image_size is not None:
        return record.image_size
    masks = record.masks.value if isinstance(record.masks, CocoSegmentation) else record.masks
    size = masks.get("size") if isinstance(masks, dict) else None
    if isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size):
        return size[0], size[1]
    return None


def _photograph(path: str, member: str) -> Image.Image | None:
    """Open the photograph of the same name beside a file, or beside the member of a tar."""
    if is_url(path):
        return None
    if not member:
        beside = (Path(path).with_suffix(suffix) for suffix in _PHOTOGRAPHS)
        found = next((one for one in beside if one.is_file()), None)
        return open_photograph(read_bounded(found, most=_MOST_BYTES)) if found else None
    names = {str(PurePosixPath(member).with_suffix(suffix)) for suffix in _PHOTOGRAPHS}
    try:
        with tarfile.open(path) as archive:
            inner = next((one for one in archive if str(PurePosixPath(one.name)) in names), None)
            content = archive.extractfile(inner) if inner is not None else None
            return open_photograph(content.read(_MOST_BYTES)) if content is not None else None
    except (OSError, EOFError, zlib.error, tarfile.TarError):
        return None
