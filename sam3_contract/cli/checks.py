"""``sam3-contract checks``."""

from __future__ import annotations

import click

from sam3_contract.checks import CHECKS, named

__all__ = ["checks"]


@click.group(invoke_without_command=True)
@click.pass_context
def checks(context: click.Context) -> None:
    """The laws that answers are held to: list them, or explain one."""
    if context.invoked_subcommand is None:
        context.invoke(list_checks)


@checks.command("list")
def list_checks() -> None:
    """List every check: code, name, law."""
    width = max(len(check.name) for check in CHECKS)
    for check in CHECKS:
        click.echo(f"{check.code}  {check.name:{width}}  {check.law}")


@checks.command()
@click.argument("check")
def explain(check: str) -> None:
    """Explain one check, by its code or its name."""
    found = named(check)
    click.echo(f"{found.code} {found.name} ({found.severity})\n\n{found.law}\n")
    for title, text in (("source", found.source), ("rule", f"sam3.yaml{found.rule}"), ("mend", found.mend)):
        click.echo(f"  {title:7} {text}")
