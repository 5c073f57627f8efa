"""What auditing an archive costs, by kind of file: quick look against full one, and against an earlier checkout.

    python -m benchmarks.archives [--masks N] [--rounds N] [--before FOLDER] [--price P]

Masks are like SA-1B's (`benchmarks/masks.py`). Figures are processor time for a mask; ratios are of calls that take
turns, of each the best round, as everything else on a machine only adds. What all of SA-1B costs follows from the price
of a core for an hour. With ``--before`` the command of an earlier checkout takes turns with this one's: exit status 1
if it is not 1.7 times as fast on each kind of file. Linux only.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.masks import SA1B_SIZE, sa1b_like
from sam3_contract.auditing import Summary
from sam3_contract.auditing.outcome import Outcome
from sam3_contract.auditing.running import outcomes_here
from sam3_contract.auditing.units import Terms, units_of
from sam3_contract.mask_files import judging

TERMS: Final = Terms()
LEAST_QUICKER: Final = 1.7
MASKS_OF_SA1B: Final = 1.1e9


def answer_of(masks: Sequence[Any]) -> dict[str, Any]:
    """Lay masks out as the service does."""
    predictions = [{"masks": mask, "confidence": 0.9, "format": "rle"} for mask in masks]
    return {"prompt_results": [{"prompt_index": 0, "echo": {"text": "x"}, "predictions": predictions}], "time": 0.1}


def image_of(number: int, masks: Sequence[Any]) -> dict[str, Any]:
    """Lay masks out as SA-1B does."""
    image = {"image_id": number, "width": SA1B_SIZE[1], "height": SA1B_SIZE[0], "file_name": f"sa_{number}.jpg"}
    others = {"area": 200, "predicted_iou": 0.9, "stability_score": 0.98, "point_coords": [[1.5, 2.5]]}
    boxes = {"bbox": [1.0, 2.0, 30.0, 40.0], "crop_box": [0.0, 0.0, 2250.0, 1500.0]}
    annotations = [{**boxes, **others, "id": place, "segmentation": mask} for place, mask in enumerate(masks)]
    return {"image": image, "annotations": annotations}


def written(folder: Path, masks: Sequence[Any], number: int) -> dict[str, Path]:
    """Write archives of so many masks, of every kind."""
    hundreds = [masks[first : first + 100] for first in range(0, len(masks), 100)]
    images = [hundreds[place % len(hundreds)] for place in range(number // 100)]
    files = {kind: folder / name for kind, name in FILES.items()}
    with files["a mask a line"].open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"masks": mask, "confidence": 0.9}) + "\n" for image in images for mask in image)
    with files["an answer a line"].open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(answer_of(image)) + "\n" for image in images)
    with tarfile.open(files["tar of SA-1B"], "w") as archive:
        for place, image in enumerate(images):
            for name, content in (("jpg", bytes(100_000)), ("json", json.dumps(image_of(place, image)).encode())):
                member = tarfile.TarInfo(f"sa_{place}.{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    write_table(files["Parquet"], [mask for image in images for mask in image])
    return files


def write_table(path: Path, masks: Sequence[Any]) -> None:
    """Write a table of masks."""
    import pyarrow as pa  # noqa: PLC0415 - the extra `parquet` brings it
    import pyarrow.parquet as pq  # noqa: PLC0415

    pq.write_table(pa.table({"masks": masks}), path, row_group_size=5000)


FILES: Final = {
    "a mask a line": "masks.jsonl",
    "an answer a line": "answers.jsonl",
    "tar of SA-1B": "sa.tar",
    "Parquet": "masks.parquet",
}


def audited(outcomes: Iterable[Outcome], path: Path) -> Summary:
    """Add up outcomes; nothing may be wrong with these masks."""
    summary = Summary([str(path)])
    for outcome in outcomes:
        summary.add(outcome)
    summary.close()
    if summary.severities["error"] or summary.unread:
        raise SystemExit(f"{path}: {summary.as_json()}")
    return summary


def here(path: Path) -> Summary:
    """Audit a file in this process."""
    return audited(outcomes_here(units_of([str(path)], TERMS), TERMS), path)


def in_full(path: Path) -> Summary:
    """Audit a file in this process without the quick look."""
    quick, plain = judging.numbers_of_plain_masks, judging.are_plain
    judging.numbers_of_plain_masks = lambda texts, **_: iter([None] * len(texts))  # type: ignore[assignment]
    judging.are_plain = lambda records: [False] * len(records)
    try:
        return here(path)
    finally:
        judging.numbers_of_plain_masks, judging.are_plain = quick, plain


def in_turns(calls: Sequence[Callable[[], Summary]], rounds: int) -> list[float]:
    """Time calls in turns; return the best of each in microseconds of processor time for a mask."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for times, call in zip(taken, calls, strict=True):
            start = time.process_time()
            n_masks = call().n_masks
            times.append((time.process_time() - start) / n_masks * 1e6)
    return [min(times) for times in taken]


