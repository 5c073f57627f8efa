"""Archives judged in parts: the same is found however they are cut, packed and handed out."""

from __future__ import annotations

import gzip
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sam3_contract.auditing import Summary, audit, judging, running
from sam3_contract.auditing.outcome import Outcome
from sam3_contract.auditing.running import outcomes_by, outcomes_here, outcomes_in_processes
from sam3_contract.auditing.units import Terms, Unit, units_of
from sam3_contract.cli import main
from sam3_contract.mask_files import batches
from sam3_contract.mask_files.judging import LocatedFinding

SOUND = {"masks": {"size": [4, 6], "counts": "5220;"}}
CUT = {"masks": {"size": [4, 6], "counts": "5220k"}}
ABSENT = {"image_id": 1, "bbox": [1, 2, 3, 4]}

TERMS = Terms()
Found = list[tuple[int, LocatedFinding]]


def added_up(files: list[str], outcomes: Iterator[Outcome]) -> tuple[dict[str, Any], Found]:
    summary = Summary(files)
    found = [(one.file, located) for one in outcomes for located in summary.add(one)]
    return summary.as_json() | {"late": summary.close(), "closed": summary.as_json()}, found


def judged(files: list[str], *, unit_bytes: int) -> tuple[dict[str, Any], Found]:
    return added_up(files, outcomes_here(units_of(files, TERMS, unit_bytes=unit_bytes), TERMS))


def packed_in_tar(path: Path, members: dict[str, bytes], **options: Any) -> Path:
    with tarfile.open(path, "w", **options) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def sa1b(number: int, *entries: dict[str, Any]) -> dict[str, bytes]:
    """The files of an image as SA-1B has them."""
    annotations = [{"id": index, "segmentation": entry["masks"]} for index, entry in enumerate(entries)]
    value = {"image": {"image_id": number, "height": 4, "width": 6}, "annotations": annotations}
    return {f"sa_{number}.jpg": b"\xff\xd8" + bytes(700), f"sa_{number}.json": json.dumps(value).encode()}


ARCHIVE = {**sa1b(1, SOUND, CUT), **sa1b(2), **sa1b(3, SOUND), **sa1b(4, CUT), "licence.txt": b"{", **sa1b(5, SOUND)}

LINES = st.lists(
    st.sampled_from([json.dumps(one).encode() for one in (SOUND, CUT, ABSENT)] + [b"", b"{", b" ", b"[]", b"x" * 300]),
    min_size=1,
    max_size=8,
)


@given(
    lines=LINES,
    newline=st.sampled_from([b"\n", b"\r\n"]),
    ending=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    unit_bytes=st.integers(1, 9) | st.integers(10, 400),
)
def test_lines_are_judged_once_wherever_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[bytes],
    newline: bytes,
    ending: bool,
    mark: bytes,
    unit_bytes: int,
) -> None:
    file = tmp_path_factory.getbasetemp() / "cut.jsonl"
    file.write_bytes(mark + newline.join(lines) + newline * ending)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batches, "LINE_BYTES", 200)
        in_parts, whole = (judged([str(file)], unit_bytes=n_bytes) for n_bytes in (unit_bytes, 2**20))

    assert in_parts == whole


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("unit_bytes", [1, 200, 2**20])
def test_tar_is_judged_as_its_files_are(tmp_path: Path, unit_bytes: int, format_: int) -> None:
    long_name = {f"{'folder/' * 20}x.jsonl.gz": gzip.compress(b"\n".join([json.dumps(CUT).encode()] * 2))}
    members = ARCHIVE | (long_name if format_ != tarfile.USTAR_FORMAT else {})
    archive = packed_in_tar(tmp_path / "sa.tar", members, format=format_)
    for name, content in members.items():
        (tmp_path / "loose" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "loose" / name).write_bytes(content)

    totals, found = judged([str(archive)], unit_bytes=unit_bytes)

    loose: list[tuple[str, LocatedFinding]] = []
    summary = audit([tmp_path / "loose"], found=lambda name, one: loose.append((name, one)))
    assert [(one.member, one.line, one.finding) for _, one in found] == [
        (str(Path(name).relative_to(tmp_path / "loose")), one.line, one.finding)
        for name, one in sorted(
            loose, key=lambda pair: list(members).index(str(Path(pair[0]).relative_to(tmp_path / "loose")))
        )
    ]
    assert (totals["masks"], totals["defects"]) == (summary.n_masks, dict(summary.defects))
    assert totals["closed"]["unread"] == []


