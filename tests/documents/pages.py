"""The pages that are written by hand, and their blocks."""

from __future__ import annotations

from typing import Final

from tests.documents.blocks import Block, blocks_of
from tests.servers import ROOT

PAGES: Final = {
    path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
}
BLOCKS: Final = [block for name, text in sorted(PAGES.items()) for block in blocks_of(name, text)]


def scripts() -> dict[str, Block]:
    """By page, its block in Python that is no session."""
    found = [block for block in BLOCKS if block.language == "python" and not block.is_session]
    assert len(found) == len({block.page for block in found}), "a page has two: tell them apart"
    return {block.page: block for block in found}
