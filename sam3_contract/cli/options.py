"""Options that several commands have, and the numbers that options take."""

from __future__ import annotations

import math
from typing import Any

import click

__all__ = ["FiniteRange", "api_key_env_option", "format_option", "timeout_option"]


class FiniteRange(click.FloatRange):
    """Numbers of a range, of which neither infinity nor what is no number is one: every comparison lets that pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number, and refuse it if it is of no use in a comparison."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no number that can be meant.", param, ctx)
        return number


api_key_env_option = click.option(
    "--api-key-env", metavar="NAME", help="Take the key from this variable instead of ROBOFLOW_API_KEY, API_KEY."
)
"""Where the key of a server comes from."""
timeout_option = click.option(
    "--timeout",
    metavar="SECONDS",
    type=FiniteRange(0.1),
    default=60.0,
    show_default=True,
    help="Seconds to wait for an answer.",
)
"""How long a server may take to answer."""
format_option = click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
"""How results are written to stdout."""
