"""`masks check` as people meet it: transcripts, the catalogue, exit statuses, what it refuses."""

from __future__ import annotations

import codecs
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sam3_contract import masks
from sam3_contract.cli.masks.check import selected_codes
from sam3_contract.masks import DEFECTS, Defect
from tests.cli.masks.commands import CUT, RING, RLE, Command, Outcome, findings_of, prediction, totals_of, written


def test_check_prints_this_transcript(command: Command) -> None:
    written("answers.jsonl", {"predictions": [prediction(RLE, "rle")]}, {"predictions": [prediction(CUT, "rle")]})
    closed = [[*RING[0], RING[0][0]]]
    written("list.json", [prediction(RING, "polygon"), prediction(closed, "polygon")])

    outcome = command("check", "answers.jsonl", "list.json")

    assert outcome.stdout == (
        "answers.jsonl:2  RLE13 counts_cut_short (error)\n"
        "  at        $.predictions[0].masks.counts\n"
        "  found     'k'\n"
        "  expected  a last character in '0'..'O', which ends its value\n"
        "  because   the last of 5 characters\n"
        "\n"
        "list.json  POL18 ring_closed (warning)\n"
        "  at        $[1].masks[0][4]\n"
        "  found     [[3, 1], [1, 1]]\n"
        "  expected  open rings\n"
        "\n"
        "RLE13  counts_cut_short  1  error\n"
        "POL18  ring_closed       1  warning\n"
        "\n"
        "2 files, 4 masks: 1 error, 1 warning\n"
        "`sam3-contract masks explain RLE13` tells how it comes about and how to mend it\n"
    )
    assert outcome.stderr == ""
    assert outcome.status == 1


def test_check_of_a_clean_file_says_so(command: Command) -> None:
    written("clean.jsonl", *[{"predictions": [prediction(RLE, "rle")]}] * 1200)

    outcome = command("check", "clean.jsonl", "--image-size", "6x4")

    assert outcome == Outcome(0, "1 file, 1,200 masks: no defect\n", "")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("name", ["answer.json", "lines.jsonl"])
def test_byte_order_mark_is_skipped(command: Command, pack: Callable[[bytes], bytes], name: str) -> None:
    line = json.dumps({"size": [4, 6], "counts": "5220;"}).encode() + b"\n"
    Path(name).write_bytes(pack(codecs.BOM_UTF8 + line * (2 if name.endswith("l") else 1)))

    assert command("check", name).status == 0


def test_check_writes_json_lines_for_programs(command: Command) -> None:
    written("answers.jsonl", prediction(CUT), prediction(RLE))

    outcome = command("check", "answers.jsonl", "--format", "json")

    assert findings_of(outcome) == [
        {
            "file": "answers.jsonl",
            "line": 1,
            "path": "$.masks.counts",
            "code": "RLE13",
            "name": "counts_cut_short",
            "severity": "error",
            "found": "'k'",
            "expected": "a last character in '0'..'O', which ends its value",
            "diagnosis": "the last of 5 characters",
        }
    ]
    assert totals_of(outcome) == {
        "files": 1,
        "masks": 2,
        "masks_with_findings": 1,
        "errors": 1,
        "warnings": 0,
        "notes": 0,
        "defects": {"RLE13": 1},
        "only_counted": 0,
        "unread": [],
        "exit_status": 1,
    }


def test_check_shows_no_more_than_asked_for_and_counts_all(command: Command) -> None:
    written("many.jsonl", *[prediction(CUT)] * 30)

    outcome = command("check", "many.jsonl", "--max-findings", 2)

    assert outcome.stdout.count("RLE13 counts_cut_short (error)") == 2
    assert "many.jsonl: 28 more, not shown; --max-findings shows more\n" in outcome.stdout
    assert "RLE13  counts_cut_short  30  error\n" in outcome.stdout
    assert len(findings_of(command("check", "many.jsonl", "--max-findings", 2, "--format", "json"))) == 30


FAMILIES_IN_LINES = ("MSK", "RLE", "POL", "COC", "TXT")
LINE_DEFECTS = [d for d in DEFECTS if d.code.startswith(FAMILIES_IN_LINES) and d.name != "forms_disagree"]
"""All but the npz's, and the one that two answers of one mask show: see `masks show --diff`."""

