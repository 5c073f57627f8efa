"""What `verify` finds of the mock's faults, beside schemathesis alone with as many calls; false alarms; seconds.

    python -m benchmarks.verify [--faults NAME[:PARAMETER] ...] [--seed N] [--seeds N] [--profile NAME] [--json FILE]
    python -m benchmarks.verify --mutants [NAME ...]
    python -m benchmarks.verify --causes [FAULT ...]

A mock in this process has one fault on for every request. `verify` sends its default plan, schemathesis requests of its
own, each at most 60, counted where they arrive. Column "at" is the number of the answer that completed the first
finding, "calls" how many were sent: what 60 do not find is looked for with 150 and with 400. Of faults that need
something else to show, SHOWN says what and why.

`--mutants` tries `benchmarks.mutants`: servers with a conditional or partial defect each, of which none is in the
catalogue.

`--causes` looks at what the first screen says: whether its first cause is the law that the fault breaks, as
tests/contract/test_contract.py has it, or one by which faults of the same chapter (a module of
`mock_server.faults.chapters`) are found, and how many lines the terminal shows.

"schemathesis alone" means its own checks on the same document, without `sam3_contract.schemathesis_hooks`. The only
help it gets are the strategies of the three string formats: without them hardly a request would hold an image. It sends
the document's examples with the key as Bearer, then in turns what it makes for its phases coverage (one case of each
scenario) and fuzzing (allowed and not allowed), operation by operation, with the key in the query. Its check of
authentication sends requests of its own, which count; as in its own runner it rests once an operation has passed it. A
failure that the faultless mock has with the same request is a false alarm and finds nothing.

Requests and masks follow from seeds. Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import pkgutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.checks import ignored_auth
from schemathesis.config import SchemathesisConfig
from werkzeug.serving import WSGIRequestHandler, make_server

from benchmarks.mutants import MUTANTS, Mutant
from mock_server import Settings, create_app
from mock_server.faults import FAULTS, chapters, parse
from mock_server.faults.fault import Chapter
from sam3_contract import cases, spec
from sam3_contract.cases import strategies
from sam3_contract.errors import UsageError
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.report import as_text
from sam3_contract.transport import HttpTransport, Transport, WsgiTransport
from sam3_contract.verification import runner
from sam3_contract.verification.causes import causes_of

Profile = Literal["documented", "observed"]
KEY = "a-key-for-benchmarks"
MAX_CALLS = runner.DEFAULT_CALLS
BUDGETS = (20, 60, 150, 400)
LEAST_FOUND = {60: 0.60, 150: 0.85}  # of the mutants, by budget
MAX_SECONDS = 5.0
LEAST_NAMED = 0.95  # of the faults, by the first cause that is told
MOST_LINES = 25
URL = "https://images.example.com/shapes.png"
CONTRACT = spec.load()
PROFILES: tuple[Profile, ...] = ("documented", "observed")

WsgiApp = Callable[..., Iterable[bytes]]

schemathesis.openapi.format("sam3-image-base64", strategies.base64_images())
schemathesis.openapi.format("sam3-image-url", strategies.image_urls())
schemathesis.openapi.format("sam3-model-id", strategies.model_ids())


@dataclass(frozen=True, slots=True)
class Shown:
    """How a fault is shown that needs more than a default run in the process; ``why`` says for what.

    ``timeout`` is in seconds and of a client over HTTP; ``by_url`` has `verify` send an image by its URL as well.
    """

    fault: str
    why: str
    calls: int = MAX_CALLS
    timeout: float | None = None
    by_url: bool = False


LATE = "late is wrong only for who gives up waiting: over HTTP, and few calls, as each takes the whole timeout"
NO_URL = "needs --image-url, as no image on the network is everybody's"
AS_IT_IS = Shown("", "")
SHOWN = {
    "slow": Shown("slow:3", LATE, calls=6, timeout=1.0),
    "body_drips": Shown("body_drips:30", LATE, calls=6, timeout=1.0),
    "rate_limited": Shown("rate_limited:0", "a second of waiting would show nothing more"),
    "url_refused": Shown("url_refused", NO_URL, by_url=True),
    "url_differs": Shown("url_differs", NO_URL, by_url=True),
}
OF_CONNECTIONS = Shown("", "chunks and compression are of a connection, and there is none in the process", timeout=60)
MUTANTS_SHOWN = dict.fromkeys(("chunked_bodies_are_refused", "compressed_answers_are_cut"), OF_CONNECTIONS)


@dataclass(frozen=True, slots=True)
class Found:
    """What one tool made of one mock: checks, the first finding's first; ``at`` is ``None`` if there are none."""

    checks: tuple[str, ...]
    calls: int
    at: int | None = None
    deviations: tuple[str, ...] = ()
    inconclusive: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault and what was found of it."""

    fault: str
    family: str
    ours: Found
    theirs: Found


class Counted:
    """A WSGI application that counts its requests."""

    def __init__(self, app: WsgiApp) -> None:
        self.calls = 0
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Count a request, and answer it."""
        with self._lock:
            self.calls += 1
        return self._app(environ, start_response)


