"""The entries of an archive one after another, with no more than one of them in memory.

Archives of hours have gigabytes. The text is taken as Latin-1, which any bytes are, so that places in it are places in
the file: JSON's own characters are ASCII, and what stands between quotes is only stepped over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO, Final

from sam3_contract.errors import HarError
from sam3_contract.files.kinds import kind_of

MAX_ENTRY: Final = 2**28
"""Bytes of one entry; the service takes requests of 20 million, and answers are bounded as well."""

_PIECE: Final = 2**20  # bytes of a read
_SPACE: Final = " \t\r\n"
_BOM: Final = "\xef\xbb\xbf"
_ADVICE: Final = "a HAR file is what browsers and proxies save as HTTP archive"
_DECODER: Final = json.JSONDecoder()


class EntryScan:
    """One pass over the entries of an archive.

    Args:
        file: The archive, unpacked.
        name: What to call it in messages.
        start: Go on at this byte, behind an entry, instead of the beginning.

    Attributes:
        end: The byte behind the last whole entry; of a list without any, behind its bracket.
        is_cut: Whether the text ends before its list of entries does, as that of a recorder that was killed.
        header: The text before the list of entries.
    """

    def __init__(self, file: BinaryIO, name: str, *, start: int = 0) -> None:
        self._text = _Text(file, name, start)
        self._is_behind_an_entry = start > 0
        self.end = start
        self.is_cut = False
        self.header = ""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield where each entry begins, and its bytes.

        Raises:
            HarError: If the text is no JSON, or no HAR; whole entries before that place come first.
        """
        if not self._is_behind_an_entry:
            yield from self._log()
        else:
            yield from self._entries()

    def _log(self) -> Iterator[tuple[int, bytes]]:
        """Find ``entries`` in ``log``, and step over all else."""
        text = self._text
        if text.peek() == _BOM[0]:
            text.take_all(_BOM)
        found = False
        for key in _keys_of(text):
            if key != "log" or text.peek() != "{":
                text.value()
                continue
            for inner in _keys_of(text):
                if inner != "entries" or text.peek() != "[" or found:
                    text.value()
                    continue
                found = True
                yield from self._entries()
                if self.is_cut:
                    return
        if text.peek():
            raise text.error("the end")
        if not found:
            raise HarError(f"{text.name} is JSON but no HAR: it has no list log.entries; {_ADVICE}")

    def _entries(self) -> Iterator[tuple[int, bytes]]:
        text = self._text
        if not self._is_behind_an_entry:
            text.take("[")
            self.end = text.place
        while True:
            following = text.peek()
            if following == "," and self._is_behind_an_entry:
                text.take(",")
                following = text.peek()
                if following == "]":
                    following = ""  # the comma came, the entry did not
            elif following == "]":
                text.take("]")
                return
            elif following and self._is_behind_an_entry:
                raise text.error("',' or ']'")
            content = text.value(may_be_cut=True) if following else None
            if content is None:
                self.is_cut = True
                return
            self._is_behind_an_entry, self.end = True, text.place
            yield text.place - len(content), content


def _keys_of(text: _Text) -> Iterator[str]:
    """Step through an object; whoever asks for the next key has stepped over the value of the last one."""
    if text.peek() != "{":
        text.value()
        return
    text.take("{")
    while text.peek() != "}":
        key = text.value()
        text.take(":")
        yield (key or b"").decode("latin-1")[1:-1]
        if text.peek() != "}":
            text.take(",")
    text.take("}")


class _Text:
    """A window on the text that moves forward and is refilled on demand."""

    def __init__(self, file: BinaryIO, name: str, start: int) -> None:
        self.name = name
        self._file = file
        self._window = ""
        self._passed = start
        self._at = 0
        file.seek(start)

    @property
    def place(self) -> int:
        """The byte that comes next."""
        return self._passed + self._at

    def peek(self) -> str:
        """Return the next character that is no space, without taking it; empty at the end."""
        while True:
            while self._at < len(self._window):
                if self._window[self._at] not in _SPACE:
                    return self._window[self._at]
                self._at += 1
            if not self._refill(_PIECE):
                return ""

    def take(self, character: str) -> None:
        """Step over a character that must come next."""
        if self.peek() != character:
            raise self.error(repr(character))
        self._at += 1

    def take_all(self, characters: str) -> None:
        """Step over characters that must come next."""
        for character in characters:
            self.take(character)

    def value(self, *, may_be_cut: bool = False) -> bytes | None:
        """Step over a whole value.

        Args:
            may_be_cut: Whether the text may end within it.

        Returns:
            Its bytes; ``None`` if the text ends before it does.
        """
        self.peek()
        while True:
            try:
                _, end = _DECODER.raw_decode(self._window, self._at)
            except (ValueError, RecursionError) as error:
                if not self._may_go_on(error):
                    nested = isinstance(error, RecursionError)
                    raise self.error("less nesting" if nested else "a JSON value") from error
                if not self._refill(max(_PIECE, len(self._window) - self._at)):
                    if may_be_cut:
                        return None
                    raise self.error("a JSON value") from error
                continue
            length = end - self._at
            # A number at the end of the window may go on behind it.
            if end + 3 > len(self._window) and self._refill(_PIECE):
                continue
            content = self._window[self._at : self._at + length].encode("latin-1")
            self._at += length
            return content

    def error(self, expected: str) -> HarError:
        """Say what stands here and what was expected instead."""
        found = self._window[self._at : self._at + 20]
        kind = "" if self.place else kind_of(found.encode("latin-1"))
        if kind:
            return HarError(f"{self.name} is {kind}")
        return HarError(f"{self.name} is no JSON: byte {self.place} begins {found!r}, expected {expected}; {_ADVICE}")

    def _may_go_on(self, error: Exception) -> bool:
        """Tell whether more text could mend an error: whether it is at the end of the window, or of an open string."""
        if not isinstance(error, json.JSONDecodeError):
            return False
        if len(self._window) - self._at > MAX_ENTRY:
            raise HarError(f"{self.name}: the value at byte {self.place} is longer than {MAX_ENTRY} bytes")
        return error.msg.startswith("Unterminated") or error.pos + 16 > len(self._window)

    def _refill(self, size: int) -> bool:
        piece = self._file.read(size)
        self._window = self._window[self._at :] + piece.decode("latin-1")
        self._passed, self._at = self._passed + self._at, 0
        return bool(piece)
