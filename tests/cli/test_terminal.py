"""Foreign text reaches a terminal written out, whatever its encoding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from sam3_contract.terminal import plain
from tests.servers import run_command, run_process

EVIL = "a\x1b]0;renamed\x07\x1b[2J\u202e"


def test_what_a_terminal_acts_on_is_written_out() -> None:
    assert plain(EVIL) == r"a\x1b]0;renamed\x07\x1b[2J\u202e"
    assert plain("Собака 犬\nnext") == "Собака 犬\nnext"


def test_file_names_and_targets_are_plain_and_no_markup(tmp_path: Path) -> None:
    path = tmp_path / f"{EVIL}[bold].json"
    path.write_text('{"size": [4, 6], "counts": "5220"}')

    checked = run_command("masks", "check", str(path))
    shown = run_command("masks", "convert", str(path), "--to", "rle", "-o", str(tmp_path / "out"))
    verified = run_command("verify", f"http://127.0.0.1:9/{EVIL}[/bold]", "--max-calls", "1")

    for said in (checked, shown, verified):
        assert "Traceback" not in said.stderr
        assert "\x1b" not in said.stdout + said.stderr
        assert "\x07" not in said.stdout + said.stderr
    assert (checked.returncode, shown.returncode, verified.returncode in {2, 3}) == (1, 1, True)


def test_plan_shows_file_names_written_out(tmp_path: Path) -> None:
    path = tmp_path / f"{EVIL}.png"
    Image.new("RGB", (31, 23)).save(path)

    shown = run_command("verify", "mock", "--image", str(path), "--text", "cup", "--dry-run")

    assert shown.returncode == 0
    assert plain(path.name) in shown.stdout
    assert not set(shown.stdout + shown.stderr) & set("\x1b\x07\u202e")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_report_comes_in_an_encoding_that_lacks_its_letters(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "имя😀.json"
    path.write_text('{"size": [4, 6], "counts": "5220"}')
    narrow = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}

    text = run_process("masks", "check", str(path), env=narrow)
    listed = run_process("masks", "check", str(path), "--format", "json", env=narrow)

    assert (text.returncode, listed.returncode) == (1, 1)
    assert r"\u0438\u043c\u044f\ud83d\ude00.json" in text.stdout
    assert all(json.loads(line) for line in listed.stdout.splitlines())
    assert "имя😀.json" in json.dumps([json.loads(line) for line in listed.stdout.splitlines()], ensure_ascii=False)