def test_what_macos_puts_beside_files_in_a_tar_is_no_mask(tmp_path: Path) -> None:
    members = {"a/._1.json": b"\0\5\x16\7Mac OS X", "a/1.json": json.dumps(SOUND).encode()}

    totals, found = judged([str(packed_in_tar(tmp_path / "mac.tar", members))], unit_bytes=2**20)

    assert (totals["masks"], found) == (1, [])


@pytest.mark.parametrize("unit_bytes", [1, 2**20])
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_tar_that_is_cut_short_is_never_taken_for_a_shorter_one(tmp_path: Path, suffix: str, unit_bytes: int) -> None:
    whole = packed_in_tar(tmp_path / "whole.tar", ARCHIVE).read_bytes()
    end = whole.rstrip(b"\0")
    cut = tmp_path / f"cut{suffix}"
    for length in [*range(512, len(end), 512), *range(700, len(end), 1111)]:
        cut.write_bytes(whole[:length] if suffix == ".tar" else gzip.compress(whole[:length], 1))

        totals, found = judged([str(cut)], unit_bytes=unit_bytes)

        assert [reason.partition(": ")[0] for reason in totals["unread"]] == [
            f"{cut} is a tar that is damaged or cut short"
        ]
        # What lies before the cut is judged and kept.
        n_whole = sum(0 < whole.find(b"sa_%d.json" % number) < length - 1024 for number in (1, 4))
        assert len(found) >= n_whole


def test_a_tar_with_a_damaged_header_is_named_with_the_place(tmp_path: Path) -> None:
    archive = packed_in_tar(tmp_path / "a.tar", ARCHIVE)
    content = bytearray(archive.read_bytes())
    place = content.index(b"sa_3.json")
    content[place : place + 512] = b"?" * 512
    archive.write_bytes(content)

    summary = audit([archive])

    assert summary.unread == [f"{archive} is a tar that is damaged or cut short: invalid header, at byte {place}"]
    assert summary.n_masks == 2


def header(**fields: Any) -> bytes:
    member = tarfile.TarInfo("a.json")
    for name, value in fields.items():
        setattr(member, name, value)
    return member.tobuf(tarfile.GNU_FORMAT)


def with_pax(headers: dict[str, str]) -> bytes:
    """A tar whose second member has headers of its own choice."""
    file, content = io.BytesIO(), json.dumps(SOUND).encode()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for pax in ({}, headers):
            member = tarfile.TarInfo("a.json")
            member.size, member.pax_headers = len(content), pax
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def old_sparse_header() -> bytes:
    """A header of GNU's older sparse files which says that another block of it follows."""
    block = bytearray(header(type=tarfile.GNUTYPE_SPARSE))
    block[482] = 1
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("unit_bytes", [1, 2**20])
@pytest.mark.parametrize(
    ("written", "says"),  # in the test: some are of megabytes, and each worker collects them
    [
        (lambda: header(size=-1024) + bytes(4096), "says that -1024 bytes follow"),
        (lambda: header(size=2**62) + bytes(4096), "unexpected end of data"),
        (lambda: header(type=tarfile.GNUTYPE_LONGNAME, size=2**33) + bytes(4096), "says that 8589934592 bytes follow"),
        (lambda: header(type=tarfile.XHDTYPE, size=2**21) + bytes(2**22), "says that 2097152 bytes follow"),
        (lambda: header(type=tarfile.XHDTYPE) * 3000, "headers of headers without end"),
        (lambda: (header(type=tarfile.GNUTYPE_LONGLINK, size=5) + bytes(512)) * 3000, "headers of headers without end"),
        (lambda: with_pax({"size": "-1536"}), "ends before it begins"),
        (lambda: with_pax({"size": "-1024"}), "ends before it begins"),
        (lambda: with_pax({"size": "-512"}), "ends before it begins"),
        (lambda: with_pax({"GNU.sparse.size": "-5", "GNU.sparse.map": "0,1"}), "ends before it begins"),
        (lambda: header() + old_sparse_header(), "makes no sense"),
        (lambda: with_pax({"size": "99999999999999"}), "unexpected end of data"),
        (lambda: with_pax({"GNU.sparse.map": "0,1000000000000", "GNU.sparse.size": "1000000000000"}), ""),
        (lambda: with_pax({"GNU.sparse.map": "x"}), "makes no sense"),
        (lambda: with_pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}), "makes no sense"),
    ],
)
def test_a_tar_that_lies_is_named_and_costs_neither_memory_nor_time(
    tmp_path: Path, written: Callable[[], bytes], says: str, unit_bytes: int
) -> None:
    content = written()
    (tmp_path / "a.tar").write_bytes(content)
    (tmp_path / "b.json").write_text(json.dumps(SOUND), encoding="utf-8")

    totals, _ = judged([str(tmp_path / "a.tar"), str(tmp_path / "b.json")], unit_bytes=unit_bytes)

    [reason] = totals["closed"]["unread"]
    assert reason.startswith(f"{tmp_path / 'a.tar'} is a tar that is damaged or cut short: ")
    assert says in reason
    assert totals["masks"] == (2 if b"counts" in content else 1)


