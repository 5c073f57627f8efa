"""A folder of snapshots: a file for each request, and the images they send."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from sam3_contract.errors import SnapshotError
from sam3_contract.files.atomic import write_atomically
from sam3_contract.files.bounded import read_bounded, without_mark
from sam3_contract.snapshots.file_format import MAX_SNAPSHOT_BYTES, snapshot_from_text, text_from_snapshot
from sam3_contract.snapshots.model import ImageReference, Snapshot

DIFFERENCES: Final = "_differences"
"""Folder of the pictures, within that of the snapshots."""
MAX_IMAGE_BYTES: Final = 2**25
"""Bytes of an image file; the service takes requests of 20 million."""
_IMAGES: Final = "images"
_SUFFIXES: Final[Mapping[str, str]] = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
}
_OURS: Final = re.compile(r"[0-9a-f]{64}\.(jpg|png|webp|gif|bmp|tif)")
_LONGEST_STEM: Final = 100
"""Characters of a stem; file systems take 255 bytes for the whole name."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
# Names that Windows gives to devices, whatever their suffix.
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def safe_stem(name: str) -> str:
    """Make a file name, without suffix, that every file system takes and that stays in its folder.

    A name that had to be changed ends in a digest of what it was, so that two names never become one. Dots are
    changed too: what follows the first dot of a file name is free for a suffix.

    Args:
        name: Anything, such as ``TestCut::test_dog[a/b]``; ``::`` becomes a hyphen.

    Example:
        >>> safe_stem("test_dog"), safe_stem("TestCut::test_dog")
        ('test_dog', 'TestCut-test_dog')
        >>> safe_stem("test_dog[a/b]"), safe_stem("test_dog[a b]")
        ('test_dog_a_b-391e35738f', 'test_dog_a_b-c9cecf82c8')
        >>> safe_stem("../../etc/passwd")
        'etc_passwd-3754d6cb3a'
    """
    plain = name.replace("::", "-")
    stem = _UNSAFE.sub("_", plain).strip("_-") if _UNSAFE.search(plain) else plain.lstrip("-")
    stem = stem[:_LONGEST_STEM]
    if stem == plain and stem and not _DEVICES.fullmatch(stem):
        return stem
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{stem}-{digest}" if stem else digest


def snapshot_files(folder: Path) -> list[Path]:
    """List the snapshots of a folder, by name.

    Raises:
        SnapshotError: If there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise SnapshotError(f"{folder} is no folder; `sam3-contract snapshot take` makes one")
    files = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    if not files:
        raise SnapshotError(f"{folder} holds no snapshot; `sam3-contract snapshot take` makes some")
    return files


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        SnapshotError: If the file cannot be read or holds no snapshot; the message tells the line.
    """
    return snapshot_from_text(without_mark(_content(path, limit=MAX_SNAPSHOT_BYTES)), origin=str(path))


def write_snapshot(path: Path, snapshot: Snapshot) -> bool:
    """Write a snapshot, unless the file holds it already, if by another version of the tool.

    Returns:
        Whether the file was written.

    Raises:
        SnapshotError: If it cannot be written, or is larger than a snapshot may be.
    """
    content = text_from_snapshot(snapshot).encode()
    if len(content) > MAX_SNAPSHOT_BYTES:
        raise SnapshotError(f"{snapshot.name} has {len(content)} bytes as a snapshot, limit {MAX_SNAPSHOT_BYTES}")
    try:
        if _same(read_snapshot(path), snapshot):
            return False
    except SnapshotError:
        pass  # none is there, or one that has to be replaced
    write_atomically(path, content)
    return True


def image_file(folder: Path, image: ImageReference) -> Path:
    """Tell where a folder keeps an image."""
    return folder / _IMAGES / f"{image.sha256}{_SUFFIXES[image.format]}"


def keep_image(folder: Path, image: ImageReference, content: bytes) -> None:
    """Keep an image beside the snapshots, once for each digest.

    Raises:
        SnapshotError: If it cannot be written.
    """
    path = image_file(folder, image)
    if not path.is_file() or path.stat().st_size != image.n_bytes:
        write_atomically(path, content)


def read_image(folder: Path, image: ImageReference) -> bytes:
    """Read an image that a snapshot refers to.

    Raises:
        SnapshotError: If it is missing, or another than was sent then.
    """
    path = image_file(folder, image)
    content = _content(path, limit=MAX_IMAGE_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    if digest != image.sha256:
        raise SnapshotError(f"{path} is not the image {image.name!r} that was sent: its digest is {digest[:12]}...")
    return content


def drop_images_but(folder: Path, kept: Collection[ImageReference]) -> None:
    """Remove the images of a folder that no snapshot refers to; files of any other name stay."""
    wanted = {image_file(folder, image).name for image in kept}
    for path in (folder / _IMAGES).glob("*"):
        if _OURS.fullmatch(path.name) and path.name not in wanted:
            path.unlink(missing_ok=True)


def picture_file(folder: Path, name: str) -> Path:
    """Tell where the picture of a changed request goes; its folder is made, and hidden from git.

    Args:
        folder: The snapshots' folder.
        name: Of the request; made safe.

    Raises:
        SnapshotError: If the folder cannot be made.
    """
    ignore = folder / DIFFERENCES / ".gitignore"
    if not ignore.is_file():
        write_atomically(ignore, b"*\n")
    return ignore.with_name(f"{safe_stem(name)}.png")


def _same(one: Snapshot, other: Snapshot) -> bool:
    return (one.name, one.request, one.status, one.answer) == (other.name, other.request, other.status, other.answer)


def _content(path: Path, *, limit: int) -> bytes:
    try:
        return read_bounded(path, most=limit)
    except FileNotFoundError as error:
        raise SnapshotError(f"{path} is missing") from error
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror or error}") from error