class Quiet(WSGIRequestHandler):
    """Logs nothing, also not the clients that gave up."""

    def log(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(app: WsgiApp) -> Iterator[str]:
    """Serve from threads of this process, for clients that need a socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def reachable(app: WsgiApp, timeout: float | None) -> Iterator[tuple[Transport, dict[str, Any]]]:
    """Yield how `verify` reaches an application, and how schemathesis does."""
    if timeout is None:
        yield WsgiTransport(app, CONTRACT, key=KEY), {"app": app, "base_url": "http://localhost"}
        return
    with serving(app) as url:
        yield HttpTransport(url, CONTRACT, key=KEY, timeout=timeout), {"base_url": url, "timeout": timeout}


def mock(*faults: str, profile: Profile, seed: int = 0, url_images: Path | None = None) -> Counted:
    """Make a mock that knows one key, with faults on."""
    keys = frozenset({KEY})
    settings = Settings(api_keys=keys, profile=profile, seed=seed, faults=faults, url_images=url_images)
    return Counted(create_app(settings).wsgi_app)


@cache
def plan_of(*, by_url: bool) -> cases.Plan:
    """Plan what `verify` does by default, or that and an image by URL."""
    images = cases.built_in_images()
    return cases.plan(images, urls={URL: images[0]} if by_url else {})


def by_budgets(make: Callable[[], Counted], shown: Shown) -> Found:
    """Let `verify` judge mocks with ever larger budgets, until it finds something."""
    found = by_verify(make(), shown)
    for calls in BUDGETS if shown.calls == MAX_CALLS else ():
        if calls > MAX_CALLS and not found.checks and not found.error:
            found = by_verify(make(), replace(shown, calls=calls))
    return found


def by_verify(app: Counted, shown: Shown) -> Found:
    """Let `verify` judge a mock; an exception of its own is a finding of this benchmark."""
    order: dict[int, int] = {}

    def answered(exchange: Exchange) -> None:
        order[id(exchange)] = len(order) + 1

    with reachable(app, shown.timeout) as (transport, _):
        plan, budget = plan_of(by_url=shown.by_url), runner.Budget(calls=shown.calls)
        try:
            run = runner.verify(transport, plan, CONTRACT, budget=budget, answered=answered)
        except Exception:  # whatever it is: it is told with its traceback, and counts as missed
            return Found((), app.calls, error=traceback.format_exc())
    return found_of(run, order, app.calls)


def found_of(run: runner.Run, order: dict[int, int], calls: int) -> Found:
    """Name the checks that did not hold, in the order in which that could be known."""
    known: dict[str, int] = {}
    for outcome in run.outcomes:
        if outcome.verdict in {"broken", "odd"}:
            name = outcome.check.code + (" (warning)" if outcome.verdict == "odd" else "")
            known[name] = min(
                max(order.get(id(one), 0) for one in (violation.exchange, *violation.breach.beside))
                for violation in outcome.violations
            )
    names = tuple(sorted(known, key=lambda name: (known[name], name)))
    inconclusive = tuple(outcome.check.code for outcome in run.outcomes if outcome.verdict == "inconclusive")
    return Found(
        names, calls, known[names[0]] if names else None, run.deviations_seen, inconclusive, error=run.unanswered
    )


class Alone:
    """schemathesis, with the same requests for every mock.

    Args:
        profile: Of the faultless mock, whose failures are false alarms.
        seed: Of that mock.
    """

    def __init__(self, profile: Profile, seed: int) -> None:
        document = copy.deepcopy(CONTRACT.document)
        self._schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig())
        self._cases = self._made(MAX_CALLS)
        with reachable(mock(profile=profile, seed=seed), None) as (_, where):
            failures = self._replayed(where, lambda: True, told=(AssertionError, BaseExceptionGroup))
        self.false_alarms = {(number, title) for number, title, _ in failures}

    def judge(self, app: Counted, shown: Shown) -> Found:
        """Send the requests until the calls are used up; tell what failed that does not fail without a fault."""
        with reachable(app, shown.timeout) as (_, where):
            told = [
                (title, calls)
                for number, title, calls in self._replayed(where, lambda: app.calls < shown.calls, lambda: app.calls)
                if (number, title) not in self.false_alarms
            ]
        return Found(tuple(dict.fromkeys(title for title, _ in told)), app.calls, told[0][1] if told else None)

    def _made(self, number: int) -> list[tuple[Any, dict[str, Any]]]:
        """Make cases, each with where it has the key: examples first, then the other sources in turns."""
        examples: list[Any] = []
        sources: list[list[Any]] = []
        for operation in CONTRACT.operations:
            node = self._schema[operation.path][operation.method]
            examples += [case for source in self._schema.get_strategies_from_examples(node) for case in drawn(source)]
            kinds = [drawn(node.as_strategy(generation_mode=mode), number // 12) for mode in GenerationMode]
            sources += [self._covering(node), [case for pair in zip(*kinds, strict=True) for case in pair]]
        turns = [case for turn in itertools.zip_longest(*sources) for case in turn if case is not None]
        bearer, query = {"headers": {"Authorization": f"Bearer {KEY}"}}, {"params": {"api_key": KEY}}
        return [*((case, bearer) for case in examples), *((case, query) for case in turns)][:number]

    def _covering(self, node: Any) -> list[Any]:
        """Choose the first case of each scenario of the phase coverage, of whose cases there are hundreds."""
        generation = self._schema.config.generation_for(operation=node, phase="coverage")
        modes = list(GenerationMode)
        made: Iterable[Any] = self._schema.iter_coverage_cases(
            node, generation_modes=modes, generation_config=generation
        )
        chosen: dict[object, Any] = {}
        for case in made:
            phase = case.meta.phase.data
            chosen.setdefault((phase.scenario, phase.parameter_location, case.meta.generation.mode), case)
        return list(chosen.values())

    def _replayed(
        self,
        where: dict[str, Any],
        goes_on: Callable[[], bool],
        calls: Callable[[], int] = lambda: 0,
        *,
        told: tuple[type[BaseException], ...] = (Exception, BaseExceptionGroup),
    ) -> list[tuple[int, str, int]]:
        """List each failure: the number of its case, its title, and the calls until then.

        What schemathesis itself runs into, such as a broken connection, its user sees as well.
        """
        self._schema.app = where.get("app")
        found, confirmed = [], set[str]()
        for number, (case, key) in enumerate(self._cases):
            if not goes_on():
                break
            arguments = {**where, **key}
            excluded = [ignored_auth] if case.operation.label in confirmed else []
            try:
                response = case.call(**arguments)
                if response.status_code == 200:
                    confirmed.add(case.operation.label)
                case.validate_response(
                    response, headers=key.get("headers"), transport_kwargs=arguments, excluded_checks=excluded
                )
            except told as failure:
                found += [(number, title, calls()) for title in titles(failure)]
        return found


def titles(failure: BaseException) -> Iterator[str]:
    """Name the failures in one or in a group."""
    if isinstance(failure, BaseExceptionGroup):
        for inner in failure.exceptions:
            yield from titles(inner)
    else:
        yield str(getattr(failure, "title", "") or type(failure).__name__)


def drawn(strategy: Any, number: int = 1) -> list[Any]:
    """Draw from a strategy, always the same."""
    made: list[Any] = []
    options = hypothesis.settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    hypothesis.seed(0)(options(hypothesis.given(case=strategy)(lambda case: made.append(case))))()
    return made


def rows_of(faults: Sequence[str], make: Callable[..., Counted], alone: Alone) -> Iterator[Row]:
    """Try both tools on each fault, each on a mock of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / URL.rpartition("/")[2]).write_bytes(cases.built_in_images()[0].content)
        for text in faults:
            shown = SHOWN.get(text) or Shown(text, "")
            by_url = folder if shown.by_url else None
            ours = by_budgets(partial(make, shown.fault, url_images=by_url), shown)
            yield Row(shown.fault, parse(text).fault.family, ours, alone.judge(make(shown.fault), shown))


