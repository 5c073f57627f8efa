"""``sam3-contract faults``."""

from __future__ import annotations

import json

import click

from sam3_contract.cli.lazy import HelpfulGroup
from sam3_contract.errors import UsageError
from sam3_contract.suggestions import unknown

__all__ = ["faults"]

_FAMILIES = {
    "http": "http: the answer as HTTP",
    "schema": "schema: the answer's JSON",
    "mask": "mask: pixels, and how they are written",
    "semantics": "semantics: what was asked, and what came of it",
}


@click.group(cls=HelpfulGroup, invoke_without_command=True)
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


@faults.command("list", short_help="List every fault, by its family.")
@click.option("--operation", metavar="ID", help="Only those of this operation, such as visual_segment.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_faults(*, operation: str | None, output: str) -> None:
    """List every fault by its family: name, operation, and what a client sees.

    \b
      sam3-contract faults list
      sam3-contract faults list --operation visual_segment
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    # Only here: help does not wait for the mock to be imported.
    from mock_server.faults import FAULTS  # noqa: PLC0415
    from mock_server.faults.fault import EVERY_OPERATION  # noqa: PLC0415

    if operation is not None and operation not in EVERY_OPERATION:
        raise UsageError(unknown("operation", operation, EVERY_OPERATION))
    found = [one for one in FAULTS.values() if operation is None or operation in one.operations]
    if output == "json":
        click.echo(json.dumps([one.as_json() for one in found], indent=2))
        return
    width = max(map(len, FAULTS))
    for family, title in _FAMILIES.items():
        click.echo(f"{title}\n")
        for fault in sorted(found, key=lambda one: one.name):
            if fault.family == family:
                where = "" if fault.operations == EVERY_OPERATION else f" [{', '.join(fault.operations)}]"
                click.echo(f"  {fault.name:{width}}  {fault.breaks}{where}")
        click.echo()
    click.echo(f"{len(found)} faults; `sam3-contract faults explain NAME` says which requests show one")


@faults.command(short_help="Explain one fault: what a client sees, and when.")
@click.argument("fault", metavar="NAME")
def explain(fault: str) -> None:
    """Explain one fault: what a client sees, which requests show it, and its parameter.

    \b
      sam3-contract faults explain size_swapped
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    from mock_server.faults import named  # noqa: PLC0415

    name = fault.partition(":")[0]
    found = named(name)
    click.echo(f"{found.name} ({found.family})\n\n{found.breaks}\n")
    click.echo(f"  operation  {', '.join(found.operations)}")
    click.echo(f"  seen by    {found.when}")
    text = found.name
    if found.parameter is not None:
        click.echo(f"  parameter  {found.parameter.meaning}; by default {found.parameter.default}")
        text = f"{found.name}:{found.parameter.default}"
    click.echo(f"  always     sam3-contract serve --fault {text}")
    click.echo(f"  once       sam3-contract serve --fault {text}:1")
    click.echo(f"  a request  X-Mock-Fault: {text}")
