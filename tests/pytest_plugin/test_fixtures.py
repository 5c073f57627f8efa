"""The pytest plugin, in whole sessions of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from werkzeug.test import Client

from mock_server import Settings, control_of, create_app
from sam3_contract.pytest_plugin.live import Budget, LiveGateway
from sam3_contract.pytest_plugin.server import ThreadServer
from tests.servers import serving

pytest_plugins = ["pytester"]

REAL_KEY = "the-real-key-f00d"
ASKING = """
    import pytest, requests

    BODY = {"image": {"type": "url", "value": "https://example.com/dog.jpg"}, "prompts": [{"text": "dog"}]}

    def ask(sam3, key=None, body=BODY):
        query = {"api_key": key or sam3.api_key}
        return requests.post(sam3.url + "/sam3/concept_segment", params=query, json=body, timeout=30)
"""
ENDS_CLEAN = """
    import os, threading, pytest

    def sockets():
        return sum("socket:" in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                   if os.path.exists(f"/proc/self/fd/{fd}"))

    def pytest_configure(config):
        config.sam3_before = set(threading.enumerate()), sockets()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(config):
        threads, count = config.sam3_before
        left = [thread.name for thread in threading.enumerate() if thread not in threads]
        print(f"LEFT {left} {sockets() - count}")
"""


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder of a user's tests, with nothing of this suite's environment."""
    for name in ("API_KEY", "ROBOFLOW_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:schemathesis")  # another's plugin, imported anew in every session
    return pytester


def write(session: pytest.Pytester, tests: str) -> None:
    session.makepyfile(ASKING + tests)


