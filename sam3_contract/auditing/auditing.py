"""An audit in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from os import PathLike, fspath

from sam3_contract.auditing.names import files_of
from sam3_contract.auditing.outcome import Outcome
from sam3_contract.auditing.running import outcomes_by, outcomes_here, outcomes_in_processes
from sam3_contract.auditing.summary import Summary
from sam3_contract.auditing.units import Terms, Unit, units_of
from sam3_contract.mask_files.judging import LocatedFinding
from sam3_contract.mask_files.opening import Size
from sam3_contract.mask_files.urls import shown

__all__ = ["audit", "outcomes_of"]

_AHEAD_OF_EXECUTOR = 64


def audit(
    paths: Iterable[str | PathLike[str]],
    *,
    image_size: Size | None = None,
    jobs: int = 1,
    executor: Executor | None = None,
    codes: Iterable[str] | None = None,
    column: str | None = None,
    found: Callable[[str, LocatedFinding], object] | None = None,
) -> Summary:
    """Find what is wrong with the masks of an archive, of any size.

    Args:
        paths: Files, folders, patterns and URLs, as ``sam3-contract masks check`` takes them.
        image_size: ``(height, width)`` in pixels of the masks' image; None if not known.
        jobs: Processes that judge; a script that asks for several needs the usual ``if __name__ == "__main__"``.
        executor: What judges in place of processes of our own: any of PEP 3148, such as ``Client.get_executor()`` of
            Dask. The files have to be there for it under the same names.
        codes: Codes of the defects to look for; None for all.
        column: The column of masks in Parquet; None to look for it.
        found: Called with the name of the file and each finding, in their order; the summary only counts them.

    Returns:
        What was found, added up. What could not be judged is in its ``unread``, and the rest is judged nevertheless.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from pathlib import Path
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.json").write_text('{"masks": {"size": [4, 6], "counts": "5220;"}}')
        ...     _ = Path(folder, "b.json").write_text('{"masks": {"size": [4, 6], "counts": "522"}}')
        ...     summary = audit([folder])
        >>> summary.n_masks, dict(summary.defects), summary.unread
        (2, {'RLE18': 1}, [])
    """
    names = files_of([fspath(path) for path in paths])
    files = [shown(name) for name in names]
    terms = Terms(image_size, None if codes is None else frozenset(codes), column=column)
    summary = Summary(files, terms.codes)
    units = units_of(names, terms)
    for outcome in outcomes_of(units, terms, jobs=jobs, executor=executor):
        for one in summary.add(outcome):
            if found is not None:
                found(files[outcome.file], one)
    for place, one in summary.close():
        if found is not None:
            found(files[place], one)
    return summary


def outcomes_of(
    units: Iterable[Unit], terms: Terms, *, jobs: int = 1, executor: Executor | None = None
) -> Iterator[Outcome]:
    """Judge units where it was asked for; outcomes come in their order."""
    if executor is not None:
        return outcomes_by(executor, units, terms, ahead=_AHEAD_OF_EXECUTOR)
    if jobs > 1:
        return outcomes_in_processes(units, terms, jobs=jobs)
    return outcomes_here(units, terms)
