"""Files of masks cut into batches that fit into memory."""

from __future__ import annotations

import codecs
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from sam3_contract.errors import MaskError
from sam3_contract.mask_files.opening import CHUNK, Size, Source, Unreadable, with_head
from sam3_contract.masks import CocoSegmentation, Finding, MaskRecord, masks_of_text
from sam3_contract.masks.catalogue.lookup import finding_of
from sam3_contract.masks.limits import MAX_ARCHIVE_BYTES

__all__ = [
    "LINE_BYTES",
    "LINE_SUFFIXES",
    "Archive",
    "Batch",
    "Document",
    "Lines",
    "Records",
    "batches_of",
    "batches_of_lines",
    "holds_lines",
    "is_named_as_lines",
    "skip_line",
]

DOCUMENT_BYTES: Final = 2**23
"""Up to this length a JSON document is parsed at once; a longer one is read element by element."""
WHOLE_BYTES: Final = 2**29
"""Longest JSON document that is left whole: COCO's instances_train2017.json has 448 MB."""
_UNPACKED_BYTES: Final = 2**25
"""So long may any packed document be that is left whole; a longer one no more than 32 times what it takes packed."""
_MOST_UNPACKED: Final = 32
LINE_BYTES: Final = 2**24
"""Longest line of JSON Lines that is read: parsed polygons take ten times as much memory."""
_BATCH_BYTES: Final = 2**18
"""Text of a batch: some 300 RLEs, which the parser takes in two passes; long enough to outweigh sending it."""
_BATCH_MASKS: Final = 512
_BYTES_PER_POINT: Final = 12
LINE_SUFFIXES: Final = (".jsonl", ".ndjson", ".jsonlines")


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of JSON Lines.

    Attributes:
        first: Number of the first, counted from 1.
        texts: The lines; None in place of one that is too long to be read.
    """

    first: int
    texts: tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole JSON document."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Records:
    """Masks out of a JSON document too long to be parsed at once.

    Attributes:
        records: The masks.
        findings: What is wrong with the text around them.
    """

    records: tuple[MaskRecord, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Archive:
    """A whole npz archive."""

    payload: bytes


Batch = Lines | Document | Records | Archive


def batches_of(
    source: Source, *, as_lines: bool = False, image_size: Size | None = None, whole: bool = False
) -> Iterator[Batch]:
    """Cut a file into batches.

    Args:
        source: The open file.
        as_lines: Take it for JSON Lines, whatever it looks like.
        image_size: ``(height, width)`` in pixels of the masks' image; None if not known.
        whole: Leave a JSON document whole, however long it is.

    Yields:
        Batches in the order of the file, each small enough to be held several times over, unless left whole.

    Raises:
        Unreadable: If an archive, or a document that is to be left whole, is longer than is read.
    """
    stream = source.stream
    if not as_lines and _starts_with(stream, b"PK\x03\x04"):
        yield Archive(_archive(source))
        return
    if as_lines or is_named_as_lines(source.name):
        yield from batches_of_lines(stream)
        return
    head = _head(stream)
    if _is_line(head) and not _at_end(stream):
        yield from batches_of_lines(with_head(stream, head))
        return
    if whole:
        yield Document(_whole(source, head))
        return
    head += stream.read(max(0, DOCUMENT_BYTES + 1 - len(head)))
    if len(head) <= DOCUMENT_BYTES:
        yield Document(head)
    else:
        yield from _batches_of_long_document(with_head(stream, head), image_size=image_size)


def holds_lines(source: Source) -> bool:
    """Find out whether `batches_of` would take a file for JSON Lines; some of it is read.

    Args:
        source: The open file, from its beginning.
    """
    if _starts_with(source.stream, b"PK\x03\x04"):
        return False
    return is_named_as_lines(source.name) or (_is_line(_head(source.stream)) and not _at_end(source.stream))


def is_named_as_lines(name: str) -> bool:
    """Tell by its name that a file holds JSON Lines, packed or not."""
    return Path(name.removesuffix(".gz").removesuffix(".zst")).suffix in LINE_SUFFIXES


def _starts_with(stream: io.BufferedReader, magic: bytes) -> bool:
    return stream.peek(len(magic)).startswith(magic)


def _at_end(stream: io.BufferedReader) -> bool:
    """Tell whether only white space is left, of which it reads what it has to."""
    while piece := stream.peek(1):
        blank = len(piece) - len(piece.lstrip())
        if blank < len(piece):
            return False
        stream.read(blank)
    return True


def _head(stream: IO[bytes]) -> bytes:
    """Read up to the end of the first line that is not blank, or as much as is parsed at once."""
    head = b""
    while not head.strip() and len(head) <= DOCUMENT_BYTES:
        line = stream.readline(DOCUMENT_BYTES + 1)
        if not line:
            break
        head += line
    return head


def _is_line(head: bytes) -> bool:
    """Tell whether it is a whole line of JSON."""
    if not head.endswith(b"\n"):
        return False
    try:
        json.loads(head)
    except (ValueError, RecursionError):
        return False
    return True


def _whole(source: Source, head: bytes) -> bytes:
    """Read a document to its end, whose first bytes have been read.

    Raises:
        Unreadable: If it is too long, or too long for what it takes packed.
    """
    limit = WHOLE_BYTES
    if source.is_packed and source.n_bytes is not None:
        limit = min(limit, max(_UNPACKED_BYTES, _MOST_UNPACKED * source.n_bytes))
    text = head + source.stream.read(max(0, limit + 1 - len(head)))
    if len(text) <= limit:
        return text
    instead = "unpack it first, or write" if limit < WHOLE_BYTES else "write"
    said = f"{source.name} unpacks to" if source.is_packed else f"{source.name} has"
    raise Unreadable(f"{said} more than {limit} bytes, the most that is read of a document: {instead} it as JSON Lines")


def _archive(source: Source) -> bytes:
    limit = 2 * MAX_ARCHIVE_BYTES
    payload = source.stream.read(limit + 1)
    if len(payload) > limit:
        raise Unreadable(f"{source.name} is an archive of more than {limit} bytes, the most that is read")
    names = _names_in(payload)
    if names and not any(name.endswith(".npy") for name in names):
        shown = f"{names[0]!r} and {len(names) - 1} more" if len(names) > 1 else repr(names[0])
        raise Unreadable(f"{source.name} is a zip archive of {shown}, and no npz: unpack it")
    return payload


def _names_in(payload: bytes) -> list[str]:
    """List what is in a zip archive; nothing if it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def batches_of_lines(stream: IO[bytes], *, n_bytes: int | None = None) -> Iterator[Lines]:
    """Cut JSON Lines into batches.

    Args:
        stream: At the beginning of a line.
        n_bytes: Take the lines that begin within this length; None for all.

    Yields:
        Batches in the order of the file, their lines counted from where the stream is.
    """
    texts: list[bytes | None] = []
    first = length = 0
    for number, line in enumerate(_lines(stream, n_bytes), start=1):
        first = first or number
        texts.append(line)
        length += len(line or b"")
        if length >= _BATCH_BYTES or len(texts) >= _BATCH_MASKS:
            yield Lines(first, tuple(texts))
            texts, first, length = [], 0, 0
    if texts:
        yield Lines(first, tuple(texts))


