"""``sam3-contract mcp``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

import click

from sam3_contract.errors import UsageError

__all__ = ["mcp"]

_LIVE: Final = "https://serverless.roboflow.com"


@click.command()
@click.option(
    "--allow-live",
    metavar="URL",
    is_flag=False,
    flag_value=_LIVE,
    help=f"Let this server be verified, which gets the API key of the environment. [without a value: {_LIVE}]",
)
@click.option(
    "--max-calls",
    metavar="N",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Calls of the live server, in all, as long as this runs.",
)
def mcp(*, allow_live: str | None, max_calls: int) -> None:
    """Serve the toolkit to an agent, by the Model Context Protocol over standard input and output.

    Tools: start a mock, ask it, set faults, see what was asked of it, verify, explain a code, check masks, show a
    picture. The mock and servers of this machine are asked freely, a live one only with --allow-live, and at most
    --max-calls times. Takes the extra `mcp`.

    \b
      sam3-contract mcp
      sam3-contract mcp --allow-live --max-calls 20
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    if find_spec("mcp") is None:
        raise UsageError("mcp takes the SDK of the Model Context Protocol: pip install 'sam3-contract[mcp]'")
    # Only here: help does not wait for the SDK to be imported.
    from mock_server.serving.standard_error import keep_libraries_out_of_a_pipe  # noqa: PLC0415
    from sam3_contract.agents.desk import Desk, Live  # noqa: PLC0415
    from sam3_contract.agents.tools import make_server  # noqa: PLC0415

    keep_libraries_out_of_a_pipe()
    with Desk(Live(allow_live, max_calls) if allow_live is not None else None) as desk:
        make_server(desk).run()
