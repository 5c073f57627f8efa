"""`--sam3-mutate`: a user's tests under faults, in whole sessions."""

from __future__ import annotations

import json

import pytest

# Sessions in this process would import them again and again.
import sam3_contract.mutation.files
import sam3_contract.mutation.probing
import sam3_contract.mutation.text  # noqa: F401

pytest_plugins = ["pytester"]

CLIENT = """
    import requests

    def ask(url, tries=1):
        image = {"type": "url", "value": "https://example.com/dog.jpg"}
        body = {"image": image, "prompts": [{"text": "specimen:hole"}], "format": "rle"}
        for _ in range(tries):
            answer = requests.post(url + "/sam3/concept_segment?api_key=a-key-of-many-letters", json=body, timeout=5)
            if answer.status_code == 200:
                break
        return answer.json()["prompt_results"][0]["predictions"]
"""
SUITE = """
    import pytest
    from client import ask
    from sam3_contract import intercept

    made = []

    @pytest.fixture(scope="module", autouse=True)
    def shared():
        made.append(1)
        yield made

    def test_served(sam3_mock, monkeypatch, tmp_path):
        assert len(ask(sam3_mock.url, tries=2)) == 1

    def test_of_its_own_making():
        with intercept():
            assert ask("https://serverless.roboflow.com")[0]["masks"]["size"][0] > 0

    def test_without_calls():
        assert True
"""
FAULTS_TRIED = "status:402,status:503:1,answer_null,size_swapped,rings_closed,time_as_text"


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("API_KEY", "ROBOFLOW_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(client=CLIENT, test_it=SUITE)
    monkeypatch.syspath_prepend(str(pytester.path))
    return pytester


def run(session: pytest.Pytester, *options: str) -> pytest.RunResult:
    return session.runpytest_inprocess("-p", "no:schemathesis", "-p", "no:cacheprovider", "-W", "error", *options)


def test_each_fault_gets_a_verdict_and_the_session_a_score(session: pytest.Pytester) -> None:
    result = run(session, "--sam3-mutate", "--sam3-mutate-faults", FAULTS_TRIED, "--sam3-mutate-report", "report")

    result.assert_outcomes(passed=3)
    assert result.ret == 0
    value = json.loads((session.path / "report" / "mutation.json").read_text())
    assert {one["fault"]: one["verdict"] for one in value["faults"]} == {
        "status:402": "retried what may not be",
        "status:503:1": "crash",
        "answer_null": "crash",
        "size_swapped": "silently wrong",
        "rings_closed": "not felt",
        "time_as_text": "never read",
    }
    of_silence = next(one for one in value["faults"] if one["fault"] == "size_swapped")
    # The other test counts what is found, and looks at nothing of it.
    assert [run["code"] for run in of_silence["runs"]] == ["test_it.py::test_of_its_own_making"]
    result.stdout.fnmatch_lines(["*sam3 mutation*", "*silently wrong*", "score 0 %: 0 of 4 faults noticed*"])


def test_score_below_its_minimum_fails_the_session(session: pytest.Pytester) -> None:
    options = ("--sam3-mutate", "--sam3-mutate-score", "50", "-k", "served")

    low = run(session, *options, "--sam3-mutate-faults", "answer_null,size_swapped")
    high = run(session, *options, "--sam3-mutate-faults", "html_from_proxy,status:503:1")

    assert (low.ret, high.ret) == (1, 0)
    low.stdout.fnmatch_lines(["less than --sam3-mutate-score 50"])
    high.stdout.fnmatch_lines(["*1  noticed*", "*1  recovered*", "score 100 %*"])


def test_suite_that_fails_by_itself_is_not_tried(session: pytest.Pytester) -> None:
    session.makepyfile(test_it=SUITE + "\n    def test_red():\n        assert False\n")

    result = run(session, "--sam3-mutate")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["not begun: without a fault the tests have to pass"])


def test_tests_that_are_skipped_or_fail_as_expected_are_left_out(session: pytest.Pytester) -> None:
    more = """
    @pytest.mark.skip
    def test_skipped(sam3_mock):
        ask(sam3_mock.url)

    @pytest.mark.xfail
    def test_expected(sam3_mock):
        assert not ask(sam3_mock.url)
    """
    session.makepyfile(test_it=SUITE + more)

    result = run(session, "--sam3-mutate", "--sam3-mutate-faults", "answer_null", "--sam3-mutate-report", "report")

    result.assert_outcomes(passed=3, skipped=1, xfailed=1)
    [fault] = json.loads((session.path / "report" / "mutation.json").read_text())["faults"]
    assert {run["code"] for run in fault["runs"]} <= {"test_it.py::test_served", "test_it.py::test_of_its_own_making"}


