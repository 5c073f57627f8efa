"""All findings in one file: as a table for those who count, as JSON Lines for programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from sam3_contract.errors import OutputError, UsageError
from sam3_contract.extras import extra
from sam3_contract.files.atomic import check_output, replacing
from sam3_contract.mask_files.judging import LocatedFinding

__all__ = ["FindingsFile", "finding_as_json"]

_FIELDS: Final = ("file", "member", "line", "path", "code", "name", "severity", "found", "expected", "diagnosis")
_ROWS: Final = 2**14
_SUFFIXES: Final = (".parquet", ".json", ".jsonl")


def finding_as_json(name: str, located: LocatedFinding) -> dict[str, Any]:
    """Return a finding of the file *name* as ``masks check --format json`` writes it."""
    told = asdict(located.finding)
    member = {"member": located.member} if located.member else {}
    return {"file": name, **member, "line": located.line, "path": told.pop("path"), **told}


def _same(names: Sequence[str], file: os.stat_result) -> Iterator[str]:
    for name in names:
        with suppress(OSError, ValueError):  # a URL, what is not there, a NUL
            if os.path.samestat(os.stat(name), file):  # noqa: PTH116 - fast
                yield name


class FindingsFile:
    """Takes findings as they come; the file is in its place when it is closed.

    A disk that is full ends the file, not the audit: `problem` says so.

    Args:
        path: ``.parquet`` for a table (extra ``parquet``), ``.json`` or ``.jsonl`` for an object per line.
        sources: What is read, of which the file may replace none.

    Attributes:
        problem: Why the file cannot be written; empty if it can.

    Raises:
        UsageError: If the suffix is no such, the file is a source, or a library is missing.
        OutputError: If there is no place for the file, as far as that shows without writing.
    """

    def __init__(self, path: Path, *, sources: Sequence[str] = ()) -> None:
        if path.suffix not in _SUFFIXES:
            raise UsageError(f"findings are written to {', '.join(_SUFFIXES)}, not to {str(path)!r}")
        check_output(path)
        if path.exists() and (same := next(_same(sources, path.stat()), None)) is not None:
            raise UsageError(f"{same} is among what is read: write the findings to another file")
        self._path = path
        self.problem = ""
        self._rows: list[dict[str, Any]] = []
        self._stack = ExitStack()
        self._write: Callable[[list[dict[str, Any]]], object] = lambda _: None
        is_table = path.suffix == ".parquet"
        arrow = extra("pyarrow", name="parquet", need="Parquet is written with it") if is_table else None
        self._attempt(lambda: self._open(path, arrow))

    def add(self, name: str, findings: Sequence[LocatedFinding]) -> None:
        """Take the findings of a file."""
        if self.problem:
            return
        self._rows += [finding_as_json(name, one) for one in findings]
        if len(self._rows) >= _ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left, and put the file into its place."""
        self._flush()
        if not self.problem:
            self._attempt(self._stack.close)

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if rows and not self.problem:
            self._attempt(lambda: self._write(rows))

    def _open(self, path: Path, arrow: Any) -> None:
        file = self._stack.enter_context(replacing(path))
        if arrow is None:
            self._write = lambda rows: file.write(b"".join(orjson.dumps(row) + b"\n" for row in rows))
            return
        number = {"line": arrow.int64()}
        schema = arrow.schema([(field, number.get(field, arrow.string())) for field in _FIELDS])
        parquet = extra("pyarrow.parquet", name="parquet", need="Parquet is written with it")
        writer = self._stack.enter_context(parquet.ParquetWriter(file, schema, compression="zstd"))
        self._write = lambda rows: writer.write_table(arrow.Table.from_pylist(rows, schema=schema))

    def _attempt(self, step: Callable[[], object]) -> None:
        try:
            step()
        except (OSError, OutputError) as error:
            reason = f"{self._path} cannot be written: {error.strerror or error}" if isinstance(error, OSError) else ""
            self.problem = reason or str(error)
            # Told of the error, the file in the making is removed and what was there before stays.
            with suppress(OSError, OutputError):
                self._stack.__exit__(type(error), error, error.__traceback__)
