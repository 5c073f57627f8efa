"""`sam3-contract masks` as people meet it: transcripts, exit statuses, and files of every kind it takes."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as pycoco
from pycocotools.coco import COCO

from sam3_contract import masks
from sam3_contract.cli import main
from sam3_contract.cli.masks.check import selected_codes
from sam3_contract.cli.masks.show import show
from sam3_contract.mask_files import batches
from sam3_contract.masks import DEFECTS, Defect
from sam3_contract.testing import specimen
from tests.servers import ROOT, run_command

RLE = {"size": [4, 6], "counts": "5220;"}
CUT = {"size": [4, 6], "counts": "5220k"}
RING = [[[1, 1], [1, 3], [3, 3], [3, 1]]]

Monkey = pytest.MonkeyPatch


class Outcome(NamedTuple):
    status: int
    stdout: str
    stderr: str


class Command:
    """Runs `sam3-contract masks` in this process, which saves the half second of starting another."""

    def __init__(self, monkeypatch: Monkey, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Outcome:
        self._monkeypatch.setattr(sys, "argv", ["sam3-contract", "masks", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main(sys.argv[1:])  # without arguments it takes the process for its own
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        assert isinstance(exit_.value.code, int)
        return Outcome(exit_.value.code, said.out, said.err)


@pytest.fixture
def command(monkeypatch: Monkey, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return Command(monkeypatch, capsys)


def prediction(payload: Any, declared: str | None = None, **more: Any) -> dict[str, Any]:
    return {"masks": payload, **({"format": declared} if declared else {}), **more}


def written(name: str, *values: Any) -> Path:
    path = Path(name)
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def findings_of(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.stdout.splitlines()[:-1]]


def totals_of(outcome: Outcome) -> dict[str, Any]:
    totals: dict[str, Any] = json.loads(outcome.stdout.splitlines()[-1])["totals"]
    return totals


# masks check: what it prints


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


# masks check: the catalogue


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


# masks check: what it reads


def npz_of(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


LOGITS = np.where(specimen("ring"), 3.5, -2.0).astype(np.float32)[None].repeat(3, axis=0)
LOW = np.zeros((3, 8, 8), np.float32)

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


# masks check: what it refuses


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


# masks check: as a process


def test_check_reads_standard_input_and_writes_no_bar_into_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text((json.dumps(prediction(RLE)) + "\n") * 3000, encoding="utf-8")
    with path.open("rb") as file:
        result = subprocess.run(
            [sys.executable, "-m", "sam3_contract", "masks", "check", "-", "--jobs", "2"],
            cwd=ROOT,
            stdin=file,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    assert (result.stdout, result.stderr, result.returncode) == ("1 file, 3,000 masks: no defect\n", "", 0)


def test_closed_standard_input_is_named(command: Command, monkeypatch: Monkey) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    outcome = command("convert", "-", "--to", "rle", "-o", "x")

    assert (outcome.status, outcome.stderr) == (3, "sam3-contract: - cannot be read: standard input is closed\n")


def test_bar_on_a_terminal_leaves_stdout_alone(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    path = tmp_path / "lines.jsonl"
    path.write_text((json.dumps(prediction(CUT)) + "\n") * 2000, encoding="utf-8")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sam3_contract", "masks", "check", str(path), "--max-findings", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        text=True,
    ) as process:
        os.close(theirs)
        drawn = b""
        try:
            while piece := os.read(ours, 2**16):
                drawn += piece
        except OSError:  # what Linux says when the other end has gone
            pass
        stdout, _ = process.communicate()
    os.close(ours)

    assert process.returncode == 1
    assert "\x1b" not in stdout
    assert stdout.startswith(f"{path}:1  RLE13 counts_cut_short (error)\n")
    assert "RLE13  counts_cut_short  2,000  error\n" in stdout
    assert b"\x1b" in drawn
    assert b"RLE13" not in drawn


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_colours_on_a_terminal_are_colours_and_names_are_written_out(
    command: Command, monkeypatch: Monkey, no_colour: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_colour)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    outcome = command("check", written("a\x1b[31m.json", {**RLE, "counts": "5220k\x9b"}))

    red, end = ("", "") if no_colour else ("\x1b[31m", "\x1b[0m")
    first, *_, last, _ = outcome.stdout.splitlines()
    assert first.startswith(rf"a\x1b[31m.json  {red}RLE")
    assert first.endswith(f"{end} (error)")
    assert last == f"1 file, 1 mask: {red}1 error{end}"
    assert outcome.stdout.count("\x1b") == (0 if no_colour else 6)
    assert "\x9b" not in outcome.stdout


def test_output_for_programs_is_json_whatever_a_file_is_called(command: Command) -> None:
    name = written("a\xa0\x7f\x85\u2028\u202e\x1b.json", {**RLE, "counts": "5220k"})

    first, totals = command("check", name, "--format", "json").stdout.splitlines()

    assert json.loads(first)["file"] == str(name)
    assert json.loads(totals)["totals"]["masks"] == 1
    assert not any(character in first for character in "\xa0\x7f\x85\u2028\u202e")


@pytest.mark.parametrize("name", ["check", "convert", "show", "explain"])
def test_help_teaches(name: str) -> None:
    result = run_command("masks", name, "--help")

    assert result.returncode == 0
    assert "\\b" not in result.stdout
    assert "\b" not in result.stdout
    assert name == "explain" or re.search(r"Exit status:", result.stdout)


# masks convert


def holed() -> np.ndarray:
    mask = np.zeros((40, 60), np.bool_)
    mask[5:35, 5:50] = True
    mask[10:20, 10:20] = False
    mask[14:16, 14:16] = True
    return mask


def plain() -> np.ndarray:
    mask = np.zeros((40, 60), np.bool_)
    mask[3:9, 30:58] = True
    return mask


def answer(*payloads: Any, declared: str = "rle") -> dict[str, Any]:
    predictions = [prediction(payload, declared, confidence=0.5 + index / 8) for index, payload in enumerate(payloads)]
    echo = {"prompt_index": 1, "type": "text", "text": "cup", "num_boxes": 0}
    return {"prompt_results": [{"prompt_index": 1, "echo": echo, "predictions": predictions}], "time": 0.1}


def test_convert_to_polygons_keeps_the_answer_and_tells_the_loss(command: Command) -> None:
    rles = [masks.rle_from_bitmap(bitmap) for bitmap in (holed(), plain())]
    written("rle.json", answer(*rles))

    outcome = command("convert", "rle.json", "--to", "polygon", "-o", "polygon.json")

    assert outcome == Outcome(
        0,
        "",
        "polygon.json: 2 masks\nholes of 1 masks are filled, 96 pixels in all, and 1 nested in them are gone\n",
    )
    polygons = [masks.polygons_from_bitmap(bitmap) for bitmap in (holed(), plain())]
    assert json.loads(Path("polygon.json").read_text()) == answer(*polygons, declared="polygon")


def test_convert_there_and_back_is_the_identity_without_holes(command: Command) -> None:
    written("rle.jsonl", answer(masks.rle_from_bitmap(plain())), answer())

    command("convert", "rle.jsonl", "--to", "polygon", "-o", "polygon.jsonl")
    back = command("convert", "polygon.jsonl", "--to", "rle", "-o", "-", "--image-size", "60x40")

    assert back.stdout == Path("rle.jsonl").read_text()


def test_convert_writes_coco_results_that_pycocotools_agrees_with(command: Command) -> None:
    written("rle.jsonl", *(answer(masks.rle_from_bitmap(bitmap)) for bitmap in (holed(), plain())))

    assert command("convert", "rle.jsonl", "--to", "coco", "-o", "coco.json").status == 0

    results = json.loads(Path("coco.json").read_text())
    assert [(r["image_id"], r["category_id"], r["score"]) for r in results] == [(1, 2, 0.5), (2, 2, 0.5)]
    for result in results:
        rle = {**result["segmentation"], "counts": result["segmentation"]["counts"].encode()}
        assert result["area"] == int(pycoco.area(rle))
        assert result["bbox"] == pycoco.toBbox(rle).tolist()
    assert command("check", "coco.json").status == 0


def test_convert_writes_a_coco_file_if_nothing_is_known_of_confidence(command: Command) -> None:
    Path("masks.npz").write_bytes(npz_of(masks=LOGITS, low_res_masks=LOW))

    assert command("convert", "masks.npz", "--to", "coco", "-o", "coco.json").status == 0
    assert command("convert", "coco.json", "--to", "polygon", "-o", "flat.json").status == 0

    coco = json.loads(Path("coco.json").read_text())
    assert coco["images"] == [{"id": 1, "height": 6, "width": 7}]
    assert coco["categories"] == [{"id": 1, "name": "category 1"}]
    assert [a["id"] for a in coco["annotations"]] == [1, 2, 3]
    assert coco["annotations"][0]["segmentation"] == masks.rle_from_bitmap(specimen("ring"))
    flat = json.loads(Path("flat.json").read_text())["annotations"][0]["segmentation"]
    assert flat == [[1, 1, 6, 1, 6, 5, 1, 5]]


SQUARE = [10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]
DATASET: dict[str, Any] = {
    "info": {"year": 2026},
    "licenses": [],
    "images": [
        {"id": 7, "file_name": "train/a.jpg", "width": 64, "height": 48},
        {"id": 9, "file_name": "b.jpg", "width": 64, "height": 48},
    ],
    "annotations": [
        {"id": 101, "image_id": 7, "category_id": 3, "segmentation": [SQUARE], "area": 400.5, "bbox": [10, 10, 20, 20]},
        {"id": 102, "image_id": 7, "category_id": 3, "segmentation": {"size": [48, 64], "counts": [490, 20, 2562]}},
        {"id": 103, "image_id": 7, "category_id": 3, "segmentation": [], "bbox": [1, 1, 2, 2]},
    ],
    "categories": [{"id": 3, "name": "dog", "supercategory": "animal"}, {"id": 4, "name": "unused"}],
}
DATASET["annotations"][1] |= {"iscrowd": 1, "attributes": {"occluded": True}}


def pixels_of_pycocotools(path: str) -> dict[int, str]:
    """Read each annotation's mask as pycocotools does."""
    with redirect_stdout(io.StringIO()):
        coco = COCO(path)
    sound = {number: one for number, one in coco.anns.items() if one.get("segmentation")}
    counts = {number: coco.annToRLE(one)["counts"] for number, one in sound.items()}
    return {number: each if isinstance(each, str) else each.decode() for number, each in counts.items()}


