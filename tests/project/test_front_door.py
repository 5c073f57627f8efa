"""What is one import away: loaded when it is used, typed, and a verification in one call."""

from __future__ import annotations

import subprocess
import sys
from ast import literal_eval
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

import sam3_contract
from mock_server import Settings, create_app
from sam3_contract import create_mock, verify
from sam3_contract.errors import BaselineError, ContractViolation, ImageError, SpecError, TransportError, UsageError
from sam3_contract.verification.runner import Run
from tests.servers import serving

CHEAP = ["embed_image"]


def test_import_loads_nothing_heavy_and_names_are_there_when_used() -> None:
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import sam3_contract\n"
        "print(sorted(name for name in set(sys.modules) - before if name.partition('.')[0] != 'sam3_contract'))\n"
        "print(set(sam3_contract.__all__) <= set(dir(sam3_contract)), all(hasattr(sam3_contract, name)\n"
        "      for name in sam3_contract.__all__), sam3_contract.__version__)\n"
        "sam3_contract.nothing"
    )
    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)

    loaded, names, *_ = result.stdout.split("\n")
    assert {name.partition(".")[0] for name in literal_eval(loaded)} <= sys.stdlib_module_names
    assert names == f"True True {sam3_contract.__version__}"
    assert "module 'sam3_contract' has no attribute 'nothing'" in result.stderr


def test_every_name_is_that_of_its_home() -> None:
    for name, home in sam3_contract._HOMES.items():
        assert getattr(sam3_contract, name) is getattr(sys.modules[home], name)
    assert set(sam3_contract.__all__) == {*sam3_contract._HOMES, "__version__"}


def test_create_mock_takes_settings_and_changes_of_them() -> None:
    mock = create_mock(Settings(seed=3), profile="observed")

    assert (mock.settings.seed, mock.settings.profile) == (3, "observed")
    with pytest.raises(UsageError, match="no setting named 'sead'"):
        create_mock(sead=1)


def test_verify_takes_a_url_an_application_and_the_mock() -> None:
    with serving(create_app()) as url:
        runs = {
            url: verify(url, operations=CHEAP),
            "Application (in process)": verify(create_app(), operations=CHEAP),
            "LocalMock (in process)": verify(create_mock(), operations=CHEAP),
            "mock (in process)": verify("mock", operations=CHEAP),
        }

    assert {name: run.target for name, run in runs.items()} == {name: name for name in runs}
    for run in runs.values():
        assert isinstance(run, Run)
        assert (run.exit_status, run.violations) == (0, ())
        run.assert_held()


def test_verify_sends_the_key_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROBOFLOW_API_KEY", raising=False)
    monkeypatch.delenv("API_KEY", raising=False)
    mock = create_mock(api_keys={"the key of a test"})

    assert verify(mock, operations=CHEAP, api_key="the key of a test").exit_status == 0
    assert verify(mock, operations=CHEAP).exit_status == 1
    with serving(mock) as url:
        assert verify(url, operations=CHEAP, api_key="the key of a test").exit_status == 0
        monkeypatch.setenv("API_KEY", "the key of a test")
        assert verify(url, operations=CHEAP).exit_status == 0


def test_run_of_a_broken_server_shows_what_is_broken_and_fails_a_test(tmp_path: Path) -> None:
    run = verify(create_mock(faults=["size_swapped"]), select="M03", max_calls=5)

    assert run.exit_status == 1
    assert repr(run) == "<Verification of LocalMock (in process): 5 calls, 1 check, 1 broken (M03)>"
    assert "M03 rle_size_is_the_images" in str(run)
    page = run._repr_html_()
    assert page.startswith("<iframe sandbox srcdoc=")
    assert "<" not in page.partition('srcdoc="')[2].partition('"')[0]
    assert "M03" in unescape(page)
    with pytest.raises(ContractViolation, match=r"(?s)breaks the contract.*M03 rle_size_is_the_images"):
        run.assert_held()
    assert {path.name for path in run.write_report(tmp_path)} >= {"report.html", "report.json"}


def test_run_that_judged_nothing_is_not_held() -> None:
    with serving(create_app()) as url:
        pass  # nobody listens there any more

    with pytest.raises(TransportError, match="does not answer: connection refused"):
        verify(url, operations=CHEAP).assert_held()

    def empty(_environ: object, start_response: object) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])  # type: ignore[operator]
        return [b""]

    with pytest.raises(TransportError, match=r"function .in process. gave no check anything to judge"):
        verify(empty, operations=CHEAP, select="M03").assert_held()


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"target": "nowhere"}, UsageError, "'nowhere' is no URL of a server"),
        ({"target": 5}, UsageError, "5 is no target: give a base URL, 'mock', or a WSGI application"),
        ({"operations": "segment"}, SpecError, "has no operation 'segment'; it has"),
        ({"select": "Q99"}, UsageError, "Q99"),
        ({"texts": ["dog"] * 17}, UsageError, "17 texts: one request takes at most 16 concepts"),
        ({"max_calls": 0}, UsageError, "max_calls has to be more than 0, got 0"),
        ({"time_limit": -1.0}, UsageError, "time_limit has to be more than 0, got -1.0"),
        ({"images": "no-such.jpg"}, ImageError, "no-such.jpg cannot be read"),
        ({"baseline": "no-such.json"}, BaselineError, "no-such.json"),
    ],
)
def test_verify_refuses_what_makes_no_sense(arguments: dict[str, object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        verify(**{"target": Flask("nothing"), **arguments})  # type: ignore[arg-type]


def test_verify_asks_for_what_it_is_told(tmp_path: Path) -> None:
    picture = tmp_path / "grey.png"
    Image.new("L", (32, 24), 99).save(picture)
    mock = create_mock()

    verify(mock, images=picture, texts="bicycle", points=[(3, 4)], operations="visual_segment", max_calls=4)

    assert {(seen.image.width, seen.image.height) for seen in mock.requests if seen.image} == {(32, 24)}
    assert "visual_segment" in {seen.operation for seen in mock.requests} <= {"visual_segment", "embed_image"}
