"""What a watch found: drifts, each with a key by which it is known again on the next day."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal

from sam3_contract.drift.page import Page
from sam3_contract.errors import BROKEN, HELD, UNJUDGED

Kind = Literal["document", "contract", "snapshot", "deviation", "page"]
KINDS: Final[tuple[Kind, ...]] = ("contract", "document", "deviation", "snapshot", "page")
"""The kinds of drifts, the worst first."""

SCHEMA: Final = "sam3-contract/watch/1"
"""Changes when a program that reads the summary would have to."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is no longer as it was.

    Attributes:
        kind: Where it shows.
        rule: What it is one of: the code of a check, the kind of a difference, the id of a deviation.
        title: What happened, in a phrase.
        detail: More of it, over any number of lines.
        place: Where in the document, the answers or the snapshots.
        counts: Whether it is one that clients feel; others are told and fail nothing.
    """

    kind: Kind
    rule: str
    title: str
    detail: str = ""
    place: str = ""
    counts: bool = True

    @property
    def key(self) -> str:
        """Hexadecimal digits that are the same as long as it is the same drift, however it is worded."""
        named = "\0".join((self.kind, self.rule, self.place or self.title))
        return hashlib.sha256(named.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Watch:
    """What came out of a watch.

    Attributes:
        target: What was watched.
        drifts: The drifts, the worst first.
        unseen: Sentences about what could not be looked at.
        calls: Requests that were sent.
        seen: Ids of the known deviations that showed, now or when it was last looked for them.
        absent: Ids of those that were looked for and did not show.
        page: The public page as it was when it was first read: what the next watch compares with.
        known: Keys of the drifts of the last watch; ``None`` if there is none to compare with.
    """

    target: str
    drifts: tuple[Drift, ...]
    unseen: tuple[str, ...] = ()
    calls: int = 0
    seen: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    page: Page | None = None
    known: frozenset[str] | None = None

    @property
    def counting(self) -> list[Drift]:
        """The drifts that clients feel."""
        return [drift for drift in self.drifts if drift.counts]

    @property
    def exit_status(self) -> int:
        """0 if nothing drifted, 1 if something did, 3 if nothing did but not all could be looked at."""
        if self.counting:
            return BROKEN
        return UNJUDGED if self.unseen else HELD

    def is_new(self, drift: Drift) -> bool:
        """Tell whether the last watch did not see it; where there is none, everything is new."""
        return self.known is None or drift.key not in self.known

    def of(self, kinds: Collection[Kind]) -> list[Drift]:
        """List the drifts of some kinds."""
        return [drift for drift in self.drifts if drift.kind in kinds]

    def as_json(self) -> dict[str, Any]:
        """Write it for programs, and for the next watch."""
        page = self.page
        return {
            "schema": SCHEMA,
            "target": self.target,
            "exit_status": self.exit_status,
            "calls": self.calls,
            "drifts": [_drift(drift, new=self.is_new(drift)) for drift in self.drifts],
            "unseen": list(self.unseen),
            "deviations": {"seen": list(self.seen), "absent": list(self.absent)},
            "page": page and {"url": page.url, "sha256": page.sha256, "words": page.words},
        }


def _drift(drift: Drift, *, new: bool) -> dict[str, Any]:
    names = ("kind", "rule", "title", "detail", "place", "counts", "key")
    return {**{name: getattr(drift, name) for name in names}, "new": new}