def line_of(row: Row, told: tuple[str, ...]) -> str:
    """Write a line of the table; ``told`` are known deviations that the faultless mock does not show."""
    ours = " ".join(row.ours.checks[:5]) + (" ..." if len(row.ours.checks) > 5 else "")
    if not ours:
        silent = f"- inconclusive: {' '.join(row.ours.inconclusive)}" if row.ours.inconclusive else "-"
        ours = "ERROR, see below" if row.ours.error else f"deviation {told[0]}" if told else silent
    theirs = row.theirs.checks[0] + (" ..." if len(row.theirs.checks) > 1 else "") if row.theirs.checks else "-"
    at, theirs_at = row.ours.at or "", row.theirs.at or ""
    return f"{row.fault:34}{ours:42}{at:>4}{row.ours.calls:6}   {theirs:44}{theirs_at:>4}{row.theirs.calls:6}"


def report_of_faults(faults: Sequence[str], profile: Profile, seed: int) -> tuple[dict[str, Any], bool]:
    """Print the table fault x found by, and what it comes to; tell whether the targets are met."""
    rows: list[Row] = []
    missed: list[str] = []
    apart: list[str] = []
    extra: list[str] = []
    alone, make = Alone(profile, seed), partial(mock, profile=profile, seed=seed)
    faultless = by_verify(make(), AS_IT_IS)
    control = Row("(none)", "", faultless, alone.judge(make(), AS_IT_IS))
    print(
        f"{'fault':34}{'verify: first checks':42}{'at':>4}{'calls':>6}   {'schemathesis alone':44}{'at':>4}{'calls':>6}"
    )
    print(line_of(control, ()), flush=True)
    for row in rows_of(faults, make, alone):
        rows.append(row)
        told = tuple(one for one in row.ours.deviations if one not in faultless.deviations)
        if not row.ours.checks:
            (apart if told and not row.ours.error else missed).append(row.fault)
            extra += [row.fault] if row.theirs.checks else []
        print(line_of(row, told), flush=True)
    found, most = sum(bool(row.ours.checks) for row in rows), max(row.ours.calls for row in rows)
    theirs, theirs_most = sum(bool(row.theirs.checks) for row in rows), max(row.theirs.calls for row in rows)
    print(
        f"\nverify found {found} of {len(rows)} in at most {most} calls; "
        f"schemathesis alone found {theirs} of {len(rows)} in {theirs_most} calls"
    )
    print(f"  half of what verify found, it found with its first {median_of(row.ours.at for row in rows)} answers")
    print(f"  schemathesis alone failed {len(alone.false_alarms)} times on the faultless mock; these do not count")
    for words, names in (
        ("missed by verify", missed),
        ("told by verify as a known deviation", apart),
        ("found by schemathesis alone and not by verify", extra),
    ):
        print(f"  {words}: {', '.join(names) or 'none'}")
    for row in (control, *rows):
        if row.ours.error:
            print(f"\n{row.fault}: {row.ours.error}", file=sys.stderr)
    print(f"  found with {found_by_budget([row.ours for row in rows])}")
    met = not missed and not control.ours.checks and not control.ours.error
    print(f"  every fault found: {verdict(met)}")
    return {"faults": [asdict(row) for row in rows], "false_alarms_of_schemathesis": len(alone.false_alarms)}, met