@pytest.mark.parametrize("target", ["rle", "polygon", "coco"])
def test_convert_keeps_what_a_coco_file_holds(command: Command, target: str) -> None:
    written("full.json", DATASET)

    outcome = command("convert", "full.json", "--to", target, "-o", "out.json")

    assert outcome == Outcome(0, "", "out.json: 2 masks\n1 without a mask stay as they are\n")
    converted = json.loads(Path("out.json").read_text())
    for before, after in zip(DATASET["annotations"], converted["annotations"], strict=True):
        assert {key: after[key] for key in before if key != "segmentation"} == {
            key: value for key, value in before.items() if key != "segmentation"
        }
    assert {key: converted[key] for key in DATASET if key != "annotations"} == {
        key: value for key, value in DATASET.items() if key != "annotations"
    }
    assert pixels_of_pycocotools("out.json") == pixels_of_pycocotools("full.json")
    assert command("check", "out.json").status == 0


def test_convert_makes_a_coco_file_of_one_that_lacks_images(command: Command) -> None:
    """As SA-1B's files do, which describe their one image beside the annotations."""
    image = {"image_id": 5, "file_name": "sa_5.jpg", "width": 6, "height": 4}
    written("sa_5.json", {"image": image, "annotations": [{"id": 50, "segmentation": RLE, "bbox": [1, 1, 2, 2]}]})

    assert command("convert", "sa_5.json", "--to", "coco", "-o", "coco.json").status == 0

    coco = json.loads(Path("coco.json").read_text())
    assert coco["images"] == [{"id": 5, "file_name": "sa_5.jpg", "height": 4, "width": 6}]
    assert [(one["id"], one["image_id"], one["iscrowd"], one["area"]) for one in coco["annotations"]] == [(50, 5, 0, 4)]


