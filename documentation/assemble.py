"""Puts the sources of the site together: what is written by hand, what is made from the code, and `llms.txt`.

``python -m documentation.assemble build/documentation``; `make site` builds the site from there.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from documentation.page import Page
from documentation.reference import reference_pages

ROOT: Final = Path(__file__).parent.parent
_DOCS: Final = ROOT / "docs"
_ASSETS: Final = Path(__file__).parent / "assets"
_CONFIG: Final = Path(__file__).parent / "zensical.toml"
_FROM_THE_TOP: Final = {"ARCHITECTURE.md": "architecture.md", "CHANGELOG.md": "changelog.md"}

# Guides in the order in which they are read: of the navigation, and of llms.txt.
GUIDES: Final = (
    "index.md",
    "offline.md",
    "testing.md",
    "clients.md",
    "ci.md",
    "verify.md",
    "masks.md",
    "scale.md",
    "mock.md",
    "playground.md",
    "engines.md",
    "library.md",
    "agents.md",
    "next-server.md",
    "comparison.md",
    "hardening.md",
    "architecture.md",
    "changelog.md",
)


def written_pages() -> list[Page]:
    """Read the pages that are written by hand."""
    own = [Page(path.name, path.read_text(encoding="utf-8")) for path in sorted(_DOCS.glob("*.md"))]
    top = [Page(page, (ROOT / name).read_text(encoding="utf-8")) for name, page in _FROM_THE_TOP.items()]
    return [*own, *top]


def assemble(folder: Path) -> list[Page]:
    """Write everything that the site is built from into a folder, in the place of what it held.

    Args:
        folder: Where to; made if need be.

    Returns:
        The pages.
    """
    if ROOT.is_relative_to(folder.resolve()):
        raise SystemExit(f"{folder} holds this checkout, and would be emptied")
    shutil.rmtree(folder, ignore_errors=True)
    top = folder / "pages"
    shutil.copytree(_DOCS, top, ignore=shutil.ignore_patterns("*.md"))
    shutil.copytree(_ASSETS, top / "assets", dirs_exist_ok=True)
    shutil.copy(_CONFIG, folder)
    pages = [*written_pages(), *reference_pages()]
    for page in pages:
        path = top / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page.text, encoding="utf-8")
    (top / "llms.txt").write_text(llms_text(pages), encoding="utf-8")
    (top / "llms-full.txt").write_text(llms_full_text(pages), encoding="utf-8")
    return pages


def llms_text(pages: Iterable[Page]) -> str:
    """Write `llms.txt`: what this is and where what is told, for programs that read."""
    known = {page.path: page for page in pages}
    guides = [f"- [{known[name].title}]({_address(name)}): {_first_sentence(known[name])}" for name in GUIDES]
    lists = [page for path, page in known.items() if path.startswith("reference/") and path.endswith("/index.md")]
    listed = [f"- [{page.title}]({_address(page.path)}): {_first_sentence(page)}" for page in lists]
    about = (
        "Contract tests and a mock server for Roboflow's hosted SAM 3 API. `sam3-contract serve` is a fake service "
        "without a model, `sam3-contract verify URL` holds a server to the contract; every breach has a code."
    )
    parts = ["# sam3-contract", f"> {about}", "## Guides", "\n".join(guides), "## Reference", "\n".join(listed)]
    parts += ["## Optional", "- [All guides in one text](llms-full.txt)"]
    return "\n\n".join(parts) + "\n"


def llms_full_text(pages: Iterable[Page]) -> str:
    """Write all guides one behind the other."""
    known = {page.path: page for page in pages}
    return "\n\n".join(known[name].text.strip() for name in GUIDES if name != "changelog.md") + "\n"


def _address(path: str) -> str:
    return f"{path.removesuffix('.md')}.html"


def _first_sentence(page: Page) -> str:
    parts = (part for part in re.split(r"\n\s*\n", page.text) if part.strip())
    paragraphs = (part for part in parts if part[0] not in "#|*<![" and not part.startswith("```"))
    text = " ".join(next(paragraphs, "").replace("**", "").split())
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", re.split(r"(?<=\.)\s", text)[0])


def main(arguments: Sequence[str]) -> None:
    """Assemble into the folder that is named."""
    (folder,) = arguments
    assemble(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
