"""Measure `sam3_contract.masks` against pycocotools, OpenCV and the floor of the machine, all in one run.

    python -m benchmarks.masks

Every figure is a median. Ratios compare calls that take turns in blocks of ten, so that other work on the machine slows
both alike and each finds the memory allocator as it leaves it. The masks are made from a fixed seed: 1,000 like SA-1B's
(1500 x 2250 pixels, mean about 450 runs and 760 characters), and one blob of 1920 x 1080 pixels.
"""

from __future__ import annotations

import platform
import random
import resource
import statistics
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
from pycocotools import mask as pycoco

from sam3_contract import masks

if TYPE_CHECKING:
    from collections.abc import Callable

SA1B_SIZE = (1500, 2250)
BLOB_SIZE = (1080, 1920)


class Row(NamedTuple):
    """One line of the table; ``target`` and ``reached`` are in words, with their units."""

    subject: str
    target: str
    reached: str
    met: bool | None


def blob_ring(
    rng: random.Random, *, centre: tuple[int, int], radius: float, corners: int, depth: float = 0.5
) -> np.ndarray:
    """Draw an irregular star around a centre, shape ``(corners, 2)``, with integers only."""
    ring = []
    for corner in range(corners):
        # Around the border of a square, then to a random distance: no sine, which differs between CPUs.
        side, way = divmod(corner * 8 / corners, 2)
        x, y = [(1.0, way - 1), (1 - way, 1.0), (-1.0, 1 - way), (way - 1, -1.0)][int(side)]
        reach = radius * (1.05 - depth * rng.random())
        ring.append([centre[0] + int(x * reach), centre[1] + int(y * reach)])
    return np.array(ring)


def sa1b_like(number: int) -> list[dict[str, Any]]:
    """Make masks like SA-1B's: most of them small, some with holes."""
    rng = random.Random(2023)  # noqa: S311 - a sequence to repeat
    height, width = SA1B_SIZE
    made = []
    while len(made) < number:
        radius = 10 * 2 ** (4 * rng.random())
        centre = rng.randrange(width), rng.randrange(height)
        ring = blob_ring(rng, centre=centre, radius=radius, corners=rng.randint(24, 96))
        canvas = np.zeros(SA1B_SIZE, np.uint8)
        cv2.fillPoly(canvas, [ring.astype(np.int32)], 1)
        if rng.random() < 0.3:
            cv2.circle(canvas, centre, int(radius / 4), 0, -1)
        if canvas.any():
            made.append(masks.rle_from_bitmap(canvas.view(np.bool_)))
    return made


def blob() -> np.ndarray:
    """Draw the blob of 1920 x 1080 pixels: a quarter of a million pixels in the middle."""
    ring = blob_ring(random.Random(8), centre=(960, 540), radius=380, corners=12, depth=0.25)  # noqa: S311
    runs = masks.holes_filled(masks.run_lengths_from_polygons([ring.tolist()], image_size=BLOB_SIZE), size=BLOB_SIZE)
    return np.ascontiguousarray(masks.bitmap_from_run_lengths(runs, size=BLOB_SIZE))


def microseconds(*calls: Callable[[], object], rounds: int, block: int = 10) -> list[float]:
    """Time calls in turns, in blocks of *block*; return the median of each in microseconds."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for times, call in zip(taken, calls, strict=True):
            call()
            for _ in range(block):
                start = time.perf_counter()
                call()
                times.append((time.perf_counter() - start) * 1e6)
    return [statistics.median(times) for times in taken]


def rows_of_batch(rles: list[dict[str, Any]]) -> list[Row]:
    """Measure strict validation of many masks."""
    some = [{**rle, "counts": rle["counts"].encode()} for rle in rles[:20]]
    number = len(rles)
    parse, measure, theirs = microseconds(
        lambda: masks.parse_rles(rles),
        lambda: masks.parse_rles(rles).areas_and_boxes(),
        lambda: [pycoco.decode(rle) for rle in some],
        rounds=5,
        block=3,
    )
    parse, measure, theirs = parse / number, measure / number, theirs / len(some)
    ratio = theirs / parse
    subject = f"validate {number} RLEs strictly, a mask"
    return [
        Row(subject, "<= 15 us", f"{parse:.1f} us", parse <= 15),
        Row("  against pycocotools.decode", ">= 100 x", f"{ratio:.0f} x ({theirs:.0f} us)", ratio >= 100),
        Row("  with area and box, a mask", "<= 25 us", f"{measure:.1f} us", measure <= 25),
    ]


def row_of_check(rles: list[dict[str, Any]]) -> Row:
    """Measure the whole examination of predictions, from parsed JSON to findings, in a stream of 100,000."""
    predictions = [{"masks": rle, "confidence": 0.9, "format": "rle"} for rle in rles]
    lines = 100_000 // len(predictions)
    stream = (
        mask for _ in range(lines) for mask in masks.masks_of_record({"predictions": predictions}, image_size=SA1B_SIZE)
    )
    start = time.process_time()
    n_errors = sum(finding.severity == "error" for _, found in masks.check_records(stream) for finding in found)
    speed = lines * len(predictions) / (time.process_time() - start)
    if n_errors:
        raise SystemExit(f"{n_errors} errors in sound masks")
    return Row("check 100,000 predictions, one core", ">= 20,000 a second", f"{speed:,.0f} a second", speed >= 20_000)


def row_of_memory() -> Row:
    """Read how much memory the process has taken at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Row("  memory of this process at most", "<= 300 MB", f"{peak:.0f} MB", peak <= 300)