def found_by_budget(founds: Sequence[Found]) -> str:
    """Say how many were found with how many calls."""
    at = [one.at for one in founds if one.at is not None]
    return ", ".join(f"{calls} calls: {sum(number <= calls for number in at)} of {len(founds)}" for calls in BUDGETS)


def report_of_mutants(names: Sequence[str], seed: int) -> tuple[dict[str, Any], bool]:
    """Print which defective servers are found with how many calls."""
    founds: dict[str, Found] = {}
    for name in names or MUTANTS:
        founds[name] = by_budgets(partial(mutated, MUTANTS[name], seed), MUTANTS_SHOWN.get(name, AS_IT_IS))
        one = founds[name]
        print(f"{name:62}{one.at or '-':>4}  {' '.join(one.checks[:6]) or one.error or '-'}", flush=True)
    print(f"\nmutants found with {found_by_budget(list(founds.values()))}")
    shares = {
        calls: sum(one.at is not None and one.at <= calls for one in founds.values()) / len(founds) for calls in BUDGETS
    }
    met = all(shares[calls] >= least for calls, least in LEAST_FOUND.items())
    wanted = ", ".join(f"{least:.0%} with {calls}" for calls, least in LEAST_FOUND.items())
    print(f"  at least {wanted}: {verdict(met)}")
    return {"mutants": {name: asdict(one) for name, one in founds.items()}}, met


