"""A page for each check: its law, what keeps it and what breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from documentation.page import Page, facts, fenced, table
from sam3_contract.checks import CHECKS
from sam3_contract.checks.check import Check
from sam3_contract.checks.examples import examples
from sam3_contract.exchanges.exchange import Exchange
from sam3_contract.spec import load

_FOLDER: Final = "reference/checks"
_FAMILIES: Final = {
    "S": "The answer as HTTP",
    "M": "Masks by themselves",
    "C": "concept_segment",
    "V": "visual_segment",
    "R": "What answers say of each other",
    "G": "Drawn scenes whose masks are known",
}
_LONGEST: Final = 4000  # characters of an example's body
_MOST_LINES: Final = 60  # of it


def check_pages() -> list[Page]:
    """Make a page for each check, and one that lists them."""
    return [Page(f"{_FOLDER}/index.md", _index()), *(Page(f"{_FOLDER}/{one.code}.md", _page(one)) for one in CHECKS)]


def _index() -> str:
    parts = [
        "# Checks",
        "Each check is a law for answers; `sam3-contract verify --select` and `--ignore` take codes, prefixes, names. "
        "Each is shown to keep quiet on an exchange that keeps its law and to find one that breaks it; each of the "
        "mock's [faults](../faults/index.md) is shown to be found by the check made for it.",
    ]
    for letter, title in _FAMILIES.items():
        rows = ([f"[{one.code}]({one.code}.md)", f"`{one.name}`", one.law] for one in CHECKS if one.code[0] == letter)
        parts += [f"## {title}", table(["code", "name", "law"], rows)]
    return "\n\n".join(parts) + "\n"


def _page(check: Check) -> str:
    rate = f"at least {check.least:g} of the trials have to pass" if check.kind == "statistical" else ""
    rule = f"`sam3.yaml{check.rule}`" if check.rule else ""
    kind = f"{check.kind}, {check.severity}"
    parts = [
        f"# {check.code} {check.name}",
        check.law,
        facts([("kind", kind), ("needs", check.needs), ("source", check.source), ("rule", rule), ("rate", rate)]),
        "## What to do about a breach",
        check.mend,
        *_examples(check),
        "## On the command line",
        fenced(f"sam3-contract verify mock --select {check.code}\nsam3-contract checks explain {check.code}"),
        "[All checks](index.md)",
    ]
    return "\n\n".join(parts) + "\n"


def _examples(check: Check) -> Iterator[str]:
    example = examples()[check.code]
    for title, exchanges in (("An exchange that keeps it", example.keeps), ("One that breaks it", example.breaks)):
        yield f"## {title}"
        yield from (fenced(_told(exchange), "text") for exchange in exchanges)
    for breach in check.judge(example.breaks, load()).breaches[:1]:
        rows = [[breach.at, breach.found, breach.expected]]
        yield table(["found at", "found", "expected"], [[f"`{cell}`" if cell else "" for cell in row] for row in rows])
        if breach.why:
            yield f"{breach.why[0].upper()}{breach.why[1:]}."


def _told(exchange: Exchange) -> str:
    asked = {name: value for name, value in exchange.case.sent.items() if name != "image"}
    sent = f"{exchange.case.method} {exchange.case.operation}\n{_indented(asked)}"
    return f"{sent}\n\n{exchange.failure or f'{exchange.status} {exchange.media_type}'}\n{_body(exchange)}"


def _body(exchange: Exchange) -> str:
    if exchange.media_type == "application/octet-stream":
        return f"{len(exchange.body)} bytes"
    try:
        text = _indented(orjson.loads(exchange.body))
    except orjson.JSONDecodeError:
        text = exchange.body.decode("utf-8", "replace")
    lines = text[:_LONGEST].splitlines()
    return "\n".join([*lines[:_MOST_LINES], *(["..."] if len(text) > _LONGEST or len(lines) > _MOST_LINES else [])])


def _indented(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
