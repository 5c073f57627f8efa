"""The command line as people meet it: transcripts, exit statuses, one clear line for what is wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from mock_server import Settings, control_of, create_app
from sam3_contract.checks import CHECKS
from sam3_contract.spec import packaged_path
from tests.faults import KEY, FaultyServer, on_polygons, on_rle
from tests.report.runs import photograph
from tests.servers import ROOT, command_serving, run_command, run_process, serving


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def said(result: Any) -> str:
    assert "Traceback" not in result.stderr
    return str(result.stderr)


def test_verify_mock_prints_this_transcript() -> None:
    wanted = ("concept_segment/shapes.png/polygon", "visual_segment/shapes.png/json")
    chosen = [word for name in wanted for word in ("--case", name, "--case", f"{name.rpartition('/')[0]}/rle")]

    result = run_process("verify", "mock", "--select", "M03,C01,C02,R01", *chosen)

    assert result.stdout.replace(metadata.version("sam3-contract"), "VERSION") == (
        "sam3-contract VERSION  mock (in process)  seed 0\n"
        "\n"
        "M03  rle_size_is_the_images      4 judged  held\n"
        "C01  results_follow_prompts      2 judged  held\n"
        "C02  echo_repeats_the_prompt     2 judged  held\n"
        "R01  formats_agree               2 judged  held\n"
        "\n"
        "Known deviations of the server from its documentation, seen here and not counted:\n"
        "  answers_have_more_fields: `inference_id`, `frame_id` and `resolved_model` as well "
        "(seen 2026-11-22, in 1.8.3)\n"
        "  visual_answers_predictions: `predictions` (seen 2026-11-22, in 1.8.3)\n"
        "\n"
        "4 calls, 4 checks, all that could be judged held\n"
    )
    assert said(result) == ""
    assert result.returncode == 0


def cancelled(*options: str, at: int = 5) -> tuple[int, str, str]:
    """Verify a mock that has the process terminated when it is asked for the n-th time."""
    mock, asked = create_app(), count(1)

    def cancelling(environ: dict[str, Any], start_response: Any) -> Any:
        if next(asked) == at:
            running.send_signal(signal.SIGTERM)
        return mock(environ, start_response)

    with serving(cancelling) as url:
        running = subprocess.Popen(
            [sys.executable, "-m", "sam3_contract", "verify", url, *options],
            env={**os.environ, "API_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        stdout, stderr = running.communicate(timeout=300)
    return running.returncode, stdout, stderr


def test_a_job_that_is_cancelled_reports_what_came_and_keeps_its_baseline(tmp_path: Path) -> None:
    kept = tmp_path / "baseline.json"
    kept.write_text("of a whole run", encoding="utf-8")
    folder = tmp_path / "report"

    status, stdout, stderr = cancelled("--report", str(folder), "--write-baseline", str(kept))

    assert status == 3
    assert "stopped: interrupted" in stdout
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["stopped"] == "interrupted"
    assert f"{kept} is left as it is" in stderr
    assert kept.read_text(encoding="utf-8") == "of a whole run"


def test_a_job_that_is_cancelled_while_requests_are_generated_reports_what_came() -> None:
    status, stdout, _ = cancelled("--operation", "embed_image", "--fuzz", "9", at=20)

    assert status == 3
    assert "stopped: interrupted" in stdout
    assert re.search(r"F01  generated_requests_are_judged_right +\d judged", stdout)


def test_a_comparison_that_is_cancelled_does_not_go_on_to_the_other_server() -> None:
    mock, asked = create_app(), []

    def other(environ: dict[str, Any], start_response: Any) -> Any:
        asked.append(environ["PATH_INFO"])
        return mock(environ, start_response)

    with serving(other) as url:
        status, _, stderr = cancelled("--against", url)

    assert (status, asked) == (3, [])
    assert f"interrupted before {url} was asked" in stderr


def test_a_comparison_of_what_had_come_is_none_of_the_whole_plan() -> None:
    status, stdout, _ = cancelled("--against", "mock")

    assert status == 3
    assert "cases put to both" in stdout


def test_verify_over_http_holds_the_mock_to_the_contract() -> None:
    with serving(create_app()) as url:
        result = run_command("verify", url, "--max-calls", "8")

    assert "all that could be judged held" in result.stdout
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("fault", "law", "path"),
    [
        (
            on_rle(lambda rle: rle["size"].reverse()),
            "M03 rle_size_is_the_images",
            r"\$\.prompt_results\[0\]\.predictions\[0\]\.masks\.size",
        ),
        (
            on_polygons(lambda masks: [[[x + 90_000_000, y] for x, y in ring] for ring in masks]),
            "M05 polygons_are_inside_the_image",
            r"\$\.prompt_results\[0\]\.predictions\[0\]\.masks\[0\]",
        ),
    ],
    ids=["size swapped", "polygons outside"],
)
def test_verify_names_the_broken_law_and_the_place(fault: Any, law: str, path: str) -> None:
    with serving(FaultyServer(fault)) as url:
        result = run_command("verify", url, "--max-calls", "8", env={"API_KEY": KEY})

    assert result.returncode == 1
    assert law in result.stdout
    assert re.search(rf"at +{path}", result.stdout)
    assert said(result) == ""


def test_verify_writes_json_for_programs() -> None:
    with serving(FaultyServer(on_rle(lambda rle: rle["size"].reverse()))) as url:
        result = run_command("verify", url, "--format", "json", env={"ROBOFLOW_API_KEY": KEY})

    report = json.loads(result.stdout)
    assert report["exit_status"] == result.returncode == 1
    assert 50 <= report["calls"] <= 60
    # What is read in a wrong frame is neither where it is drawn nor where it is boxed: that follows, and is told once.
    assert {violation["check"] for violation in report["violations"]} == {"M03", "G02", "C06"}
    [cause] = report["causes"]
    assert (cause["check"], {one["check"] for one in cause["follows"]}) == ("M03", {"G02", "C06"})
    assert "M03" in {check["code"] for check in report["checks"] if check["verdict"] == "broken"}
    assert KEY not in result.stdout


def test_verify_takes_photographs_and_concepts(tmp_path: Path) -> None:
    from sam3_contract.cases import built_in_images  # noqa: PLC0415

    path = tmp_path / "mine.jpg"
    path.write_bytes(built_in_images()[1].content)

    result = run_command("verify", "mock", "--image", str(path), "--text", "left shoe", "--format", "json")

    assert 40 <= json.loads(result.stdout)["calls"] <= 60
    assert result.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_verify_takes_an_image_of_any_name(tmp_path: Path) -> None:
    photo = tmp_path / os.fsdecode(b"caf\xe9 \x1b[31m ]]>.png")
    photo.write_bytes(photograph(64, 48))
    folder = tmp_path / "report"

    result = run_command("verify", "mock", "--image", str(photo), "--max-calls", "3", "--report", str(folder))

    assert said(result).count("wrote ") == 4
    assert result.returncode == 0
    told = "".join(ET.parse(folder / "junit.xml").getroot().itertext())
    assert r"not sent: concept_segment/caf\xe9 \x1b[31m ]]>.png/" in told
    assert json.loads((folder / "report.json").read_bytes())["calls"] == 3


def test_verify_fuzz_judges_generated_requests() -> None:
    result = run_command(
        "verify", "mock", "--operation", "embed_image", "--max-calls", "16", "--fuzz", "3", "--seed", "3"
    )

    assert re.search(r"F01  generated_requests_are_judged_right +\d+ judged  held", result.stdout)
    assert result.returncode == 0, result.stdout


def test_verify_fuzz_leaves_nothing_in_the_folder_at_hand(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sam3_contract", "verify", "mock", "--operation", "embed_image", "--fuzz", "1"]
    kept = {name: value for name, value in os.environ.items() if name != "HYPOTHESIS_STORAGE_DIRECTORY"}
    (tmp_path / "temporary").mkdir()
    environment = {**kept, "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)}

    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=300)

    assert [one.name for one in tmp_path.iterdir()] == ["temporary"]


def test_verify_fuzz_asks_only_the_operation_that_was_chosen() -> None:
    app = create_app()
    with serving(app) as url:
        result = run_command("verify", url, "--operation", "embed_image", "--fuzz", "1", "--max-calls", "20")

    assert "F01  generated_requests_are_judged_right" in result.stdout
    assert {request.operation for request in control_of(app).journal.requests} - {None} == {"embed_image"}


def test_verify_fuzz_finds_a_fault_and_shows_how_to_send_the_request_again() -> None:
    with serving(FaultyServer(on_polygons(lambda masks: [[[x + 9000, y] for x, y in ring] for ring in masks]))) as url:
        # In a process of its own: what is generated also depends on the modules that are imported.
        arguments = ("verify", url, "--case", "embed_image/shapes.png", "--fuzz", "8")
        result = run_process(*arguments, env={"API_KEY": KEY})

    assert result.returncode == 1
    assert "curl -X POST" in result.stdout
    assert KEY not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (
            ["verify", "localhost:9001"],
            2,
            "'localhost:9001' is no URL of a server; write it like http://127.0.0.1:9001",
        ),
        (["verify", "ftp://localhost"], 2, "'ftp://localhost' is no URL of a server"),
        (["verify", "mock", "--image", "no-such.jpg"], 3, "no-such.jpg cannot be read: No such file or directory"),
        (["verify", "mock", "--image", "README.md"], 3, "README.md: no image starts with"),
        (["verify", "mock", "--select", "M99"], 2, "no check named 'M99'"),
        (["verify", "mock", "--select", "rle_is_sond"], 2, "did you mean 'rle_is_sound'?"),
        (["verify", "mock", "--select", "M", "--ignore", "M"], 2, "no check is left"),
        (["verify", "mock", "--ignore", ""], 2, "'--ignore': '' names nothing"),
        (["verify", "mock", "--format", "yaml"], 2, "'yaml' is not one of 'text', 'json'"),
        (["verify", "mock", "--spec", "no-such.yaml"], 2, "no-such.yaml cannot be read"),
        (["verify", "mock", "--spec", "tests/data/outlines.json"], 2, "outlines.json has no paths"),
        (["verify", "mock", "--api-key-env", "NOT_SET_ANYWHERE"], 2, "'NOT_SET_ANYWHERE', which is not set"),
        (["verify", "https://serverless.roboflow.com"], 2, "the live service needs a key: set ROBOFLOW_API_KEY"),
        (["verify", "mock", *["--text", "a"] * 17], 2, "one request takes at most 16 concepts"),
        (["verify", "mock", "--text", ""], 2, "--text '' names no concept"),
        (["verify", "mock", "--text", "bus", "--text", " "], 2, "--text ' ' names no concept"),
        (["verify"], 2, "give either a base URL (or `mock`), or --har FILE"),
        (["verify", "mock", "--har", "x.har"], 2, "give either a base URL (or `mock`), or --har FILE"),
        (["verify", "mock", "--against", "mock", "--fuzz", "5"], 2, "two servers; --fuzz is not for it"),
        (["verify", "mock", "--against", "mock", "--write-baseline", "x"], 2, "--write-baseline is not for it"),
        (["verify", "--har", "x.har", "--against", "mock"], 2, "--har is not for it"),
        (["verify", "--har", "no-such.har"], 3, "no-such.har cannot be read"),
        (["verify", "--har", "README.md"], 3, "README.md"),
        (["verify", "mock", "--case", "no/such"], 2, "no case 'no/such' in this plan; --dry-run lists them"),
        (["verify", "mock", "--rate", "fast"], 2, "such as 30/m"),
        (["verify", "mock", "--point", "12"], 2, "write its pixel as x,y"),
        (["verify", "mock", "--point", "12,nan"], 2, "write its pixel as x,y"),
        (["verify", "mock", "--price", "nan"], 2, "'nan' is no number that can be meant"),
        (["verify", "mock", "--timeout", "inf"], 2, "'inf' is no number that can be meant"),
        (["verify", "mock", "--time-limit", "nan"], 2, "'nan' is no number that can be meant"),
        (["watch", "mock", "--timeout", "nan"], 2, "'nan' is no number that can be meant"),
        (["probe", "a:b", "--score", "nan"], 2, "'nan' is no number that can be meant"),
        (["verify", "mock", "--image-url", "bus.jpg"], 2, "has to be URL=FILE"),
        (["verify", "mock", "--baseline", "README.md"], 2, "README.md is no JSON, line 1"),
        (["verify", "mock", "--fault", "size_swaped"], 2, "did you mean 'size_swapped'"),
        (
            ["verify", "http://127.0.0.1:9", "--fault", "size_swapped"],
            2,
            "--profile and --engine are for `verify mock`",
        ),
        (["serve", "--port", "99999"], 2, "99999 is not in the range"),
        (["serve", "--host", "192.0.2.1"], 2, "cannot listen on 192.0.2.1 port 9001"),
        (["serve", "--spec", "README.md", "--port", "0"], 2, "README.md"),
        (["checks", "explain", "X"], 2, "no check named 'X'"),
        (["verfy"], 2, "no command named 'verfy'; did you mean 'verify'?"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments: list[str], status: int, line: str) -> None:
    result = run_command(*arguments)

    assert line in said(result)
    assert result.stdout == ""
    assert result.returncode == status


def test_dry_run_lists_the_cases_and_sends_none() -> None:
    result = run_command("verify", "https://serverless.roboflow.com", "--dry-run", "--max-calls", "20", "--price", "2")

    lines = result.stdout.splitlines()
    assert "concept_segment/shapes.png/rle" in lines[0]
    assert lines[20] == "---- over the budget of 20 calls; the next ones would look at ----"
    assert lines[-1] == "20 calls, 5 of them to be refused; about 30 credits if only the others are charged"
    assert result.returncode == 0
    least = run_command("verify", "https://serverless.roboflow.com", "--dry-run", "--max-calls", "20").stdout
    assert "at least 0.003 credits" in least.splitlines()[-1]


def test_verify_stays_within_its_budget_and_names_what_it_left_out() -> None:
    result = run_command("verify", "mock", "--max-calls", "5", "--concurrency", "3")

    assert "stopped: the budget of 5 calls left" in result.stdout
    assert re.search(r"^5 calls, ", result.stdout, flags=re.MULTILINE)
    assert result.returncode == 0


def test_finding_is_shown_again_by_its_commands(tmp_path: Path) -> None:
    with serving(FaultyServer(on_rle(lambda rle: rle["size"].reverse()))) as url:
        first = run_command("verify", url, "--max-calls", "4", "--report", str(tmp_path), env={"API_KEY": KEY})
        again = re.search(r"again +sam3-contract (verify .*--case \S+)", first.stdout)
        assert again is not None
        second = run_command(*again[1].split(), env={"API_KEY": KEY})
        (curl,) = json.loads((tmp_path / "report.json").read_text())["causes"][0]["first"]["commands"][1:]
        third = subprocess.run(["bash", "-c", curl], env={**os.environ, "API_KEY": KEY}, capture_output=True, text=True)

    assert second.returncode == 1
    assert "M03 rle_size_is_the_images" in second.stdout
    assert '"size": [320, 208]' in third.stdout or '"size":[320,208]' in third.stdout
    assert any(path.suffix == ".png" for path in (tmp_path / "requests").iterdir())


def test_recording_of_a_client_that_sends_its_key_in_the_url_gets_a_note(tmp_path: Path) -> None:
    entry = {
        "request": {"method": "POST", "url": f"https://x.test/sam3/embed_image?api_key={KEY}", "headers": []},
        "response": {"status": 401, "headers": [], "content": {"mimeType": "application/json", "text": "{}"}},
    }
    entry["request"]["postData"] = {"mimeType": "application/json", "text": '{"image": {}}'}
    path = tmp_path / "client.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "creator": {}, "entries": [entry]}}), encoding="utf-8")

    result = run_command("verify", "--har", str(path), "--select", "S02")

    assert "sam3-contract: note: 1 request held the API key in its URL" in result.stderr
    assert KEY not in result.stdout + result.stderr
    assert result.returncode == 0


def test_report_holds_four_files_that_judge_alike_and_no_key(tmp_path: Path) -> None:
    with serving(FaultyServer(on_rle(lambda rle: rle["size"].reverse()))) as url:
        live = run_command("verify", url, "--max-calls", "8", "--report", str(tmp_path), env={"API_KEY": KEY})
    recorded = run_command("verify", "--har", str(tmp_path / "exchanges.har"))

    names = {"report.html", "report.json", "junit.xml", "exchanges.har"}
    assert names <= {path.name for path in tmp_path.iterdir()}
    assert not any(KEY.encode() in (tmp_path / name).read_bytes() for name in names)
    assert (live.returncode, recorded.returncode) == (1, 1)
    assert "M03 rle_size_is_the_images" in recorded.stdout


@pytest.mark.parametrize(
    ("option", "name", "told"),
    [
        ("--report", "taken", "taken cannot be made: File exists; --report takes another folder"),
        ("--write-baseline", "taken/new/baseline.json", "baseline.json cannot be written: Not a directory"),
    ],
)
def test_output_without_a_place_is_told_before_anything_is_sent(
    tmp_path: Path, option: str, name: str, told: str
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file", encoding="utf-8")

    sent: list[object] = []

    with serving(FaultyServer(lambda *call: sent.append(call))) as url:
        result = run_command("verify", url, "--max-calls", "4", option, str(tmp_path / name), env={"API_KEY": KEY})

    assert (result.returncode, result.stdout, sent) == (3, "", [])
    assert told in result.stderr


def test_baseline_accepts_what_was_found(tmp_path: Path) -> None:
    baseline = str(tmp_path / "baseline.json")

    broken = ("--fault", "size_swapped")

    first = run_command("verify", "mock", "--max-calls", "4", *broken, "--write-baseline", baseline)
    second = run_command("verify", "mock", "--max-calls", "4", *broken, "--baseline", baseline)
    third = run_command("verify", "mock", "--max-calls", "4", "--baseline", baseline)

    assert (first.returncode, second.returncode, third.returncode) == (1, 0, 0)
    assert "Accepted by the baseline and not counted:" in second.stdout
    assert "In the baseline, but no longer found; take them out:" in third.stdout


def test_observed_profile_shows_its_deviations() -> None:
    result = run_command("verify", "mock", "--profile", "observed", "--seed", "7")

    assert result.returncode == 0
    assert "binary_answers_500: 500, text/plain" in result.stdout


def test_verify_holds_answers_to_the_document_of_the_server_itself() -> None:
    document = ROOT / "tests" / "data" / "openapi-fastapi-like.json"

    result = run_command("verify", "mock", "--max-calls", "2", "--spec", str(document))

    assert (result.returncode, result.stdout.splitlines()[-1]) == (
        0,
        "2 calls, 58 checks, all that could be judged held",
    )


@pytest.mark.parametrize("arguments", [["mock"], ["--har", "x.har"], ["mock", "--operation", "embed_image"]])
def test_verify_refuses_a_document_of_another_api(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "pets.json").write_text('{"paths": {"/pets": {"get": {"operationId": "pets"}}}}')

    result = run_command("verify", *arguments, "--spec", str(tmp_path / "pets.json"))

    assert result.returncode == 2
    assert re.search("pets.json has no operation '(concept_segment|embed_image)'; it has pets\n$", result.stderr)


def test_verify_says_that_nothing_answers() -> None:
    url = f"http://127.0.0.1:{unused_port()}"

    result = run_command("verify", url)

    assert result.returncode == 3
    assert f"{url} does not answer: connection refused" in said(result)


def test_verify_a_server_that_is_no_sam3_api_breaks_the_contract() -> None:
    def other(_: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/html")])
        return [b"<h1>Not Found</h1>"]

    with serving(other) as url:
        result = run_command("verify", url, "--max-calls", "4")

    assert result.returncode == 1
    assert "S01 status_is_expected" in result.stdout
    assert said(result) == ""


def test_serve_refuses_a_taken_port() -> None:
    with serving(create_app()) as url:
        result = run_command("serve", "--port", url.rpartition(":")[2])

    assert result.returncode == 2
    assert "address already in use; --port 0 takes a free one" in said(result)


def test_serve_answers_until_it_is_stopped_and_verify_holds_it() -> None:
    with command_serving("--api-key", KEY, "--workers", "2") as url:
        right = run_command("verify", url, "--max-calls", "8", env={"API_KEY": KEY})
        wrong = run_command("verify", url, "--max-calls", "4", "--select", "S01", env={"API_KEY": "another-key"})

    assert (right.returncode, wrong.returncode) == (0, 1)
    assert "This key is not authorized" in wrong.stdout


def test_checks_lists_and_explains_every_check() -> None:
    listed = run_command("checks").stdout

    assert [line.split()[0] for line in listed.splitlines()] == [check.code for check in CHECKS]
    for name in ("M03", "rle_size_is_the_images"):
        explained = run_command("checks", "explain", name).stdout
        assert "[height, width]" in explained
        assert "mend" in explained


def test_spec_show_prints_the_document_or_its_path() -> None:
    assert run_command("spec", "show").stdout == packaged_path().read_text(encoding="utf-8")
    assert run_command("spec", "show", "--path").stdout.strip() == str(packaged_path())


@pytest.mark.parametrize("command", [[], ["serve"], ["verify"], ["checks"], ["checks", "explain"], ["spec", "show"]])
def test_help_teaches(command: list[str]) -> None:
    result = run_command(*command, "--help")

    assert result.returncode == 0
    assert "Usage:" in result.stdout


def test_help_keeps_examples_on_lines_of_their_own() -> None:
    assert "\n    sam3-contract serve\n" in run_command("--help").stdout
    assert "\n    curl http://127.0.0.1:9001/" in run_command("serve", "--help").stdout


def test_no_option_of_verify_takes_a_key() -> None:
    assert "--api-key " not in run_command("verify", "--help").stdout


def test_settings_of_tests_refuse_other_keys() -> None:
    answer = create_app(Settings(api_keys=frozenset({KEY}))).test_client().post("/sam3/embed_image?api_key=other")

    assert answer.status_code == 401