def test_hang_is_stopped(session: pytest.Pytester) -> None:
    result = run(
        session, "--sam3-mutate", "--sam3-mutate-faults", "slow", "--sam3-mutate-timeout", "0.3", "-k", "served"
    )

    result.stdout.fnmatch_lines(["*1  hang*", "*slow:0.6*test_it.py::test_served  not over after 0.3 s"])


def test_test_that_takes_long_without_a_fault_may_take_as_long_with_one(session: pytest.Pytester) -> None:
    session.makepyfile(
        test_it="""
        import threading
        from client import ask
        from sam3_contract import intercept

        def test_slow():
            threading.Event().wait(0.6)
            with intercept():
                assert len(ask("https://serverless.roboflow.com")) == 1
        """
    )

    result = run(session, "--sam3-mutate", "--sam3-mutate-faults", "body_empty", "--sam3-mutate-timeout", "0.5")

    result.stdout.fnmatch_lines(["*1  noticed*"])
    result.stdout.no_fnmatch_line("*hang*")


def test_what_is_met_in_a_trial_ends_the_trial_and_not_the_session(session: pytest.Pytester) -> None:
    session.makepyfile(
        test_it="""
        import time
        import pytest
        from client import ask

        attempts = []

        def test_that_gives_up(sam3_mock):
            try:
                ask(sam3_mock.url)
            except Exception:
                pytest.exit("no service")

        def test_that_asks_for_ever(sam3_mock):
            while True:
                try:
                    ask(sam3_mock.url)
                    break
                except:
                    time.sleep(0.01)

        def test_that_hangs_behind_its_end(sam3_mock, request):
            def wait():
                while True:
                    try:
                        return ask(sam3_mock.url)
                    except Exception:
                        time.sleep(0.01)
            request.addfinalizer(wait)
    """
    )
    options = ("--sam3-mutate", "--sam3-mutate-faults", "answer_null", "--sam3-mutate-timeout", "0.3")

    result = run(session, *options, "-k", "gives_up or asks_for_ever")
    behind = run(session, *options, "-k", "behind_its_end")

    assert result.ret == behind.ret == 0
    result.stdout.fnmatch_lines(["*hang:", "  answer_null*test_that_asks_for_ever*not over after 0.3 s"])
    behind.stdout.fnmatch_lines(["*hang:", "*test_that_hangs_behind_its_end*not over after 0.3 s"])


def test_tests_of_several_modules_and_classes_are_all_tried(session: pytest.Pytester) -> None:
    tests = """
        import pytest
        from client import ask

        @pytest.fixture(scope="module", autouse=True)
        def shared():
            yield

        class TestOne:
            def test_it(self, sam3_mock):
                assert ask(sam3_mock.url)

        class TestTwo:
            def test_it(self, sam3_mock):
                assert ask(sam3_mock.url)
    """
    session.makepyfile(test_it=tests, test_other=tests)
    run(session, "--sam3-mutate", "--sam3-mutate-faults", "size_swapped,rings_closed", "--sam3-mutate-report", "report")

    told = json.loads((session.path / "report" / "mutation.json").read_text())
    runs = [[one["code"] for one in fault["runs"]] for fault in told["faults"]]
    assert (
        runs
        == [
            [f"{module}.py::{name}::test_it" for module in ("test_it", "test_other") for name in ("TestOne", "TestTwo")]
        ]
        * 2
    )


def test_subtests_that_fail_in_a_trial_are_no_failures_of_the_session(session: pytest.Pytester) -> None:
    session.makepyfile(
        test_it="""
        import unittest
        from client import ask
        from sam3_contract import intercept

        class Test(unittest.TestCase):
            def test_it(self):
                with self.subTest(one=1), intercept():
                    assert ask("https://serverless.roboflow.com")
    """
    )

    result = run(session, "--sam3-mutate", "--sam3-mutate-faults", "answer_null,html_from_proxy")

    assert result.ret == 0
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*score *: * of 2 faults*"])