def skip_line(stream: IO[bytes], *, within: int | None = None) -> int:
    """Step over what is left of a line, or over somewhat more than *within* bytes; return how many bytes it was."""
    n_bytes = 0
    while (within is None or n_bytes <= within) and (piece := stream.readline(CHUNK)):
        n_bytes += len(piece)
        if piece.endswith(b"\n"):
            break
    return n_bytes


def _lines(stream: IO[bytes], n_bytes: int | None) -> Iterator[bytes | None]:
    passed = 0
    while (n_bytes is None or passed < n_bytes) and (line := stream.readline(LINE_BYTES + 1)):
        passed += len(line)
        if len(line) <= LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        passed += skip_line(stream)
        yield None


def _batches_of_long_document(stream: IO[bytes], *, image_size: Size | None) -> Iterator[Records]:
    findings: list[Finding] = []
    records: list[MaskRecord] = []
    weight = 0
    try:
        for record in masks_of_text(_texts(stream), image_size=image_size, findings=findings):
            records.append(record)
            weight += _weight(record.masks)
            if weight >= _BATCH_BYTES or len(records) >= _BATCH_MASKS or findings:
                yield Records(tuple(records), tuple(findings))
                findings.clear()
                records, weight = [], 0
    except UnicodeDecodeError as error:
        said = f"byte {error.object[error.start]:#04x}"
        findings.append(finding_of("not_json", path="$", said=said, expected="UTF-8"))
    except MaskError as error:
        findings.append(finding_of("not_json", path="$", said=str(error), expected="JSON"))
    yield Records(tuple(records), tuple(findings))


def _texts(stream: IO[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    while chunk := stream.read(CHUNK):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _weight(masks: object) -> int:
    """Estimate the bytes of a mask's text."""
    if isinstance(masks, CocoSegmentation):
        masks = masks.value
    if isinstance(masks, dict):
        counts = masks.get("counts")
        return len(counts) if isinstance(counts, str | list) else 1
    if isinstance(masks, list):
        return _BYTES_PER_POINT * sum(_length(ring) for ring in masks)
    return 1


def _length(ring: object) -> int:
    return len(ring) if isinstance(ring, list | str | dict) else 1
