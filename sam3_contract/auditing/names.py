"""Which files are meant by paths, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from sam3_contract.errors import UsageError
from sam3_contract.mask_files.batches import LINE_SUFFIXES
from sam3_contract.mask_files.urls import files_at, is_url

__all__ = ["MASK_SUFFIXES", "files_of", "is_named_as_masks"]

MASK_SUFFIXES: Final = (".json", *LINE_SUFFIXES, ".npz")
_ARCHIVE_SUFFIXES: Final = (".tar", ".tgz", ".parquet")
_PACKED: Final = (".gz", ".zst")
_OF_MACOS: Final = "._"
"""How the files begin that macOS puts beside others, in tars too, for what it knows of them."""


def files_of(paths: Iterable[str]) -> list[str]:
    """Put files in the place of folders and patterns.

    Args:
        paths: Files, folders, and patterns such as ``masks/*.json`` or ``archive/**/*.tar``. What names neither is left
            as it is, for whoever opens it to say what is wrong.

    Returns:
        The files, those of a folder or pattern in alphabetical order. Of a folder, all below it that are named as files
        of masks are.
    """
    return [name for path in paths for name in _files_of(path)]


def _files_of(path: str) -> Iterator[str]:
    if is_url(path):
        yield from _files_at(path)
        return
    # Those of os.path, for they take a name that is too long for one of nothing.
    if os.path.isdir(path):  # noqa: PTH112
        found = sorted(_files_below(str(Path(path))))
    elif glob.has_magic(path) and not os.path.exists(path):  # noqa: PTH110
        found = _once(sorted(one for one in glob.glob(path, recursive=True) if os.path.isfile(one)))  # noqa: PTH113, PTH207
    else:
        found = []
    yield from found or [path]


def _once(names: Iterable[str]) -> list[str]:
    """Leave out what a pattern names again through links to folders, which may lead round in a circle."""
    real = cache(os.path.realpath)
    first: dict[tuple[str, str], str] = {}
    for name in names:
        folder, file = os.path.split(name)
        first.setdefault((real(folder), file), name)
    return list(first.values())


def _files_below(folder: str) -> Iterator[str]:
    # In half the time that Path.rglob takes: there may be millions.
    for above, _, names in os.walk(folder):
        for name in names:
            if _is_named_as_file(name) and os.path.isfile(path := os.path.join(above, name)):  # noqa: PTH113, PTH118
                yield path.removeprefix("./") if folder == "." else path


def _files_at(url: str) -> list[str]:
    try:
        return [name for name in files_at(url) if _is_named_as_file(name)] or [url]
    except (OSError, UsageError):
        return [url]


def is_named_as_masks(name: str) -> bool:
    """Tell by its name that a file holds masks, packed or not."""
    return _is_named(name, MASK_SUFFIXES)


def _is_named_as_file(name: str) -> bool:
    return _is_named(name, MASK_SUFFIXES + _ARCHIVE_SUFFIXES)


def _is_named(name: str, suffixes: tuple[str, ...]) -> bool:
    return _unpacked(name).endswith(suffixes) and not name.rpartition("/")[2].startswith(_OF_MACOS)


def _unpacked(name: str) -> str:
    name = name.lower()
    for suffix in _PACKED:
        name = name.removesuffix(suffix)
    return name
