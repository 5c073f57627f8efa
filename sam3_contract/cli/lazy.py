"""Groups of commands: they say which one was probably meant, and may import it only when it is called.

`masks explain` does not wait for numpy.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem


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
    """A group of commands that are imported when they are called, and not to be listed.

    Args:
        home: The package that has a module for each command, which holds it by the same name.
        about: For each command, in the order in which they are listed, what it does, in a line.
    """

    def __init__(self, *arguments: Any, home: str, about: Mapping[str, str], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._home = home
        self.about = about

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the names, without importing anything."""
        return list(self.about)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; ``None`` if there is none of that name."""
        if name not in self.about:
            return None
        command = getattr(importlib.import_module(f"{self._home}.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write what each command is about."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.about.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command, or an option of the group."""
        named = [CompletionItem(name, help=told) for name, told in self.about.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]
