"""Options of a command from a TOML file and from the environment; what is given as a flag wins over both."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from sam3_contract.errors import UsageError
from sam3_contract.files.bounded import read_text_file
from sam3_contract.suggestions import did_you_mean
from sam3_contract.terminal import say

__all__ = ["OptionOrVariable", "config_schema", "from_environment", "read_config", "warn_of_variables"]

C = TypeVar("C", bound=click.Command)

SCHEMA_KEY: Final = "$schema"
_MOST_BYTES: Final = 2**20
_ADDRESS_OF_SERVICE: Final = re.compile(r"(?:tcp|udp|sctp)://\S+", re.IGNORECASE)
# How the names go on with which Kubernetes and Docker describe a service.
_OF_SERVICE: Final = re.compile(
    r"(?:_\w+)?_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)

# What each kind of option takes in TOML. Values are never quoted back: they may be keys.
_WORDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    list: "a list of texts",
    str: "a text",
}
# ... and what JSON Schema calls it.
_TYPES: Final[Mapping[type, str]] = {bool: "boolean", int: "integer", float: "number", str: "string"}


class OptionOrVariable(click.Option):
    """An option that may come from the environment, but not from what Kubernetes puts there by itself."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Take the variable, unless it is the address of a service of that name."""
        value = super().resolve_envvar_value(ctx)
        return None if value is not None and _ADDRESS_OF_SERVICE.fullmatch(value) else value


def warn_of_variables(prefix: str, command: click.Command) -> None:
    """Say on standard error which variables of the environment look like options of a command and are not read.

    Kubernetes and Docker describe each service to all others in variables of its name: a service ``sam3-mock`` becomes
    ``SAM3_MOCK_PORT=tcp://10.0.0.7:9001``. Values are not repeated: they may be keys.
    """
    known = {option.envvar for option in _options(command).values()}
    for name, value in sorted(os.environ.items()):
        if name in known and _ADDRESS_OF_SERVICE.fullmatch(value):
            say(f"{name} is not read: it holds the address of a service, as Kubernetes sets it", err=True)
        elif name.startswith(f"{prefix}_") and name not in known and not _OF_SERVICE.fullmatch(name, len(prefix)):
            option = name.removeprefix(f"{prefix}_").lower().replace("_", "-")
            hint = did_you_mean(option, _options(command), otherwise="`--help` lists the options")
            say(f"{name} is not read: there is no option {option!r}; {hint}", err=True)


def from_environment(prefix: str) -> Callable[[C], C]:
    """Let each option of a command come from the environment too: ``--ready-file`` from ``<PREFIX>_READY_FILE``."""

    def with_variables(command: C) -> C:
        for name, option in _options(command).items():
            option.envvar = f"{prefix}_{name.upper().replace('-', '_')}"
        return command

    return with_variables


def read_config(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Take the defaults of a command's options from a TOML file: a callback for the option that names it.

    Its keys are the names of the options, without the dashes in front. Paths in it are relative to its folder. A key
    ``$schema`` is left to editors.

    Raises:
        UsageError: If the file cannot be read, is no TOML, or has a key or a value that no option takes.
    """
    if path is None:
        return
    known = _options(context.command)
    taken = {}
    for name, value in _table(path).items():
        if name == SCHEMA_KEY and isinstance(value, str):
            continue
        option = known.get(name)
        if option is None or not option.expose_value:
            raise UsageError(f"{path}: there is no option {name!r}; {_nearest(name, known)}")
        taken[option.name or name] = _value(option, value, place=f"{path}: {name}", folder=path.parent, context=context)
    context.default_map = {**(context.default_map or {}), **taken}


def config_schema(command: click.Command) -> dict[str, Any]:
    """Make the JSON Schema of the files from which a command takes its options: for editors.

    Args:
        command: The command.

    Returns:
        The schema, of draft 2020-12. It does not know what the command makes of two options together.
    """
    options = {name: option for name, option in _options(command).items() if option.expose_value}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Options of sam3-contract {command.name}",
        "type": "object",
        "properties": {
            SCHEMA_KEY: {"type": "string", "description": "Where this schema is, for editors."},
            **{name: {**_schema_of(option), "description": option.help or ""} for name, option in options.items()},
        },
        "additionalProperties": False,
    }


def _schema_of(option: click.Option) -> dict[str, Any]:
    """Say in JSON Schema what `_value` takes."""
    kind, within = _kind(option), option.type
    if kind is list:
        return {"type": "array", "items": {"type": "string"}}
    schema: dict[str, Any] = {"type": _TYPES[kind]}
    if isinstance(within, click.Choice):
        schema["enum"] = list(within.choices)
    if isinstance(within, click.IntRange | click.FloatRange):
        bounds = {"minimum": within.min, "maximum": within.max}
        schema |= {name: bound for name, bound in bounds.items() if bound is not None}
    if isinstance(option.default, bool | int | float | str):
        schema["default"] = option.default
    return schema


def _options(command: click.Command) -> dict[str, click.Option]:
    """List the options by their long names, without the dashes in front."""
    options = (one for one in command.params if isinstance(one, click.Option))
    return {max(one.opts, key=len).removeprefix("--"): one for one in options}


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text_file(path, most=_MOST_BYTES).decode())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # of the encoding and of TOML alike
        raise UsageError(f"{path} is no TOML: {error}") from error


def _value(option: click.Option, value: Any, *, place: str, folder: Path, context: click.Context) -> Any:
    kind = _kind(option)
    fits = type(value) is kind or (kind is float and type(value) is int)
    if not fits or (kind is list and not all(isinstance(entry, str) for entry in value)):
        raise UsageError(f"{place} takes {_WORDS[kind]}, not {type(value).__name__}")
    if any("\0" in one for one in (value if kind is list else [value]) if isinstance(one, str)):
        raise UsageError(f"{place} holds a NUL, which no text of the operating system does")
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{place} takes a finite number, not {value}")
    if isinstance(option.type, click.Path):
        return str(folder / value)
    try:
        option.type_cast_value(context, value)  # what click would say of it later, without the place
    except click.BadParameter as error:
        raise UsageError(f"{place}: {error.message}") from error
    return value


def _kind(option: click.Option) -> type:
    if option.multiple:
        return list
    if option.is_flag:
        return bool
    if isinstance(option.type, click.types.IntParamType):
        return int
    return float if isinstance(option.type, click.types.FloatParamType) else str


def _nearest(name: str, known: Mapping[str, click.Option]) -> str:
    names = [one for one, option in known.items() if option.expose_value]
    return did_you_mean(name.replace("_", "-").lower(), names, otherwise=f"there are {', '.join(names)}")
