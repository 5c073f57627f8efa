"""``sam3-contract checks``."""

from __future__ import annotations

from typing import Final

import click
import orjson

from sam3_contract.checks import CHECKS, named
from sam3_contract.checks.examples import examples
from sam3_contract.cli.lazy import HelpfulGroup
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.spec import load

__all__ = ["checks"]

OCTETS: Final = "application/octet-stream"


@click.group(cls=HelpfulGroup, invoke_without_command=True)
@click.pass_context
def checks(context: click.Context) -> None:
    """The laws that answers are held to: list them, or explain one."""
    if context.invoked_subcommand is None:
        context.invoke(list_checks)


@checks.command("list")
def list_checks() -> None:
    """List every check: code, name, law.

    \b
      sam3-contract checks list
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    width = max(len(check.name) for check in CHECKS)
    for check in CHECKS:
        click.echo(f"{check.code}  {check.name:{width}}  {check.law}")


@checks.command(short_help="Explain one check, with what keeps and what breaks it.")
@click.argument("check")
def explain(check: str) -> None:
    """Explain one check, by its code or its name: its law, where it comes from, what keeps and what breaks it.

    \b
      sam3-contract checks explain M03
      sam3-contract checks explain rle_size_is_the_images
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    found = named(check)
    click.echo(f"{found.code} {found.name} ({found.kind}, {found.severity})\n\n{found.law}\n")
    rows = [("source", found.source), ("rule", f"sam3.yaml{found.rule}"), ("needs", found.needs), ("mend", found.mend)]
    if found.kind == "statistical":
        rows.insert(2, ("rate", f"at least {found.least:g} of the trials have to pass"))
    for title, text in rows:
        click.echo(f"  {title:7} {text}")
    example = examples()[found.code]
    for title, exchanges in (("keeps it", example.keeps), ("breaks it", example.breaks)):
        click.echo(f"\n{title}:")
        for exchange in exchanges:
            click.echo(f"  {_told(exchange)}")
    for breach in found.judge(example.breaks, load()).breaches[:1]:
        click.echo(f"\nfound at {breach.at}: {breach.found}; expected {breach.expected}")
        if breach.why:
            click.echo(f"  {breach.why}")


def _told(exchange: Exchange) -> str:
    """Write an exchange on one line, without its image."""
    asked = {name: value for name, value in exchange.case.sent.items() if name != "image"}
    body = exchange.body.decode("utf-8", "replace") if exchange.media_type != OCTETS else f"{len(exchange.body)} bytes"
    answer = exchange.failure or f"{exchange.status} {body}"
    return f"{exchange.case.operation} {orjson.dumps(asked).decode()}\n    -> {answer}"
