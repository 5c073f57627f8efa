"""``sam3-contract masks show``."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import numpy as np
from PIL import Image

from sam3_contract.errors import ImageError, MaskError, OutputError, UsageError
from sam3_contract.exchanges.drawing import Contrast, Layer, draw_difference, draw_masks, enlargement, open_photograph
from sam3_contract.files.atomic import check_output, replacing
from sam3_contract.mask_files.opening import STANDARD_STREAM, Unreadable, bytes_of_file
from sam3_contract.mask_files.values import FoundMask, Value, values_of_file
from sam3_contract.masks import Comparison, Verdict, bitmap_from_masks, compare, iou_matrix, matched
from sam3_contract.masks.diagnosis.sketch import Sketch, sketch_of
from sam3_contract.terminal import say

__all__ = ["show"]

Size = tuple[int, int]

LEAST_IOU: Final = 0.1
"""Overlap from which on two masks can be one instance; those that overlap less are compared if they are few."""
_MAX_TRIED: Final = 36
"""Pairs of masks without a partner that are compared for one that is the other, moved or turned."""


@click.command()
@click.argument("image", type=click.Path())
@click.argument("response", metavar="RESPONSE|-")
@click.option("-o", "--output", required=True, type=click.Path(), metavar="OUT.png", help="Picture to write.")
@click.option("--diff", "other", metavar="OTHER", help="Another answer for this image: show where the two differ.")
@click.pass_context
def show(context: click.Context, image: str, response: str, *, output: str, other: str | None) -> None:
    """Draw masks over their photograph.

    RESPONSE is an answer or any other file that `masks check` takes, of one image. Photographs of less than 640
    pixels are enlarged. Masks that are not sound are named on stderr, not drawn.

    With --diff, masks of the two answers are matched by overlap, the best sum of all. Each pair, and each mask without
    a partner, gets a line on stdout with its number in the picture and how the second comes from the first.

    \b
      sam3-contract masks show photo.jpg answer.json -o masks.png
      sam3-contract masks show photo.jpg answer.json --diff other.json -o difference.png

    \b
    Exit status: 0 drawn, and with --diff no difference but filled holes; 1 a
    mask is not sound, or the answers differ; 2 usage; 3 a file cannot be read
    or holds no mask.
    """  # noqa: D301 - click wants the character itself to leave a paragraph as it is
    _check(Path(output), sources=(image, response, other))
    try:
        photograph = open_photograph(bytes_of_file(image))
        size = (photograph.height, photograph.width)
        first = _value(response, size)
        second = None if other is None else _value(other, size)
    except ImageError as error:
        raise ImageError(f"{image}: {error}") from error
    times = enlargement(photograph)
    if second is None:
        picture, status = draw_masks(photograph, _layers(first, size), times=times), int(_any_unsound(first))
    else:
        assert other is not None
        pairs, status = _pairs(first, second, size)
        contrasts = [Contrast(pair.bitmap(0), pair.bitmap(1), str(number)) for number, pair in enumerate(pairs, 1)]
        names = (Path(response).name, Path(other).name)
        names = names if names[0] != names[1] else (response, other)
        picture = draw_difference(photograph, contrasts, names=names, times=times)
        say("\n".join(_told(pairs)), err=output == STANDARD_STREAM)
    _save(picture, Path(output))
    context.exit(status)


def _check(output: Path, *, sources: Sequence[str | None]) -> None:
    """Refuse an output that cannot be written before anything is drawn."""
    if any(one is not None and output.exists() and Path(one).exists() and output.samefile(one) for one in sources):
        raise UsageError(f"{output} is what is shown: write the picture to another file")
    suffix = output.suffix.lower()
    if str(output) == STANDARD_STREAM:
        return
    if suffix and suffix not in Image.registered_extensions():
        raise UsageError(f"{output} cannot be written: unknown file extension: {suffix}; .png is one")
    _encoded(Image.new("RGB", (1, 1)), output)
    try:
        check_output(output)
    except OutputError as error:
        raise UsageError(str(error)) from error


def _encoded(picture: Image.Image, output: Path) -> bytes:
    content = io.BytesIO()
    try:
        picture.save(content, Image.registered_extensions().get(output.suffix.lower(), "PNG"))
    except (OSError, ValueError, KeyError) as error:  # many are only read, or take no colours, or no large pictures
        raise UsageError(f"{output} cannot be written: Pillow writes no such picture; .png is one") from error
    return content.getvalue()


def _save(picture: Image.Image, output: Path) -> None:
    content = _encoded(picture, output)
    if str(output) == STANDARD_STREAM:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        with replacing(output) as file:
            file.write(content)
    except OutputError as error:
        raise UsageError(str(error)) from error


def _value(name: str, size: Size) -> Value:
    values = list(values_of_file(name, image_size=size))
    if len(values) != 1:
        raise UsageError(f"{name} holds {len(values)} lines; a picture shows one image: write its line to a file")
    [value] = values
    for finding in value.errors:
        say(f"sam3-contract: {value.where}: {finding}", err=True)
    if not value.masks and not value.errors:
        instead = [f"; {record.masks.at(record.path)}" for record in value.absent[:1]]
        raise Unreadable(f"{name} holds no mask{''.join(instead)}")
    return value


def _any_unsound(value: Value) -> bool:
    return bool(value.errors) or any(found.errors for found in value.masks)


def _layers(value: Value, size: Size) -> list[Layer]:
    """Draw a colour per concept if there are several, else per mask, for neighbours to be told apart."""
    several = len({found.group for found in value.masks}) > 1
    layers = []
    for index, found in enumerate(value.masks):
        if found.errors:
            say(f"sam3-contract: {value.where}: {found.errors[0]}", err=True)
            continue
        colour = found.group or 0 if several else index
        layers.append(Layer(bitmap_from_masks(found.masks, image_size=size), _label(found, index), colour))
    return layers


def _label(found: FoundMask, index: int) -> str:
    words = [found.concept or f"mask {index}"]
    if found.confidence is not None:
        words.append(f"{found.confidence:.2f}")
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A mask that can be drawn, whether it is sound or not.

    Attributes:
        label: As in a picture of its answer.
        found: The mask.
        sketch: The mask in the image's frame.
    """

    label: str
    found: FoundMask
    sketch: Sketch