def test_convert_keeps_the_fields_of_results(command: Command) -> None:
    result = {"image_id": 7, "category_id": 3, "segmentation": RLE, "score": 0.5, "bbox": [0, 0, 9, 9], "track": 4}
    written("results.json", [result, {**result, "score": 0.25}])

    assert command("convert", "results.json", "--to", "coco", "-o", "coco.json").status == 0

    results = json.loads(Path("coco.json").read_text())
    assert [{**one, "area": None} for one in results] == [
        {**result, "area": None},
        {**result, "score": 0.25, "area": None},
    ]


@pytest.mark.parametrize("score", [None, "0.5", True])
def test_score_that_is_no_number_makes_no_results(command: Command, score: Any) -> None:
    """COCOeval sorts results by their scores, and fails on such."""
    result = {"image_id": 7, "category_id": 3, "segmentation": RLE, "score": score}
    written("results.json", [result, {**result, "score": 0.5}])

    assert command("convert", "results.json", "--to", "coco", "-o", "coco.json").status == 0

    assert json.loads(Path("coco.json").read_text()).keys() == {"images", "annotations", "categories"}
    assert len(pixels_of_pycocotools("coco.json")) == 2


def dataset(name: str, concept: str, *, columns: slice = slice(5), **fields: Any) -> dict[str, Any]:
    bitmap = np.zeros((48, 64), np.bool_)
    bitmap[10:20, columns] = True
    rle = masks.rle_from_bitmap(bitmap)
    return {
        "images": [{"id": 1, "file_name": name, "width": 64, "height": 48}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": rle, **fields}],
        "categories": [{"id": 1, "name": concept}],
    }


def told_by_pycocotools(path: str) -> set[tuple[str, str, str]]:
    """Read of each annotation its image's name, its category's, and its pixels."""
    with redirect_stdout(io.StringIO()):
        coco = COCO(path)
    return {
        (coco.imgs[one["image_id"]]["file_name"], coco.cats[one["category_id"]]["name"], one["segmentation"]["counts"])
        for one in coco.anns.values()
    }


@pytest.mark.parametrize(
    ("others", "changed"),
    [
        ([("b.jpg", "cat")], "3 ids"),
        ([("b.jpg", "dog")], "2 ids"),
        ([("a.jpg", "dog")], "1 id"),
        ([("b.jpg", "cat"), ("c.jpg", "cow"), ("b.jpg", "cow")], "9 ids"),
    ],
)
def test_convert_of_files_that_share_ids_keeps_what_each_says(
    command: Command, others: list[tuple[str, str]], changed: str
) -> None:
    parts = [dataset("a.jpg", "dog")]
    parts += [dataset(*other, columns=slice(place, place + 9)) for place, other in enumerate(others, start=1)]
    written("parts.jsonl", *parts)
    expected = set()
    for part in parts:
        written("part.json", part)
        expected |= told_by_pycocotools("part.json")

    outcome = command("convert", "parts.jsonl", "--to", "coco", "-o", "out.json")

    assert outcome.stderr.splitlines()[1:] == [f"{changed} had to change, as another had the same"]
    assert told_by_pycocotools("out.json") == expected
    assert len(json.loads(Path("out.json").read_text())["annotations"]) == len(parts)


@pytest.mark.parametrize("taken", [1, [1]])
def test_convert_gives_each_annotation_an_id_of_its_own(command: Command, taken: Any) -> None:
    whole = dataset("a.jpg", "dog")
    whole["annotations"] += dataset("a.jpg", "dog", columns=slice(9), id=taken)["annotations"]
    written("twice.json", whole)

    assert command("convert", "twice.json", "--to", "coco", "-o", "out.json").stderr.endswith(
        "\n1 id had to change, as another had the same\n"
    )
    assert len(told_by_pycocotools("out.json")) == 2


def test_convert_completes_what_is_null(command: Command) -> None:
    written("null.json", dataset("a.jpg", "dog", id=None, bbox=None, area=None, iscrowd=None))

    command("convert", "null.json", "--to", "coco", "-o", "out.json")

    [one] = json.loads(Path("out.json").read_text())["annotations"]
    assert (one["id"], one["bbox"], one["area"], one["iscrowd"]) == (1, [0, 10, 5, 10], 50, 0)


@pytest.mark.parametrize(
    ("told", "read"), [(("x.jpg", "dog"), ("x.jpg", "dog")), ((7.0, 3.0), (7, 3)), (([7], {}), (1, 1))]
)
def test_convert_keeps_ids_of_results_in_other_writing(
    command: Command, told: tuple[Any, Any], read: tuple[Any, Any]
) -> None:
    """Names in the place of numbers, and the fractions that a table makes of them."""
    written("results.json", [{"image_id": told[0], "category_id": told[1], "segmentation": RLE, "score": 0.5}])

    assert command("convert", "results.json", "--to", "coco", "-o", "out.json").status == 0

    [one] = json.loads(Path("out.json").read_text())
    assert (one["image_id"], one["category_id"]) == read


def test_whole_fractions_are_sides_and_ids_of_images(command: Command) -> None:
    ring = [[0.0, 10.0, 5.0, 10.0, 5.0, 20.0, 0.0, 20.0]]
    whole = dataset("a.jpg", "dog", image_id=1.0, segmentation=ring)
    whole["images"][0] |= {"width": 64.0, "height": 48.0}
    written("table.json", whole)

    assert command("convert", "table.json", "--to", "rle", "-o", "out.json").status == 0
    assert told_by_pycocotools("out.json") == {
        ("a.jpg", "dog", dataset("a.jpg", "dog")["annotations"][0]["segmentation"]["counts"])
    }


def test_convert_names_the_id_that_no_image_has(command: Command) -> None:
    written("orphan.json", dataset("a.jpg", "dog", image_id="1", segmentation=[[0, 0, 5, 0, 5, 5]]))

    outcome = command("convert", "orphan.json", "--to", "coco", "-o", "out.json")

    assert outcome.status == 2
    assert "is not known: `images` has none of the id '1' with a width and a height; pass" in outcome.stderr


@pytest.mark.parametrize("content", ["", " \n\t"])
def test_convert_of_an_empty_file_says_that_it_holds_no_mask(command: Command, content: str) -> None:
    Path("empty.json").write_text(content)

    outcome = command("convert", "empty.json", "--to", "rle", "-o", "out.json")

    assert outcome == Outcome(3, "", "sam3-contract: empty.json holds no mask; nothing is written\n")
    assert not Path("out.json").exists()


def test_convert_of_a_mask_without_pixels_leaves_an_rle(command: Command) -> None:
    """COCO has no polygon for it that loaders take."""
    written("empty.json", {**DATASET, "annotations": [{**DATASET["annotations"][0], "segmentation": EMPTY}]})

    outcome = command("convert", "empty.json", "--to", "polygon", "-o", "out.json")

    assert outcome.stderr == "out.json: 1 mask\n1 without a pixel stay RLEs: COCO has no empty polygon\n"
    assert json.loads(Path("out.json").read_text())["annotations"][0]["segmentation"] == EMPTY


EMPTY = {"size": [48, 64], "counts": "PP3"}

coordinates = st.one_of(st.integers(0, 24).map(float), st.floats(0, 24, width=32))
segmentations = st.one_of(
    st.lists(
        # Within the first pixel they would be taken for fractions of the sides.
        st.lists(coordinates, min_size=6, max_size=12)
        .map(lambda ring: ring[: len(ring) // 2 * 2])
        .filter(lambda ring: max(ring) > 1),
        min_size=1,
        max_size=3,
    ),
    arrays(np.bool_, (24, 24)).map(masks.rle_from_bitmap),
    arrays(np.bool_, (24, 24), elements=st.sampled_from([True, True, True, False])).map(
        lambda bitmap: {"size": [24, 24], "counts": masks.run_lengths_from_bitmap(bitmap).tolist()}
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(segmentations, min_size=1, max_size=4),
    st.sampled_from([("rle", "polygon"), ("polygon", "rle"), ("coco", "polygon")]),
)
def test_convert_to_and_fro_keeps_the_pixels_that_pycocotools_reads(
    command: Command, some: list[Any], targets: tuple[str, str]
) -> None:
    annotations = [
        {"id": number, "image_id": 1, "category_id": 1, "segmentation": one} for number, one in enumerate(some, start=1)
    ]
    written("a.json", {"images": [{"id": 1, "width": 24, "height": 24}], "annotations": annotations, "categories": []})

    outcomes = [
        command("convert", first, "--to", target, "-o", second)
        for first, second, target in zip(("a.json", "b.json"), ("b.json", "c.json"), targets, strict=True)
    ]

    assert [outcome.status for outcome in outcomes] == [0, 0]
    before, after = pixels_of_pycocotools("a.json"), pixels_of_pycocotools("c.json")
    areas = [
        sum(map(int, pycoco.area([{"size": [24, 24], "counts": counts} for counts in each.values()])))
        for each in (before, after)
    ]
    filled = [re.search(r"filled, (\d+) pixels", outcome.stderr) for outcome in outcomes]
    assert areas[1] - areas[0] == sum(int(each[1]) for each in filled if each)
    if not any(filled):
        assert after == before
    # What was written is taken by our own check, warnings of the first file's own polygons apart.
    assert all(command("check", name).status == 0 for name in ("a.json", "b.json", "c.json"))


def test_convert_to_pictures_and_back_from_an_archive(command: Command) -> None:
    written("rle.json", answer(*(masks.rle_from_bitmap(bitmap) for bitmap in (holed(), plain()))))

    assert command("convert", "rle.json", "--to", "png", "-o", "folder").status == 0
    assert command("convert", "rle.json", "--to", "npz", "-o", "masks.npz").status == 0
    assert command("check", "masks.npz").status == 0
    assert command("convert", "masks.npz", "--to", "rle", "-o", "back.json").status == 0

    pictures = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(Path("folder").iterdir())]
    assert [path.name for path in sorted(Path("folder").iterdir())] == ["mask-0001.png", "mask-0002.png"]
    for picture, bitmap in zip(pictures, (holed(), plain()), strict=True):
        assert (picture == bitmap * np.uint8(255)).all()
    back = json.loads(Path("back.json").read_text())
    assert [one["masks"] for one in back] == [masks.rle_from_bitmap(bitmap) for bitmap in (holed(), plain())]


@pytest.mark.parametrize("form", ["rle", "polygon", "coco", "png", "npz"])
def test_convert_refuses_unsound_masks_by_name_or_leaves_them_out(command: Command, form: str) -> None:
    lines = [json.dumps([prediction(RLE), prediction(CUT)]), json.dumps(prediction(CUT)), '{"masks": [[]]']
    Path("some.jsonl").write_text("\n".join(lines), encoding="utf-8")

    refused = command("convert", "some.jsonl", "--to", form, "-o", "out")
    n_files = len(list(Path().iterdir()))
    skipped = command("convert", "some.jsonl", "--to", form, "-o", "out", "--skip-unsound")

    assert refused.status == 1
    assert [line.split(" at ")[0] for line in refused.stderr.splitlines()] == [
        "sam3-contract: some.jsonl:1: RLE13 counts_cut_short",
        "sam3-contract: some.jsonl:2: RLE13 counts_cut_short",
        "sam3-contract: some.jsonl:3: TXT01 not_json",
        "sam3-contract: nothing is written: masks are not sound; --skip-unsound leaves them out",
    ]
    assert n_files == 1
    assert skipped.status == 0
    assert "out: 1 mask, 3 unsound left out" in skipped.stderr
    if form == "rle":
        assert json.loads(Path("out").read_text()) == [prediction(RLE, "rle")]


def test_convert_of_nothing_but_unsound_masks_writes_nothing(command: Command) -> None:
    written("cut.json", CUT)

    outcome = command("convert", "cut.json", "--to", "rle", "-o", "out", "--skip-unsound")

    assert "cut.json holds no sound mask; nothing is written" in outcome.stderr
    assert outcome.status == 1
    assert not Path("out").exists()


# masks show


@pytest.fixture
def photograph(command: Command) -> str:
    del command  # the folder is the one it runs in
    Image.fromarray(np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)).convert("RGB").save("photo.png")
    return "photo.png"


@pytest.mark.parametrize(
    ("name", "arguments"), [("convert", ["--to", "rle", "-o", "out.json"]), ("show", ["-o", "out.png"])]
)
def test_document_that_unpacks_to_far_more_than_it_takes_is_refused(
    command: Command, photograph: str, monkeypatch: pytest.MonkeyPatch, name: str, arguments: list[str]
) -> None:
    monkeypatch.setattr(batches, "_UNPACKED_BYTES", 4096)
    text = json.dumps(answer(masks.rle_from_bitmap(plain()))).encode()
    Path("blank.json.gz").write_bytes(gzip.compress(text + b" " * 100_000))
    Path("sound.json.gz").write_bytes(gzip.compress(text + b" " * 1000))
    photographs = [photograph] if name == "show" else []

    refused = command(name, *photographs, "blank.json.gz", *arguments)
    taken = command(name, *photographs, "sound.json.gz", *arguments)

    assert (refused.status, taken.status) == (3, 0)
    assert re.search(r"blank\.json\.gz unpacks to more than \d+ bytes, the most that is read of a", refused.stderr)


def test_document_that_is_too_long_to_be_held_is_refused(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(plain())))
    length = Path("rle.json").stat().st_size

    monkeypatch.setattr(batches, "WHOLE_BYTES", length)
    taken = command("convert", "rle.json", "--to", "rle", "-o", "out.json")
    monkeypatch.setattr(batches, "WHOLE_BYTES", length - 1)
    refused = command("convert", "rle.json", "--to", "rle", "-o", "out.json")

    assert (taken.status, refused.status) == (0, 3)
    assert (
        f"rle.json has more than {length - 1} bytes, the most that is read of a document: write it as" in refused.stderr
    )


def test_show_draws_the_masks(command: Command, photograph: str) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(holed()), masks.rle_from_bitmap(plain())))

    outcome = command("show", photograph, "rle.json", "-o", "out.png")

    assert outcome == Outcome(0, "", "")
    with Image.open("out.png") as picture:
        assert picture.size == (660, 440)


