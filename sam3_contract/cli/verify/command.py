"""``sam3-contract verify``."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import click
import orjson

from sam3_contract import report
from sam3_contract.cases import Plan
from sam3_contract.checks import Check, selected
from sam3_contract.cli.codes import select_and_ignore
from sam3_contract.cli.options import FiniteRange, api_key_env_option, format_option, timeout_option
from sam3_contract.cli.verify.plan import Chosen, choose, estimate, show_plan
from sam3_contract.cli.verify.scratch import folder_of_a_run, folder_of_hypothesis
from sam3_contract.errors import UNJUDGED, UsageError
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.files.atomic import check_output, make_folder
from sam3_contract.redaction import note_on_keys_in_urls
from sam3_contract.spec import OPERATIONS, Contract, load
from sam3_contract.targets import MOCK, MockOptions, key_for, key_variable, transport_to
from sam3_contract.terminal import say
from sam3_contract.transport import Transport
from sam3_contract.verification import runner
from sam3_contract.verification.baseline import Baseline
from sam3_contract.verification.pacing import seconds_between
from sam3_contract.verification.reproduce import Reproduction
from sam3_contract.verification.shrinking import shrunk

__all__ = ["verify"]

Again = Callable[[Any], list[str]]


class _Point(click.ParamType[tuple[float, float]]):
    name = "x,y"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        try:
            x, y = (float(part) for part in str(value).split(","))
        except ValueError:
            x = y = math.nan
        if not (math.isfinite(x) and math.isfinite(y)):
            self.fail(f"{value!r} is no point; write its pixel as x,y, such as 120,80", param, ctx)
        return x, y


@click.command()
@click.argument("target", metavar="BASE_URL|mock", required=False)
@click.option("--har", type=click.Path(path_type=Path), metavar="FILE", help="Judge recorded traffic; nothing is sent.")
@click.option(
    "--against",
    metavar="URL|mock|FILE.har",
    help="Put the same questions to another server too, and tell where the two differ.",
)
@click.option(
    "--image", "images", metavar="FILE", multiple=True, type=click.Path(), help="Send this photograph; repeatable."
)
@click.option(
    "--image-url",
    "urls",
    multiple=True,
    metavar="URL=FILE",
    help="Send the image at this URL too, and the same file of yours in base64: both have to get the same masks.",
)
@click.option("--text", "texts", multiple=True, metavar="CONCEPT", help="Ask for this concept; repeatable, up to 16.")
@click.option("--point", "points", multiple=True, type=_Point(), metavar="X,Y", help="Click this pixel; repeatable.")
@click.option("--operation", "operations", multiple=True, type=click.Choice(OPERATIONS), help="Only this operation.")
@click.option(
    "--case", "only", multiple=True, metavar="ID", help="Only this case, and what its answer is compared with."
)
@select_and_ignore("CODES", what="checks")
@click.option(
    "--max-calls",
    metavar="N",
    type=click.IntRange(1),
    default=runner.DEFAULT_CALLS,
    show_default=True,
    help="Send at most this many requests; the most telling come first. --fuzz comes on top.",
)
@click.option("--rate", metavar="N/s|m|h", help="Send no faster than this, such as 30/m.")
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Calls under way at once.",
)
@click.option("--time-limit", type=FiniteRange(0.1), metavar="SECONDS", help="Send nothing more after this time.")
@click.option("--price", type=FiniteRange(0), metavar="CREDITS", help="Of one call, to estimate what the run costs.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing.")
@click.option(
    "--fuzz",
    "examples",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Also generate this many requests a kind.",
)
@click.option(
    "--seed",
    metavar="N",
    type=int,
    default=0,
    show_default=True,
    help="Of what --fuzz generates, of the variants that a larger budget asks, and of `mock`.",
)
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Do not count the findings listed here."
)
@click.option(
    "--write-baseline", type=click.Path(path_type=Path), metavar="FILE", help="Write all findings to this file."
)
@click.option(
    "--report", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Write HTML, JSON, JUnit and HAR."
)
@format_option
@click.option("--spec", "document", metavar="FILE", type=click.Path(), help="Hold answers to this OpenAPI document.")
@api_key_env_option
@timeout_option
@click.option("--profile", type=click.Choice(["documented", "observed"]), default="documented", help="Of `mock`.")
@click.option("--engine", default="synthetic", show_default=True, metavar="NAME", help="Of `mock`; see `serve`.")
@click.option(
    "--exact", is_flag=True, help="Allow none of the misses that a model may have; mocks of ours are held to it anyway."
)
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="Break `mock` in this way, to see it found.")
@click.pass_context
def verify(
    context: click.Context,
    target: str | None,
    *,
    har: Path | None,
    against: str | None,
    images: tuple[str, ...],
    urls: tuple[str, ...],
    texts: tuple[str, ...],
    points: tuple[tuple[float, float], ...],
    operations: tuple[str, ...],
    only: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    max_calls: int,
    rate: str | None,
    concurrency: int,
    time_limit: float | None,
    price: float | None,
    dry_run: bool,
    examples: int,
    seed: int,
    baseline: Path | None,
    write_baseline: Path | None,
    folder: Path | None,
    output_format: str,
    document: str | None,
    api_key_env: str | None,
    timeout: float,
    profile: Literal["documented", "observed"],
    engine: str,
    faults: tuple[str, ...],
    exact: bool,
) -> None:
    """Hold a server to the contract.

    BASE_URL is where the paths begin, such as http://127.0.0.1:9001; `mock` verifies the built-in mock in this
    process, without a socket. The key is read from the environment, never from an argument. A live service charges
    for calls: --dry-run lists them, --max-calls bounds them.

    \b
      sam3-contract verify http://127.0.0.1:9001
      sam3-contract verify https://serverless.roboflow.com --max-calls 20 --report findings
      sam3-contract verify https://serverless.roboflow.com --image bus.jpg --text "yellow bus" --point 310,220
      sam3-contract verify --har traffic.har
      sam3-contract verify http://127.0.0.1:9001 --against https://serverless.roboflow.com

    Exit status: 0 all held, 1 the contract was broken, 2 usage, 3 could not judge.
    With --against: 0 they answer alike, 1 they differ, 3 nothing could be compared.
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    if (target is None) is (har is None):
        raise UsageError("give either a base URL (or `mock`), or --har FILE")
    if against is not None:
        others = {"--har": har, "--fuzz": examples, "--baseline": baseline, "--write-baseline": write_baseline}
        _refuse_beside_against([name for name, value in others.items() if value])
    if examples and find_spec("schemathesis") is None:
        raise UsageError("--fuzz takes schemathesis: pip install 'sam3-contract[fuzz]'")
    contract = load(document)
    _refuse_other_document(contract, operations or OPERATIONS, some_will_do=har is not None)
    checks, accepted = selected(select, ignore), Baseline.load(baseline) if baseline else None
    if write_baseline is not None:
        check_output(write_baseline, makes_folders=True)
    budget = runner.Budget(max_calls, concurrency, seconds_between(rate) if rate else 0.0, time_limit)
    terms = _Terms(contract, checks, accepted, budget, seed, api_key_env, timeout)
    again: Again | None = None
    if har is not None:
        run = _recorded(har, terms)
    else:
        assert target is not None  # or har would be given
        chosen = choose(images, urls, texts, points, operations, only, seed=seed)
        if dry_run:
            show_plan(chosen.plan, max_calls, price)
            return
        if folder is not None:
            make_folder(folder, "--report")
        mock = MockOptions(profile, faults, seed, engine)
        # How the mock behaves is said of the target, unless only the other one is the mock.
        own = None if against == MOCK != target else mock
        transport = transport_to(target, contract, variable=api_key_env, timeout=timeout, mock=own, exact=exact)
        if not transport.is_free:
            words = estimate(chosen.plan, max_calls, price)
            say(f"sam3-contract: {words}; Ctrl-C stops, and judges what came", err=True)
        started = time.monotonic()
        run = _run(transport, chosen.plan, terms)
        if against is not None:
            beside = mock if own is None else MockOptions(seed=seed)
            other = _other_run(against, run, chosen.plan, terms, beside)
            if other is None:
                context.exit(UNJUDGED)
            context.exit(_compared(run, other, output_format=output_format, folder=folder))
        turns = budget.turns(started)
        if examples and not run.unanswered and not run.is_interrupted:
            judge_keys = target == MOCK or key_for(target, api_key_env) is not None
            run = _fuzzed(run, transport, terms, examples, operations, judge_keys=judge_keys, pace=turns)
        run = shrunk(run, transport, chosen.plan, contract, pace=turns)
        again = _again(target, chosen, contract, folder, key_variable(api_key_env), mock, exact=exact)
    _show(run, contract, output_format=output_format, folder=folder, again=again)
    if write_baseline is not None:
        _write_baseline(run, write_baseline)
    context.exit(run.exit_status)


