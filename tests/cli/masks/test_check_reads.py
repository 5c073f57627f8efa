"""`masks check` takes files of every kind."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sam3_contract.mask_files import batches
from tests.cli.masks.commands import (
    CUT,
    LOGITS,
    LOW,
    RLE,
    Command,
    Outcome,
    findings_of,
    npz_of,
    prediction,
    totals_of,
    written,
)

Monkey = pytest.MonkeyPatch


INPUTS: dict[str, tuple[Any, int]] = {
    "concept_segment": ({"prompt_results": [{"prompt_index": 0, "predictions": [prediction(CUT, "rle")] * 2}]}, 2),
    "visual_segment": ({"time": 0.1, "predictions": [prediction(CUT, "rle")] * 3}, 3),
    "predictions": ([prediction(CUT), prediction(RLE)], 2),
    "bare RLE": (CUT, 1),
    "COCO file": (
        {
            "info": {"year": 2026},
            "licenses": [{"id": 1}],
            "images": [{"id": 1, "height": 4, "width": 6}],
            "annotations": [{"id": 1, "image_id": 1, "segmentation": CUT}],
            "categories": [{"id": 1, "name": "cat"}],
        },
        1,
    ),
    "COCO results": ([{"image_id": 1, "category_id": 1, "segmentation": CUT, "score": 0.5}], 1),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kind", INPUTS)
def test_check_takes_every_kind_of_file(
    command: Command, monkeypatch: Monkey, kind: str, *, zipped: bool, streamed: bool
) -> None:
    value, n_masks = INPUTS[kind]
    text = json.dumps(value, indent=1).encode()
    if streamed and kind != "bare RLE":
        monkeypatch.setattr(batches, "DOCUMENT_BYTES", 10)
    # By its first bytes, not its name.
    Path("file.txt").write_bytes(gzip.compress(text) if zipped else text)

    outcome = command("check", "file.txt", "--format", "json")

    assert {finding["code"] for finding in findings_of(outcome)} == {"RLE13"}
    assert all(finding["line"] is None for finding in findings_of(outcome))
    assert (totals_of(outcome)["masks"], outcome.status) == (n_masks, 1)


@pytest.mark.parametrize("first", ["", "\n\n"])
def test_lines_are_recognised_and_counted_with_the_blank_ones(command: Command, first: str) -> None:
    lines = [json.dumps([prediction(RLE)]), "", json.dumps(prediction(CUT)), "   ", json.dumps(CUT)]
    Path("lines.txt").write_text(first + "\n".join(lines), encoding="utf-8")

    found = findings_of(command("check", "lines.txt", "--format", "json"))

    assert [finding["line"] for finding in found] == [3 + len(first), 5 + len(first)]


def test_a_broken_first_line_needs_the_option_or_the_name(command: Command) -> None:
    text = '{"masks": [[]]\n' + json.dumps(CUT) + "\n"
    Path("lines.txt").write_text(text, encoding="utf-8")
    Path("lines.ndjson.gz").write_bytes(gzip.compress(text.encode()))

    whole = findings_of(command("check", "lines.txt", "--format", "json"))
    asked = findings_of(command("check", "lines.txt", "--format", "json", "--lines"))
    named = findings_of(command("check", "lines.ndjson.gz", "--format", "json"))

    assert [(f["line"], f["code"]) for f in whole] == [(None, "TXT01")]
    assert [(f["line"], f["code"]) for f in asked] == [(f["line"], f["code"]) for f in named]
    assert [(f["line"], f["code"]) for f in asked] == [(1, "TXT01"), (2, "RLE13")]


def test_check_takes_npz(command: Command) -> None:
    Path("sound.npz").write_bytes(npz_of(masks=LOGITS, low_res_masks=LOW))
    Path("objects.npz").write_bytes(npz_of(masks=np.array([None] * 3), low_res_masks=LOW))

    sound = command("check", "sound.npz", "--image-size", "7x6")
    swapped = command("check", "sound.npz", "--image-size", "6x7", "--format", "json")
    objects = command("check", "objects.npz", "--format", "json", "--jobs", 2)

    assert sound == Outcome(0, "1 file, 3 masks: no defect\n", "")
    assert [f["code"] for f in findings_of(swapped)] == ["BIN07"]
    assert [f["code"] for f in findings_of(objects)] == ["BIN03"]


def test_size_of_the_image_comes_from_options_image_or_record(command: Command) -> None:
    written("rle.json", RLE)
    written("own.json", {"image": {"height": 4, "width": 6}, "predictions": [prediction(RLE)]})
    Image.new("RGB", (4, 6)).save("upright.png")

    by_option = command("check", "rle.json", "--image-size", "4x6", "--format", "json")
    by_image = command("check", "rle.json", "--image", "upright.png", "--format", "json")
    by_record = command("check", "own.json", "--image-size", "4x6", "--format", "json")

    assert [f["code"] for f in findings_of(by_option)] == ["RLE04"]
    assert findings_of(by_image) == findings_of(by_option)
    assert findings_of(by_record) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"annotations": [{"segmentation": %s}], "annotations": []}', "TXT02"),
        ('[{"masks": %s, "masks": 1}]', "TXT02"),
        ('[{"masks": %s, "score": NaN}]', "TXT03"),
        ('[{"masks": %s, "id": ' + "9" * 5000 + "}]", "TXT04"),
        ('[{"masks": %s, "id": ' + "[" * 70 + "]" * 70 + "}]", "TXT05"),
        ('[{"masks": %s}', "TXT01"),
        ('[{"masks": %s}] x', "TXT01"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_text_around_masks_is_judged_however_long_it_is(
    command: Command, monkeypatch: Monkey, text: str, code: str, *, streamed: bool
) -> None:
    if streamed:
        monkeypatch.setattr(batches, "DOCUMENT_BYTES", 10)
    Path("file.json").write_text(text.replace("%s", json.dumps(RLE)), encoding="utf-8")

    outcome = command("check", "file.json", "--format", "json")

    assert code in [finding["code"] for finding in findings_of(outcome)]
    assert outcome.status == 1


def test_bytes_that_are_no_utf8_are_named_in_a_stream(command: Command, monkeypatch: Monkey) -> None:
    monkeypatch.setattr(batches, "DOCUMENT_BYTES", 10)
    Path("file.json").write_bytes(b'[{"masks": [[]], "x": "\xff"}]')

    [finding] = findings_of(command("check", "file.json", "--format", "json"))

    assert (finding["code"], finding["found"]) == ("TXT01", "byte 0xff")


def test_a_line_beyond_the_bound_is_named_and_the_others_are_judged(command: Command, monkeypatch: Monkey) -> None:
    monkeypatch.setattr(batches, "LINE_BYTES", 200)
    written("long.jsonl", prediction(RLE), prediction(RLE, text="x" * 5000), prediction(RLE))

    outcome = command("check", "long.jsonl")

    assert outcome.stdout == "1 file, 2 masks: no defect; not all could be judged\n"
    assert outcome.stderr.startswith("sam3-contract: long.jsonl:2 is longer than ")
    assert outcome.status == 3


def test_output_is_the_same_for_any_number_of_processes(command: Command) -> None:
    lines = [prediction(CUT if number % 97 == 0 else RLE) for number in range(2500)]
    written("one.jsonl", *lines)
    written("two.json", lines)

    outcomes = [command("check", "one.jsonl", "two.json", "--jobs", jobs) for jobs in (1, 3)]

    assert outcomes[0] == outcomes[1]
    assert "RLE13  counts_cut_short  52  error\n" in outcomes[0].stdout