def test_show_draws_the_sound_masks_and_names_the_others(command: Command, photograph: str) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(plain()), CUT, masks.rle_from_bitmap(plain().T)))

    outcome = command("show", photograph, "rle.json", "-o", "out.png")

    assert [line.split(" at ")[0] for line in outcome.stderr.splitlines()] == [
        "sam3-contract: rle.json: RLE13 counts_cut_short",
        "sam3-contract: rle.json: RLE04 size_swapped",
    ]
    assert outcome.status == 1
    assert Path("out.png").exists()


def test_show_diff_prints_this_transcript(command: Command, photograph: str) -> None:
    lonely = np.zeros((40, 60), np.bool_)
    lonely[30:39, 2:6] = True
    line = np.zeros((40, 60), np.bool_)
    line[2, 2:20] = True
    first = [masks.rle_from_bitmap(bitmap) for bitmap in (holed(), plain(), lonely, line)]
    turned = [[[2, 2], [2, 19]]]
    second = [masks.polygons_from_bitmap(bitmap) for bitmap in (np.roll(plain(), 2, axis=0), holed())]
    written("first.json", answer(*first))
    written("second.json", answer(*second, turned, declared="polygon"))

    outcome = command("show", photograph, "first.json", "--diff", "second.json", "-o", "out.png")

    assert outcome.stdout == (
        "  1  cup 0.50  cup 0.62  IoU 0.9289  the second mask is the first with its holes filled: 96 pixels\n"
        "  2  cup 0.62  cup 0.50  IoU 0.5000  the second mask is the first, moved by 2 px down\n"
        "  3  cup 0.75  -         IoU      -  only in the first answer\n"
        "  4  cup 0.88  cup 0.75  IoU 0.0286  the second mask is the first with x and y swapped\n"
        "\n"
        "4 instances: 1 the same, 2 different, 1 only in the first, 0 only in the second\n"
    )
    assert outcome.stderr == ""
    assert outcome.status == 1