def rows_of_blob() -> list[Row]:
    """Measure one mask of 1920 x 1080 pixels by itself."""
    bitmap = blob()
    theirs_in = bitmap.view(np.uint8)
    rle = masks.rle_from_bitmap(bitmap)
    for_coco = {"size": rle["size"], "counts": rle["counts"].encode()}
    runs = masks.run_lengths_from_rle(rle)
    [alone] = microseconds(lambda: masks.run_lengths_from_rle(rle), rounds=30)

    def there_and_back() -> object:
        lengths = masks.run_lengths_from_rle(rle)
        rings = masks.rings_from_run_lengths(lengths, size=BLOB_SIZE)
        back = masks.run_lengths_from_rings(rings, image_size=BLOB_SIZE)
        return masks.rle_from_run_lengths(back, size=BLOB_SIZE)

    def there_and_back_as_lists() -> object:
        lengths = masks.run_lengths_from_rle(rle)
        polygons = masks.polygons_from_run_lengths(lengths, size=BLOB_SIZE)
        back = masks.run_lengths_from_polygons(polygons, image_size=BLOB_SIZE)
        return masks.rle_from_run_lengths(back, size=BLOB_SIZE)

    def there_and_back_with_others() -> object:
        found, _ = cv2.findContours(pycoco.decode(for_coco), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        canvas = np.zeros(BLOB_SIZE, np.uint8)
        cv2.fillPoly(canvas, found, 1)
        return pycoco.encode(np.asfortranarray(canvas))

    def there_and_back_as_lists_with_others() -> object:
        found, _ = cv2.findContours(pycoco.decode(for_coco), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        polygons = [contour[:, 0, :].tolist() for contour in found]
        canvas = np.zeros(BLOB_SIZE, np.uint8)
        cv2.fillPoly(canvas, [np.array(ring, np.int32) for ring in polygons], 1)
        return pycoco.encode(np.asfortranarray(canvas))

    if there_and_back() != rle:
        raise SystemExit("the round trip lost something")
    trip, theirs_trip, lists, theirs_lists, encode, theirs_encode, decode, theirs_decode, floor = microseconds(
        there_and_back,
        there_and_back_with_others,
        there_and_back_as_lists,
        there_and_back_as_lists_with_others,
        lambda: masks.rle_from_bitmap(bitmap),
        lambda: pycoco.encode(np.asfortranarray(theirs_in)),
        lambda: masks.bitmap_from_rle(rle),
        lambda: pycoco.decode(for_coco),
        lambda: np.empty(BLOB_SIZE, np.uint8).fill(1),
        rounds=12,
    )
    ratios = [theirs_trip / trip, theirs_encode / encode, theirs_decode / decode]
    size = f"{len(runs)} runs, {len(rle['counts'])} characters"
    return [
        Row(f"validate one 1920 x 1080 mask ({size})", "<= 70 us", f"{alone:.0f} us", alone <= 70),
        Row(
            "RLE -> polygon -> RLE", ">= 8 x", f"{ratios[0]:.1f} x ({trip:.0f} / {theirs_trip:.0f} us)", ratios[0] >= 8
        ),
        Row("  polygon as lists", "", f"{theirs_lists / lists:.1f} x ({lists:.0f} / {theirs_lists:.0f} us)", None),
        Row("bitmap -> RLE", ">= 4 x", f"{ratios[1]:.1f} x ({encode:.0f} / {theirs_encode:.0f} us)", ratios[1] >= 4),
        Row("RLE -> bitmap", ">= 7 x", f"{ratios[2]:.1f} x ({decode:.0f} / {theirs_decode:.0f} us)", ratios[2] >= 7),
        Row("  floor: memset of the bitmap", "", f"{floor:.0f} us, decode {decode / floor:.1f} x", None),
    ]


def main() -> int:
    """Print the table; exit status 1 if a target is missed."""
    # pycocotools 2.0 hands numpy 2 its arrays in the old way.
    warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
    rles = sa1b_like(1000)
    n_characters = statistics.mean(len(rle["counts"]) for rle in rles)
    n_runs = len(masks.parse_rles(rles).run_lengths) / len(rles)
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, OpenCV {cv2.__version__}"
    print(f"{versions}; {len(rles)} masks of 1500 x 2250: mean {n_runs:.0f} runs, {n_characters:.0f} characters\n")
    rows = [*rows_of_batch(rles), *rows_of_blob(), row_of_check(rles), row_of_memory()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        verdict = "" if row.met is None else "met" if row.met else "MISSED"
        cells = [str(cell).ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        print("  ".join([*cells, verdict]).rstrip())
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
