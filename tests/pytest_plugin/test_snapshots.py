"""The fixture `sam3_snapshot`, in whole sessions of a user's tests."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path

import pytest
from PIL import Image

pytest_plugins = ["pytester"]

FOLDER = "__sam3_snapshots__"
UPDATE = "--sam3-snapshot-update"
HELP = """
import numpy as np
import pytest
from sam3_contract.masks import rle_from_bitmap, polygons_from_bitmap

def answer(*squares, form="rle"):
    found = []
    for x, y, side in squares:
        bitmap = np.zeros((60, 80), np.bool_)
        bitmap[y : y + side, x : x + side] = True
        masks = rle_from_bitmap(bitmap) if form == "rle" else polygons_from_bitmap(bitmap)
        found.append({"masks": masks, "confidence": 0.9, "format": form})
    echo = {"prompt_index": 0, "type": "text", "text": "dog", "num_boxes": 0}
    return {"time": 0.1, "prompt_results": [{"prompt_index": 0, "echo": echo, "predictions": found}]}
"""
TWO_TESTS = """
from helping import *

def test_dog(sam3_snapshot):
    sam3_snapshot.match(answer((10, 10, 20)))

class TestCut:
    @pytest.mark.parametrize("way", ["a/b", "a b", "../../up"])
    def test_cut(self, sam3_snapshot, way):
        sam3_snapshot.match(answer((10, 10, 20), (40, 5, 9)))
        sam3_snapshot.match(answer())
        sam3_snapshot.match(answer((1, 1, 5)), name="small one")
