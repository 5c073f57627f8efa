"""The one way in which foreign text gets to a terminal: file names, answers of servers, targets, texts of prompts.

What comes from elsewhere may hold escape sequences that move the cursor or rename the window, letters that turn the
order of those around them, and characters that the terminal's encoding lacks. All are written out, and never raise.
"""

from __future__ import annotations

import re
import sys
from typing import Final

import click

__all__ = ["plain", "say"]


# What is not printable, and what turns the order of the letters around it.
_UNSHOWN: Final = re.compile(
    r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)


def plain(text: str) -> str:
    r"""Write out what a terminal or a page would act on rather than show; line breaks stay, and JSON remains JSON.

    Example:
        >>> plain("red \x1b[31m") == "red \\x1b[31m", plain('"no\xa0break"') == '"no\\u00a0break"'
        (True, True)
    """
    return _UNSHOWN.sub(lambda match: _shown(match[0]), text)


def _shown(character: str) -> str:
    # What JSON has in its texts is written as JSON reads it; the others, which it has not, as people know them.
    return _written_out(character) if character >= "\x7f" else ascii(character)[1:-1]


def say(text: str = "", *, err: bool = False, nl: bool = True, styled: bool = False) -> None:
    """Print a text that may hold foreign parts, on standard output or error.

    Args:
        text: The text.
        err: Whether on standard error.
        nl: Whether with a line end.
        styled: Whether it holds colours of our own, its foreign parts being :func:`plain` already.
    """
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    click.echo(_encodable(text if styled else plain(text), encoding), err=err, nl=nl)


def _encodable(text: str, encoding: str) -> str:
    """Write out what an encoding lacks, as JSON and Python both read it: beyond 16 bits as two halves."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(one if _has(encoding, one) else _written_out(one) for one in text)
    return text


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _written_out(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
