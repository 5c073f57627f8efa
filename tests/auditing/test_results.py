"""What an audit leaves behind: tables of findings, pictures of the worst, and what is known when a disk is full."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sam3_contract.auditing import pictures as pictures_module
from sam3_contract.auditing.findings_file import FindingsFile
from sam3_contract.cli import main
from sam3_contract.masks import rle_from_bitmap

SIZE = (40, 60)


def blob(size: tuple[int, int] = SIZE) -> dict[str, Any]:
    bitmap = np.zeros(size, np.bool_)
    bitmap[10:20, 20:40] = True
    return rle_from_bitmap(bitmap)


def annotated(*masks: dict[str, Any], size: tuple[int, int] = SIZE) -> bytes:
    image = {"height": size[0], "width": size[1]}
    return json.dumps({"image": image, "annotations": [{"segmentation": mask} for mask in masks]}).encode()


def rows_of(table: str) -> list[dict[str, Any]]:
    """Read a Parquet file."""
    from pyarrow.parquet import read_table  # noqa: PLC0415 - each worker collects this file, and pyarrow takes 30 MB

    rows: list[dict[str, Any]] = read_table(table).to_pylist()
    return rows


def photograph() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", SIZE[::-1], (0, 90, 0)).save(content, "PNG")
    return content.getvalue()


class Outcome:
    def __init__(self, status: int, output: tuple[str, str]) -> None:
        self.status = status
        self.stdout, self.stderr = output


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `masks check` in a folder with faulty masks."""
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_bytes(annotated(blob(), blob((60, 40)), {**blob(), "counts": "zz"}))
    Path("a.png").write_bytes(photograph())
    with tarfile.open("b.tar", "w") as archive:
        for name, content in (("./sa_1.json", annotated(blob((40, 61)))), ("./sa_1.png", photograph())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    Path("c.jsonl").write_bytes(
        annotated(blob()) + b"\n" + annotated(rle_from_bitmap(np.zeros(SIZE, np.bool_))) + b"\n"
    )

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main(["masks", "check", *arguments])
        return Outcome(int(exit_.value.code or 0), capsys.readouterr())

    return run


def test_findings_are_written_as_table_and_as_lines(check: Any) -> None:
    files = ("a.json", "b.tar", "c.jsonl")
    on_stdout = check(*files, "--format", "json", "--findings", "f.parquet").stdout.splitlines()[:-1]
    as_text = check(*files, "--findings", "f.json")

    expected = [json.loads(line) for line in on_stdout]
    assert [json.loads(line) for line in Path("f.json").read_text(encoding="utf-8").splitlines()] == expected
    rows = rows_of("f.parquet")
    assert [{key: value for key, value in row.items() if key != "member"} for row in rows] == [
        {key: value for key, value in one.items() if key != "member"} for one in expected
    ]
    assert [row["member"] for row in rows] == [None, None, "./sa_1.json", None]
    assert "b.tar:./sa_1.json  RLE05 size_not_image (error)" in as_text.stdout
    assert as_text.status == 1


def test_an_audit_without_findings_writes_an_empty_table(check: Any) -> None:
    Path("sound.json").write_bytes(annotated(blob()))

    assert check("sound.json", "--findings", "f.parquet").status == 0
    assert rows_of("f.parquet") == []


def test_the_worst_are_drawn_over_their_photographs(check: Any) -> None:
    outcome = check("a.json", "b.tar", "c.jsonl", "--pictures", "worst")

    # Of the mask with foreign characters no pixel is known.
    names = ["01-RLE04-size_swapped.png", "02-RLE05-size_not_image.png", "03-MSK05-mask_empty.png"]
    assert [path.name for path in sorted(Path("worst").iterdir())] == names
    assert f"worst/{names[1]}  b.tar:./sa_1.json $.annotations[0].segmentation.size\n" in outcome.stdout
    assert f"worst/{names[2]}  c.jsonl:2 $.annotations[0].segmentation\n" in outcome.stdout
    over_photograph, on_grey = (Image.open(Path("worst", names[index])).getpixel((2, 2)) for index in (0, 2))
    assert (over_photograph, on_grey) == ((0, 90, 0), (0x88, 0x88, 0x88))


def test_what_cannot_be_drawn_costs_no_totals(check: Any) -> None:
    whole = Path("b.tar").read_bytes()
    Path("cut.tar.gz").write_bytes(gzip.compress(whole)[:-200])
    Path("d.json").write_bytes(annotated(blob((60, 40))))
    Path("d.png").mkdir()

    audited = check("cut.tar.gz", "d.json", "--pictures", "worst")

    assert audited.status == 1
    assert "cut.tar.gz is gzip that is damaged or cut short" in audited.stderr


@pytest.mark.parametrize(
    "options", [("--format", "json"), ("--findings", "found.json"), ("--findings", "found.parquet")]
)
def test_names_that_are_no_text_are_written_as_such(check: Any, options: tuple[str, ...]) -> None:
    with tarfile.open("odd.tar", "w") as archive:
        member = tarfile.TarInfo("caf\udce9.json")
        content = annotated(blob((60, 40)))
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))

    assert check("odd.tar", *options).status == 1