@dataclass(frozen=True, slots=True)
class _Terms:
    """What answers are held to, and within which bounds they are asked for.

    Attributes:
        contract: The document.
        checks: The laws.
        baseline: Findings that are accepted; ``None`` for none.
        budget: How much is sent, and how fast.
        seed: Of what is drawn.
        variable: Of the environment, that holds the key; ``None`` for the usual ones.
        timeout: Seconds to wait for an answer.
    """

    contract: Contract
    checks: Sequence[Check]
    baseline: Baseline | None
    budget: runner.Budget
    seed: int
    variable: str | None
    timeout: float


def _refuse_other_document(contract: Contract, operations: Sequence[str], *, some_will_do: bool) -> None:
    """Refuse a document that does not describe what answers are to be held to.

    Raises:
        SpecError: If it lacks one of the operations; all of them, if some will do.
    """
    known = {operation.id for operation in contract.operations}
    if not (known.intersection(operations) if some_will_do else known.issuperset(operations)):
        for operation in operations:
            contract.operation(operation)  # says which


def _refuse_beside_against(names: Sequence[str]) -> None:
    """Refuse what would be passed over: the answers of two servers are compared, and no findings are told.

    Raises:
        UsageError: If there is a name.
    """
    if names:
        raise UsageError(
            f"--against compares the answers of two servers; {names[0]} is not for it: leave one of the two out"
        )


