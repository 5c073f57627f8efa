"""What the fixture ``sam3_snapshot`` gives to a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sam3_contract.errors import SnapshotError, UsageError

if TYPE_CHECKING:
    from sam3_contract.snapshots import ImageReference, RequestChange, Snapshot

UPDATE: Final = "--sam3-snapshot-update"


class Sam3Snapshot:
    """What the fixture ``sam3_snapshot`` gives to a test.

    Args:
        folder: Where the snapshots of the test's module lie.
        test: Name of the test within its module.
        update: Whether answers are kept instead of compared.
        artifacts: Tells where pictures of differences go.
        record: Notes the file of each snapshot, and whether it was written.
    """

    def __init__(
        self,
        folder: Path,
        test: str,
        *,
        update: bool,
        artifacts: Callable[[], Path],
        record: Callable[[Path, bool], None],
    ) -> None:
        self._folder = folder
        self._test = test
        self._update = update
        self._artifacts = artifacts
        self._record = record
        self._taken: list[Path] = []

    def match(
        self,
        answer: Mapping[str, Any] | str | bytes,
        *,
        image: bytes | str | PathLike[str] | None = None,
        image_size: tuple[int, int] | None = None,
        name: str | None = None,
        iou: float = 0.9,
        confidence: float = 0.05,
        count: int = 0,
    ) -> None:
        """Compare an answer with the one that was kept, mask by mask.

        Args:
            answer: The JSON body of a successful answer, decoded or not.
            image: The image that was sent, or its path: for the picture, and to tell if another one was sent.
            image_size: ``(height, width)`` of the image in pixels, where there is no image and the masks are polygons.
            name: Tells apart the snapshots of one test; they are numbered by default.
            iou: Least intersection over union of an instance's masks, in 0..1.
            confidence: Largest difference of an instance's confidences, in 0..1.
            count: How many instances of a prompt may appear, and how many vanish.

        Raises:
            AssertionError: If there is no snapshot, if the answer differs from it, or is no answer of the service.
            SnapshotError: If the snapshot cannot be read or written; the message tells the line.
            UsageError: If an argument is out of its range, or a name is used twice in one test.
        """
        __tracebackhide__ = True
        # Only here: a test run that uses no snapshot does not wait for numpy and OpenCV.
        from sam3_contract import snapshots  # noqa: PLC0415

        tolerances = snapshots.Tolerances(iou, confidence, count)
        path, label = self._place(name)
        content = _content(image)
        reference = None if content is None else snapshots.reference_to(content, name=_image_name(image))
        reading, operation = _read(answer, reference, image_size)
        if self._update:
            self._write(path, label, reading, snapshots.KeptRequest(operation, None, reference))
            return
        self._record(path, False)
        if not path.is_file():
            raise AssertionError(f"no snapshot at {shown(path)}; run with {UPDATE} to keep this answer")
        kept = snapshots.read_snapshot(path)
        _refuse_strangers(kept, label, reference, path)
        change = snapshots.compare_reading(kept, reading, tolerances=tolerances)
        self._judge(change, path, content)

    def _place(self, name: str | None) -> tuple[Path, str]:
        """Name the file of the next snapshot, and the snapshot."""
        from sam3_contract.snapshots import safe_stem  # noqa: PLC0415 - see `match`

        number = len(self._taken) + 1
        suffix = name if name is not None else str(number) if number > 1 else ""
        path = self._folder / f"{safe_stem(self._test)}{f'.{safe_stem(suffix)}' if suffix else ''}.json"
        if path in self._taken:
            raise UsageError(f"{self._test} takes two snapshots named {suffix!r}; pass another name=")
        self._taken.append(path)
        return path, f"{self._test}{f' {suffix}' if suffix else ''}"[:1000]

    def _write(self, path: Path, label: str, reading: Any, request: Any) -> None:
        from sam3_contract import snapshots  # noqa: PLC0415 - see `match`
        from sam3_contract.snapshots.requests import refuse_unreadable  # noqa: PLC0415

        refuse_unreadable(reading)
        taken = snapshots.Snapshot(label, request, reading.status, reading.answer, snapshots.created_by())
        self._record(path, snapshots.write_snapshot(path, taken))

    def _judge(self, change: RequestChange, path: Path, content: bytes | None) -> None:
        __tracebackhide__ = True
        from sam3_contract import snapshots  # noqa: PLC0415 - see `match`

        if change.verdict == snapshots.Verdict.SAME:
            return
        drawn = _draw(change, self._artifacts() / f"{path.stem}.png", content) if change.model_changed else ""
        lines = snapshots.lines_of(change, picture=drawn)
        raise AssertionError(
            "\n".join(
                [
                    f"the answer differs from the snapshot {shown(path)}",
                    *lines,
                    f"if it is as it should be, run with {UPDATE} to keep it",
                ]
            )
        )


def _read(
    answer: Mapping[str, Any] | str | bytes, image: ImageReference | None, image_size: tuple[int, int] | None
) -> tuple[Any, str]:
    """Read an answer, and tell which operation gave it."""
    __tracebackhide__ = True
    from sam3_contract import snapshots, spec  # noqa: PLC0415 - see `Sam3Snapshot.match`

    if isinstance(answer, (str, bytes)):
        try:
            answer = json.loads(answer)
        except ValueError as error:
            raise AssertionError(f"could not look: the answer is no JSON: {error}") from error
    if not isinstance(answer, Mapping):
        raise UsageError(f"the answer is {type(answer).__name__}, expected the JSON body of an answer, such as a dict")
    size = image.size if image is not None else image_size
    try:
        operation = snapshots.operation_of(answer)
        return snapshots.read_answer(answer, spec.load(), operation=operation, image_size=size), operation
    except snapshots.NoAnswerError as error:
        raise AssertionError(f"could not look: {error}") from error


def _refuse_strangers(kept: Snapshot, label: str, image: ImageReference | None, path: Path) -> None:
    """Refuse to compare with the snapshot of another test, or of another image."""
    __tracebackhide__ = True
    if kept.name != label:
        raise AssertionError(f"{shown(path)} is the snapshot of {kept.name!r}, not of {label!r}; run with {UPDATE}")
    before = kept.request.image
    if before is not None and image is not None and before.sha256 != image.sha256:
        raise AssertionError(
            f"the image is not the one of the snapshot {shown(path)}: {image.n_bytes} bytes, {image.size[1]} x "
            f"{image.size[0]} pixels, it had {before.n_bytes} bytes, {before.size[1]} x {before.size[0]} pixels; "
            f"run with {UPDATE} to keep the answer to this one"
        )


def _draw(change: RequestChange, picture: Path, content: bytes | None) -> str:
    """Draw a difference; return where it is, or nothing if there is none to see."""
    from sam3_contract.snapshots import write_picture  # noqa: PLC0415 - see `Sam3Snapshot.match`

    try:
        return shown(picture) if write_picture(change, photograph=content, path=picture) else ""
    except SnapshotError as error:
        return f"none: {error}"


def _content(image: bytes | str | PathLike[str] | None) -> bytes | None:
    if image is None or isinstance(image, bytes):
        return image
    try:
        return Path(image).read_bytes()
    except OSError as error:
        raise UsageError(f"image {str(image)!r} cannot be read: {error.strerror or error}") from error


def _image_name(image: object) -> str:
    return Path(image).name if isinstance(image, (str, PathLike)) else "image"


def shown(path: Path) -> str:
    """Name a path as seen from where the tests are run, if it lies there."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
