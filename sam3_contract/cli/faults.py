"""``sam3-contract faults``."""

from __future__ import annotations

import click

__all__ = ["faults"]

_FAMILIES = {
    "http": "http: the answer as HTTP",
    "schema": "schema: the answer's JSON",
    "mask": "mask: pixels, and how they are written",
    "semantics": "semantics: what was asked, and what came of it",
}


@click.group(invoke_without_command=True)
@click.pass_context
def faults(context: click.Context) -> None:
    """The ways in which the mock can break the contract: list them, or explain one.

    \b
      sam3-contract serve --fault size_swapped
      sam3-contract serve --fault status:503:2 --fault slow:0.5
      curl -H "X-Mock-Fault: masks_shifted_right:4" ...
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    if context.invoked_subcommand is None:
        context.invoke(list_faults)


@faults.command("list")
def list_faults() -> None:
    """List every fault by its family: name, and what a client sees."""
    # Only here: help does not wait for the mock to be imported.
    from mock_server.faults import FAULTS  # noqa: PLC0415

    width = max(map(len, FAULTS))
    for family, title in _FAMILIES.items():
        click.echo(f"{title}\n")
        for fault in sorted(FAULTS.values(), key=lambda one: one.name):
            if fault.family == family:
                click.echo(f"  {fault.name:{width}}  {fault.breaks}")
        click.echo()
    click.echo(f"{len(FAULTS)} faults; `sam3-contract faults explain NAME` says which requests show one")


@faults.command()
@click.argument("fault", metavar="NAME")
def explain(fault: str) -> None:
    """Explain one fault: what a client sees, which requests show it, and its parameter."""
    from mock_server.faults import named  # noqa: PLC0415

    name = fault.partition(":")[0]
    found = named(name)
    click.echo(f"{found.name} ({found.family})\n\n{found.breaks}\n")
    click.echo(f"  seen by    {found.when}")
    form = found.name
    if found.parameter is not None:
        click.echo(f"  parameter  {found.parameter.meaning}; by default {found.parameter.default}")
        form = f"{found.name}:{found.parameter.default}"
    click.echo(f"  always     sam3-contract serve --fault {form}")
    click.echo(f"  once       sam3-contract serve --fault {form}:1")
    click.echo(f"  a request  X-Mock-Fault: {form}")
