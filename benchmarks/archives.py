"""What auditing an archive costs: quick look against full one, two processes against one, a cluster, kinds of files.

    python -m benchmarks.archives [--masks N] [--rounds N] [--cluster]

Masks are like SA-1B's (`benchmarks/masks.py`). Figures are processor time; ratios are of calls that take turns, of each
the best round, as everything else on a machine only adds. How much faster two processes are is what one takes by
itself, divided by what the busier of the two takes, its start included, or the process that hands out the work if that
takes longer: the time that passes where each has a core of its own. Exit status 1 if a target is missed. Linux only.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.masks import SA1B_SIZE, sa1b_like
from sam3_contract.auditing import Summary
from sam3_contract.auditing.cluster import outcomes_on_cluster
from sam3_contract.auditing.outcome import Outcome
from sam3_contract.auditing.running import outcomes_here, outcomes_in_processes
from sam3_contract.auditing.units import Terms, units_of
from sam3_contract.mask_files import judging

TERMS: Final = Terms()
LEAST_QUICKER: Final = 1.7
LEAST_OF_TWO: Final = 1.8
TIMES: Final = 20
"""How often the file is repeated for several processes, whose start takes as long as ten thousand masks."""
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


def cpu_of(pid: int) -> float:
    """Return the processor time of a process in seconds: the kernel's number of its CPU clock."""
    return time.clock_gettime((~pid << 3) | 2)


def of_two(path: Path) -> tuple[float, list[float]]:
    """Audit a file in two processes; return the seconds of processor time of this one and of the others."""
    begun = time.process_time()
    seconds: list[float] = []

    def watched() -> Iterator[Outcome]:
        for outcome in outcomes_in_processes(units_of([str(path)], TERMS), TERMS, jobs=2):
            seconds[:] = [cpu_of(child.pid or 0) for child in multiprocessing.active_children()]
            yield outcome

    audited(watched(), path)
    return time.process_time() - begun, seconds


def on_cluster(path: Path) -> tuple[float, float]:
    """Audit a file on a cluster of two workers; return what it took of processor time, all told, and its masks."""
    from distributed import LocalCluster  # noqa: PLC0415 - the extra `dask` brings it

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        begun = time.process_time() + sum(map(cpu_of, pids))
        summary = audited(outcomes_on_cluster(cluster.scheduler_address, units_of([str(path)], TERMS), TERMS), path)
        return time.process_time() + sum(map(cpu_of, pids)) - begun, summary.n_masks


def main() -> int:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=int, default=20_000, help="in each file; 20,000 by default")
    parser.add_argument("--rounds", type=int, default=5, help="5 by default")
    parser.add_argument("--cluster", action="store_true", help="also a cluster of Dask, of two workers")
    options = parser.parse_args()
    met = True
    with TemporaryDirectory() as folder:
        files = written(Path(folder), sa1b_like(1000), options.masks)
        print(f"{'':18}{'in full':>12}{'quick':>12}{'':10}{'masks a second':>16}{'bytes a mask':>14}")
        for kind, path in files.items():
            full, quick = in_turns([lambda path=path: in_full(path), lambda path=path: here(path)], options.rounds)  # type: ignore[misc]
            size = path.stat().st_size / options.masks - (1000 if path.suffix == ".tar" else 0)
            print(f"{kind:18}{full:9.1f} us{quick:9.1f} us{full / quick:7.2f} x{1e6 / quick:16,.0f}{size:14,.0f}")
            met = met and (full / quick >= LEAST_QUICKER or kind == "Parquet")
            if kind == "tar of SA-1B":
                print(f"{'':18}all of SA-1B: {MASKS_OF_SA1B * quick / 1e6 / 3600:.1f} core-hours")
        large = Path(folder, "large.jsonl")
        large.write_bytes(files["an answer a line"].read_bytes() * TIMES)
        [one] = in_turns([lambda: here(large)], 1)
        parent, children = of_two(large)
        times = one * TIMES * options.masks / 1e6 / max(parent, *children)
        shares = " and ".join(f"{seconds:.1f}" for seconds in children)
        print(f"\n2 processes: {times:.2f} x ({shares} s of processor time, {parent:.2f} s of the one that hands out)")
        if options.cluster:
            seconds, n_masks = on_cluster(large)
            print(
                f"cluster: {seconds / n_masks * 1e6 / one:.2f} x the processor time of one process, scheduler included"
            )
    return int(not (met and times >= LEAST_OF_TWO))


if __name__ == "__main__":
    sys.exit(main())
