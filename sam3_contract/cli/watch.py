"""``sam3-contract watch``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
import orjson

from sam3_contract import cases
from sam3_contract.checks import CHECKS
from sam3_contract.cli.options import api_key_env_option, timeout_option
from sam3_contract.cli.snapshot.compare import compare_all
from sam3_contract.cli.verify.plan import estimate
from sam3_contract.drift import (
    Drift,
    Last,
    Page,
    Watch,
    of_deviations,
    of_document,
    of_page,
    of_run,
    of_snapshots,
    page_of,
    read_last,
    refusal_of,
)
from sam3_contract.drift.annotations import annotations_of
from sam3_contract.drift.drifts import KINDS
from sam3_contract.drift.markdown import as_markdown, headline_of
from sam3_contract.drift.sarif import as_sarif
from sam3_contract.errors import UNJUDGED, OutputError, SpecError, TransportError, UsageError
from sam3_contract.files.atomic import make_folder, write_atomically
from sam3_contract.installed import __version__
from sam3_contract.redaction import without_key
from sam3_contract.snapshots import Tolerances, Verdict, snapshot_files
from sam3_contract.spec import Contract, load
from sam3_contract.spec_diff import Target, compare
from sam3_contract.targets import key_for, transport_to
from sam3_contract.terminal import say
from sam3_contract.transport import Transport
from sam3_contract.transport.documents import read_document, read_page, shown_source
from sam3_contract.verification import runner
from sam3_contract.verification.pacing import seconds_between

__all__ = ["watch"]

_CALLS: Final = 20
_SUMMARY: Final = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one part of a watch saw: its drifts, and sentences about what it could not look at."""

    drifts: Sequence[Drift] = ()
    unseen: Sequence[str] = ()