SEEN_TWICE = {"TXT03": "POL05", "TXT04": "POL13"}
"""A number that JSON does not have is also no coordinate."""


def line_with(defect: Defect) -> str:
    if defect.code.startswith("TXT"):
        assert isinstance(defect.example, str)
        return defect.example
    record: dict[str, Any] = {"predictions": [prediction(defect.example, defect.declared_format)]}
    if defect.code.startswith("COC"):
        record = {"annotations": [{"image_id": 1, "segmentation": defect.example}]}
    if defect.image_size is not None:
        record["image"] = dict(zip(("height", "width"), defect.image_size, strict=True))
    return json.dumps(record)


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_line_of_the_catalogue_is_named_with_its_own_code(command: Command, jobs: int) -> None:
    Path("each.jsonl").write_text("".join(line_with(defect) + "\n" for defect in LINE_DEFECTS), encoding="utf-8")

    outcome = command("check", "each.jsonl", "--format", "json", "--jobs", jobs)

    found: dict[int, list[str]] = {}
    for finding in findings_of(outcome):
        found.setdefault(finding["line"], []).append(finding["code"])
    expected = {
        line: [defect.code, *([SEEN_TWICE[defect.code]] if defect.code in SEEN_TWICE else [])]
        for line, defect in enumerate(LINE_DEFECTS, start=1)
    }
    # The example of POL05 is a NaN, which JSON does not have either.
    expected[[d.code for d in LINE_DEFECTS].index("POL05") + 1] = ["TXT03", "POL05"]
    assert found == expected
    assert outcome.status == 1


@pytest.mark.parametrize("defect", LINE_DEFECTS, ids=lambda defect: defect.name)
def test_exit_status_follows_the_severity(command: Command, defect: Defect) -> None:
    Path("one.jsonl").write_text(line_with(defect), encoding="utf-8")

    # A file without any segmentation holds no mask.
    alone = 3 if defect.name == "segmentation_missing" else 0
    assert command("check", "one.jsonl").status == (1 if defect.severity == "error" else alone)