def _other_run(against: str, run: runner.Run, plan: Plan, terms: _Terms, mock: MockOptions) -> runner.Run | None:
    """Put the same plan to another server, or take recorded answers; ``None`` if the first run was interrupted."""
    if against != MOCK and "://" not in against:
        return _recorded(Path(against), terms)
    if run.is_interrupted and against != MOCK:
        say(f"sam3-contract: interrupted before {against} was asked: there is nothing to compare", err=True)
        return None
    own = mock if against == MOCK else None
    transport = transport_to(against, terms.contract, variable=terms.variable, timeout=terms.timeout, mock=own)
    return _run(transport, plan, terms)


def _compared(run: runner.Run, other: runner.Run, *, output_format: str, folder: Path | None) -> int:
    # Only here: one server is what most runs are about.
    from sam3_contract.report import against as shown  # noqa: PLC0415
    from sam3_contract.verification.against import compare  # noqa: PLC0415

    for sentence in (run.unanswered, other.unanswered):
        if sentence:
            say(f"sam3-contract: {sentence}", err=True)
    comparison = compare(run, other)
    if output_format == "json":
        say(orjson.dumps(shown.as_json(comparison), option=orjson.OPT_INDENT_2).decode())
    else:
        say(shown.as_text(comparison), nl=False)
    for path in shown.write(comparison, folder) if folder is not None else ():
        say(f"wrote {path}", err=True)
    cut_short = any(one.unanswered or one.is_interrupted for one in (run, other))
    return UNJUDGED if cut_short else comparison.exit_status


