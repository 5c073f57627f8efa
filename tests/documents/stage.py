"""The files that the commands of the pages name, in a folder of a test."""

from __future__ import annotations

import base64
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import orjson

from sam3_contract import create_mock
from sam3_contract.drift.drifts import Watch
from tests.servers import ROOT, run_command


def make_stage(folder: Path, photograph: bytes) -> None:
    """Write everything that a command of a page reads, and that no other command of the page has written."""
    for name in ("photo.jpg", "bus.jpg", "dog.jpg", "dog.jpeg", "photos/dog.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photograph)
    answers = [_answer(photograph, seed=seed) for seed in (0, 1)]
    for name, answer in zip(("answer.json", "other.json"), answers, strict=True):
        (folder / name).write_bytes(answer)
    for place in ("masks", "more", "sa1b", "parts", "last"):
        (folder / place).mkdir()
    (folder / "masks" / "one.json").write_bytes(answers[0])
    for place in ("more", "sa1b"):
        _tar(folder / place / "sa_000.tar", {"one.json": answers[0], "two.json": answers[1]})
    (folder / "annotations.json").write_bytes(orjson.dumps(_annotations()))
    (folder / "train.csv").write_text("ImageId,EncodedPixels\ndog.jpg,1 3 10 5\n", encoding="utf-8")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(folder / "examples" / "scenarios.yaml", folder)
    table = {
        "segmentation": [json.dumps(one["masks"]) for one in json.loads(answers[0])["prompt_results"][0]["predictions"]]
    }
    # Only here: each worker collects the tests that use this, and pyarrow takes 30 MB.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import write_table  # noqa: PLC0415

    write_table(pa.table(table), folder / "one.parquet")
    verified = run_command("verify", "mock", "--max-calls", "3", "--report", str(folder / "last"))
    assert verified.returncode == 0, verified.stderr
    (folder / "last" / "exchanges.har").rename(folder / "last-release.har")
    (folder / "last" / "watch.json").write_bytes(orjson.dumps(Watch("http://127.0.0.1:9001", ()).as_json()))


def _answer(photograph: bytes, *, seed: int) -> bytes:
    image = {"type": "base64", "value": base64.b64encode(photograph).decode()}
    body = {"image": image, "prompts": [{"text": "square"}], "format": "rle"}
    answer = create_mock(seed=seed).client.post(
        "/sam3/concept_segment", json=body, headers={"Authorization": "Bearer any"}
    )
    assert answer.status_code == 200
    return answer.data


def _annotations() -> dict[str, Any]:
    images = [{"id": 1, "file_name": "dog.jpg", "width": 320, "height": 208}]
    segmentation = [[10, 10, 60, 10, 60, 60, 10, 60]]
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": segmentation, "iscrowd": 0}
    annotation |= {"bbox": [10, 10, 50, 50], "area": 2500}
    return {"images": images, "annotations": [annotation], "categories": [{"id": 1, "name": "dog"}]}


def _tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
