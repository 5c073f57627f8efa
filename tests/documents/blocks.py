"""The code blocks of a page, and the lines of a shell that stand in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_BLOCK = re.compile(r"^(`{3,})([a-z]*)[^\n]*\n(.*?)^\1$", flags=re.MULTILINE | re.DOTALL)
_ASSIGNED = re.compile(r"([A-Z_]+)=(.*)", flags=re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A code block.

    Attributes:
        page: Name of its page.
        line: Number of the line with its fence, from 1.
        language: What its fence says; a block that says nothing is of a shell.
        text: What stands in it.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_session(self) -> bool:
        """Of Python's prompt: those are run as doctests, page by page."""
        return self.language == "python" and bool(re.search(r"^>>> ", self.text, flags=re.MULTILINE))


def blocks_of(page: str, text: str) -> Iterator[Block]:
    for found in _BLOCK.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[2], found[3])


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a shell.

    Attributes:
        words: The program and its arguments, unquoted; patterns and variables as they are written.
        quoted: Those of the words that stand in single quotes.
        variables: Assigned before it.
        output: The file that its output goes to; empty if it is the terminal.
        said: What the page shows of its output.
        after: What is said to the shell on the same line before it, as in `cd folder && command`.
    """

    words: tuple[str, ...]
    quoted: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    said: tuple[str, ...] = ()
    after: tuple[Command, ...] = ()

    @property
    def program(self) -> str:
        return self.words[0]

    def __str__(self) -> str:
        return shlex.join(self.words)


def commands_of(text: str) -> Iterator[Command]:
    """Read a block of a shell: a command on each line, or behind each `$ ` what it is and then what it says."""
    lines = text.replace("\\\n", " ").splitlines()
    if any(line.startswith("$ ") for line in lines):
        for part in re.split(r"^\$ ", "\n".join(lines), flags=re.MULTILINE)[1:]:
            line, *said = part.splitlines()
            yield _command(line, tuple(filter(None, said)))
    else:
        yield from (_command(line, ()) for line in _whole(lines))


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """Join the lines of what is quoted over several; leave out comments and what is empty."""
    kept = ""
    for line in lines:
        kept += f"\n{line}" if kept else line
        if not kept.strip() or kept.startswith("#"):
            kept = ""
        elif kept.count("'") % 2 == 0:
            yield kept
            kept = ""
    if kept:
        raise ValueError(f"{kept!r} ends within quotes")


def _command(line: str, said: tuple[str, ...]) -> Command:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    quoted = frozenset(re.findall(r"'([^']*)'", line))
    parts: list[list[str]] = [[]]
    for word in lexer:
        if word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    *before, last = (_simple(words, quoted) for words in parts)
    return Command(last.words, quoted, last.variables, last.output, said, tuple(before))


def _simple(words: list[str], quoted: frozenset[str]) -> Command:
    variables: dict[str, str] = {}
    while words and (found := _ASSIGNED.fullmatch(words[0])):
        variables[found[1]] = found[2]
        words = words[1:]
    output = ""
    if ">" in words:
        place = words.index(">")
        words, (output,) = words[:place], words[place + 1 :]
    if not words or {";", "|", "&", "(", ")", "<"} & set(words):
        raise ValueError(f"{words} is more of a shell than the tests of the pages read")
    return Command(tuple(words), quoted, variables, output)