def test_names_in_a_tar_lead_nowhere(tmp_path: Path) -> None:
    links = {"hard.json": tarfile.LNKTYPE, "soft.json": tarfile.SYMTYPE, "device.json": tarfile.CHRTYPE}
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, type_ in links.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = type_, "/etc/passwd"
            archive.addfile(member)
        for name in ("../../x.json", "/etc/x.json"):
            member = tarfile.TarInfo(name)
            member.size = len(json.dumps(CUT))
            archive.addfile(member, io.BytesIO(json.dumps(CUT).encode()))

    found: list[str] = []
    summary = audit([tmp_path / "a.tar"], found=lambda _, one: found.append(one.member))

    assert (summary.n_masks, found, summary.unread) == (2, ["../../x.json", "/etc/x.json"], [])


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_what_is_packed_is_unpacked_by_its_content(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    lines = [json.dumps(CUT if number == 70 else SOUND).encode() + b"\n" for number in range(100)]
    (tmp_path / "one.jsonl").write_bytes(b"".join(lines))
    # Two streams in one file are one content to gzip and to zstd.
    (tmp_path / "two.jsonl.packed").write_bytes(pack(b"".join(lines[:40])) + pack(b"".join(lines[40:])))
    (tmp_path / "cut.json").write_bytes(pack(os.urandom(5000).hex().encode())[:-40])
    (tmp_path / "damaged.json").write_bytes(pack(lines[0])[:9] + b"\xff" * 40)

    plain, packed = (audit([tmp_path / name]) for name in ("one.jsonl", "two.jsonl.packed"))

    assert (packed.n_masks, packed.defects, packed.unread) == (plain.n_masks, plain.defects, [])
    for name in ("cut.json", "damaged.json"):
        [reason] = audit([tmp_path / name]).unread
        assert "damaged" in reason
        assert reason.startswith(str(tmp_path / name))


def test_zstd_without_its_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_bytes(zstandard.compress(b"[]"))
    monkeypatch.setitem(sys.modules, "zstandard", None)

    [reason] = audit([tmp_path / "a.json"]).unread

    assert reason.endswith(
        "zstandard is missing, and what zstd packed is read with it: pip install 'sam3-contract[zstd]'"
    )


SMALL = [
    *(json.dumps(one).encode() for one in (SOUND, SOUND, SOUND, CUT, ABSENT, [SOUND, SOUND], [SOUND, CUT], [])),
    json.dumps(SOUND, indent=1).encode() + b"\n",
    b"\n".join([json.dumps(SOUND).encode()] * 2),  # lines
    b"\n".join([json.dumps(SOUND).encode(), b"{"]),
    b"\xef\xbb\xbf" + json.dumps(SOUND).encode(),
    gzip.compress(json.dumps(CUT).encode()),
    b"\xb0" + json.dumps(SOUND).encode(),
    json.dumps({"a": SOUND, "b": "\\"}).encode(),
    json.dumps({**SOUND, "image": {"height": 5, "width": 6}}).encode(),
    b'{"masks": {"size": [4, 6], "counts": "5220;"}, "masks": {}}',
    json.dumps(SOUND).encode() + b"}",
    b'"next text"',
    b"",
    b" \n",
    b"PK\x03\x04",
    b"{" * 500,
]


@given(
    texts=st.lists(st.sampled_from(SMALL), max_size=9),
    suffixes=st.lists(st.sampled_from([".json", ".jsonl", ".json.gz"]), min_size=9, max_size=9),
    terms=st.sampled_from(
        [TERMS, Terms(as_lines=True), Terms((4, 6)), Terms((5, 5)), Terms(None, frozenset({"RLE18"}))]
    ),
)
def test_small_files_are_judged_together_as_each_by_itself(
    texts: list[bytes], suffixes: list[str], terms: Terms, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("small", numbered=True)
    files = []
    for number, (text, suffix) in enumerate(zip(texts, suffixes, strict=False)):
        files.append(str(folder / f"{number}{suffix}"))
        Path(files[-1]).write_bytes(text)
    units = tuple(units_of([*files, str(folder / "missing.json")], terms))

    alone = [judging.judge_unit(unit, terms) for unit in units]

    assert judging.judge_units(units, terms) == alone
    assert added_up([*files, ""], outcomes_here(iter(units), terms)) == added_up([*files, ""], iter(alone))


def test_small_files_with_nothing_to_find_are_not_judged_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tmp_path / f"{number}.json").write_text(json.dumps(SOUND))
    monkeypatch.setattr(judging, "pieces_of", lambda *_: pytest.fail("one by one"))

    assert audit([tmp_path]).n_masks == 5


def test_file_that_grew_since_the_plan_was_made_is_judged_whole(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(SOUND))
    units = tuple(units_of([str(tmp_path / name) for name in ("a.json", "b.json")], TERMS))
    (tmp_path / "b.json").write_text(json.dumps([SOUND, CUT]))

    assert [outcome.n_masks for outcome in judging.judge_units(units, TERMS)] == [1, 2]


def test_folders_and_patterns_name_files_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.json", "b/1.json", "b/deep/3.jsonl.gz", "b/photo.jpg", "a[1].json", "c.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps(SOUND).encode()
        Path(name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    summary = audit(["c.txt", "b", "a[1].json", "b/*.json", "no*.json"])

    assert list(summary.files) == [
        *("c.txt", "b/1.json", "b/2.json", "b/deep/3.jsonl.gz", "a[1].json", "b/1.json", "b/2.json", "no*.json")
    ]
    assert summary.n_masks == 7
    assert summary.unread == ["no*.json cannot be read: No such file or directory"]
    Path("b/deep/link").symlink_to(tmp_path)  # is not followed
    Path("b/deep/._3.jsonl.gz").write_bytes(b"\0\5\x16\7Mac OS X")  # what macOS knows of another file
    Path("b/broken.json").symlink_to("nowhere")
    assert list(audit(["."]).files) == ["a[1].json", "b/1.json", "b/2.json", "b/deep/3.jsonl.gz"]
    assert list(audit(["./b/"]).files) == ["b/1.json", "b/2.json", "b/deep/3.jsonl.gz"]
    assert list(audit(["**/*.json"]).files) == [
        "a[1].json",
        "b/1.json",
        "b/2.json",
    ]  # each once, whatever link leads there
    long = "n" * 5000
    assert audit([long, f"{long}*"]).unread == [
        f"{name} cannot be read: File name too long" for name in (long, f"{long}*")
    ]


@pytest.fixture
def archive(tmp_path: Path) -> list[str]:
    """Files of every kind, some of them faulty."""
    lines = [json.dumps(CUT if number % 97 == 0 else SOUND) + "\n" for number in range(3000)]
    (tmp_path / "many.jsonl").write_text("".join(lines), encoding="utf-8")
    packed_in_tar(tmp_path / "sa.tar", ARCHIVE)
    (tmp_path / "none.json").write_text("[]", encoding="utf-8")
    return [str(tmp_path / name) for name in ("many.jsonl", "missing.json", "sa.tar", "none.json")]


def test_an_executor_judges_as_this_process_does(archive: list[str]) -> None:
    here = judged(archive, unit_bytes=20_000)

    with ThreadPoolExecutor(3) as executor:
        units = units_of(archive, TERMS, unit_bytes=20_000)
        elsewhere = added_up(archive, outcomes_by(executor, units, TERMS, ahead=2))
        summary = audit(archive, executor=executor)

    assert elsewhere == here
    assert summary.as_json() == here[0]["closed"]


def test_a_process_that_is_killed_changes_nothing(archive: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "UNIT_BYTES", 20_000)
    here = judged(archive, unit_bytes=20_000)

    def with_one_killed() -> Iterator[Outcome]:
        outcomes = outcomes_in_processes(units_of(archive, TERMS, unit_bytes=20_000), TERMS, jobs=1)
        yield next(outcomes)
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
        yield from outcomes

    assert added_up(archive, with_one_killed()) == here


class Deadly(Executor):
    """Processes that a certain file kills."""

    def submit(self, function: Callable[..., Any], units: tuple[Unit, ...], terms: Terms) -> Future[Any]:  # type: ignore[override]
        future: Future[Any] = Future()
        if any(unit.name.endswith("deadly.json") for unit in units):
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result(function(units, terms))
        return future


def test_what_kills_its_process_each_time_is_named_and_the_rest_judged(
    archive: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_MOST_UNITS", 1)
    monkeypatch.setattr(running._Pool, "_started", lambda _: Deadly())
    files = [archive[0], "deadly.json", archive[2]]

    totals, _ = added_up(files, outcomes_in_processes(units_of(files, TERMS), TERMS, jobs=2))

    assert totals["unread"] == [
        "deadly.json: a process that judged it was killed each time, perhaps for want of memory"
    ]
    assert totals["masks"] == 3000 + 5


def test_an_interrupt_leaves_what_is_known(
    archive: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(units: Iterator[Unit], terms: Terms, **_: object) -> Iterator[Outcome]:
        yield from outcomes_here([next(iter(units))], terms)
        raise KeyboardInterrupt

    monkeypatch.setattr("sam3_contract.cli.masks.check.outcomes_of", interrupted)

    with pytest.raises(SystemExit) as exit_:
        main(["masks", "check", *archive, "--format", "json", "--ignore", "RLE13"])

    output = capsys.readouterr()
    totals = json.loads(output.out.splitlines()[-1])["totals"]
    assert (exit_.value.code, totals["masks"]) == (3, 3000)
    assert output.err == "sam3-contract: interrupted: what follows was not judged\n"


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no such signals")
def test_a_process_that_starts_gets_no_interrupt_and_this_one_gets_it_afterwards() -> None:
    blocked = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"

    def started() -> str:
        return subprocess.check_output([sys.executable, "-S", "-c", blocked], text=True, timeout=60).strip()

    seen = []

    def interrupted() -> None:
        with running._interrupts_held_back():
            signal.raise_signal(signal.SIGINT)
            seen.append(started())

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.signal(signal.SIGINT, before)

    assert (seen, started()) == (["True"], "False")


def test_a_line_over_many_units_is_not_read_by_each_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.jsonl").write_bytes(json.dumps(SOUND).encode() + b" " * 100_000)
    monkeypatch.setattr(batches, "CHUNK", 100)
    read: list[int] = []
    skip_line = batches.skip_line
    monkeypatch.setattr(judging, "skip_line", lambda *args, **how: read.append(skip_line(*args, **how)) or read[-1])

    totals, _ = judged([str(tmp_path / "one.jsonl")], unit_bytes=1000)

    assert totals["masks"] == 1
    assert sum(read) < 150_000
