"""Shards of an audit and the parts that they write: put together they are what one audit finds."""

from __future__ import annotations

import errno
import io
import json
import sys
import tarfile
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from sam3_contract.auditing import parts, units
from sam3_contract.auditing.units import Shard, Terms, Unit, units_of
from sam3_contract.cli import main

SOUND = {"masks": {"size": [4, 6], "counts": "5220;"}}
CUT = {"masks": {"size": [4, 6], "counts": "5220k"}}
FILES = ("many.jsonl", "missing.json", "a.tar", "none.json", "error.json", "one.json")


class Command:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main(["masks", *map(str, arguments)])
        return (int(exit_.value.code or 0), *self._capsys.readouterr())


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `sam3-contract masks` in a folder with files of every kind, in units of 4,000 bytes."""
    monkeypatch.chdir(tmp_path)

    def in_small_units(files: Any, terms: Terms, **options: Any) -> Iterator[Unit]:
        return units_of(files, terms, **options, unit_bytes=4000)

    monkeypatch.setattr("sam3_contract.cli.masks.check.units_of", in_small_units)
    lines = [json.dumps(CUT if number % 97 == 0 else SOUND) + "\n" for number in range(500)]
    Path("many.jsonl").write_text("".join(lines), encoding="utf-8")
    for number in range(5):
        Path(f"{number}.json").write_text(json.dumps(CUT if number == 3 else SOUND) + " " * 5000, encoding="utf-8")
    with tarfile.open("a.tar", "w") as archive:
        for number in range(5):
            archive.add(f"{number}.json")
    Path("none.json").write_text("[]", encoding="utf-8")
    Path("error.json").write_text(json.dumps({"message": "no"}), encoding="utf-8")
    Path("one.json").write_text(json.dumps([SOUND, {"message": "no"}]), encoding="utf-8")
    return Command(capsys)


@pytest.mark.parametrize("output_format", ["text", "json"])
@pytest.mark.parametrize("n_shards", [1, 2, 5])
def test_merged_shards_show_what_one_audit_shows(command: Command, n_shards: int, output_format: str) -> None:
    options = ("--format", output_format, "--findings")
    whole = command("check", *FILES, *options, "whole.json")

    for number in range(1, n_shards + 1):
        command("check", *FILES, "--shard", f"{number}/{n_shards}", "--part", f"part-{number}")
    written = [f"part-{number}" for number in range(n_shards, 0, -1)]
    merged = command("merge", *written, *options, "merged.json")

    assert merged == whole
    assert Path("merged.json").read_bytes() == Path("whole.json").read_bytes()


def test_findings_do_not_replace_a_part(command: Command) -> None:
    command("check", *FILES, "--shard", "1/1", "--part", "part.json")

    refused = command("merge", "part.json", "--findings", "part.json")

    assert refused == (2, "", "sam3-contract: part.json is among what is read: write the findings to another file\n")
    assert command("merge", "part.json")[0] == command("check", *FILES)[0]


def test_of_what_is_broken_beyond_measure_the_first_findings_are_kept_and_all_counted(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("broken.jsonl").write_text((json.dumps(CUT) + "\n") * 700, encoding="utf-8")
    Path("broken.json").write_text(json.dumps([CUT] * 700), encoding="utf-8")
    options = ("--format", "json", "--findings")
    _, all_told, _ = command("check", "broken.jsonl", "broken.json", *options, "all.json")
    for module in ("auditing", "mask_files"):
        monkeypatch.setattr(f"sam3_contract.{module}.judging.MOST_FINDINGS", 20)

    whole = command("check", "broken.jsonl", "broken.json", *options, "whole.json")
    shared = [("check", "broken.jsonl", "broken.json", "--shard", f"{n}/3", "--part", f"part-{n}") for n in (1, 2, 3)]
    for shard in shared:
        command(*shard)

    kept = [json.loads(line) for line in Path("whole.json").read_text(encoding="utf-8").splitlines()]
    n_units = len(list(units_of(["broken.jsonl", "broken.json"], Terms(), unit_bytes=4000)))
    assert 20 * (n_units - 1) < len(kept) <= 20 * n_units  # the last unit of a file may have fewer
    assert [one["path"] for one in kept[-20:]] == [f"$[{place}].masks.counts" for place in range(20)]
    before, after = (json.loads(told.splitlines()[-1])["totals"] for told in (all_told, whole[1]))
    assert after == before | {"only_counted": 1400 - len(kept)}
    assert f"{1400 - len(kept):,} more findings only counted" in whole[2]
    assert command("merge", "part-1", "part-2", "part-3", *options, "merged.json") == whole
    assert Path("merged.json").read_bytes() == Path("whole.json").read_bytes()


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        (5, "695 more, not shown; --max-findings shows more of the findings kept (the first 20 of a unit)"),
        (700, "{counted} more, not shown: of the findings only the first 20 of a unit are kept"),
    ],
)
def test_what_is_not_shown_is_told_with_what_is_only_counted(
    command: Command, monkeypatch: pytest.MonkeyPatch, shown: int, says: str
) -> None:
    Path("broken.jsonl").write_text((json.dumps(CUT) + "\n") * 700, encoding="utf-8")
    for module in ("auditing.judging", "mask_files.judging", "cli.masks.audit_report"):
        monkeypatch.setattr(f"sam3_contract.{module}.MOST_FINDINGS", 20)

    _, stdout, _ = command("check", "broken.jsonl", "--max-findings", shown)

    n_shown = stdout.count("RLE13 counts_cut_short (error)")
    assert (n_shown == 5) if shown == 5 else (20 < n_shown < 700)
    assert f"broken.jsonl: {says.format(counted=700 - n_shown)}\n" in stdout


def test_many_files_are_shared_out_by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_into = []
    monkeypatch.setattr(units, "_parts_of", lambda name, *_: looked_into.append(name) or [("whole", 0, None, 0)] * 3)

    shared = list(units_of([str(number) for number in range(8)], Terms(), shard=Shard(2, 2)))

    assert looked_into == ["1", "3", "5", "7"]
    assert [(unit.file, unit.part) for unit in shared] == [(file, part) for file in (1, 3, 5, 7) for part in range(3)]


def test_a_shard_says_what_it_counted_and_nothing_of_places(command: Command) -> None:
    status, stdout, stderr = command("check", *FILES, "--shard", "1/2", "--part", "part", "--format", "json")

    [totals] = [json.loads(line)["totals"] for line in stdout.splitlines()]
    assert 200 < totals["masks"] < 400
    # What one shard sees of a file may hold no mask although the file does.
    assert "holds no mask" not in stderr
    assert status == 1


def test_what_nobody_judged_is_named(command: Command) -> None:
    for number in (1, 2, 3):
        command("check", *FILES, "--shard", f"{number}/3", "--part", f"part-{number}")
    cut = Path("part-1").read_bytes().splitlines(keepends=True)
    # The machine was killed while it wrote its third outcome.
    Path("part-1").write_bytes(b"".join(cut[:3]) + cut[3][:20])

    status, stdout, stderr = command("merge", "part-1", "part-2", "--format", "json")

    totals = json.loads(stdout.splitlines()[-1])["totals"]
    assert totals["unread"][0] == "of 3 shards 1 is missing: 3"
    assert "sam3-contract: many.jsonl: 2 of its 6 units were not judged; later lines are counted without\n" in stderr
    assert (status, totals["exit_status"]) == (1, 1)
    # Judged twice, it counts once.
    again = command("merge", "part-1", "part-2", "part-2", "part-1", "--format", "json")
    assert again[1] == stdout


@pytest.mark.parametrize("other", [("--lines",), ("--column", "rle")])
def test_parts_that_were_read_in_another_way_are_refused(command: Command, other: tuple[str, ...]) -> None:
    command("check", "many.jsonl", "--shard", "1/2", "--part", "one")
    command("check", "many.jsonl", "--shard", "2/2", "--part", "two", *other)

    status, _, stderr = command("merge", "one", "two")

    assert status == 3
    assert "two is of another audit than one: other files, or other terms" in stderr


def test_parts_that_do_not_belong_together_are_refused(command: Command) -> None:
    command("check", *FILES, "--shard", "1/2", "--part", "one")
    command("check", *FILES, "--shard", "1/3", "--part", "other-shards")
    command("check", "0.json", "--shard", "2/2", "--part", "other-files")
    command("check", *FILES, "--shard", "2/2", "--part", "other-terms", "--select", "RLE13")
    Path("forged").write_bytes(Path("one").read_bytes().replace(b'{"file":0', b'{"file":9'))

    for other, says in {
        "other-shards": "other-shards is of 3 shards, one of 2",
        "other-files": "other-files is of another audit than one: other files, or other terms",
        "other-terms": "other-terms is of another audit than one: other files, or other terms",
        "0.json": "0.json is no part of an audit, as `masks check --shard` writes it",
        "gone": "gone cannot be read: No such file or directory",
    }.items():
        assert command("merge", "one", other) == (3, "", f"sam3-contract: {says}\n")
    assert "it has outcomes of files that it does not name" in command("merge", "forged")[2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--shard", "0/2", "--part", "p"], "--shard is '0/2', expected I/N such as 1/8, counted from 1"),
        (["--shard", "3/2", "--part", "p"], "--shard is '3/2', expected I/N such as 1/8, counted from 1"),
        (["--shard", "1/2"], "--shard and --part go together: a share of the work, and the file for what it found"),
        (["--part", "p"], "--shard and --part go together: a share of the work, and the file for what it found"),
        (
            ["--cluster", "tcp://a:1", "--jobs", "2"],
            "--jobs and --cluster are both given; a cluster has its own processes",
        ),
        (
            ["--shard", "1/2", "--part", "p", "--findings", "f.json"],
            "--findings and --pictures are of all shards: pass --findings to `masks merge`",
        ),
    ],
)
def test_options_that_make_no_sense_are_usage(command: Command, arguments: list[str], says: str) -> None:
    assert command("check", "one.json", *arguments) == (2, "", f"sam3-contract: {says}\n")


def test_two_shards_do_not_write_one_part(command: Command) -> None:
    fcntl = pytest.importorskip("fcntl", reason="this system has no locks of this kind")
    command("check", "one.json", "--shard", "1/1", "--part", "part")
    written = Path("part").read_bytes()
    with Path("part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        refused = command("check", "one.json", "--shard", "1/1", "--part", "part")

    assert refused[0] == 3
    assert "part is being written by another audit; each shard takes a part of its own" in refused[2]
    assert Path("part").read_bytes() == written
    command("check", "one.json", "--shard", "1/1", "--part", "part")
    assert Path("part").read_bytes() == written


def test_a_part_is_not_written_over_what_others_found(command: Command) -> None:
    command("check", "one.json", "0.json", "--shard", "1/2", "--part", "part")
    written = Path("part").read_bytes()
    masks = Path("1.json").read_bytes()

    for arguments, says in {
        ("one.json", "0.json", "--shard", "2/2", "--part", "part"): "part holds what shard 1/2 found; ",
        ("one.json", "--shard", "1/2", "--part", "part"): "part holds what another audit, of other files or on other",
        ("one.json", "0.json", "--shard", "1/2", "--part", "1.json"): "1.json holds something else than a part",
    }.items():
        status, _, stderr = command("check", *arguments)
        assert (status, says in stderr) == (3, True), stderr
    assert (Path("part").read_bytes(), Path("1.json").read_bytes()) == (written, masks)

    for before in (written, written[:20], b"", written + written[:20]):  # a shard that ran before, to its end or not
        Path("part").write_bytes(before)
        assert command("check", "one.json", "0.json", "--shard", "1/2", "--part", "part")[0] != 3
        assert Path("part").read_bytes() == written


@pytest.mark.parametrize("counted", ['{"XXX99":3}', '{"RLE13":3,"counts_cut_short":5}', '{"rle13":3}'])
def test_a_part_that_counts_no_defects_of_the_catalogue_is_named(command: Command, counted: str) -> None:
    command("check", "one.json", "--shard", "1/1", "--part", "part")
    written = Path("part").read_text(encoding="utf-8")
    assert '"only_counted":{}' in written
    Path("part").write_text(written.replace('"only_counted":{}', f'"only_counted":{counted}'), encoding="utf-8")

    assert command("merge", "part") == (
        3,
        "",
        "sam3-contract: part is no part of an audit, as `masks check --shard` writes it\n",
    )


def test_shards_are_judged_where_there_are_no_locks(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command("check", "one.json", "--shard", "1/1", "--part", "part")
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    spec = spec_from_file_location("parts_without_locks", parts.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr("sam3_contract.cli.masks.check.written_to_part", module.written_to_part)

    command("check", "one.json", "--shard", "1/1", "--part", "other")

    assert Path("other").read_bytes() == Path("part").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_ends_a_shard_with_what_is_known(command: Command) -> None:
    status, stdout, stderr = command("check", "one.json", "--shard", "1/1", "--part", "/dev/full")

    assert (status, stderr) == (3, "sam3-contract: /dev/full cannot be written: No space left on device\n")
    assert stdout.startswith("1 file, 0 masks: nothing to judge")


def test_line_that_a_full_disk_takes_in_part_is_an_error_and_not_cut_in_silence() -> None:
    class AlmostFull(io.BytesIO):
        def write(self, content: Any) -> int:
            if self.tell() >= 5:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(bytes(content)[:3])

    file = AlmostFull()
    with pytest.raises(OSError, match="No space left"):
        parts._write_all(file, b"0123456789")

    whole = io.BytesIO()
    parts._write_all(whole, b"0123456789")
    assert (file.getvalue(), whole.getvalue()) == (b"012345", b"0123456789")


def test_an_interrupt_while_a_part_is_written_is_one(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(parts, "_as_object", interrupted)

    status, _, err = command("check", "many.jsonl", "--shard", "1/1", "--part", "part.jsonl")

    assert (status, err) == (3, "sam3-contract: interrupted: what follows was not judged\n")