def test_show_diff_writes_out_what_a_server_echoes(command: Command, photograph: str) -> None:
    evil = answer(masks.rle_from_bitmap(plain()))
    evil["prompt_results"][0]["echo"]["text"] = "cup\x1b]0;renamed\x07"
    written("first.json", evil)

    outcome = command("show", photograph, "first.json", "--diff", "first.json", "-o", "out.png")

    assert outcome.status == 0
    assert r"cup\x1b]0;renamed\x07" in outcome.stdout
    assert not set("\x1b\x07") & set(outcome.stdout + outcome.stderr)


def test_show_writes_to_standard_output(photograph: str) -> None:
    written("answer.json", prediction(masks.rle_from_bitmap(np.eye(40, 60, dtype=np.bool_))))

    drawn = CliRunner().invoke(show, [photograph, "answer.json", "-o", "-"])
    compared = CliRunner().invoke(show, [photograph, "answer.json", "--diff", "answer.json", "-o", "-"])

    assert [Image.open(io.BytesIO(one.stdout_bytes)).format for one in (drawn, compared)] == ["PNG", "PNG"]
    assert "the masks are equal" in compared.stderr
    assert not Path("-").exists()


@pytest.mark.parametrize("output", ["photo.png", "rle.json", "link.png"])
def test_show_does_not_replace_what_it_shows(command: Command, photograph: str, output: str) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(plain())))
    Path("link.png").symlink_to(photograph)
    before = Path(output).read_bytes()

    outcome = command("show", photograph, "rle.json", "-o", output)

    assert (outcome.status, Path(output).read_bytes()) == (2, before)
    assert f"{output} is what is shown: write the picture to another file" in outcome.stderr


