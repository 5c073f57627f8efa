"""Fuzz the mask validators: mutated RLEs, polygons and npz archives, with pycocotools and OpenCV as oracles.

    python -m benchmarks.fuzz_masks --seconds 600 --seed 1

What the validator accepts must re-encode byte for byte in pycocotools, measure alike there, and draw alike in OpenCV.
What it refuses must end in findings. A crash, an exception or a disagreement ends the run with exit status 1 and the
payload that caused it.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import random
import sys
import time
import traceback
import warnings
from collections import Counter
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as pycoco

from sam3_contract import masks
from sam3_contract.errors import MaskError

ALPHABET = "".join(map(chr, range(48, 112)))
ODD_VALUES: list[Any] = [
    None, True, -1, 0, 1.5, float("nan"), float("inf"), 10**9, 10**400, "", "0", [], {}, [[]], [1, 2], [1, 2, 3, 4],
]  # fmt: skip


def random_bitmap(rng: random.Random) -> np.ndarray:
    """Draw noise, mostly smooth, of 1 to 40 pixels a side."""
    height, width = rng.randint(1, 40), rng.randint(1, 40)
    field = np.array([rng.random() for _ in range(height * width)]).reshape(height, width)
    if rng.random() < 0.7:
        field = cv2.GaussianBlur(field, (0, 0), 0.5 + 3 * rng.random())
    bitmap: np.ndarray = field > np.quantile(field, rng.random())
    return bitmap


def mutated_text(text: str, rng: random.Random) -> str:
    """Replace, insert, drop or turn a few characters."""
    characters = list(text)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        place = rng.randrange(len(characters) + 1)
        kind = rng.randrange(5)
        if kind == 0 and characters:
            characters[min(place, len(characters) - 1)] = rng.choice(ALPHABET)
        elif kind == 1:
            characters.insert(place, rng.choice(ALPHABET))
        elif kind == 2:
            del characters[place : place + rng.randint(1, 3)]
        elif kind == 3:
            characters.insert(place, rng.choice(["\0", "\n", "~", "\u00e9", "\\", "'", "b'", "=", "\ud800"]))
        else:
            characters = characters[place:] + characters[:place]
    return "".join(characters)


def mutated_json(value: Any, rng: random.Random) -> Any:
    """Replace, drop, double or move one part of a JSON value, at any depth."""
    value = copy.deepcopy(value)
    node = value
    while isinstance(node, (list, dict)) and node and rng.random() < 0.8:
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if rng.random() < 0.4 or not isinstance(node[key], (list, dict)):
            kind = rng.randrange(4)
            if kind == 0:
                node[key] = copy.deepcopy(rng.choice(ODD_VALUES))
            elif kind == 1:
                del node[key]
            elif kind == 2 and isinstance(node, list):
                node.insert(rng.randrange(len(node) + 1), node[key])
            elif type(node[key]) is int:
                node[key] += rng.choice([-1, 1, 7, -40, 4000])
            break
        node = node[key]
    return value


def check_rle(rle: Any, size: tuple[int, int]) -> str:
    """Let pycocotools confirm what the validator accepts; name what it found otherwise."""
    findings = masks.find_defects(rle, declared_format="rle", image_size=size)
    sound = masks.is_canonical(rle)
    if not sound:
        assert any(finding.severity != "note" for finding in findings)
        return findings[0].name
    for_coco = {"size": rle["size"], "counts": rle["counts"]}
    decoded = pycoco.decode(for_coco)
    assert pycoco.encode(decoded)["counts"].decode() == rle["counts"]
    areas, boxes = masks.parse_rles([rle]).areas_and_boxes()
    assert areas[0] == pycoco.area(for_coco)
    assert boxes[0].tolist() == pycoco.toBbox(for_coco).astype(int).tolist()
    assert np.array_equal(masks.bitmap_from_rle(rle), decoded)
    return "sound RLE"


def check_polygons(polygons: Any, size: tuple[int, int]) -> str:
    """Let OpenCV confirm what the validator accepts; name what it found otherwise."""
    findings = masks.find_defects(polygons, declared_format="polygon", image_size=size)
    errors = [finding for finding in findings if finding.severity == "error" and finding.name != "ring_empty"]
    try:
        drawn = masks.bitmap_from_polygons(polygons, image_size=size)
    except MaskError:
        assert errors
        return errors[0].name
    assert not errors
    expected = np.zeros(size, np.uint8)
    rings = [np.array(ring, np.int32) for ring in polygons if ring]
    if rings:
        cv2.fillPoly(expected, rings, 1)
    assert np.array_equal(drawn, expected)
    runs = masks.run_lengths_from_polygons(polygons, image_size=size)
    assert np.array_equal(masks.bitmap_from_run_lengths(runs, size=size), drawn)
    if findings and findings[0].severity != "note":
        return findings[0].name
    assert masks.polygons_from_bitmap(drawn) == polygons
    return "sound polygons"


def check_pair(first: np.ndarray, second: Any) -> str:
    """Name the verdict of a comparison with anything."""
    try:
        return str(masks.compare(first, second, image_size=first.shape).verdict)
    except MaskError:
        return "not comparable"


def check_npz(payload: bytes, size: tuple[int, int]) -> str:
    """Name what is wrong with an archive."""
    findings = masks.find_defects_in_npz(payload, image_size=size)
    return findings[0].name if findings else "sound npz"


def npz_of(bitmap: np.ndarray) -> bytes:
    """Pack a bitmap as the service packs logits."""
    buffer = io.BytesIO()
    logits = bitmap[None].astype(np.float32) * 2 - 1
    np.savez_compressed(buffer, masks=logits, low_res_masks=logits[:, :4, :4])
    return buffer.getvalue()


def fuzz_once(rng: random.Random, tally: Counter[str]) -> None:
    """Draw one mask, and check some mutations of each of its forms; the payload is kept for the report."""
    bitmap = random_bitmap(rng)
    height, width = bitmap.shape
    size = (height, width)
    rle, polygons = masks.rle_from_bitmap(bitmap), masks.polygons_from_bitmap(bitmap)
    assert check_rle(rle, size) == "sound RLE"
    assert check_polygons(polygons, size) == "sound polygons"
    outline = masks.holes_filled(masks.run_lengths_from_bitmap(bitmap), size=size)
    assert np.array_equal(masks.run_lengths_from_polygons(polygons, image_size=size), outline)
    for _ in range(12):
        payload: Any = {"size": rle["size"], "counts": mutated_text(rle["counts"], rng)}
        tally[_checked(check_rle, payload, size)] += 1
        payload = mutated_json(rle, rng)
        tally[_checked(check_rle, payload, size)] += 1
        payload = mutated_json(polygons, rng)
        tally[_checked(check_polygons, payload, size)] += 1
        tally[_checked(lambda value, _: check_pair(bitmap, value), payload, size)] += 1
    archive = bytearray(npz_of(bitmap))
    archive[rng.randrange(len(archive))] = rng.randrange(256)
    tally[check_npz(bytes(archive[: rng.randrange(len(archive))] if rng.random() < 0.3 else archive), size)] += 1


def _checked(check: Any, payload: Any, size: tuple[int, int]) -> str:
    try:
        answer: str = check(payload, size)
    except Exception:
        print(f"payload of size {size}: {json.dumps(payload, default=repr)}", file=sys.stderr)
        raise
    return answer


def main() -> int:
    """Fuzz for a time or a number of rounds, and print what was met how often."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to go on (default: 60)")
    parser.add_argument("--rounds", type=int, default=None, help="how many masks instead")
    parser.add_argument("--seed", type=int, default=1, help="start of the sequence (default: 1)")
    options = parser.parse_args()
    # pycocotools 2.0 hands numpy 2 its arrays in the old way.
    warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
    tally: Counter[str] = Counter()
    end = time.monotonic() + options.seconds
    rounds = 0
    while rounds < options.rounds if options.rounds else time.monotonic() < end:
        try:
            fuzz_once(random.Random(f"{options.seed}/{rounds}"), tally)  # noqa: S311 - a sequence to repeat
        except Exception:  # whatever it is, it is what was looked for
            traceback.print_exc()
            print(f"seed {options.seed}, round {rounds}", file=sys.stderr)
            return 1
        rounds += 1
    for name, number in tally.most_common():
        print(f"{number:>9}  {name}")
    print(f"{rounds} masks, {sum(tally.values())} payloads, seed {options.seed}: held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