def test_one_unreadable_file_does_not_stop_the_others(command: Command) -> None:
    written("clean.json", prediction(RLE))
    written("faulty.json", prediction(CUT))
    written("none.json", {"predictions": []})
    Path("empty.json").touch()
    Path("folder").mkdir()
    whole = gzip.compress(Path("clean.json").read_bytes() * 5000)
    Path("cut.json.gz").write_bytes(whole[:-30])

    without = command("check", "missing.json", "clean.json", "folder", "cut.json.gz", "none.json", "empty.json")
    with_error = command("check", "missing.json", "faulty.json")

    assert without.stderr.splitlines() == [
        "sam3-contract: missing.json cannot be read: No such file or directory",
        "sam3-contract: folder cannot be read: Is a directory",
        "sam3-contract: cut.json.gz is gzip that is damaged or cut short: "
        "Compressed file ended before the end-of-stream marker was reached",
        "sam3-contract: none.json holds no mask",
        "sam3-contract: empty.json holds no mask",
    ]
    assert without.stdout.endswith("no defect; not all could be judged\n")
    assert without.status == 3
    assert with_error.status == 1


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["check"], 2, "Missing argument 'FILE...|-'"),
        (["check", "rle.json", "--select", "RLE1,ring_close"], 2, "no mask defect named 'ring_close'; did you mean"),
        (["check", "rle.json", "--select", "TXT", "--ignore", "txt"], 2, "no mask defect is left"),
        (["check", "rle.json", "--select", " , "], 2, "'--select': ' , ' names nothing"),
        (["check", "rle.json", "--image-size", "640"], 2, "--image-size is '640', expected width x height in pixels"),
        (["check", "rle.json", "--image-size", "0x4"], 2, "--image-size is '0x4'"),
        (["check", "rle.json", "--image-size", "6x4", "--image", "a.png"], 2, "--image-size and --image are both"),
        (["check", "set.zip"], 3, "set.zip is a zip archive of 'train/a.json' and 1 more, and no npz: unpack it"),
        (["convert", "set.zip", "--to", "rle", "-o", "x"], 3, "set.zip is a zip archive of 'train/a.json'"),
        (["check", "rle.json", "--image", "no.png"], 3, "no.png cannot be read: No such file or directory"),
        (["check", "rle.json", "--image", "rle.json"], 3, "rle.json: no image starts with"),
        (["check", "rle.json", "--jobs", "0"], 2, "0 is not in the range"),
        (["convert", "rle.json", "--to", "svg", "-o", "x"], 2, "'svg' is not one of"),
        (["convert", "rle.json", "--to", "rle"], 2, "Missing option '-o'"),
        (["convert", "no.json", "--to", "rle", "-o", "x"], 3, "no.json cannot be read: No such file or directory"),
        (["convert", "rle.json", "--to", "rle", "-o", "no/x"], 2, "no/x cannot be written: No such file"),
        (["convert", "rle.json", "--to", "png", "-o", "rle.json"], 2, "rle.json cannot be written: Not a directory"),
        (["convert", "rle.json", "--to", "png", "-o", "-"], 2, "-o is -, expected a folder: png is one file per mask"),
        (["convert", "ring.json", "--to", "rle", "-o", "x"], 2, "the size of the image of $ is not known; pass"),
        (["convert", "none.json", "--to", "rle", "-o", "x"], 3, "none.json holds no mask; nothing is written"),
        (["convert", "sizes.json", "--to", "npz", "-o", "x"], 2, "masks have 2 sizes, 4 x 6 and 5 x 5 among them"),
        (["show", "no.png", "rle.json", "-o", "x.png"], 3, "no.png cannot be read"),
        (["show", "rle.json", "rle.json", "-o", "x.png"], 3, "rle.json: the image cannot be decoded"),
        (["show", "photo.png", "none.json", "-o", "x.png"], 3, "none.json holds no mask"),
        (["show", "photo.png", "sizes.jsonl", "-o", "x.png"], 2, "sizes.jsonl holds 2 lines; a picture shows one"),
        (["show", "photo.png", "rle.json", "-o", "x.mask"], 2, "x.mask cannot be written: unknown file extension"),
        (["show", "photo.png", "rle.json", "-o", "x.h5"], 2, "x.h5 cannot be written: Pillow writes no such picture"),
        (["show", "photo.png", "rle.json", "-o", "x.xbm"], 2, "x.xbm cannot be written: Pillow writes no such picture"),
        (["show", "photo.png", "rle.json", "-o", "x.psd"], 2, "x.psd cannot be written: Pillow writes no such picture"),
        (["show", "photo.png", "rle.json", "-o", "no/x.png"], 2, "no/x.png cannot be written: No such file"),
        (["explain", "rle_13"], 2, "no mask defect named 'rle_13'; did you mean 'rle13'?"),
    ],
)
def test_bad_input_gets_one_clear_line(command: Command, arguments: list[str], status: int, line: str) -> None:
    written("rle.json", RLE)
    written("ring.json", RING)
    written("none.json", {"predictions": []})
    other = masks.rle_from_bitmap(np.eye(5, dtype=np.bool_))
    written("sizes.json", [prediction(RLE), prediction(other)])
    written("sizes.jsonl", prediction(RLE), prediction(RLE))
    Image.new("RGB", (6, 4)).save("photo.png")
    with zipfile.ZipFile("set.zip", "w") as archive:
        archive.writestr("train/a.json", "{}")
        archive.writestr("train/a.jpg", "")
    before = sorted(Path().iterdir())

    outcome = command(*arguments)

    assert line in outcome.stderr
    assert outcome.status == status
    assert outcome.stdout == "" or status == 3
    assert sorted(Path().iterdir()) == before


def test_defects_are_chosen_by_code_prefix_and_name() -> None:
    assert selected_codes() is None
    assert selected_codes(["ring_closed", "rle1"], ["RLE13", "value_too_long"]) == {
        "POL18",
        *(f"RLE{number}" for number in range(10, 20) if number not in (13, 14)),
    }


def test_what_is_ignored_counts_for_nothing(command: Command) -> None:
    written("faulty.json", prediction(CUT))

    assert command("check", "faulty.json", "--ignore", "RLE13").stdout == "1 file, 1 mask: no defect\n"
    assert command("check", "faulty.json", "--select", "POL").status == 0
