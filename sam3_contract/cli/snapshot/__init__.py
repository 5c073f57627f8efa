"""``sam3-contract snapshot``."""

from __future__ import annotations

import click

from sam3_contract.cli.lazy import HelpfulGroup
from sam3_contract.cli.snapshot.compare import compare
from sam3_contract.cli.snapshot.take import take


@click.group(cls=HelpfulGroup)
def snapshot() -> None:
    """Keep answers, and see later what has become of them."""


snapshot.add_command(take)
snapshot.add_command(compare)
