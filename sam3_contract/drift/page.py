"""The public page of the service, by the digest of what a reader sees of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

_UNSEEN: Final = frozenset({"script", "style", "template", "noscript", "svg", "head"})


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        url: Where it is, without what its query holds.
        sha256: Hexadecimal digest of its words.
        words: How many those are.
    """

    url: str
    sha256: str
    words: int


def page_of(url: str, content: bytes) -> Page:
    """Take the digest of a page's words; markup, scripts and spaces may be others each time it is served.

    Args:
        url: Where it is.
        content: HTML or text, in UTF-8.

    Example:
        >>> first = page_of("x", b"<p>Send the key <b>in a header</b></p>")
        >>> first == page_of("x", b"<script>var t = 7;</script><div>Send  the key in a header</div>")
        True
        >>> first.words
        6
    """
    reader = _Reader()
    reader.feed(content.decode("utf-8", "replace"))
    reader.close()
    words = " ".join(reader.parts).split()
    return Page(url, hashlib.sha256(" ".join(words).encode("utf-8", "replace")).hexdigest(), len(words))


class _Reader(HTMLParser):
    """Collects the text that a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's signature
        if tag == "body":
            self._hidden.clear()  # a head need not be closed
        elif tag in _UNSEEN:
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)
