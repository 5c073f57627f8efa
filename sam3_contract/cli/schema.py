"""``sam3-contract schema``."""

from __future__ import annotations

import json

import click

__all__ = ["schema"]


@click.command()
@click.argument("kind", metavar="scenario|config", type=click.Choice(["scenario", "config"]))
def schema(kind: str) -> None:
    """Print the JSON Schema of scenario files, or of the files that `serve --config` takes.

    Editors complete and check by it what they edit, once a file's first line names it:

    \b
      sam3-contract schema scenario > scenario.schema.json
      # yaml-language-server: $schema=scenario.schema.json      in YAML
      #:schema config.schema.json                               in TOML
      "$schema": "scenario.schema.json"                         a key, in JSON and TOML
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    found = _scenario() if kind == "scenario" else _config()
    click.echo(json.dumps(found, indent=2))


def _scenario() -> dict[str, object]:
    # Only here: help does not wait for the mock to be imported.
    from mock_server.faults import FAULTS  # noqa: PLC0415
    from mock_server.scenarios.json_schema import scenario_schema  # noqa: PLC0415
    from sam3_contract.spec import load  # noqa: PLC0415

    return scenario_schema([operation.id for operation in load().operations], FAULTS)


def _config() -> dict[str, object]:
    from sam3_contract.cli.serve.command import serve  # noqa: PLC0415
    from sam3_contract.cli.serve.config import config_schema  # noqa: PLC0415

    return config_schema(serve)
