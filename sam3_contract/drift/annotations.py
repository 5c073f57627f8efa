"""A watch as annotations of a GitHub job: commands that its runner reads from standard output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sam3_contract.drift.drifts import Watch

_MOST: Final = 10  # that a step may have of one level


def annotations_of(watch: Watch) -> Iterator[str]:
    """Write a line for each drift that counts, and for what could not be looked at.

    Whatever a server says is escaped, so that it can be no command of its own.
    """
    for drift in watch.counting[:_MOST]:
        yield f"::error title={_property(f'sam3-contract watch: {drift.kind}')}::{_data(drift.title)}"
    for sentence in watch.unseen[:_MOST]:
        yield f"::warning title={_property('sam3-contract watch')}::{_data(sentence)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
