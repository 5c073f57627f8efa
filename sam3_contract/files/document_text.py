"""JSON and YAML texts of anybody's to plain values, within bounds: deep ones and ones that unfold are refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import yaml

from sam3_contract.files.nesting import TooDeep, depth_of, events_within

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 400
MAX_NODES: Final = 1_000_000
"""Values that a YAML text may stand for, each alias written out; the project's own document has some 5,000."""


_TOO_DEEP: Final = f"is nested deeper than {MAX_DEPTH}"


class UnreadableError(ValueError):
    """A text is no document; the sentence says why, to follow the document's name."""


def parse_document(content: bytes) -> Any:
    """Parse JSON, or else YAML.

    Args:
        content: UTF-8, with a byte order mark or without.

    Raises:
        UnreadableError: If it is neither, is nested deeper than ``MAX_DEPTH``, or stands for more than ``MAX_NODES``
            values by its aliases.
    """
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is no UTF-8: {error.reason} at byte {error.start}") from error
    except (ValueError, RecursionError):
        return _from_yaml(text)
    if depth_of(value) > MAX_DEPTH:
        raise UnreadableError(_TOO_DEEP)
    return value


def _from_yaml(text: str) -> Any:
    try:
        _refuse_unfolding(text)
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except TooDeep as error:
        raise UnreadableError(_TOO_DEEP) from error
    except UnreadableError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableError(f"is neither JSON nor YAML: {' '.join(str(error).split())[:200]}") from error


@dataclass(slots=True)
class _Size:
    """How many values one stands for, and how deep they go."""

    nodes: int = 1
    depth: int = 0


def _refuse_unfolding(text: str) -> None:
    """Count what a text stands for with its aliases written out, without writing them out."""
    open_ones: list[tuple[str | None, _Size]] = [(None, _Size())]
    anchors: dict[str, _Size] = {}
    for event in events_within(text, MAX_DEPTH):
        if isinstance(event, yaml.CollectionStartEvent):
            open_ones.append((event.anchor, _Size()))
            continue
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors and any(anchor == event.anchor for anchor, _ in open_ones):
                raise UnreadableError(f"holds itself: alias *{event.anchor} stands within its own anchor")
            anchor, size = None, anchors.get(event.anchor or "", _Size())
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_ones.pop()
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, _Size()
        else:
            continue
        if anchor is not None:
            anchors[anchor] = size
        around = open_ones[-1][1]
        around.nodes += size.nodes
        around.depth = max(around.depth, size.depth + 1)
        if around.depth + len(open_ones) > MAX_DEPTH:
            raise TooDeep(None)
        if around.nodes > MAX_NODES:
            raise UnreadableError(f"stands for more than {MAX_NODES} values by its aliases")