def report_of_causes(names: Sequence[str], seed: int) -> tuple[dict[str, Any], bool]:
    """Print what the terminal says first of each fault, and how long it is."""
    from tests.contract.test_contract import FOUND_BY  # noqa: PLC0415 - only here: it imports what tests take

    own = chapter_of_each()
    laws: dict[str, set[str]] = {}
    for fault, codes in FOUND_BY.items():
        laws.setdefault(own[fault.partition(":")[0]], set()).update(codes.split())
    rows: dict[str, Any] = {}
    for fault in names or FOUND_BY:
        app = create_app(Settings(api_keys=frozenset({KEY}), seed=seed, faults=(fault,)))
        run = runner.verify(WsgiTransport(app, CONTRACT, key=KEY), plan_of(by_url=False), CONTRACT)
        causes = causes_of(run.outcomes, run.exchanges)
        if not causes:  # shows with more calls than these, or is only counted
            continue
        lines = len(as_text(run, CONTRACT, width=0, again=lambda _: ["again"]).splitlines())
        first, chapter = causes[0].check.code, own[fault.partition(":")[0]]
        row = {
            "lines": lines,
            "first": first,
            "law": first in FOUND_BY[fault].split(),
            "chapter": first in laws[chapter],
        }
        rows[fault] = row
        told = "" if row["law"] else f"for {FOUND_BY[fault]}" if row["chapter"] else f"and nothing of {chapter}"
        print(f"{fault:44}{lines:4} lines  {first} {told}".rstrip(), flush=True)
    longest = max((row["lines"] for row in rows.values()), default=0)
    shares = {part: sum(row[part] for row in rows.values()) / max(len(rows), 1) for part in ("law", "chapter")}
    met = shares["chapter"] >= LEAST_NAMED and longest <= MOST_LINES
    print(f"\nfirst cause names the chapter in {shares['chapter']:.0%} of {len(rows)}, the law in {shares['law']:.0%}")
    print(f"{longest} lines at most")
    print(f"  at least {LEAST_NAMED:.0%} by chapter, and {MOST_LINES} lines: {verdict(met)}")
    return {"causes": rows, **shares}, met


def chapter_of_each() -> dict[str, str]:
    """Map each fault to the module of its chapter, such as ``run_lengths``."""
    found = pkgutil.walk_packages(chapters.__path__, f"{chapters.__name__}.")
    modules = [import_module(one.name) for one in found if not one.ispkg]
    return {
        fault.name: module.__name__.rpartition(".")[2]
        for module in modules
        for chapter in vars(module).values()
        if isinstance(chapter, Chapter)
        for fault in chapter.faults
    }


def mutated(mutant: Mutant, seed: int) -> Counted:
    """Make a defective server."""
    app = create_app(Settings(api_keys=frozenset({KEY}), seed=seed)).wsgi_app
    return Counted(mutant.around(app))


def verdict(met: bool) -> str:
    """Write whether a target is met."""
    return "met" if met else "MISSED"


def median_of(values: Iterable[int | None]) -> int:
    """Take the median of what is known; 0 if nothing is."""
    return int(statistics.median([value for value in values if value is not None] or [0]))


def report_of_faultless(seeds: int) -> tuple[dict[str, Any], bool]:
    """Print what `verify` reports of the faultless mock, in both profiles, over seeds."""
    alarms: dict[str, list[str]] = {}
    for profile in PROFILES:
        runs = [by_verify(mock(profile=profile, seed=seed), AS_IT_IS) for seed in range(seeds)]
        alarms[profile] = [
            f"seed {seed}: {' '.join(run.checks)}{run.error}"
            for seed, run in enumerate(runs)
            if run.checks or run.error
        ]
        silent = Counter(code for run in runs for code in run.inconclusive)
        words = ", ".join(f"{code} in {count}" for code, count in sorted(silent.items())) or "none"
        most = max(run.calls for run in runs)
        print(f"faultless mock, {profile}, {seeds} seeds: {len(alarms[profile])} false alarms in at most {most} calls")
        print(f"  inconclusive: {words}")
        for alarm in alarms[profile]:
            print(f"  {alarm}")
    met = not any(alarms.values())
    print(f"  no false alarm: {verdict(met)}")
    return {"seeds": seeds, "false_alarms": alarms}, met


