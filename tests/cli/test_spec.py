"""``sam3-contract spec diff`` as people run it: what it reads, what it says, and its exit status."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mock_server import Settings, create_app
from sam3_contract import spec
from sam3_contract.errors import TransportError
from sam3_contract.transport import documents
from sam3_contract.transport.documents import read_document, shown_source
from tests.servers import ROOT, run_command, serving
from tests.transport import raw

FASTAPI_LIKE = ROOT / "tests" / "data" / "openapi-fastapi-like.json"
OURS = spec.packaged_path()
DOCUMENT = json.loads(json.dumps(spec.load().document))


def answering(
    body: bytes, *, status: str = "200 OK", paths: tuple[str, ...] = ("/openapi.json",)
) -> tuple[Callable[..., Iterable[bytes]], list[dict[str, Any]]]:
    """A WSGI application that answers some paths with a body, and what it was asked."""
    asked: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked.append(environ)
        start_response(status if environ["PATH_INFO"] in paths else "404 Not Found", [("Content-Type", "text/plain")])
        return [body]

    return app, asked


def changed(path: Path, change: Callable[[Any], Any]) -> Path:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def close_a_field(document: Any) -> None:
    del document["components"]["schemas"]["ConceptSegmentRequest"]["properties"]["nms_iou_threshold"]


def add_a_field(document: Any) -> None:
    document["components"]["schemas"]["Echo"]["properties"]["language"] = {"type": "string"}


def test_mock_serves_the_document_that_it_keeps() -> None:
    with serving(create_app(Settings())) as url:
        ran = run_command("spec", "diff", url)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == (
        f"was  sam3.yaml {spec.load().version}\n"
        f"now  {url}\n"
        "\n"
        "concept_segment  the same\n"
        "visual_segment   the same\n"
        "embed_image      the same\n"
        "\n"
        "Nothing differs that a client of these operations could feel.\n"
    )


def test_breaking_difference_is_named_and_exits_1(tmp_path: Path) -> None:
    path = changed(tmp_path / "new.json", close_a_field)

    ran = run_command("spec", "diff", str(path), "--operation", "concept_segment")

    assert ran.returncode == 1
    assert ran.stdout.splitlines()[2:] == [
        "",
        "concept_segment  1 breaking",
        "",
        "concept_segment",
        "  breaking  has gone",
        "              request.nms_iou_threshold: optional -> not declared",
        "",
        "1 breaking",
    ]


def test_harmless_difference_exits_0(tmp_path: Path) -> None:
    ran = run_command("spec", "diff", str(changed(tmp_path / "new.json", add_a_field)))

    assert ran.returncode == 0
    assert "answer 200.prompt_results[].echo.language: not there -> string" in ran.stdout
    assert ran.stdout.endswith("\n1 harmless\n")


def test_json_is_for_programs(tmp_path: Path) -> None:
    ran = run_command("spec", "diff", str(changed(tmp_path / "new.json", close_a_field)), "--format", "json")

    told = json.loads(ran.stdout)
    assert ran.returncode == told["exit_status"] == 1
    assert [one["place"] for one in told["differences"]] == ["request.nms_iou_threshold"]


def test_copy_of_yesterday_stands_for_our_document() -> None:
    ran = run_command("spec", "diff", str(FASTAPI_LIKE), "--spec", str(FASTAPI_LIKE))

    assert ran.returncode == 0
    assert ran.stdout.endswith("Nothing differs that a client of these operations could feel.\n")


def test_document_comes_from_standard_input_as_yaml() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sam3_contract", "spec", "diff", "-"],
        cwd=ROOT,
        input=yaml.safe_dump(DOCUMENT).encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    assert b"now  standard input\n" in ran.stdout


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"<html>502 Bad Gateway</html>", "has no paths: not an OpenAPI document"),
        (b"{", "is neither JSON nor YAML"),
        (b"\xff\xfe{}", "is no UTF-8"),
        (b"[1]", "has no paths"),
        (b'{"paths": []}', "has no paths"),
        (b"[" * 100_000, "is nested deeper than"),
        (b"- " * 100_000, "is nested deeper than"),
        (b"[" * 100_000 + b"]" * 100_000, "is nested deeper than"),
        (b"a: 2026-99-99", "is neither JSON nor YAML"),
        (b"9" * 5_000, "is neither JSON nor YAML"),
        (b'{"paths": {"/other": {}}}', ""),
    ],
)
def test_what_is_no_document_exits_3_with_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "there.json"
    path.write_bytes(content)

    if not line:  # a document of another API: our operations have gone
        assert run_command("spec", "diff", str(path)).returncode == 1
        return
    with pytest.raises(TransportError) as caught:
        read_document(str(path))

    assert line in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_closed_standard_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(TransportError, match=r"cannot be read: it is closed$"):
        read_document("-")


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["no-such.json"], 3, "no-such.json cannot be read: No such file or directory"),
        (["README.md"], 3, "README.md "),
        (["http://127.0.0.1:9"], 3, "http://127.0.0.1:9/openapi.json does not answer: connection refused"),
        (["http://"], 3, "is no URL of a server"),
        (["http://[bad"], 3, "the URL cannot be read"),
        (["openapi/sam3.yaml", "--spec", "no-such.yaml"], 2, "no-such.yaml cannot be read"),
        (["openapi/sam3.yaml", "--operation", "segment"], 2, "has no operation 'segment'; it has concept_segment"),
        (["openapi/sam3.yaml", "--format", "html"], 2, "html"),
        ([], 2, "URL_OR_FILE"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments: list[str], status: int, line: str) -> None:
    ran = run_command("spec", "diff", *arguments)

    assert ran.returncode == status
    assert line in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_document_that_lacks_the_operations_cannot_be_compared(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"paths": {}}', encoding="utf-8")

    ran = run_command("spec", "diff", str(path), "--spec", str(path), "--operation", "embed_image")

    assert ran.returncode == 3
    assert f"{path} has none of POST /sam3/embed_image" in ran.stderr


def test_base_url_is_asked_for_openapi_json_and_gets_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    for name, value in (("ROBOFLOW_API_KEY", "secret-key"), ("API_KEY", "secret-key"), ("NETRC", str(netrc))):
        monkeypatch.setenv(name, value)
    app, asked = answering(json.dumps(DOCUMENT).encode(), paths=("/below/openapi.json",))

    with serving(app) as url:
        assert read_document(f"{url}/below/") == DOCUMENT

    assert [environ["PATH_INFO"] for environ in asked] == ["/below/openapi.json"]
    assert "HTTP_AUTHORIZATION" not in asked[0]
    assert "secret" not in str(asked[0]["QUERY_STRING"])


def test_address_of_a_document_is_asked_for_alone_and_another_one_as_well() -> None:
    app, asked = answering(json.dumps(DOCUMENT).encode(), paths=("/v1/contract.json", "/contract"))

    with serving(app) as url:
        read_document(f"{url}/v1/contract.json")
        read_document(f"{url}/contract")

    paths = [environ["PATH_INFO"] for environ in asked]
    assert paths == ["/v1/contract.json", "/contract/openapi.json", "/contract"]


def test_refusal_names_the_first_address_and_hides_the_key() -> None:
    app, _ = answering(b"no", status="401 Unauthorized")

    with serving(app) as url, pytest.raises(TransportError) as caught:
        read_document(f"{url}?api_key=secret-key")

    assert str(caught.value) == f"{url}/openapi.json answers 401, expected 200 and an OpenAPI document"


def test_report_hides_what_a_url_holds_of_credentials() -> None:
    with serving(create_app(Settings())) as url:
        with_key = url.replace("http://", "http://me:secret@") + "/openapi.json?api_key=secret-key"
        ran = run_command("spec", "diff", with_key)

    assert ran.returncode == 0, ran.stderr
    assert "secret" not in ran.stdout + ran.stderr
    assert shown_source("https://u:p@[::1]:8000/x?api_key=1#f") == "https://[::1]:8000/x"


def test_connection_that_fails_hides_the_key() -> None:
    ran = run_command("spec", "diff", "http://127.0.0.1:9/openapi.json?api_key=secret-key")

    assert ran.returncode == 3
    assert "secret" not in ran.stderr


def test_server_that_drips_is_given_up_in_time() -> None:
    given_up = threading.Event()

    def dripping(_: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        while not given_up.wait(0.05):
            yield b" "

    with serving(dripping) as url:
        with pytest.raises(TransportError, match=r"does not answer within 0\.3 s"):
            read_document(url, seconds=0.3)
        given_up.set()


def test_head_that_drips_is_given_up_in_time() -> None:
    def dripping() -> Iterable[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            time.sleep(0.05)
            yield b"X: y\r\n"

    with raw.answering(dripping) as url, pytest.raises(TransportError, match=r"does not answer within 0\.3 s"):
        read_document(url, seconds=0.3)


def test_body_that_is_cut_off_is_told_as_that() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"
    with (
        raw.answering(cut) as url,
        pytest.raises(TransportError, match=r"does not answer: IncompleteRead\(2 bytes read"),
    ):
        read_document(url)


def test_body_that_never_ends_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 1_000_000)

    def endless(_: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        while True:
            yield b" " * 65_536

    with serving(endless) as url, pytest.raises(TransportError, match="larger than 1000000 bytes"):
        read_document(url)


def test_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 100)

    with pytest.raises(TransportError, match="it has more than 100 bytes"):
        read_document(str(OURS))


def test_yaml_that_multiplies_itself_is_refused(tmp_path: Path) -> None:
    for kind in ("string", "integer"):
        lines = [f"a0: &a0 {{type: object, properties: {{x: {{type: {kind}}}}}}}"]
        lines += [f"a{i}: &a{i} {{properties: {{l: *a{i - 1}, r: *a{i - 1}}}}}" for i in range(1, 25)]
        document = copy.deepcopy(DOCUMENT)
        body = document["paths"]["/sam3/embed_image"]["post"]["requestBody"]["content"]["application/json"]
        body["schema"] = yaml.safe_load("\n".join(lines))["a24"]  # 2**24 fields, of which each is the same
        (tmp_path / f"{kind}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")

    ran = run_command("spec", "diff", str(tmp_path / "integer.yaml"), "--spec", str(tmp_path / "string.yaml"))

    assert ran.returncode == 2
    assert "string.yaml stands for more than 1000000 values by its aliases" in ran.stderr


def test_terminal_gets_no_control_characters_of_a_document(tmp_path: Path) -> None:
    def paint(document: Any) -> None:
        close_a_field(document)
        node = document["paths"]["/sam3/embed_image"]["post"]
        node["responses"]["200"]["headers"]["\x1b[31mred"] = {"schema": {}}
        node["requestBody"]["content"]["text/\x9b31m"] = {}
        node["security"] = [{"\x1b]0;title\x07": []}]

    ran = run_command("spec", "diff", str(changed(tmp_path / "painted.json", paint)))

    assert all(letter.isprintable() or letter == "\n" for letter in ran.stdout)


def test_help_teaches() -> None:
    ran = run_command("spec", "diff", "--help")

    assert ran.returncode == 0
    assert "sam3-contract spec diff https://serverless.roboflow.com" in ran.stdout
    assert "Exit status" in ran.stdout
