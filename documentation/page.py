"""A page of the site, and how code and tables are written in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        path: From the top of the site's source, such as ``reference/checks/M03.md``.
        text: Its Markdown.
    """

    path: str
    text: str

    @property
    def title(self) -> str:
        """Its first heading."""
        return self.text.partition("\n")[0].removeprefix("# ")


def fenced(text: str, language: str = "") -> str:
    """Put a text into a code block whose fence it cannot close.

    Example:
        >>> print(fenced("a ``` b"))
        ````
        a ``` b
        ````
    """
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def facts(named: Iterable[tuple[str, str]]) -> str:
    """Write what is to be said of something, each by its name; what is empty is left out.

    Example:
        >>> print(facts([("needs", "an answer"), ("rate", "")]))
        * **needs**: an answer
    """
    return "\n".join(f"* **{name}**: {' '.join(text.split())}" for name, text in named if text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table.

    Example:
        >>> print(table(["name", "law"], [["S01", "it holds"]]))
        | name | law |
        |---|---|
        | S01 | it holds |
    """
    first, *rest = (f"| {' | '.join(map(_cell, line))} |" for line in (heads, *rows))
    return "\n".join([first, f"|{'---|' * len(heads)}", *rest])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
