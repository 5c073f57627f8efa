"""``sam3-contract spec``."""

from __future__ import annotations

import click

from sam3_contract.spec import packaged_path

__all__ = ["spec"]


@click.group()
def spec() -> None:
    """The OpenAPI document, the one source of what is on the wire."""


@spec.command()
@click.option("--path", "only_path", is_flag=True, help="Print where it lies instead, for tools that take a file.")
def show(*, only_path: bool) -> None:
    """Print the document."""
    path = packaged_path()
    click.echo(str(path) if only_path else path.read_text(encoding="utf-8"), nl=only_path)
