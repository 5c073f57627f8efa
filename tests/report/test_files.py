from __future__ import annotations

import base64
import dataclasses
import json
import os
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from mock_server import Settings, create_app
from sam3_contract.errors import ReportError
from sam3_contract.har import exchanges_from_har
from sam3_contract.redaction import spellings_of
from sam3_contract.report import FILES, write
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from sam3_contract.verification.runner import Run, run_of
from tests.plans import PLAN
from tests.report.runs import CONTRACT, broken_run, held_run

KEY = "rf_Aa0/secret+key&of=tests"


@pytest.fixture(scope="module")
def echoing_run() -> Run:
    """A whole run, of a server that repeats the key in every answer, in every form it can have."""
    app = create_app(Settings(api_keys=frozenset({KEY})))
    transport = WsgiTransport(app.wsgi_app, CONTRACT, key=KEY, target="http://127.0.0.1:9001")
    run = runner.verify(transport, PLAN, CONTRACT)
    forms = [
        KEY,
        quote(KEY),
        quote(KEY, safe=""),
        *(base64.b64encode(b"." * n + KEY.encode()).decode() for n in range(3)),
    ]
    exchanges = [
        dataclasses.replace(
            exchange,
            headers={**exchange.headers, "x-request": " ".join(forms)},
            body=_with(exchange.body, forms),
            failure="" if exchange.status else f"broken by {KEY}",
        )
        for exchange in run.exchanges
    ]
    judged = run_of(exchanges, CONTRACT, target=f"http://127.0.0.1:9001/?api_key={KEY}")
    return dataclasses.replace(judged, stopped=f"no {KEY}", unsent=(KEY,), stale=(KEY,))


def _with(body: bytes, forms: list[str]) -> bytes:
    try:
        answer = json.loads(body)
    except ValueError:
        return body + KEY.encode()
    answer["echo"] = [*forms, json.dumps(forms), "x" * 55 + KEY]
    return json.dumps(answer).encode()


def test_no_file_holds_the_key_in_any_form(echoing_run: Run, tmp_path: Path) -> None:
    assert echoing_run.exit_status == 1

    paths = write(echoing_run, CONTRACT, tmp_path, again=lambda _: [f"curl '/?api_key={KEY}'"])

    for path in paths:
        content = path.read_bytes()
        assert b"***" in content
        assert [form for form in spellings_of(KEY) if form.encode() in content] == [], path.name


def test_files_are_what_they_say(tmp_path: Path) -> None:
    run = broken_run()

    paths = write(run, CONTRACT, tmp_path / "new" / "folder")

    assert [path.name for path in paths] == list(FILES) == ["report.html", "report.json", "junit.xml", "exchanges.har"]
    assert paths[0].read_text("utf-8").startswith("<!doctype html>")
    assert json.loads(paths[1].read_bytes())["exit_status"] == 1
    assert ET.parse(paths[2]).getroot().tag == "testsuites"
    assert len(exchanges_from_har(paths[3], CONTRACT)) == len(run.exchanges)
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(FILES)


def test_files_are_the_same_each_time(tmp_path: Path) -> None:
    run = broken_run()

    first, second = (write(run, CONTRACT, tmp_path / name) for name in ("a", "b"))

    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_earlier_files_are_replaced(tmp_path: Path) -> None:
    write(broken_run(), CONTRACT, tmp_path)
    (tmp_path / "mine.txt").write_text("kept")

    write(held_run(), CONTRACT, tmp_path)

    assert json.loads((tmp_path / "report.json").read_bytes())["exit_status"] == 0
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ReportError, match=r"file/report\.html cannot be written"):
        write(held_run(), CONTRACT, tmp_path / "file")


def test_failed_write_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(held_run(), CONTRACT, tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ReportError, match="No space left on device"):
        write(broken_run(), CONTRACT, tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert json.loads((tmp_path / "report.json").read_bytes())["exit_status"] == 0
