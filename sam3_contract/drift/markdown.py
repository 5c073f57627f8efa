"""A watch for people: the text of an issue, and the summary of a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sam3_contract.drift.drifts import KINDS, Drift, Kind, Watch
from sam3_contract.report.words import count_of

_TITLES: Final[Mapping[Kind, str]] = {
    "contract": "Answers that break the contract",
    "document": "The served OpenAPI document",
    "deviation": "Known deviations that came or went",
    "snapshot": "Answers that are not as they were kept",
    "page": "The public page",
}
_MOST: Final = 40  # drifts of one kind
_LONGEST_TEXT: Final = 60_000  # characters; an issue holds 65,536
_LONGEST: Final = 1200  # characters of one detail


def as_markdown(watch: Watch) -> str:
    """Write a watch in Markdown, short enough for an issue.

    What the server said stands in code, so that it is shown and not rendered.
    """
    text = "\n".join(_lines(watch)) + "\n"
    if len(text) <= _LONGEST_TEXT:
        return text
    whole = text[:_LONGEST_TEXT].rpartition("\n")[0]  # half a line would be one whose code is not closed
    return f"{whole}\n\n... the JSON has all of it\n"


def headline_of(watch: Watch) -> str:
    """Say in one line what came out."""
    counting = watch.counting
    if not counting:
        return "could not look at everything" if watch.unseen else "nothing has drifted"
    told = count_of(len(counting), "drift")
    return f"{told}, {sum(map(watch.is_new, counting))} new since the last watch" if watch.known is not None else told


def _lines(watch: Watch) -> Iterator[str]:
    yield f"# {_inline(watch.target)}: {headline_of(watch)}"
    yield ""
    yield f"{count_of(watch.calls, 'call')} by `sam3-contract watch`."
    for kind in KINDS:
        found = watch.of([kind])  # those that count first
        if found:
            yield from ("", f"## {_TITLES[kind]}", "")
            for drift in found[:_MOST]:
                yield from _told(drift, new=watch.known is not None and watch.is_new(drift))
            if len(found) > _MOST:
                yield f"and {len(found) - _MOST} more; the JSON has all of them"
    if watch.unseen:
        yield from ("", "## Could not be looked at", "")
        yield from (f"* {_inline(sentence)}" for sentence in watch.unseen)


def _told(drift: Drift, *, new: bool) -> Iterator[str]:
    marks = " (new)" * new + " (does not count)" * (not drift.counts)
    yield f"* {_inline(drift.title)}{marks}"
    if drift.detail:
        detail = drift.detail if len(drift.detail) <= _LONGEST else f"{drift.detail[:_LONGEST]}..."
        yield from ("", *(f"      {line}" for line in detail.splitlines()), "")


def _inline(text: str) -> str:
    """Keep a text to its line, and what stands in it from being read as markup or as the name of a person."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"
