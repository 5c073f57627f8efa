"""The reports of a run as files in a folder, each written whole or not at all, and none with a key in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from sam3_contract.checks import Violation
from sam3_contract.errors import OutputError, ReportError
from sam3_contract.files.atomic import write_atomically
from sam3_contract.har import har_from_exchanges
from sam3_contract.redaction import MIN_KEY, bytes_without_key
from sam3_contract.report.html import as_html
from sam3_contract.report.json import as_json
from sam3_contract.report.junit import as_junit
from sam3_contract.report.words import Again, keys_of
from sam3_contract.spec import Contract
from sam3_contract.verification.runner import Run

__all__ = ["FILES", "write"]

Writer = Callable[[Run, Contract, Again | None], bytes]


def write(run: Run, contract: Contract, folder: str | Path, *, again: Again | None = None) -> list[Path]:
    """Write all reports of a run.

    Args:
        run: What came out.
        contract: The document it was held to.
        folder: Where to; it is made if it is not there, and files of these names in it are replaced.
        again: Tells the commands that show a violation again, beside those it knows itself.

    Returns:
        The files: ``report.html``, ``report.json``, ``junit.xml`` and ``exchanges.har``.

    Raises:
        ReportError: If they cannot be written; the message says where and why.
    """
    folder = Path(folder)
    commands = None if again is None else _remembered(again)
    long_keys = [key for key in keys_of(run) if len(key) >= MIN_KEY]
    paths = []
    for name, writer in FILES.items():
        content = writer(run, contract, commands)
        for key in long_keys:
            # Each report masks what it shows; this is for what nobody thought of.
            content = bytes_without_key(content, key)
        paths.append(_write(folder, name, content))
    return paths


def _remembered(again: Again) -> Again:
    """Ask for the commands of an exchange once, not for each file: it may cost a look at the disk."""
    known: dict[tuple[int, str], Sequence[str]] = {}

    def commands(violation: Violation) -> Sequence[str]:
        key = (id(violation.exchange), violation.breach.again)
        if key not in known:
            known[key] = again(violation)
        return known[key]

    return commands


def _html(run: Run, contract: Contract, again: Again | None) -> bytes:
    return as_html(run, contract, again=again).encode("utf-8", "replace")


def _json(run: Run, contract: Contract, again: Again | None) -> bytes:
    return orjson.dumps(as_json(run, contract, again=again), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _junit(run: Run, contract: Contract, again: Again | None) -> bytes:
    return as_junit(run, contract, again=again).encode()


def _har(run: Run, contract: Contract, _: Again | None) -> bytes:
    document = har_from_exchanges(run.exchanges, base_url=run.target, contract=contract)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


FILES: Final[Mapping[str, Writer]] = {
    "report.html": _html,
    "report.json": _json,
    "junit.xml": _junit,
    "exchanges.har": _har,
}
"""The files of a report, and what writes each."""


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    try:
        write_atomically(path, content)
    except OutputError as error:
        raise ReportError(str(error)) from error
    return path