def test_items_that_are_no_functions_are_tried(session: pytest.Pytester) -> None:
    session.makeconftest(
        """
        import pytest
        from client import ask
        from sam3_contract import intercept

        class Item(pytest.Item):
            def runtest(self):
                with intercept():
                    assert ask("https://serverless.roboflow.com")

        class File(pytest.File):
            def collect(self):
                yield Item.from_parent(self, name="item")

        def pytest_collect_file(parent, file_path):
            return File.from_parent(parent, path=file_path) if file_path.suffix == ".item" else None
    """
    )
    session.makefile(".item", one="")

    result = run(session, "--sam3-mutate", "--sam3-mutate-faults", "answer_null", "-k", "item", "one.item")

    result.stdout.fnmatch_lines(["*1  crash*", "*answer_null  one.item::item  *"])


def test_of_a_test_that_is_run_again_the_last_attempt_counts(session: pytest.Pytester) -> None:
    session.makepyfile(
        test_it="""
        from client import ask

        attempts = []

        def test_flaky(sam3_mock):
            assert ask(sam3_mock.url)
            attempts.append(1)
            assert len(attempts) > 1
    """
    )

    result = run(session, "--reruns", "1", "--sam3-mutate", "--sam3-mutate-faults", "answer_null")

    result.stdout.fnmatch_lines(["*1*crash*", "score 0 %: 0 of 1 *; 1 calls of the mock*"])


def test_session_of_tests_that_may_be_run_again_ends(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    session.makepyfile(
        test_it="""
        from client import ask

        def test_served(sam3_mock):
            assert ask(sam3_mock.url)

        def test_intercepted(sam3_intercept):
            assert ask("https://serverless.roboflow.com")
        """
    )

    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ("-p", "sam3_contract.pytest_plugin", "-p", "pytest_rerunfailures", "--reruns", "1")

    result = session.runpytest_subprocess(*plugins, "--sam3-mutate", "--sam3-mutate-faults", "answer_null", timeout=60)

    result.stdout.fnmatch_lines(["*1  crash*", "*2 passed*"])


# As pytest-timeout does it, with its signal, by the hooks that it has for others.
TIMEOUTS = """
import signal
import pytest

class Hooks:
    @pytest.hookspec(firstresult=True)
    def pytest_timeout_set_timer(self, item, settings): "Set a timer."

    @pytest.hookspec(firstresult=True)
    def pytest_timeout_cancel_timer(self, item): "Cancel it."

def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(Hooks)

def pytest_timeout_set_timer(item, settings):
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("timeout"))
    signal.setitimer(signal.ITIMER_REAL, settings)

def pytest_timeout_cancel_timer(item):
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    item.ihook.pytest_timeout_set_timer(item=item, settings=60)
    yield
    item.ihook.pytest_timeout_cancel_timer(item=item)

def pytest_exception_interact(node):
    node.ihook.pytest_timeout_cancel_timer(item=node)
"""


def test_timeouts_of_another_plugin_do_not_hold_in_a_trial(session: pytest.Pytester) -> None:
    session.makeconftest(TIMEOUTS)

    options = ("--sam3-mutate-faults", "slow:600", "--sam3-mutate-timeout", "2", "-k", "own_making")

    run(session, "--sam3-mutate", *options).stdout.fnmatch_lines(["*1  hang*", "*not over after 2 s"])


def test_without_calls_there_is_nothing_to_try(session: pytest.Pytester) -> None:
    run(session, "--sam3-mutate", "-k", "without").stdout.fnmatch_lines(["no test called a mock of this process"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sam3-mutate-faults", "size_swaped"), "*did you mean 'size_swapped'*"),
        (("--sam3-live",), "*it does not go with --sam3-live*"),
        (("--sam3-snapshot-update",), "*it does not go with --sam3-snapshot-update*"),
        (("--pdb",), "*does not go with --pdb: tests are meant to fail in it"),
    ],
)
def test_options_that_do_not_fit_are_refused(session: pytest.Pytester, options: tuple[str, ...], message: str) -> None:
    result = run(session, "--sam3-mutate", *options)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_workers_of_xdist_try_what_they_ran(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ("-p", "sam3_contract.pytest_plugin", "-p", "xdist.plugin", "-n", "1", "--sam3-mutate-report", "report")

    session.runpytest_subprocess(*plugins, "--sam3-mutate", "--sam3-mutate-faults", "status:402,answer_null")

    value = json.loads((session.path / "report" / "mutation.json").read_text())
    assert {one["fault"] for one in value["faults"]} == {"status:402", "answer_null"}
    assert {run["code"] for one in value["faults"] for run in one["runs"]} >= {"test_it.py::test_served"}
