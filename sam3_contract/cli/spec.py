"""``sam3-contract spec``."""

from __future__ import annotations

import json
import os

import click

from sam3_contract import spec as contract_spec
from sam3_contract.cli.lazy import HelpfulGroup
from sam3_contract.cli.options import format_option
from sam3_contract.errors import SpecError, TransportError
from sam3_contract.spec import packaged_path
from sam3_contract.spec_diff import Target, compare
from sam3_contract.spec_diff.report import as_json, as_text
from sam3_contract.transport.documents import read_document, shown_source


@click.group(cls=HelpfulGroup)
def spec() -> None:
    """The OpenAPI document, the one source of what is on the wire."""


@spec.command()
@click.option("--path", "only_path", is_flag=True, help="Print where it lies instead, for tools that take a file.")
def show(*, only_path: bool) -> None:
    """Print the document.

    \b
      sam3-contract spec show > sam3.yaml
      sam3-contract spec show --path
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    path = packaged_path()
    click.echo(str(path) if only_path else path.read_text(encoding="utf-8"), nl=only_path)


@spec.command(short_help="Compare a served openapi.json with our document.")
@click.argument("document", metavar="URL_OR_FILE")
@click.option("--spec", "spec_path", metavar="FILE", help="Compare with this document, such as yesterday's copy.")
@click.option("--operation", "names", multiple=True, metavar="NAME", help="Only this operation; may be repeated.")
@format_option
@click.pass_context
def diff(
    context: click.Context, *, document: str, spec_path: str | None, names: tuple[str, ...], output_format: str
) -> None:
    """Compare a served openapi.json with our document, and tell what breaks clients.

    URL_OR_FILE is a server, the address of its document, a file (JSON or YAML), or - for standard input. Nothing but
    the document is asked for, and no key is sent. Differences are breaking (something clients send is refused or newly
    demanded, something they read has gone or is another), unclear, or harmless.

    \b
      sam3-contract spec diff https://serverless.roboflow.com
      sam3-contract spec diff new.json --spec old.json

    Exit status: 0 nothing breaks clients, 1 something does, 2 usage, 3 no document to compare.
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    targets = _targets(names)
    before = _document_of(spec_path)
    after = read_document(document)
    comparison = compare(before, after, targets)
    titles = {"was": _title(spec_path, before), "now": shown_source(document)}
    if not comparison.operations:
        wanted = ", ".join(f"{target.method} {target.path}" for target in targets)
        raise TransportError(f"{titles['was']} has none of {wanted}")
    if output_format == "json":
        click.echo(json.dumps(as_json(comparison, **titles), indent=2))
    else:
        click.echo(as_text(comparison, **titles, style=_plain if "NO_COLOR" in os.environ else _coloured), nl=False)
    context.exit(int(comparison.is_breaking))


def _coloured(text: str, name: str) -> str:
    return click.style(text, fg=name)  # click.echo takes colours out again where stdout is no terminal


def _plain(text: str, _: str) -> str:
    return text


def _targets(names: tuple[str, ...]) -> list[Target]:
    contract = contract_spec.load()
    chosen = [contract.operation(name) for name in names] or contract.operations
    return [Target(operation.id, operation.method, operation.path) for operation in chosen]


def _document_of(path: str | None) -> object:
    if path is None:
        return contract_spec.load().document
    try:
        return read_document(path)
    except TransportError as error:
        raise SpecError(str(error)) from error


def _title(path: str | None, document: object) -> str:
    if path is not None:
        return shown_source(path)
    assert isinstance(document, dict)
    return f"sam3.yaml {document['info']['version']}"
