"""``sam3-contract probe``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from sam3_contract.cli.options import FiniteRange
from sam3_contract.errors import BROKEN
from sam3_contract.files.atomic import check_output_folder
from sam3_contract.terminal import plain, say

__all__ = ["probe"]

_COLOURS = {True: "green", False: "red"}


@click.command()
@click.argument("function", metavar="PACKAGE.MODULE:FUNCTION")
@click.option("--faults", metavar="NAMES", default="", help="Only these faults or families, with commas between them.")
@click.option(
    "--score", type=FiniteRange(0, 100), metavar="MIN", help="Exit with status 1 if the score is below MIN per cent."
)
@click.option("--budget", type=FiniteRange(min=0), metavar="SECONDS", help="Begin no call after this time.")
@click.option(
    "--timeout",
    type=FiniteRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="A call that takes so much longer than without a fault hangs.",
)
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="Where the function thinks the service is.")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write files here.")
@click.pass_context
def probe(
    context: click.Context,
    *,
    function: str,
    faults: str,
    score: float | None,
    budget: float | None,
    timeout: float,
    hosts: tuple[str, ...],
    report: Path | None,
) -> None:
    """Try what a function of yours does when the service breaks.

    The function is called without arguments, once as it is and once under each fault that can reach it. Its calls of
    the service are answered by a mock in this process: nothing is sent, no credits are spent.

    \b
      sam3-contract probe mypackage.smoke:segment_one_photograph
      sam3-contract probe mypackage.smoke:segment_one_photograph --faults http --report probe/

    A fault is noticed by an error that says something of the service, recovered from by a retry that is allowed, or it
    ends in a crash, a hang, a wrong result that nobody is told of, or a retry that costs credits for nothing.

    Exit status: 0, or 1 below --score, 3 if the function does not pass without a fault.
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    # Only here: help does not wait for the mock to be imported.
    from sam3_contract.interception import HOSTS, intercept  # noqa: PLC0415
    from sam3_contract.mutation.files import MOST_PICTURED, write_files  # noqa: PLC0415
    from sam3_contract.mutation.plan import planned  # noqa: PLC0415
    from sam3_contract.mutation.probing import client_of, function_named  # noqa: PLC0415
    from sam3_contract.mutation.score import Score  # noqa: PLC0415
    from sam3_contract.mutation.text import lines_of  # noqa: PLC0415
    from sam3_contract.mutation.trials import Trials  # noqa: PLC0415

    if report is not None:
        check_output_folder(report)
    texts = planned([name.strip() for name in faults.split(",") if name.strip()], seconds=timeout)
    trials = Trials(texts, budget=budget, pictures=MOST_PICTURED if report is not None else 0)
    # Open all the time: a thread that the function leaves behind asks the mock as well, between two calls too.
    with intercept(hosts=hosts or HOSTS):
        client = client_of(function_named(function), name=function, seconds=timeout, hosts=hosts or HOSTS)
        started = time.monotonic()
        runs = list(trials.of([client]))
    found = Score.of(runs, untried=trials.untried, seconds=time.monotonic() - started)
    for line, verdict in lines_of(found):
        felt = verdict if verdict is not None and verdict.counts else None
        say(click.style(plain(line), fg=_COLOURS[felt.is_good] if felt else None), styled=True)
    if report is not None:
        say(f"report  {write_files(found, report)[-1]}")
    if score is not None and (found.percent is None or found.percent < score):
        say(f"less than --score {score:g}", err=True)
        context.exit(BROKEN)