def run_apart(session: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run a session in a process of its own, without the plugins of others, which take seconds to import."""
    plugins = ("-p", "sam3_contract.pytest_plugin", *(("-p", "xdist.plugin") if "-n" in options else ()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return session.runpytest_subprocess(*plugins, *options, timeout=120)


def test_plugin_costs_nothing_until_it_is_used() -> None:
    heavy = (
        "mock_server",
        "flask",
        "werkzeug",
        "requests",
        "httpx",
        "aiohttp",
        "numpy",
        "cv2",
        "pydantic",
        "yaml",
        "PIL",
    )
    program = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import sam3_contract.pytest_plugin\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        f"print(sorted(new), [name for name in {heavy!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "['sam3_contract'] []"


def test_session_that_does_not_use_it_imports_nothing_heavy(session: pytest.Pytester) -> None:
    session.makepyfile(
        "import sys\ndef test_nothing():\n"
        "    assert not {'mock_server', 'flask', 'requests', 'numpy', 'aiohttp'} & set(sys.modules)"
    )

    # Plugins of others import what they like; this is what ours adds.
    result = run_apart(session, "-W", "error")

    result.assert_outcomes(passed=1)


def test_options_stand_under_one_heading(session: pytest.Pytester) -> None:
    shown = session.runpytest("--help").stdout.str()
    block = shown[shown.index("SAM 3 API (sam3-contract):") :].split("\n\n")[0]

    for option in ("profile", "seed", "live", "live-url", "max-calls", "artifacts", "snapshot-update"):
        assert f"--sam3-{option}" in block
    assert shown.count("--sam3-") == block.count("--sam3-")


def test_markers_are_registered(session: pytest.Pytester) -> None:
    session.runpytest("--markers").stdout.fnmatch_lines(
        ["@pytest.mark.sam3_scenario*", "@pytest.mark.sam3_faults*", "@pytest.mark.sam3_live*"]
    )


def test_fixtures_are_gone_without_the_plugin(session: pytest.Pytester) -> None:
    write(session, "\n    def test_it(sam3_mock): pass\n")

    result = session.runpytest("-p", "no:sam3_contract")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'sam3_mock' not found*"])


def test_mock_is_served_at_one_url_and_new_for_each_test(session: pytest.Pytester) -> None:
    write(
        session,
        """
    urls = []

    @pytest.mark.parametrize("time", range(3))
    def test_mock(sam3_mock, time):
        urls.append(sam3_mock.url)
        assert sam3_mock.requests == [] and sam3_mock.faults == () and not sam3_mock.live
        assert ask(sam3_mock).status_code == 200
        sam3_mock.assert_called("concept_segment", text="dog", times=1)
        sam3_mock.assert_not_called("embed_image")
        embedding = {"image": BODY["image"], "image_id": "a"}
        assert requests.post(sam3_mock.url + "/sam3/embed_image?api_key=x", json=embedding).status_code == 200
        assert sam3_mock.client.get("/healthz").status_code == 200
        assert len(set(urls)) == 1
    """,
    )

    session.runpytest("-W", "error").assert_outcomes(passed=3)


def test_scenarios_and_faults_come_by_call_and_by_marker(session: pytest.Pytester) -> None:
    session.makefile(".yaml", busy="scenarios:\n  - name: busy\n    answers: [{status: 503}, normal]\n")
    write(
        session,
        """
    def test_call(sam3_mock):
        sam3_mock.scenario(name="full", answers=[{"status": 507}], times=1, then="normal")
        assert [ask(sam3_mock).status_code for _ in range(2)] == [507, 200]

    @pytest.mark.sam3_scenario("busy.yaml")
    def test_file(sam3_mock):
        assert [ask(sam3_mock).status_code for _ in range(2)] == [503, 200]

    @pytest.mark.sam3_scenario(answers=[{"fault": "status:402"}])
    def test_fields(sam3):
        assert ask(sam3).status_code == 402

    @pytest.mark.sam3_settings(profile="observed", seed=7)
    def test_settings(sam3_mock):
        assert (sam3_mock.settings.profile, sam3_mock.settings.seed) == ("observed", 7)
        sam3_mock.use(api_keys=frozenset({"other"}))
        assert ask(sam3_mock).status_code == 401
        assert sam3_mock.settings.profile == "observed"
    """,
    )

    session.runpytest("-W", "error", "--sam3-seed", "3").assert_outcomes(passed=4)


def test_options_choose_profile_and_seed(session: pytest.Pytester) -> None:
    write(
        session,
        """
    def test_settings(sam3_mock, sam3_intercept):
        for mock in (sam3_mock, sam3_intercept):
            assert (mock.settings.profile, mock.settings.seed) == ("observed", 3)
    """,
    )

    session.runpytest("-W", "error", "--sam3-seed=3", "--sam3-profile=observed").assert_outcomes(passed=1)


def test_connection_that_a_fault_resets_ends_at_once(session: pytest.Pytester) -> None:
    write(
        session,
        """
    @pytest.mark.sam3_faults("connection_reset:before")
    def test_nothing(sam3_mock):
        with pytest.raises(requests.ConnectionError):
            ask(sam3_mock)

    @pytest.mark.sam3_faults("connection_reset:middle")
    def test_half(sam3_mock):
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            ask(sam3_mock)
    """,
    )

    result = session.runpytest("-W", "error")

    result.assert_outcomes(passed=2)
    assert result.duration < 20  # the client waits for 30 s


def test_unplayed_scenarios_and_unmatched_requests_fail_the_test(session: pytest.Pytester) -> None:
    write(
        session,
        """
    @pytest.mark.sam3_scenario(name="retry", answers=[{"status": 503}])
    def test_unused(sam3_mock): pass

    @pytest.mark.sam3_scenario(name="retry", answers=[{"status": 503}])
    def test_unused_in_process(sam3_intercept): pass

    @pytest.mark.sam3_scenario({"strict": True, "scenarios": [{"when": {"text": "cat"}, "times": "any"}]})
    def test_unmatched(sam3_mock):
        assert ask(sam3_mock).status_code == 599

    @pytest.mark.sam3_scenario(name="retry", answers=[{"status": 503}])
    def test_fails_anyway(sam3_mock):
        assert 1 == 2
    """,
    )

    result = session.runpytest("-W", "error")

    result.assert_outcomes(passed=3, failed=1, errors=3)
    result.stdout.fnmatch_lines(
        [
            "*the scenarios were not played as written:*",
            "*'retry' took no request*",
            "*no scenario takes concept_segment*",
        ]
    )
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("sam3_faults('no_such_fault')", "sam3_faults: *no_such_fault*"),
        ("sam3_scenario('missing.yaml')", "sam3_scenario: *missing.yaml: cannot be read*"),
        ("sam3_scenario(answers=[{'status': 9}])", "sam3_scenario: scenario*status*"),
        ("sam3_settings(sead=1)", "sam3_settings: *unexpected keyword argument 'sead'*"),
    ],
)
def test_marker_that_is_wrong_says_so_without_a_traceback(session: pytest.Pytester, marker: str, says: str) -> None:
    write(session, f"\n    @pytest.mark.{marker}\n    def test_it(sam3_mock): pass\n")

    result = session.runpytest("-W", "error")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*@pytest.mark.{says}"])
    result.stdout.no_fnmatch_line("*def _or_fail*")


@pytest.mark.parametrize(("given", "says"), [("host=1", "'host'"), ("allow='a.test'", "write allow=['a.test']")])
def test_intercept_marker_that_is_wrong_says_so(session: pytest.Pytester, given: str, says: str) -> None:
    write(session, f"\n    @pytest.mark.sam3_intercept({given})\n    def test_it(sam3_intercept): pass\n")

    result = session.runpytest("-W", "error")

    result.assert_outcomes(errors=1)
    assert says in result.stdout.str()
    result.stdout.no_fnmatch_line("*def _or_fail*")


def test_failed_assertion_lists_the_nearest_requests_at_the_tests_own_line(session: pytest.Pytester) -> None:
    write(
        session,
        """
    def test_text(sam3_mock):
        ask(sam3_mock)
        sam3_mock.assert_called("concept_segment", text="cat")
    """,
    )

    result = session.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['>*sam3_mock.assert_called("concept_segment", text="cat")', "E *'dog'*"])
    result.stdout.no_fnmatch_line("*journal.py*")


def test_intercept_fixture_answers_in_process_and_refuses_the_rest(session: pytest.Pytester) -> None:
    write(
        session,
        """
    from sam3_contract.errors import NetworkRefusedError

    class Service:
        url, api_key = "https://serverless.roboflow.com", "any"

    def test_answers(sam3_intercept):
        assert ask(Service).status_code == 200
        sam3_intercept.assert_called("concept_segment", text="dog")
        with pytest.raises(NetworkRefusedError):
            requests.get("https://example.com")

    @pytest.mark.sam3_intercept(hosts=["sam.example.com"])
    def test_hosts(sam3_intercept):
        assert requests.get("https://sam.example.com/healthz").status_code == 200
        with pytest.raises(NetworkRefusedError):
            ask(Service)

    def test_both(sam3_intercept, sam3_mock):
        assert ask(Service).status_code == ask(sam3_mock).status_code == 200
        assert len(sam3_intercept.requests) == len(sam3_mock.requests) == 1
    """,
    )

    session.runpytest("-W", "error").assert_outcomes(passed=3)


def test_mask_assertion_names_the_picture_that_it_saved(session: pytest.Pytester, tmp_path: Path) -> None:
    write(
        session,
        """
    SQUARE = {"size": [4, 6], "counts": "5220;"}

    def test_masks(sam3_assert_masks_equal):
        sam3_assert_masks_equal(SQUARE, [[[1, 1], [1, 2], [2, 2], [2, 1]]])
        sam3_assert_masks_equal(SQUARE, [[[2, 1], [2, 2], [3, 2], [3, 1]]])

    def test_equal(sam3_assert_masks_equal):
        sam3_assert_masks_equal(SQUARE, SQUARE)
    """,
    )
    folder = tmp_path / "artifacts"

    result = session.runpytest("-W", "error", "--sam3-artifacts", str(folder))

    result.assert_outcomes(passed=1, failed=1)
    (picture,) = [path for path in folder.rglob("*") if path.is_file()]
    result.stdout.fnmatch_lines(["E *moved by 1 px to the right", f"E *picture of the difference: {picture}"])
    assert picture.name == "masks-2.png"
    with Image.open(picture) as shown:
        assert len(shown.getcolors() or []) == 4
    assert list(folder.iterdir()) == [picture.parent]


def test_pictures_of_any_test_are_put_where_pytest_was_started(session: pytest.Pytester) -> None:
    write(
        session,
        """
    @pytest.mark.parametrize("text", ["<", ">", "long" * 100], ids=lambda text: text)
    def test_masks(sam3_assert_masks_equal, monkeypatch, tmp_path, text):
        monkeypatch.chdir(tmp_path)
        sam3_assert_masks_equal({"size": [1, 2], "counts": "11"}, {"size": [1, 2], "counts": "2"})
    """,
    )

    result = session.runpytest("-W", "error", "--sam3-artifacts", "artifacts", "-p", "no:cacheprovider")

    result.assert_outcomes(failed=3)
    assert len(list((session.path / "artifacts").glob("*/masks-1.png"))) == 3


def test_mask_assertion_saves_in_the_tests_own_folder_by_default(session: pytest.Pytester) -> None:
    write(
        session,
        """
    def test_masks(sam3_assert_masks_equal, tmp_path):
        with pytest.raises(AssertionError, match="masks-1.png"):
            sam3_assert_masks_equal({"size": [1, 2], "counts": "11"}, {"size": [1, 2], "counts": "2"})
        assert (tmp_path / "masks-1.png").is_file()
    """,
    )

    session.runpytest("-W", "error").assert_outcomes(passed=1)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="sockets are counted in /proc")
def test_session_leaves_no_thread_and_no_socket(session: pytest.Pytester) -> None:
    session.makeconftest(ENDS_CLEAN)
    write(
        session,
        """
    import aiohttp, asyncio, gc, httpx

    kept = requests.Session()

    def test_kept_connection(sam3_mock):
        assert kept.get(sam3_mock.url + "/healthz").status_code == 200

    def test_slow_answer_that_nobody_waits_for(sam3_mock):
        sam3_mock.scenario(answers=[{"delay": 50}])
        with pytest.raises(requests.ReadTimeout):
            requests.post(sam3_mock.url + "/sam3/concept_segment?api_key=x", json=BODY, timeout=0.2)

    def test_intercepted(sam3_intercept):
        async def ask():
            async with aiohttp.ClientSession("https://serverless.roboflow.com") as session:
                async with session.get("/healthz") as answer:
                    return answer.status

        assert asyncio.run(ask()) == httpx.get("https://serverless.roboflow.com/healthz").status_code == 200

    def test_last(sam3_mock):
        ask(sam3_mock)
        kept.close()
    """,
    )

    result = run_apart(session, "-W", "error", "-s")

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["LEFT [[]] 0"])


def test_connection_that_a_client_keeps_open_does_not_hold_up_the_end(session: pytest.Pytester) -> None:
    session.makeconftest(ENDS_CLEAN)
    write(
        session,
        """
    kept = requests.Session()

    def test_kept_connection(sam3_mock):
        assert kept.get(sam3_mock.url + "/healthz").status_code == 200
    """,
    )

    result = run_apart(session, "-s")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["LEFT [[]] *"])


def test_child_that_a_test_forks_ends_like_any_other(session: pytest.Pytester) -> None:
    write(
        session,
        """
    import os, sys

    def test_forks(sam3_mock):
        assert ask(sam3_mock).status_code == 200
        child = os.fork()
        if not child:
            sys.exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        assert ask(sam3_mock).status_code == 200
    """,
    )

    # In the child, pytest takes the exit for a failure of its test, and goes on to the end of its session.
    result = run_apart(session)

    assert result.ret == pytest.ExitCode.OK


def test_plugin_works_under_xdist(session: pytest.Pytester) -> None:
    write(
        session,
        """
    @pytest.mark.parametrize("number", range(8))
    def test_served(sam3_mock, number):
        assert ask(sam3_mock).status_code == 200
        assert len(sam3_mock.requests) == 1

    @pytest.mark.parametrize("number", range(4))
    def test_in_process(sam3_intercept, number):
        assert requests.get("https://serverless.roboflow.com/healthz").status_code == 200

    @pytest.mark.sam3_scenario(name="retry", answers=[{"status": 503}])
    def test_unused(sam3_mock): pass
    """,
    )

    result = run_apart(session, "-n", "2", "-W", "error")

    result.assert_outcomes(passed=13, errors=1)
    result.stdout.fnmatch_lines(["*'retry' took no request*"])
    result.stdout.fnmatch_lines(["sam3-contract: note: 8 requests held the API key in the URL, *"])


def test_live_tests_are_skipped_with_a_reason(session: pytest.Pytester) -> None:
    write(
        session,
        """
    def test_fixture(sam3_live): pass

    @pytest.mark.sam3_live
    def test_marker(): pass

    def test_either(sam3):
        assert not sam3.live
    """,
    )

    without_option = session.runpytest("-W", "error", "-rs")
    without_option.assert_outcomes(passed=1, skipped=2)
    without_option.stdout.fnmatch_lines(["SKIPPED*--sam3-live runs it"])

    without_key = session.runpytest("-W", "error", "-rs", "--sam3-live")
    without_key.assert_outcomes(skipped=3)
    without_key.stdout.fnmatch_lines(["SKIPPED*ROBOFLOW_API_KEY or API_KEY; there is none"])
    without_key.stdout.no_fnmatch_line("sam3-contract: live*")


def test_same_test_runs_on_the_live_service_and_never_shows_its_key(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        session,
        """
    def test_by_query(sam3):
        assert ask(sam3).json()["prompt_results"][0]["echo"]["text"] == "dog"

    def test_by_header_and_body(sam3):
        url = sam3.url + "/sam3/concept_segment"
        by_header = requests.post(url, json=BODY, headers={"Authorization": f"Bearer {sam3.api_key}"}, timeout=30)
        by_body = requests.post(url, json={**BODY, "api_key": sam3.api_key}, timeout=30)
        assert by_header.status_code == by_body.status_code == 200

    def test_wrong_key(sam3):
        assert ask(sam3, key="wrong").status_code == (401 if sam3.live else 200)

    def test_failing(sam3):
        answer = ask(sam3)
        assert answer.request.url == sam3.api_key

    @pytest.mark.sam3_scenario(answers=[{"status": 503}])
    def test_of_the_mock(sam3):
        assert ask(sam3).status_code == 503
    """,
    )
    live = create_app(Settings(api_keys=frozenset({REAL_KEY})))
    monkeypatch.setenv("ROBOFLOW_API_KEY", REAL_KEY)

    session.runpytest("-W", "error").assert_outcomes(passed=4, failed=1)
    assert control_of(live).journal.requests == []
    with serving(live) as url:
        result = session.runpytest("-W", "error", "-rs", "-vv", "--showlocals", "--sam3-live", "--sam3-live-url", url)

    result.assert_outcomes(passed=3, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [f"sam3-contract: live, {url}, at most 20 calls, 0.004 credits or more*", "*sam3_scenario is for the mock*"]
    )
    assert REAL_KEY not in result.stdout.str() + result.stderr.str()
    assert len(control_of(live).journal.requests) == 5


def test_live_service_is_compared_with_the_mock_in_one_test(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        session,
        """
    def test_same(sam3_live, sam3_mock):
        assert ask(sam3_live).json()["prompt_results"] == ask(sam3_mock).json()["prompt_results"]
        assert len(sam3_mock.requests) == 1
    """,
    )
    live = create_app()
    monkeypatch.setenv("ROBOFLOW_API_KEY", REAL_KEY)

    with serving(live) as url:
        session.runpytest("-W", "error", "--sam3-live", "--sam3-live-url", url).assert_outcomes(passed=1)

    assert len(control_of(live).journal.requests) == 1


@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["one process", "two processes"])
def test_run_makes_no_more_live_calls_than_its_budget(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, processes: list[str]
) -> None:
    write(
        session,
        """
    @pytest.mark.parametrize("number", range(6))
    def test_call(sam3_live, number):
        ask(sam3_live)
    """,
    )
    live = create_app()
    monkeypatch.setenv("API_KEY", REAL_KEY)

    with serving(live) as url:
        arguments = ["-W", "error", "--sam3-live", "--sam3-live-url", url, "--sam3-max-calls", "4", *processes]
        result = run_apart(session, *arguments)

    outcomes = result.parseoutcomes()
    assert outcomes["passed"] >= 4
    assert outcomes["errors"] == 2
    result.stdout.fnmatch_lines(["*budget of 4*used up (--sam3-max-calls)*"])
    assert len(control_of(live).journal.requests) == 4


def test_call_over_the_budget_fails_the_test_that_made_it(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        session,
        """
    def test_calls(sam3_live):
        assert sam3_live.calls_left == 2
        assert [ask(sam3_live).status_code for _ in range(3)] == [200, 200, 599]
    """,
    )
    monkeypatch.setenv("API_KEY", REAL_KEY)

    with serving(create_app()) as url:
        result = session.runpytest("-W", "error", "--sam3-live", "--sam3-live-url", url, "--sam3-max-calls=2")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*1 calls were not made: the budget of 2 is used up (--sam3-max-calls)"])


def test_gateway_says_that_the_service_does_not_answer(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "calls", calls=1)
    client = Client(LiveGateway("http://127.0.0.1:1", key=REAL_KEY, stand_in="test", budget=budget))

    answer = client.post("/sam3/embed_image?api_key=test", json={"api_key": "test"})

    assert answer.status_code == 599
    assert answer.get_json() == {"message": "sam3-contract: http://127.0.0.1:1 does not answer: connection refused"}
    assert client.get("/").get_json() == {
        "message": "sam3-contract: the budget of 1 calls is used up (--sam3-max-calls)"
    }


@pytest.mark.parametrize("content", [b'{"api_key": ', b'["api_key"]', b'{"api_key": "own", "a": 1}'])
def test_gateway_leaves_bodies_alone_that_hold_no_stand_in(tmp_path: Path, content: bytes) -> None:
    seen: list[bytes] = []

    def service(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("200 OK", [("Content-Length", "0")])
        return []

    budget = Budget(tmp_path / "calls", calls=1)
    with serving(service) as url:
        gateway = LiveGateway(url, key=REAL_KEY, stand_in="test", budget=budget)
        assert Client(gateway).post("/", data=content, content_type="application/json").status_code == 200

    assert seen == [content]


def test_server_says_that_no_test_is_running() -> None:
    with ThreadServer() as server:
        assert requests.get(server.url, timeout=30).status_code == 599


def test_budget_is_shared_by_all_that_use_the_folder(tmp_path: Path) -> None:
    first, second = (Budget(tmp_path / "calls", calls=3) for _ in range(2))

    assert [first.take(), second.take(), first.take(), second.take()] == [True, True, True, False]
    assert first.used == second.used == 3
    assert {path.name for path in (tmp_path / "calls").iterdir()} == {"0", "1", "2"}
