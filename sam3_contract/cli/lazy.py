"""Groups of commands whose modules are imported when they are called: `masks explain` does not wait for numpy."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of commands.

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
