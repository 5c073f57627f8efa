"""``sam3-contract verify``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sam3_contract import cases, report, runner
from sam3_contract.checks import Check, selected
from sam3_contract.errors import UsageError
from sam3_contract.exchange import Exchange
from sam3_contract.spec import Contract, load
from sam3_contract.transport import HttpTransport, Transport, WsgiTransport

__all__ = ["verify"]

MOCK_KEY = "sam3-contract-mock-key"
_LIVE = "serverless.roboflow.com"


@click.command()
@click.argument("target", metavar="BASE_URL|mock")
@click.option("--image", "images", multiple=True, type=click.Path(), help="Send this photograph; repeatable.")
@click.option("--text", "texts", multiple=True, metavar="CONCEPT", help="Ask for this concept; repeatable, up to 16.")
@click.option("--select", multiple=True, metavar="CODES", help="Only these checks: codes, prefixes or names, by comma.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Not these checks.")
@click.option("--fuzz", "examples", type=click.IntRange(0), default=0, help="Also generate this many requests a kind.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what --fuzz generates.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--spec", "document", type=click.Path(), help="Hold answers to this OpenAPI document.")
@click.option(
    "--api-key-env", metavar="NAME", help="Take the key from this variable instead of ROBOFLOW_API_KEY, API_KEY."
)
@click.option(
    "--timeout", type=click.FloatRange(0.1), default=60.0, show_default=True, help="Seconds to wait for an answer."
)
@click.pass_context
def verify(
    context: click.Context,
    target: str,
    *,
    images: tuple[str, ...],
    texts: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    examples: int,
    seed: int,
    form: str,
    document: str | None,
    api_key_env: str | None,
    timeout: float,
) -> None:
    """Hold a server to the contract.

    BASE_URL is where the paths begin, such as http://127.0.0.1:9001; `mock` verifies the built-in mock in this
    process, without a socket. The key is read from the environment, never from an argument. A live service charges
    for every call: without --fuzz there are 8, and 5 more for each image.

    \b
    Exit status: 0 all held, 1 the contract was broken, 2 usage, 3 could not judge.
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    contract = load(document)
    checks = selected(_codes(select), _codes(ignore))
    photographs = tuple(map(cases.photograph_from_file, images)) or cases.built_in_images()
    if len(texts) > 16:
        raise UsageError(f"--text is given {len(texts)} times; one request takes at most 16 concepts")
    key = _key(target, api_key_env)
    transport = _transport(target, contract, key or MOCK_KEY, timeout)
    plan = cases.plan(photographs, texts=texts or cases.DEFAULT_TEXTS)
    run = _run(transport, plan, contract, checks)
    if examples and not run.unanswered:
        # Only here: schemathesis takes longer to import than planned cases take to send.
        from sam3_contract import fuzz  # noqa: PLC0415

        judge_keys = target == "mock" or key is not None
        run = fuzz.extend(run, transport, contract, checks=checks, examples=examples, seed=seed, judge_keys=judge_keys)
    if run.unanswered:
        click.echo(f"sam3-contract: {run.unanswered}", err=True)
    if form == "json":
        click.echo(orjson.dumps(report.as_json(run, contract), option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo(report.as_text(run, contract, colour=report.wants_colour()), nl=False)
    context.exit(run.exit_status)


def _run(transport: Transport, plan: Sequence[Any], contract: Contract, checks: Sequence[Check]) -> runner.Run:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    progress = (
        Progress(*columns, console=console, transient=True, redirect_stdout=False) if console.is_terminal else None
    )
    with progress or nullcontext():
        answered: Callable[[Exchange], None] = lambda _: None  # noqa: E731
        if progress:
            task = progress.add_task(f"verifying {transport.target}", total=len(plan))
            answered = lambda _: progress.advance(task)  # noqa: E731
        return runner.verify(transport, plan, contract, checks=checks, answered=answered)


def _transport(target: str, contract: Contract, key: str, timeout: float) -> Transport:
    if target != "mock":
        return HttpTransport(target, contract, key=key, timeout=timeout)
    # Only here: verifying a URL does not wait for Flask to be imported.
    from mock_server import Settings, create_app  # noqa: PLC0415

    app = create_app(Settings(api_keys=frozenset({MOCK_KEY})))
    return WsgiTransport(app.wsgi_app, contract, key=MOCK_KEY, target="mock (in process)")


def _key(target: str, variable: str | None) -> str | None:
    """Find the key in the environment; ``None`` if there is none and the server may do without."""
    if variable is not None:
        if not os.environ.get(variable):
            raise UsageError(f"--api-key-env names {variable!r}, which is not set")
        return os.environ[variable]
    found = os.environ.get("ROBOFLOW_API_KEY") or os.environ.get("API_KEY")
    if not found and _LIVE in target:
        raise UsageError("the live service needs a key: set ROBOFLOW_API_KEY or API_KEY, or name another --api-key-env")
    return found


def _codes(values: Sequence[str]) -> list[str]:
    return [code.strip() for value in values for code in value.split(",") if code.strip()]