@click.command()
@click.argument("target", metavar="BASE_URL")
@click.option("--spec", "spec_path", metavar="FILE", help="Compare the served document with this copy, not with ours.")
@click.option("--no-document", is_flag=True, help="Do not ask for the served document.")
@click.option("--snapshots", metavar="DIR", help="Ask again what `snapshot take` kept here, and compare.")
@click.option("--page", "page_url", metavar="URL", help="Read this page of the documentation too; nothing else is.")
@click.option("--since", type=click.Path(path_type=Path), metavar="FILE.json", help="The watch.json of the last watch.")
@click.option(
    "--max-calls",
    metavar="N",
    type=click.IntRange(1),
    default=_CALLS,
    show_default=True,
    help="Requests; --snapshots adds its own.",
)
@click.option("--rate", metavar="N/s|m|h", help="Send no faster than this, such as 30/m.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="sam3-watch",
    show_default=True,
    metavar="DIR",
    help="Where watch.json, watch.md and watch.sarif go.",
)
@click.option("--github", is_flag=True, help="Write annotations to stdout, and the step summary of a GitHub job.")
@api_key_env_option
@timeout_option
@click.pass_context
def watch(
    context: click.Context,
    target: str,
    *,
    spec_path: str | None,
    no_document: bool,
    snapshots: str | None,
    page_url: str | None,
    since: Path | None,
    max_calls: int,
    rate: str | None,
    output: Path,
    github: bool,
    api_key_env: str | None,
    timeout: float,
) -> None:
    """Tell what has drifted about a server since it was written to: for a run each night.

    Looked at are the OpenAPI document that it serves, its answers to the first requests of `verify`, the known
    deviations that came or went, kept answers (--snapshots), and a page of its documentation (--page). With --since,
    what the last watch did not see is marked as new, and the page is compared with what it was in the first one.

    \b
      sam3-contract watch https://serverless.roboflow.com --snapshots kept --since last/watch.json
      sam3-contract watch http://127.0.0.1:9001 -o watch

    \b
    Exit status: 0 nothing drifted, 1 something did, 2 usage,
    3 nothing did, but not everything could be looked at.
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    contract = load()
    last = read_last(since) if since else Last()
    files = snapshot_files(Path(snapshots)) if snapshots else []
    was = _document_of(spec_path, contract)
    transport = transport_to(_url_of("server", target), contract, variable=api_key_env, timeout=timeout)
    if page_url:
        _url_of("page", page_url)
    make_folder(output, "--output")
    page, about_page = _page(page_url, last) if page_url else (None, _Seen())
    parts = [_Seen() if no_document else _document(target, was, contract), about_page]
    run = _run(transport, contract, max_calls=max_calls, rate=rate)
    if run.is_interrupted:  # what was not looked at would be new to the watch that compares with this one
        say(f"sam3-contract: interrupted: {output} is left as it is", err=True)
        context.exit(UNJUDGED)
    parts += [_seen_in(run, contract, last), _snapshots(transport, files, contract)]
    looked = not refusal_of(run) and not run.unanswered
    seen, absent = (run.deviations_seen, run.deviations_absent) if looked else ((), ())
    watched = Watch(
        shown_source(target),
        tuple(sorted((drift for part in parts for drift in part.drifts), key=_rank)),
        tuple(sentence for part in parts for sentence in part.unseen),
        calls=len(run.exchanges) + len(files),
        # What was not looked at stays as it was, for the next watch to compare with.
        seen=_with_earlier(seen, last.seen, absent),
        absent=_with_earlier(absent, last.absent, seen),
        page=_kept(page, last),
        known=last.keys if since else None,
    )
    _write(_without_key(watched, key_for(target, api_key_env)), output, github=github)
    context.exit(watched.exit_status)


_LIKE: Final = {"server": "http://127.0.0.1:9001", "page": "https://docs.roboflow.com/models/supported-models/sam3"}


def _url_of(what: str, text: str) -> str:
    if not text.lower().startswith(("http://", "https://")):
        raise UsageError(f"{text!r} is no URL of a {what}; write it like {_LIKE[what]}")
    return text


def _rank(drift: Drift) -> tuple[bool, int]:
    return (not drift.counts, KINDS.index(drift.kind))


def _document_of(path: str | None, contract: Contract) -> object:
    if path is None:
        return contract.document
    try:
        return read_document(path)
    except TransportError as error:
        raise SpecError(str(error)) from error


def _document(target: str, was: object, contract: Contract) -> _Seen:
    try:
        now = read_document(target)
    except TransportError as error:
        return _Seen(unseen=[f"the served document: {error}"])
    targets = [Target(operation.id, operation.method, operation.path) for operation in contract.operations]
    return _Seen(list(of_document(compare(was, now, targets))))


def _page(url: str, last: Last) -> tuple[Page | None, _Seen]:
    try:
        page = page_of(shown_source(url), read_page(url))
    except TransportError as error:
        return None, _Seen(unseen=[f"the page: {error}"])
    if not page.words:
        return None, _Seen(unseen=[f"the page: {page.url} shows no words without scripts"])
    return page, _Seen(list(of_page(page, last)))


def _with_earlier(now: Iterable[str], before: Iterable[str], otherwise: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*now, *before} - {*otherwise}))


def _kept(page: Page | None, last: Last) -> Page | None:
    """Choose the page to compare with next time: the first one, so that a change stands until somebody begins anew."""
    return page if page is not None and (last.page is None or last.page.url != page.url) else last.page


def _run(transport: Transport, contract: Contract, *, max_calls: int, rate: str | None) -> runner.Run:
    plan = cases.plan(cases.built_in_images())
    budget = runner.Budget(max_calls, interval=seconds_between(rate) if rate else 0.0)
    say(f"sam3-contract: {estimate(plan, max_calls, None)}; Ctrl-C stops", err=True)
    return runner.verify(transport, plan, contract, checks=CHECKS, budget=budget)


def _seen_in(run: runner.Run, contract: Contract, last: Last) -> _Seen:
    refusal = refusal_of(run)
    if refusal:
        return _Seen(unseen=[refusal])
    unseen = [*([run.unanswered] if run.unanswered else []), *run.unjudged]
    return _Seen([*of_run(run), *of_deviations(run, contract, last)], unseen)


def _snapshots(transport: Transport, files: Sequence[Path], contract: Contract) -> _Seen:
    changes = [one.change for one in compare_all(transport, files, contract, Tolerances())]
    unseen = [f"{one.name}: {one.not_compared}" for one in changes if one.verdict is Verdict.NOT_COMPARED]
    return _Seen(list(of_snapshots(changes)), unseen)


def _without_key(watched: Watch, key: str | None) -> Watch:
    """Take the key out of every text; the names by which drifts are known are made of what is left."""
    drifts = tuple(
        replace(
            one,
            title=without_key(one.title, key),
            detail=without_key(one.detail, key),
            place=without_key(one.place, key),
        )
        for one in watched.drifts
    )
    return replace(watched, drifts=drifts, unseen=tuple(without_key(sentence, key) for sentence in watched.unseen))


def _write(watched: Watch, folder: Path, *, github: bool) -> None:
    text = as_markdown(watched)
    write_atomically(folder / "watch.json", _json(watched.as_json()))
    write_atomically(folder / "watch.md", text.encode("utf-8", "replace"))
    write_atomically(folder / "watch.sarif", _json(as_sarif(watched, version=__version__)))
    say(f"{watched.target}: {headline_of(watched)}; wrote {folder}")
    if github:
        for line in annotations_of(watched):
            say(line)
        _summarise(text)
    else:
        for drift in watched.counting:
            before = "" if watched.is_new(drift) else "  (as before)"
            say(f"  {drift.kind:9}  {drift.title}{before}")
    for sentence in watched.unseen:
        say(f"sam3-contract: {sentence}", err=True)


def _summarise(text: str) -> None:
    path = os.environ.get(_SUMMARY)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"{path}, which {_SUMMARY} names, cannot be written: {error.strerror}") from error


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