def by_command(checkout: Path, files: Sequence[Path]) -> float:
    """Audit files by the command of a checkout; return the seconds of processor time, its start included."""
    command = [sys.executable, "-m", "sam3_contract", "masks", "check", *map(str, files)]
    process = subprocess.Popen(  # noqa: S603 - the command of a checkout that the user names
        command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} in {checkout}: exit status {process.returncode}")
    return used.ru_utime + used.ru_stime


def against(before: Path, files: Sequence[Path], *, instead: Sequence[Path], few: Path, rounds: int) -> float:
    """Tell how many times as fast files are audited as another checkout audits them, or the same masks in other files.

    What a start takes is taken off both: that of an audit of *few* masks. The best round of each counts.
    """
    checkout = Path(__file__).parent.parent
    pairs = [(before, [few]), (before, instead), (checkout, [few]), (checkout, files)]
    seconds = [[by_command(*pair) for pair in pairs] for _ in range(rounds)]
    start_before, then, start_now, now = map(min, zip(*seconds, strict=True))
    if now <= start_now or then <= start_before:
        raise SystemExit("so few masks take no longer than a start does; --masks makes them more")
    return (then - start_before) / (now - start_now)


def hundreds(text: str) -> int:
    """Read a number of masks, in whole images of a hundred."""
    number = int(text) // 100 * 100
    if number < 100:
        raise argparse.ArgumentTypeError(f"{text} masks are no image, which has 100")
    return number


def main() -> int:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=hundreds, default=20_000, help="in each file; 20,000 by default")
    parser.add_argument("--rounds", type=int, default=5, help="5 by default")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="a checkout of earlier code to compare with")
    parser.add_argument("--price", type=float, default=0.05, help="of a core for an hour; 0.05 by default")
    options = parser.parse_args()
    quicker = []
    with TemporaryDirectory() as folder:
        files = written(Path(folder), sa1b_like(1000), options.masks)
        print(f"{'':18}{'in full':>12}{'quick':>12}{'':10}{'a second':>10}{'bytes':>8}{'all of SA-1B':>20}{'costs':>9}")
        for kind, path in files.items():
            full, quick = in_turns([lambda path=path: in_full(path), lambda path=path: here(path)], options.rounds)  # type: ignore[misc]
            size = path.stat().st_size / options.masks - (1000 if path.suffix == ".tar" else 0)
            hours = MASKS_OF_SA1B * quick / 1e6 / 3600
            ratio = f"{full:9.1f} us{quick:9.1f} us{full / quick:7.2f} x"
            print(
                f"{kind:18}{ratio}{1e6 / quick:12,.0f}{size:8,.0f}{hours:9.1f} core-hours{hours * options.price:9.2f}"
            )
        if options.before is not None:
            few = Path(folder, "few.jsonl")
            few.write_bytes(files["a mask a line"].read_bytes().partition(b"\n")[0] + b"\n")
            for kind, instead in _read_before(files, Path(folder)).items():
                times = against(
                    options.before.absolute(), [files[kind]], instead=instead, few=few, rounds=options.rounds
                )
                quicker.append(times)
                print(f"{kind:18}{times:7.2f} times as fast as {options.before}")
    return int(any(times < LEAST_QUICKER for times in quicker))


def _read_before(files: dict[str, Path], folder: Path) -> dict[str, list[Path]]:
    """Say what to compare each file with: earlier code reads neither tar nor Parquet."""
    with tarfile.open(files["tar of SA-1B"]) as archive:
        archive.extractall(folder, filter="data", members=[one for one in archive if one.name.endswith(".json")])
    lines, answers = [files["a mask a line"]], [files["an answer a line"]]
    unpacked = sorted(folder.glob("sa_*.json"))
    return {"a mask a line": lines, "an answer a line": answers, "tar of SA-1B": unpacked, "Parquet": lines}


if __name__ == "__main__":
    sys.exit(main())
