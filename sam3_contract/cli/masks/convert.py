"""``sam3-contract masks convert``."""

from __future__ import annotations

from pathlib import Path

import click

from sam3_contract.errors import BROKEN, UNJUDGED, OutputError, UsageError
from sam3_contract.files.atomic import check_output, check_output_folder
from sam3_contract.mask_files.dialects import values_in_dialect
from sam3_contract.mask_files.opening import STANDARD_STREAM, image_size_from_options
from sam3_contract.mask_files.values import values_of_file
from sam3_contract.mask_files.writing import WRITERS, Conversion, NoMask, Unsound, sorted_by_soundness
from sam3_contract.masks import DIALECTS, Dialect
from sam3_contract.terminal import say

__all__ = ["convert"]


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option("--to", "target", required=True, type=click.Choice(["rle", "polygon", "coco", "png", "npz"]))
@click.option("-o", "--output", required=True, metavar="OUT", help="File to write, `-` for stdout; a folder for png.")
@click.option("--from", "dialect", type=click.Choice(DIALECTS), help="What the masks are in, if not in COCO's RLE.")
@click.option("--image-size", metavar="WxH", help="Width and height of the masks' image in pixels, such as 640x480.")
@click.option("--image", metavar="FILE", type=click.Path(), help="Take the size from this image file.")
@click.option("--lines", "as_lines", is_flag=True, help="Take FILE for JSON Lines, whatever its first line is.")
@click.option("--skip-unsound", is_flag=True, help="Leave masks out that are not sound, instead of stopping.")
@click.pass_context
def convert(
    context: click.Context,
    file: str,
    *,
    target: str,
    output: str,
    dialect: Dialect | None,
    image_size: str | None,
    image: str | None,
    as_lines: bool,
    skip_unsound: bool,
) -> None:
    """Write masks in another format.

    FILE is anything that `masks check` takes, but no tar, Parquet or folder.

    \b
      rle, polygon  the same JSON with every mask in that format: what stands
                    around the masks stays as it is. In COCO's `segmentation`
                    rings are flat and run along the edges of pixels, so that
                    pycocotools reads the same pixels before and after.
      coco          a COCO file stays with all it holds, its masks as RLE; of
                    other files a list of COCO results is made if every mask
                    has a confidence, else a COCO file, with bbox and area.
                    Each line of JSON Lines is an image of its own.
      png           one file per mask in the folder OUT: 8 bits, 0 and 255
      npz           logits as visual_segment sends them: float32, (n, height, width)

    With --from, the masks are read as what it names, wherever they stand in the
    file: JSON, JSON Lines, or a table with commas. Those of other programs'
    files become a COCO file, from which the other formats are made too.

    \b
      kaggle        `start length` pairs from 1, down the columns: EncodedPixels
      start-length  `start length` pairs from 0, along the rows: fal, WaveSpeed
      cvat          runs, then the box they fill: CVAT's API, and its XML
      label-studio  brush masks of an export
      uncompressed  run lengths as a list, or as text

    Polygons have no holes: how many pixels that adds is told on stderr. Masks that are not sound are named there,
    and nothing is written, unless they are to be skipped. JSON Lines are read line by line, other JSON at once; for
    coco, png and npz all masks are held in memory as RLE.

    \b
      sam3-contract masks convert answer.json --to coco -o results.json
      sam3-contract masks convert train.csv --from kaggle --to coco --image-size 640x480 -o train.json

    \b
    Exit status: 0 written, 1 a mask is not sound, 2 usage, 3 FILE cannot be
    read or holds no mask.
    """  # noqa: D301 - click wants the character itself to leave a paragraph as it is
    conversion = Conversion(skip_unsound=skip_unsound)
    problem = ""
    try:
        if target == "png":
            if output == STANDARD_STREAM:
                raise UsageError("-o is -, expected a folder: png is one file per mask")
            check_output_folder(Path(output))
        elif output != STANDARD_STREAM:
            check_output(Path(output))
        size = image_size_from_options(image_size, image)
        if dialect is None:
            values = values_of_file(file, as_lines=as_lines, image_size=size)
        else:
            values = values_in_dialect(file, dialect, as_lines=as_lines, image_size=size)
        WRITERS[target](sorted_by_soundness(values, conversion), conversion, output)
    except Unsound:
        problem = "nothing is written: masks are not sound; --skip-unsound leaves them out"
    except NoMask as error:
        instead = f"; {error}" if str(error) else ""
        problem = f"{file} holds no {'sound ' * bool(conversion.unsound)}mask{instead}; nothing is written"
    except OutputError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        if output == STANDARD_STREAM:
            raise  # as for every command
        raise UsageError(f"{output} cannot be written: {error.strerror or error}") from error
    for line in conversion.named():
        _said(line, 1)
    if problem:
        context.exit(_said(problem, BROKEN if conversion.unsound else UNJUDGED))
    say("\n".join(conversion.told(output)), err=True)


def _said(line: str, status: int) -> int:
    say(f"sam3-contract: {line}", err=True)
    return status