def _again(
    target: str,
    chosen: Chosen,
    contract: Contract,
    folder: Path | None,
    variable: str,
    mock: MockOptions,
    *,
    exact: bool,
) -> Again:
    """Tell how findings are shown again; requests are saved beside the report, else in a folder of the run."""
    requests = folder / "requests" if folder else folder_of_a_run()
    options = (*chosen.options, *(mock.words if target == MOCK else _seed(mock)), *(("--exact",) if exact else ()))
    return Reproduction(requests, target, contract, variable, options).commands


def _seed(mock: MockOptions) -> tuple[str, ...]:
    """Say by which seed variants were drawn, of a server that has none itself."""
    return ("--seed", str(mock.seed)) if mock.seed else ()


def _recorded(path: Path, terms: _Terms) -> runner.Run:
    # Only here: most runs read no recording.
    from sam3_contract.har import read_har  # noqa: PLC0415

    recording = read_har(path, terms.contract)
    for reason in recording.left_out:
        say(f"sam3-contract: left out: {reason}", err=True)
    if recording.keys_in_urls:
        say(f"sam3-contract: note: {note_on_keys_in_urls(recording.keys_in_urls)}", err=True)
    exchanges, name = recording.exchanges, path.name
    return runner.run_of(exchanges, terms.contract, target=name, checks=terms.checks, baseline=terms.baseline)


def _run(transport: Transport, plan: Plan, terms: _Terms) -> runner.Run:
    progress = _progress(transport.target, min(len(plan), terms.budget.calls), terms.contract, terms.checks)
    with progress as answered:
        return runner.verify(
            transport,
            plan,
            terms.contract,
            checks=terms.checks,
            budget=terms.budget,
            baseline=terms.baseline,
            answered=answered,
            seed=terms.seed,
        )


def _fuzzed(
    run: runner.Run,
    transport: Transport,
    terms: _Terms,
    examples: int,
    operations: Sequence[str],
    *,
    judge_keys: bool,
    pace: Callable[[], str],
) -> runner.Run:
    """Send requests that schemathesis generates as well."""
    # Else hypothesis puts a folder with a hundred files into the one at hand.
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(folder_of_hypothesis()))
    # Only here: schemathesis takes longer to import than planned cases take to send.
    from sam3_contract.verification import fuzz  # noqa: PLC0415

    return fuzz.extend(
        run,
        transport,
        terms.contract,
        checks=terms.checks,
        examples=examples,
        seed=terms.seed,
        operations=operations,
        judge_keys=judge_keys,
        pace=pace,
    )


def _progress(
    target: str, total: int, contract: Contract, checks: Sequence[Check]
) -> AbstractContextManager[Callable[[Exchange], None]]:
    if not sys.stderr.isatty():
        return nullcontext(lambda _: None)
    # Only here: a build server waits for no progress bar to be imported.
    from sam3_contract.cli.verify.progress import progress_on_terminal  # noqa: PLC0415

    return progress_on_terminal(target, total, contract, checks)


def _show(run: runner.Run, contract: Contract, *, output_format: str, folder: Path | None, again: Again | None) -> None:
    for sentence in (*((run.unanswered,) if run.unanswered else ()), *run.unjudged):
        say(f"sam3-contract: {sentence}", err=True)
    if output_format == "json":
        document = report.as_json(run, contract, again=again)
        say(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        say(report.as_text(run, contract, colour=report.wants_colour(), again=again), nl=False, styled=True)
    if folder is not None:
        for path in report.write(run, contract, folder, again=again):
            say(f"wrote {path}", err=True)


def _write_baseline(run: runner.Run, path: Path) -> None:
    """Accept what was found; not of a run that was cut short, as what it did not see would be found anew."""
    if run.is_interrupted:
        say(f"sam3-contract: {path} is left as it is: the run was interrupted", err=True)
        return
    found = (one for outcome in run.outcomes for one in (*outcome.violations, *outcome.accepted))
    Baseline.of(found).save(path)
    say(f"accepted findings are in {path}", err=True)