@dataclass(frozen=True, slots=True)
class _Pair:
    """One instance of two answers; None where an answer lacks it."""

    first: _Drawn | None
    second: _Drawn | None
    comparison: Comparison | None

    def bitmap(self, side: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]] | None:
        """Return the bitmap of one side, shape ``(height, width)``."""
        drawn = (self.first, self.second)[side]
        return None if drawn is None else drawn.sketch.bitmap


def _pairs(first: Value, second: Value, size: Size) -> tuple[list[_Pair], int]:
    sides = [_drawn(value, size) for value in (first, second)]
    matrix = iou_matrix(*([drawn.sketch.run_lengths for drawn in side] for side in sides))
    partners = dict(matched(matrix, least=LEAST_IOU))
    partners |= _like(sides, partners, size)
    pairs = [
        _Pair(one, sides[1][partners[index]], _compared(one, sides[1][partners[index]], size))
        if index in partners
        else _Pair(one, None, None)
        for index, one in enumerate(sides[0])
    ]
    taken = set(partners.values())
    pairs += [_Pair(None, one, None) for index, one in enumerate(sides[1]) if index not in taken]
    differ = any(pair.comparison is None or not pair.comparison.same for pair in pairs)
    return pairs, int(differ or _any_unsound(first) or _any_unsound(second))


def _drawn(value: Value, size: Size) -> list[_Drawn]:
    """Draw also masks that are not sound, if only they can be read: what is wrong shows in the comparison."""
    drawn = []
    for index, found in enumerate(value.masks):
        if found.errors:
            say(f"sam3-contract: {value.where}: {found.errors[0]}", err=True)
        try:
            drawn.append(_Drawn(_label(found, index), found, sketch_of(found.masks, image_size=size)))
        except MaskError as error:
            if not found.errors:
                say(f"sam3-contract: {value.where}: {found.path}: {error}", err=True)
    return drawn


def _like(sides: Sequence[Sequence[_Drawn]], partners: dict[int, int], size: Size) -> dict[int, int]:
    """Match what overlaps too little, if one is the other by a known mistake: moved, turned, scaled."""
    left = [index for index in range(len(sides[0])) if index not in partners]
    right = [index for index in range(len(sides[1])) if index not in partners.values()]
    found: dict[int, int] = {}
    if len(left) * len(right) > _MAX_TRIED:
        return found
    for row in left:
        for column in right:
            if column in found.values():
                continue
            if _compared(sides[0][row], sides[1][column], size).verdict != Verdict.DIFFERENT:
                found[row] = column
                break
    return found


def _compared(first: _Drawn, second: _Drawn, size: Size) -> Comparison:
    return compare(first.found.masks, second.found.masks, image_size=size)


def _told(pairs: Sequence[_Pair]) -> Iterator[str]:
    width = max((len(pair.first.label) for pair in pairs if pair.first), default=0)
    others = max((len(pair.second.label) for pair in pairs if pair.second), default=0)
    for number, pair in enumerate(pairs, start=1):
        labels = [one.label if one else "-" for one in (pair.first, pair.second)]
        overlap = "IoU      -" if pair.comparison is None else f"IoU {pair.comparison.iou:.4f}"
        explanation = pair.comparison.explanation if pair.comparison else _lonely(pair)
        yield f"{number:3}  {labels[0]:{width}}  {labels[1]:{others}}  {overlap}  {explanation}"
    n_same = sum(pair.comparison is not None and pair.comparison.same for pair in pairs)
    n_first, n_second = (sum(pair.second is None for pair in pairs), sum(pair.first is None for pair in pairs))
    yield ""
    yield (
        f"{len(pairs)} instances: {n_same} the same, {len(pairs) - n_same - n_first - n_second} different, "
        f"{n_first} only in the first, {n_second} only in the second"
    )


def _lonely(pair: _Pair) -> str:
    return "only in the first answer" if pair.second is None else "only in the second answer"
