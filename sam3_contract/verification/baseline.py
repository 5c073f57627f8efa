"""Findings that are accepted: a file of them, so that only new ones fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from sam3_contract.checks import CHECKS, Violation
from sam3_contract.errors import BaselineError, OutputError
from sam3_contract.files.atomic import write_atomically
from sam3_contract.files.bounded import read_text_file

FORMAT: Final = "sam3-contract/baseline/1"
_MAX_BYTES: Final = 2**26
_INDEX: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is accepted.

    Attributes:
        entries: Of each finding its check, its case and its place, without the numbers of prompts and predictions.
    """

    entries: frozenset[str] = frozenset()

    @classmethod
    def load(cls, path: Path) -> Baseline:
        """Read a baseline.

        Raises:
            BaselineError: If the file cannot be read, or is no baseline; the message says where.
        """
        try:
            document = orjson.loads(read_text_file(path, most=_MAX_BYTES))
        except OSError as error:
            raise BaselineError(f"{path} cannot be read: {error.strerror}") from error
        except orjson.JSONDecodeError as error:
            raise BaselineError(f"{path} is no JSON, line {error.lineno}: {error.msg}") from error
        return cls(frozenset(_entry(entry, index, path) for index, entry in enumerate(_listed(document, path))))

    @classmethod
    def of(cls, violations: Iterable[Violation]) -> Baseline:
        """Accept what was found."""
        return cls(frozenset(map(_identity, violations)))

    def save(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            BaselineError: If it cannot be written.
        """
        accepted = [dict(zip(_FIELDS, entry.split("\t"), strict=True)) for entry in sorted(self.entries)]
        content = orjson.dumps({"format": FORMAT, "accepted": accepted}, option=orjson.OPT_INDENT_2) + b"\n"
        try:
            write_atomically(path, content)
        except OutputError as error:
            raise BaselineError(str(error)) from error

    def __contains__(self, violation: Violation) -> bool:
        return _identity(violation) in self.entries

    def stale(self, found: Sequence[Violation]) -> tuple[str, ...]:
        """List the entries that no finding has any more, in words."""
        left = self.entries - {_identity(violation) for violation in found}
        return tuple(" ".join(entry.split("\t")) for entry in sorted(left))


_FIELDS: Final = ("check", "case", "at")


def _identity(violation: Violation) -> str:
    at = _INDEX.sub("[]", violation.breach.at)
    return "\t".join((violation.check.code, violation.exchange.case.id, at.replace("\t", " ")))


def _listed(document: Any, path: Path) -> list[Any]:
    entries = document.get("accepted") if isinstance(document, dict) else None
    if not isinstance(entries, list) or document.get("format") != FORMAT:
        raise BaselineError(f"{path} is no baseline: expected an object with format {FORMAT!r} and a list `accepted`")
    return entries


def _entry(entry: Any, index: int, path: Path) -> str:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in _FIELDS):
        raise BaselineError(f"{path}: accepted[{index}] needs texts for {', '.join(_FIELDS)}")
    codes = [check.code for check in CHECKS]
    if entry["check"] not in codes and entry["check"] != "F01":
        raise BaselineError(f"{path}: accepted[{index}] names check {entry['check']!r}; there are {', '.join(codes)}")
    return "\t".join(entry[name] for name in _FIELDS)
