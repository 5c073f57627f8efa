"""Groups of commands: they say which one was probably meant, and may import it only when it is called.

`masks explain` does not wait for numpy.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class HelpfulGroup(click.Group):
    """A group that says of a command it does not have which one was probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from sam3_contract.suggestions import unknown  # noqa: PLC0415 - for mistakes only

            raise click.UsageError(unknown("command", args[0], self.list_commands(ctx)), ctx) from error


class LazyGroup(HelpfulGroup):
    """A group of commands that are imported when they are called.

    Args:
        homes: For each command's name, in the order in which they are listed, the module that holds it by that name.
    """

    def __init__(self, *arguments: Any, homes: Mapping[str, str], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the names, without importing anything."""
        return list(self._homes)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; ``None`` if there is none of that name."""
        if name not in self._homes:
            return None
        command = getattr(importlib.import_module(self._homes[name]), name)
        assert isinstance(command, click.Command)
        return command