def test_no_more_than_twelve_pictures(check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures_module, "_MOST", 1)

    check("a.json", "b.tar", "--pictures", "worst")

    assert len(list(Path("worst").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--findings", "x.csv"], 2, "findings are written to .parquet, .json, .jsonl, not to 'x.csv'"),
        (["--findings", "no/x.json"], 3, "no/x.json cannot be written: No such file or directory"),
        (["--findings", "..json"], 3, "..json cannot be written: Is a directory"),
        (["--findings", "./a.json"], 2, "a.json is among what is read: write the findings to another file"),
        (["--findings", "link.json"], 2, "a.json is among what is read: write the findings to another file"),
        (["--pictures", "a.json"], 3, "a.json cannot be written: Not a directory"),
    ],
)
def test_what_cannot_be_written_is_one_line_before_anything_is_judged(
    check: Any, arguments: list[str], status: int, says: str
) -> None:
    Path("..json").mkdir()
    Path("link.json").symlink_to("a.json")
    before = Path("a.json").read_bytes()

    outcome = check("no.json", "memory://no.json", "a.json", *arguments)

    assert Path("a.json").read_bytes() == before

    assert (outcome.stderr, outcome.status) == (f"sam3-contract: {says}\n", status)
    assert outcome.stdout == ""


def test_disk_that_is_full_in_the_middle_is_named_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(b"old")
    findings = FindingsFile(tmp_path / "f.json")

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    findings._write, findings._rows = full, [{}]
    findings.close()

    assert findings.problem == f"{tmp_path / 'f.json'} cannot be written: No space left on device"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_folder_of_pictures_that_is_lost_meanwhile_leaves_what_was_judged(
    check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sam3_contract.cli.masks.audit_report.check_output_folder", lambda _: None)

    outcome = check("c.jsonl", "--pictures", "a.json")

    assert outcome.stderr == "sam3-contract: a.json/01-MSK05-mask_empty.png cannot be written: File exists\n"
    assert ("1 file, 2 masks: 1 note" in outcome.stdout, outcome.status) == (True, 3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
@pytest.mark.parametrize("suffix", [".json", ".parquet"])
def test_a_full_disk_ends_the_file_and_not_the_audit(check: Any, suffix: str) -> None:
    Path(f"full{suffix}").symlink_to("/dev/full")

    outcome = check("c.jsonl", "--findings", f"full{suffix}")

    assert outcome.stderr == f"sam3-contract: full{suffix} cannot be written: No space left on device\n"
    assert "1 file, 2 masks: 1 note" in outcome.stdout
    assert outcome.status == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
@pytest.mark.usefixtures("check")
def test_a_full_disk_behind_stdout_is_one_line_with_what_is_known() -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "sam3_contract", "masks", "check", "c.jsonl"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ,
            text=True,
            check=False,
            timeout=60,
        )

    assert result.stderr == (
        "sam3-contract: standard output cannot be written: No space left on device; judged so far: 2 masks, 0 errors\n"
    )
    assert result.returncode == 3
