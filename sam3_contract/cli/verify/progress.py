"""The progress of a verification on a terminal: calls made, findings so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sam3_contract.checks import Check, judge
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.spec import Contract
from sam3_contract.terminal import plain


@contextmanager
def progress_on_terminal(
    target: str, total: int, contract: Contract, checks: Sequence[Check]
) -> Iterator[Callable[[Exchange], None]]:
    """Show a bar on stderr while a block runs; yield what is to be called after each answer."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("calls, {task.fields[found]} findings so far"),
        TimeElapsedColumn(),
    )
    found = 0
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(f"verifying {escape(plain(target))}", total=total, found=0)

        def answered(exchange: Exchange) -> None:
            nonlocal found
            judgements = judge([exchange], contract, checks=checks).values()
            found += sum(not breach.deviation for one in judgements for breach in one.breaches)
            progress.update(task, advance=1, found=found)

        yield answered