"""
DOG = f"{FOLDER}/test_it/test_dog.json"


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder of a user's tests, with nothing of this suite's environment."""
    for name in ("API_KEY", "ROBOFLOW_API_KEY", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    # Bytecode of a test that was of the same length in the same second would be taken for that of the new one.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(pytester.path))
    (pytester.path / "helping.py").write_text(HELP)
    return pytester


def write(session: pytest.Pytester, source: str = TWO_TESTS, name: str = "test_it") -> Path:
    path = session.path / f"{name}.py"
    path.write_text(source)
    return path


def run(session: pytest.Pytester, *arguments: str, apart: bool = False) -> pytest.RunResult:
    """Run a session, in a process of its own only if it has to be: starting one takes longer than most sessions."""
    options = ("-W", "error", "-p", "no:cacheprovider", "-p", "no:schemathesis", *arguments)
    if not apart and "-n" not in arguments:
        return session.runpytest_inprocess(*options)
    # Other plugins of this environment take a second to import, in each worker.
    plugins = ("-p", "sam3_contract.pytest_plugin", *(("-p", "xdist.plugin") if "-n" in arguments else ()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return session.runpytest_subprocess(*plugins, *options)


def kept(session: pytest.Pytester) -> dict[str, bytes]:
    folder = session.path / FOLDER
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.json")}


@pytest.mark.parametrize("workers", [(), ("-n", "2"), ("-n", "2", "--dist", "each")], ids=["one", "two", "each"])
def test_snapshots_are_written_then_held(session: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(session)

    first = run(session, UPDATE, *workers)
    files = kept(session)
    second = run(session)

    assert (first.ret, second.ret) == (0, 0), first.stdout.str()
    assert len(files) == 1 + 3 * 3
    assert kept(session) == files
    assert {name.split("/")[0] for name in files} == {"test_it"}
    assert all(re.fullmatch(r"test_it/[\w.-]+\.json", name) for name in files)
    assert json.loads(files["test_it/test_dog.json"])["name"] == "test_dog"
    assert "written  __sam3_snapshots__/test_it/test_dog.json" in first.stdout.str()
    assert "sam3 snapshots" not in second.stdout.str()


def test_missing_snapshot_fails_and_tells_what_to_do(session: pytest.Pytester) -> None:
    write(session)

    result = run(session)

    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines([f"*AssertionError: no snapshot at {DOG}; run with {UPDATE} to keep this answer"])
    assert kept(session) == {}


def test_changed_answer_fails_with_request_verdict_and_picture(session: pytest.Pytester) -> None:
    source = write(session)
    run(session, UPDATE)
    before = kept(session)
    source.write_text(TWO_TESTS.replace("answer((10, 10, 20)))", "answer((14, 10, 20), (50, 30, 9)))"))

    result = run(session, "--sam3-artifacts", "artifacts")

    result.assert_outcomes(failed=1, passed=3)
    result.stdout.fnmatch_lines(
        [
            f"*AssertionError: the answer differs from the snapshot {DOG}",
            "E*test_dog  the model changed: 1 moved, 1 appeared",
            "E*  1  *moved, 'dog', IoU 0.6667, centre moved by (4, 0) px, confidence 0.900, 400 px in the box 20 x 20*",
            "E*  2  *appeared, 'dog', confidence 0.900, 81 px in the box 9 x 9 at (50, 30)",
            "E*  picture   artifacts/*/test_dog.png",
            f"E*if it is as it should be, run with {UPDATE} to keep it",
        ]
    )
    [picture] = (session.path / "artifacts").rglob("*.png")
    with Image.open(picture) as image:
        assert image.width >= 640
    assert kept(session) == before


def test_tolerances_are_given_with_each_answer(session: pytest.Pytester) -> None:
    source = write(session)
    run(session, UPDATE)
    source.write_text(
        TWO_TESTS.replace("answer((10, 10, 20)))", "answer((14, 10, 20), (50, 30, 9)), iou=0.6, count=1)")
    )

    run(session).assert_outcomes(passed=4)


def test_changed_schema_is_told_from_a_changed_model(session: pytest.Pytester) -> None:
    source = write(session)
    run(session, UPDATE)
    source.write_text(
        TWO_TESTS.replace("answer((10, 10, 20)))", "answer((10, 10, 20), form='polygon'), image_size=(60, 80))")
    )

    result = run(session)

    result.assert_outcomes(failed=1, passed=3)
    result.stdout.fnmatch_lines(
        ["E*test_dog  the schema changed: 1 same", "E*format changed: masks come as polygon, they came as rle"]
    )
    assert "picture" not in result.stdout.str()


def test_answer_that_is_none_could_not_be_looked_at(session: pytest.Pytester) -> None:
    write(
        session, "def test_it(sam3_snapshot): sam3_snapshot.match({'status': 401, 'message': 'Unauthorized api_key'})"
    )

    result = run(session, UPDATE)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: could not look: no answer of the service: Unauthorized api_key*"])
    assert kept(session) == {}


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["here", "worker"])
def test_unused_snapshots_fail_the_session_until_they_are_removed(
    session: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    source = write(session)
    write(session, TWO_TESTS, "test_gone")
    run(session, UPDATE)
    (session.path / "test_gone.py").unlink()
    source.write_text(
        TWO_TESTS.replace("def test_dog", "def no_test").replace("        sam3_snapshot.match(answer((1,", "        # ")
    )

    failed = run(session)
    assert failed.ret == 1
    failed.assert_outcomes(passed=3)
    said = failed.stdout.str()
    assert f"unused   {DOG}" in said
    assert f"unused   {FOLDER}/test_gone/test_dog.json" in said
    assert f"run with {UPDATE} to remove them" in said
    assert said.count("unused   ") == 1 + 3 + 10

    removed = run(session, UPDATE, *workers)
    assert removed.ret == 0
    assert removed.stdout.str().count("removed  ") == 1 + 3 + 10
    assert not (session.path / FOLDER / "test_gone").exists()
    assert run(session).ret == 0


PARTS = {
    "keyword": ("-k", "dog"),
    "one test": ("test_it.py::test_dog",),
    "one test of a package": ("--pyargs", "test_it::test_dog"),
    "deselected": ("--deselect", "test_it.py::TestCut"),
    "marker": ("-m", "not slow"),
    "file": ("test_other.py",),
    "collect only": ("--collect-only",),
    "stopped": ("-x",),
}


@pytest.mark.parametrize(
    ("part", "workers"),
    [*((part, ()) for part in PARTS.values()), (PARTS["keyword"], ("-n", "1")), (PARTS["one test"], ("-n", "1"))],
    ids=[*PARTS, "keyword, a worker", "one test, a worker"],
)
def test_part_of_a_suite_says_nothing_of_the_rest(
    session: pytest.Pytester, part: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    marked = TWO_TESTS.replace("class TestCut", "@pytest.mark.slow\nclass TestCut")
    session.makeini("[pytest]\nmarkers = slow: takes long")
    write(session, marked)
    write(session, "def test_other(): pass", "test_other")
    run(session, UPDATE)
    before = kept(session)
    assert len(before) == 10

    for options in ((), (UPDATE,)) if not workers else ((UPDATE, *workers),):
        result = run(session, *part, *options)
        assert result.ret == 0, result.stdout.str()
        assert "unused" not in result.stdout.str()
    assert kept(session) == before


def test_last_failed_says_nothing_of_the_rest(session: pytest.Pytester) -> None:
    """With `--last-failed`, pytest leaves tests out of collection without a word."""
    source = write(session)
    run(session, UPDATE)
    source.write_text(TWO_TESTS.replace("answer((10, 10, 20)))", "answer())"))
    session.runpytest_inprocess()

    again = session.runpytest_inprocess("--last-failed")
    update = session.runpytest_inprocess("--last-failed", UPDATE)

    again.assert_outcomes(failed=1)
    assert "unused" not in again.stdout.str()
    assert update.ret == 0
    assert len(kept(session)) == 10


def test_skipped_and_failed_tests_keep_their_snapshots(session: pytest.Pytester) -> None:
    source = write(session)
    run(session, UPDATE)
    source.write_text(
        TWO_TESTS.replace(
            "def test_dog(sam3_snapshot):", "def test_dog(sam3_snapshot):\n    pytest.skip('today')"
        ).replace("self, sam3_snapshot, way):", "self, sam3_snapshot, way):\n        assert False")
    )

    result = run(session, UPDATE)

    result.assert_outcomes(skipped=1, failed=3)
    assert len(kept(session)) == 10


def test_module_that_cannot_be_imported_keeps_its_snapshots(session: pytest.Pytester) -> None:
    source = write(session)
    run(session, UPDATE)
    source.write_text("import no_such_module")

    result = run(session, UPDATE)

    assert result.ret == 2
    assert len(kept(session)) == 10


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["here", "a worker"])
def test_class_that_cannot_be_collected_keeps_its_snapshots(session: pytest.Pytester, workers: tuple[str, ...]) -> None:
    source = write(session)
    run(session, UPDATE)
    source.write_text(TWO_TESTS.replace('"way", [', '"weg", ['))

    result = run(session, UPDATE, "--continue-on-collection-errors", *workers)

    assert result.ret == 1
    assert len(kept(session)) == 10


def test_tests_that_a_plugin_renames_keep_their_snapshots(session: pytest.Pytester) -> None:
    source = write(session, TWO_TESTS.replace("a/b", "ä"))
    session.makeconftest(
        """
        def pytest_collection_modifyitems(items):  # so that pytest shows what the ids say
            for item in items:
                item.name = item.name.encode().decode("unicode_escape")
        """
    )
    run(session, UPDATE)
    source.write_text(source.read_text().replace("sam3_snapshot, way):", "sam3_snapshot, way):\n        pytest.skip()"))

    result = run(session, UPDATE)

    result.assert_outcomes(passed=1, skipped=3)
    assert len(kept(session)) == 10


def test_lost_worker_keeps_every_snapshot(session: pytest.Pytester) -> None:
    write(session)
    write(session, "def test_old(sam3_snapshot): sam3_snapshot.match({'predictions': []})", "test_old")
    run(session, UPDATE)
    write(session, "import os\ndef test_crash(): os._exit(1)", "test_old")

    result = run(session, UPDATE, "-n", "2", "--max-worker-restart", "0")

    assert result.ret != 0
    assert len(kept(session)) == 11


def test_malformed_snapshot_fails_with_its_line(session: pytest.Pytester) -> None:
    write(session)
    run(session, UPDATE)
    path = session.path / DOG
    text = path.read_text().replace('"status": 200', '"status": "fine"')
    path.write_text(text)
    line = text.splitlines().index('  "status": "fine"') + 1

    result = run(session)

    result.assert_outcomes(failed=1, passed=3)
    result.stdout.fnmatch_lines([f'*SnapshotError: *{DOG}:{line}: $.status: "fine" is not of type "integer"'])
    assert run(session, UPDATE).ret == 0
    assert run(session).ret == 0


def test_snapshot_of_another_image_is_not_compared(session: pytest.Pytester) -> None:
    for name, colour in (("one", "red"), ("two", "blue")):
        Image.new("RGB", (80, 60), colour).save(session.path / f"{name}.png")
    source = "from helping import *\ndef test_it(sam3_snapshot):\n    sam3_snapshot.match(answer(), image='one.png')\n"
    path = write(session, source)
    run(session, UPDATE)
    path.write_text(source.replace("one.png", "two.png"))

    result = run(session)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: the image is not the one of the snapshot*"])


def test_names_of_one_test_may_not_repeat(session: pytest.Pytester) -> None:
    source = (
        "from helping import *\ndef test_it(sam3_snapshot):\n" + "    sam3_snapshot.match(answer(), name='x')\n" * 2
    )
    write(session, source)

    result = run(session, UPDATE)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*UsageError: test_it takes two snapshots named 'x'; pass another name=*"])


def test_tests_that_share_a_file_are_told_apart(session: pytest.Pytester) -> None:
    """As on file systems that take `test_A` for `test_a`."""
    write(session)
    run(session, UPDATE)
    path = session.path / DOG
    path.write_text(path.read_text().replace('"name": "test_dog"', '"name": "test_DOG"'))

    result = run(session)

    result.stdout.fnmatch_lines([f"*AssertionError: {DOG} is the snapshot of 'test_DOG', not of 'test_dog'*"])


def test_two_workers_writing_into_one_folder_lose_nothing(session: pytest.Pytester) -> None:
    write(
        session,
        "from helping import *\n@pytest.mark.parametrize('n', range(40))\n"
        "def test_it(sam3_snapshot, n):\n    sam3_snapshot.match(answer((n, n, 9)))\n",
    )

    first = run(session, UPDATE, "-n", "2")

    assert first.ret == 0
    assert len(kept(session)) == 40
    assert not list((session.path / FOLDER).rglob("*.tmp"))
    run(session).assert_outcomes(passed=40)


def test_groups_of_xdist_do_not_change_the_names(session: pytest.Pytester) -> None:
    write(session, TWO_TESTS.replace("def test_dog", "@pytest.mark.xdist_group('g')\ndef test_dog"))
    run(session, UPDATE, "-n", "2", "--dist", "loadgroup")

    result = run(session)

    assert result.ret == 0, result.stdout.str()
    assert (session.path / DOG).is_file()


def test_session_that_is_killed_while_it_writes_loses_nothing(session: pytest.Pytester) -> None:
    write(session)
    run(session, UPDATE)
    before = kept(session)
    write(session, TWO_TESTS.replace("10, 10", "30, 30"))
    session.makeconftest(
        "import os, signal\ndef kill(source, target):\n    os.kill(os.getpid(), signal.SIGKILL)\nos.replace = kill\n"
    )

    died = run(session, UPDATE, apart=True)

    assert died.ret == -signal.SIGKILL
    assert kept(session) == before


def test_the_live_service_has_snapshots_of_its_own(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "not-a-real-key")
    write(session, TWO_TESTS.replace("def test_dog(sam3_snapshot)", "def test_dog(sam3, sam3_snapshot)"))
    run(session, UPDATE)
    mock = kept(session)

    assert run(session, UPDATE, "--sam3-live").ret == 0
    assert set(kept(session)) - set(mock) == {"test_it/live/test_dog.json"}
    assert run(session, "--sam3-live").ret == 0
    assert run(session).ret == 0
    write(session, TWO_TESTS.replace("test_dog", "test_cat"))
    said = run(session).stdout.str()
    assert f"unused   {FOLDER}/test_it/live/test_dog.json" in said


def test_session_without_snapshots_imports_none_of_it(session: pytest.Pytester) -> None:
    write(session, "import sys\ndef test_it(): assert not {'numpy', 'cv2', 'scipy'} & set(sys.modules)")

    run(session, "-p", "no:xdist", apart=True).assert_outcomes(passed=1)


def test_plugin_works_without_xdist(session: pytest.Pytester) -> None:
    write(session)

    assert run(session, UPDATE, "-p", "no:xdist").ret == 0
    assert run(session, "-p", "no:xdist", "-p", "no:terminal", apart=True).ret == 0


def test_folder_of_snapshots_is_not_collected(session: pytest.Pytester) -> None:
    write(session)
    run(session, UPDATE)
    (session.path / FOLDER / "test_it" / "test_trap.py").write_text("raise RuntimeError")

    assert run(session).ret == 0
