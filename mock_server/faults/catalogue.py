"""All faults by their names, and the texts that name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mock_server.faults.chapters.answers.http import HTTP
from mock_server.faults.chapters.answers.refusals import REFUSED
from mock_server.faults.chapters.answers.schema import SCHEMA
from mock_server.faults.chapters.masks.archives import ARCHIVES
from mock_server.faults.chapters.masks.formats import FORMATS
from mock_server.faults.chapters.masks.pixels import PIXELS
from mock_server.faults.chapters.masks.polygons import POLYGONS
from mock_server.faults.chapters.masks.run_lengths import RUN_LENGTHS
from mock_server.faults.chapters.pictures.caches import CACHES
from mock_server.faults.chapters.pictures.encodings import ENCODINGS
from mock_server.faults.chapters.pictures.images import IMAGES
from mock_server.faults.chapters.questions.access import ACCESS
from mock_server.faults.chapters.questions.clicks import CLICKS
from mock_server.faults.chapters.questions.concepts import CONCEPTS
from mock_server.faults.chapters.questions.conditions import CONDITIONS
from mock_server.faults.chapters.questions.relations import RELATIONS
from mock_server.faults.chapters.questions.results import RESULTS
from mock_server.faults.chapters.questions.suppression import SUPPRESSION
from mock_server.faults.chapters.questions.thresholds import THRESHOLDS
from mock_server.faults.fault import Fault
from mock_server.faults.parameters import Times, times_of
from sam3_contract.errors import UsageError
from sam3_contract.suggestions import did_you_mean

# From the inside out: what is behind works on the answers of what is before.
_CHAPTERS: Final = (
    ACCESS,
    CLICKS,
    CONCEPTS,
    THRESHOLDS,
    SUPPRESSION,
    RESULTS,
    CACHES,
    CONDITIONS,
    ENCODINGS,
    IMAGES,
    RELATIONS,
    PIXELS,
    ARCHIVES,
    FORMATS,
    RUN_LENGTHS,
    POLYGONS,
    SCHEMA,
    REFUSED,
    HTTP,
)

FAULTS: Final[Mapping[str, Fault]] = {fault.name: fault for chapter in _CHAPTERS for fault in chapter.faults}
"""Every fault by its name, in the order in which they are put on top of each other, the innermost first."""

_DEPTHS: Final = {name: depth for depth, name in enumerate(FAULTS)}
MOST: Final = 64  # faults of one request


@dataclass(frozen=True, slots=True)
class Named:
    """A fault as it was asked for.

    Attributes:
        fault: Which one.
        text: How it was asked for.
        value: Its parameter, read; ``None`` if it takes none.
        times: Of how many requests it is on for which.
    """

    fault: Fault
    text: str
    value: Any
    times: Times

    @property
    def depth(self) -> int:
        """Where it lies between the others: the larger, the further outside."""
        return _DEPTHS[self.fault.name]


def named(name: str) -> Fault:
    """Find a fault.

    Raises:
        UsageError: If there is none of that name; the message tells the nearest ones.
    """
    if name not in FAULTS:
        hint = did_you_mean(name, FAULTS, otherwise="`sam3-contract faults` lists them", most=3)
        raise UsageError(f"no fault named {name[:80]!r}; {hint}")
    return FAULTS[name]


def parse(text: str) -> Named:
    """Read ``NAME[:PARAMETER[:TIMES]]``, or ``NAME[:TIMES]`` of a fault that takes no parameter.

    An empty parameter is its default. ``TIMES`` is ``N`` for the first N requests only, ``1/N`` for every N-th.

    Raises:
        UsageError: If there is no such fault, or it takes no such parameter.

    Example:
        >>> parse("status:503:2").value
        '503'
    """
    name, _, rest = text.strip().partition(":")
    fault = named(name)
    written, _, times = rest.partition(":") if fault.parameter else ("", "", rest)
    return Named(fault, text.strip(), _value(fault, written), times_of(times, text))


def parse_list(text: str) -> list[Named]:
    """Read several faults, with commas between them.

    Raises:
        UsageError: If one of them is unknown, or there are more than 64.
    """
    texts = [part for part in text.split(",") if part.strip()]
    if len(texts) > MOST:
        raise UsageError(f"{len(texts)} faults at once; up to {MOST} can be on")
    return [parse(part) for part in texts]


def _value(fault: Fault, written: str) -> Any:
    if fault.parameter is None:
        return None
    try:
        return fault.parameter.read(written or fault.parameter.default)
    except ValueError as error:
        raise UsageError(f"the parameter of fault {fault.name!r} is {written[:80]!r}; it takes {error}") from error