@contextmanager
def served() -> Iterator[str]:
    """Run `sam3-contract serve` on a free port until the block ends."""
    command = [sys.executable, "-m", "sam3_contract", "serve", "--port", "0", "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603
        try:
            line = process.stdout.readline() if process.stdout else ""
            if "http://" not in line:
                raise SystemExit(f"the mock does not start: {line!r}")
            yield line[line.index("http://") :].split()[0]
        finally:
            process.terminate()
            process.wait()


def seconds(call: Callable[[], object]) -> float:
    """Measure a call once."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def report_of_time(rounds: int = 5) -> tuple[dict[str, Any], bool]:
    """Print how long a default run takes over loopback, beside as many requests that ask for nothing."""
    calls, statuses = 0, set[int]()

    def command(url: str) -> None:
        words = [sys.executable, "-m", "sam3_contract", "verify", url]
        env = {**os.environ, "ROBOFLOW_API_KEY": KEY}
        statuses.add(subprocess.run(words, env=env, stdout=subprocess.DEVNULL, check=False).returncode)  # noqa: S603

    def in_process(url: str) -> None:
        nonlocal calls
        run = runner.verify(HttpTransport(url, CONTRACT, key=KEY), plan_of(by_url=False), CONTRACT)
        calls = len(run.exchanges) + run.retries

    def floor(url: str) -> None:
        with requests.Session() as session:
            for _ in range(calls):
                session.get(f"{url}/healthz", timeout=60).raise_for_status()

    with served() as url:
        taken = [[seconds(partial(one, url)) for one in (in_process, floor, command)] for _ in range(rounds)]
    ours, least, whole = (statistics.median(column) for column in zip(*taken, strict=True))
    ratio = statistics.median(mine / bare for mine, bare, _ in taken)
    ended = ", ".join(map(str, sorted(statuses)))
    met = whole < MAX_SECONDS and statuses == {0}
    print(f"default run over loopback HTTP, {calls} calls, median of {rounds}")
    print(f"  sending and judging  {ours:6.2f} s, {ratio:.1f} x the floor")
    print(f"  floor                {least:6.2f} s: {calls} requests for /healthz to the same server")
    print(f"  the whole command    {whole:6.2f} s, exit status {ended}; < {MAX_SECONDS:g} s and 0 {verdict(met)}")
    return {"calls": calls, "seconds": ours, "floor": least, "ratio": ratio, "command": whole}, met


def main() -> int:
    """Print all of it; exit status 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", nargs="+", metavar="NAME", default=list(FAULTS), help="by default the catalogue")
    parser.add_argument("--seeds", type=int, default=50, help="of the faultless mock, in each profile; 0 for none")
    parser.add_argument("--profile", choices=PROFILES, default="documented", help="of the faulty mock")
    parser.add_argument("--seed", type=int, default=0, help="of the faulty mock")
    parser.add_argument("--mutants", nargs="*", metavar="NAME", help="defective servers instead; by default all")
    parser.add_argument("--causes", nargs="*", metavar="FAULT", help="what the first screen says; by default of all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    asked = parser.parse_args()
    try:
        for text in asked.faults:
            parse(text)
    except UsageError as error:
        parser.error(str(error))
    figures, met = {}, []
    reports: tuple[tuple[str, Any], ...] = (
        ("found", partial(report_of_faults, asked.faults, asked.profile, asked.seed)),
        ("faultless", partial(report_of_faultless, asked.seeds) if asked.seeds else None),
        ("time", report_of_time),
    )
    if asked.mutants is not None:
        reports = (("mutants", partial(report_of_mutants, asked.mutants, asked.seed)),)
    if asked.causes is not None:
        reports = (("causes", partial(report_of_causes, asked.causes, asked.seed)),)
    for name, report in reports:
        if report is not None:
            figures[name], is_met = report()
            met.append(is_met)
            print()
    if asked.json:
        asked.json.write_text(
            json.dumps({"profile": asked.profile, "seed": asked.seed, **figures}, indent=2), encoding="utf-8"
        )
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
