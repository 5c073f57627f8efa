"""SIGTERM, as cancelled jobs and supervisors send it: nothing stays behind, and what came is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mock_server import create_app
from sam3_contract.cli import main
from sam3_contract.cli.masks import audit_report
from tests.faults import KEY
from tests.servers import ROOT, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")

MASK = {"masks": {"size": [4, 6], "counts": "5220;"}}
CUT = {"masks": {"size": [4, 6], "counts": "5220k"}}
ENVIRONMENT = {**os.environ, "API_KEY": KEY, "PYTHONPATH": str(ROOT)}


def run_until_asked(*arguments: str, at: int = 1, content: bytes = b"{}", **how: Any) -> tuple[int, str, str]:
    """Run a command that asks a server, here called URL, which terminates it when it is asked for the n-th time."""
    mock, asked = create_app(), count(1)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if next(asked) == at:
            running.send_signal(signal.SIGTERM)
        if environ["REQUEST_METHOD"] == "POST":
            return mock(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [content]

    with serving(app) as url:
        running = started(*(one.replace("URL", url) for one in arguments), **how)
        out, err = running.communicate(timeout=120)
    return running.returncode, out, err


def started(*arguments: str, **how: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sam3_contract", *arguments]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **{"env": ENVIRONMENT, **pipes, **how})


def test_command_is_told_to_have_ended_by_the_signal() -> None:
    assert run_until_asked("spec", "diff", "URL") == (-signal.SIGTERM, "", "\nstopped\n")


def test_signal_that_is_ignored_by_whoever_started_the_command_is_none() -> None:
    status, out, _ = run_until_asked(
        "doctor", "--network", "--url", "URL", preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN)
    )

    assert status == 0
    assert "answers with status 200" in out


def test_audit_tells_what_it_has_found() -> None:
    status, out, err = run_until_asked("masks", "check", "URL/masks.jsonl", "--format", "json")

    assert status == 3
    assert json.loads(out)["totals"]["masks"] == 0
    assert err == "sam3-contract: interrupted: what follows was not judged\n"


def test_watch_leaves_the_last_one_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "watch.json").write_text("of a whole watch", encoding="utf-8")

    status, out, err = run_until_asked("watch", "URL", "--no-document", "-o", str(tmp_path), at=5)

    assert (status, out) == (3, "")
    assert f"interrupted: {tmp_path} is left as it is" in err
    assert [(one.name, one.read_text("utf-8")) for one in tmp_path.iterdir()] == [("watch.json", "of a whole watch")]


def test_server_that_is_terminated_while_it_starts_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "ending.py").write_text("import os\ndef make():\n    os.kill(os.getpid(), 15)\n", encoding="utf-8")
    (tmp_path / "temporary").mkdir()

    running = started(
        *("serve", "--port", "0", "--workers", "2", "--engine", "ending:make"),
        cwd=tmp_path,
        env={**ENVIRONMENT, "TMPDIR": str(tmp_path / "temporary")},
    )

    assert running.communicate(timeout=120)[0] == ""
    assert running.returncode == -signal.SIGTERM
    assert not list((tmp_path / "temporary").iterdir())


def run_python(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)


FORKING = """
import os, signal
from sam3_contract.cli.termination import interrupt_when_terminated
interrupt_when_terminated()
child = os.fork()
if not child:
    signal.pause()
os.kill(child, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_process_that_is_forked_ends_by_the_signal_without_a_word() -> None:
    assert run_python(FORKING).communicate(timeout=60)[0] == f"{-signal.SIGTERM}\n"


JUDGING = """
import time
from sam3_contract.auditing.running import _Pool
processes = _Pool(2)._pool
tasks = [processes.submit(time.sleep, 600) for _ in range(2)]
print(*processes._processes, flush=True)
time.sleep(600)
"""


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_processes_that_judge_end_with_the_one_that_started_them_however_it_ends() -> None:
    running = run_python(JUDGING)
    assert running.stdout is not None
    judging = [int(one) for one in running.stdout.readline().split()]
    assert len(judging) == 2
    running.kill()

    # Its end is seen only when nobody holds the pipe any more.
    assert running.communicate(timeout=60)[0] == ""
    for _ in range(600):
        if not any(map(is_there, judging)):
            return
        time.sleep(0.1)
    raise AssertionError(f"{judging} are left behind")


def test_totals_are_a_line_of_their_own_where_another_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.json").write_text(json.dumps(CUT), encoding="utf-8")
    printed = _cut_off_at_first(monkeypatch)

    with pytest.raises(SystemExit):
        main(["masks", "check", str(tmp_path / "one.json"), "--format", "json"])

    *_, last = capsys.readouterr().out.splitlines()
    assert "totals" in json.loads(last)
    assert len(printed) == 3


def _cut_off_at_first(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    printed: list[str] = []
    whole: Callable[[str], None] = audit_report._print

    def cut_off(text: str) -> None:
        printed.append(text)
        whole(text if len(printed) > 1 else text[:20])
        if len(printed) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(audit_report, "_print", cut_off)
    return printed