def test_show_that_cannot_write_keeps_the_old_picture(
    command: Command, photograph: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(plain())))
    Path("out.png").write_bytes(b"old")
    there = sorted(Path().iterdir())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = command("show", photograph, "rle.json", "-o", "out.png")

    assert (outcome.status, Path("out.png").read_bytes()) == (2, b"old")
    assert "out.png cannot be written: No space left on device" in outcome.stderr
    assert sorted(Path().iterdir()) == there


def test_show_diff_of_one_answer_in_two_forms_finds_no_difference(command: Command, photograph: str) -> None:
    written("first.json", answer(masks.rle_from_bitmap(holed()), masks.rle_from_bitmap(plain())))
    polygons = [masks.polygons_from_bitmap(bitmap) for bitmap in (holed(), plain())]
    written("second.json", answer(*polygons, declared="polygon"))

    outcome = command("show", photograph, "first.json", "--diff", "second.json", "-o", "out.png")

    assert outcome.status == 0
    assert outcome.stdout.endswith("2 instances: 2 the same, 0 different, 0 only in the first, 0 only in the second\n")


def test_show_diff_diagnoses_a_swapped_size(command: Command, photograph: str) -> None:
    rle = masks.rle_from_bitmap(plain())
    written("first.json", answer(rle))
    written("second.json", answer({**rle, "size": rle["size"][::-1]}))

    outcome = command("show", photograph, "first.json", "--diff", "second.json", "-o", "out.png")

    assert "the second mask is the first with its size swapped: [60, 40] for [40, 60]" in outcome.stdout
    assert "second.json: RLE04 size_swapped" in outcome.stderr
    assert outcome.status == 1


# masks explain


def test_explain_prints_this_transcript(command: Command) -> None:
    explained = (
        "RLE04 size_swapped (error)\n"
        "\n"
        "`size` is [width, height]; the sum of the runs cannot tell.\n"
        "\n"
        "  cause     Image libraries give (width, height), COCO wants [height, width].\n"
        "  mend      Swap the two numbers; the counts need no change if they go down the columns.\n"
        '  example   {"size": [4, 6], "counts": "5220;"}\n'
        "            of an image 4 pixels wide and 6 high\n"
    )

    assert command("explain", "RLE04") == Outcome(0, explained, "")
    assert command("explain", "Size_Swapped").stdout == explained


def test_explain_lists_the_catalogue(command: Command) -> None:
    listed = command("explain").stdout.splitlines()

    assert [line.split()[:3] for line in listed] == [[d.code, d.name, d.severity] for d in DEFECTS]


def test_every_defect_can_be_explained(command: Command) -> None:
    for defect in DEFECTS:
        outcome = command("explain", defect.code)

        assert outcome.status == 0
        assert max(map(len, outcome.stdout.splitlines())) < 160
