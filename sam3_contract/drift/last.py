"""What the last watch saw, read from its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from sam3_contract.drift.drifts import SCHEMA
from sam3_contract.drift.page import Page
from sam3_contract.errors import UsageError
from sam3_contract.files.bounded import read_text_file

_MOST_BYTES: Final = 2**24


@dataclass(frozen=True, slots=True)
class Last:
    """What is compared with.

    Attributes:
        keys: Of the drifts that were seen.
        absent: Ids of the known deviations that did not show.
        seen: Ids of those that showed.
        page: The public page as it was when it was first read; ``None`` if it never was.
    """

    keys: frozenset[str] = field(default_factory=frozenset)
    absent: frozenset[str] = field(default_factory=frozenset)
    seen: frozenset[str] = field(default_factory=frozenset)
    page: Page | None = None


def read_last(path: Path) -> Last:
    """Read the JSON of an earlier watch.

    Raises:
        UsageError: If it cannot be read, or is none.
    """
    try:
        found: Any = orjson.loads(read_text_file(path, most=_MOST_BYTES))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{path} is no JSON, line {error.lineno}: {error.msg}") from error
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise UsageError(f"{path} is no summary of `sam3-contract watch`: schema is {schema!r}, expected {SCHEMA!r}")
    try:
        keys = frozenset(str(drift["key"]) for drift in found["drifts"])
        deviations = {name: frozenset(map(str, found["deviations"][name])) for name in ("seen", "absent")}
        return Last(keys, deviations["absent"], deviations["seen"], _page(found["page"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is not as `sam3-contract watch` writes it: {error!r}") from error


def _page(found: Any) -> Page | None:
    return None if found is None else Page(str(found["url"]), str(found["sha256"]), int(found["words"]))
