"""How deeply documents are nested, told before anything recurses into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

__all__ = ["TooDeep", "depth_of", "events_within"]


class TooDeep(Exception):  # noqa: N818 - caught where it is meant, and said there in words of the reader's own
    """A document is nested deeper than its reader allows.

    Attributes:
        line: Where, from 1; ``None`` if it is not known.
    """

    def __init__(self, line: int | None) -> None:
        super().__init__(line)
        self.line = line


def depth_of(value: Any) -> int:
    """Count the levels of a JSON value, without recursion.

    Example:
        >>> depth_of([{"a": []}, 1]), depth_of(1)
        (3, 1)
    """
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return depth


def events_within(text: str, limit: int, loader: type[yaml.CSafeLoader] = yaml.CSafeLoader) -> Iterator[yaml.Event]:
    """Parse YAML event by event, down to a number of levels.

    libyaml composes nodes by recursion in C, so this comes before it. The libyaml that PyYAML 6.0.4 brings has a limit
    for brackets itself, and reads far enough ahead to notice first.

    Raises:
        TooDeep: If more collections lie inside one another than ``limit``.
        yaml.YAMLError: If it is no YAML.
    """
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > limit:
                raise TooDeep(event.start_mark.line + 1 if event.start_mark else None)
            yield event
    except yaml.MarkedYAMLError as error:
        if "nesting depth" not in str(error):
            raise
        raise TooDeep(error.problem_mark.line + 1 if error.problem_mark else None) from error
