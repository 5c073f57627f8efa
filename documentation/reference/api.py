"""Pages of the Python API: what is public, written from the docstrings when the site is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from documentation.page import Page

_FOLDER: Final = "reference/api"

# By page: its title, and the modules whose public names it shows.
_MODULES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "verify": ("Verifying", ("sam3_contract.verifying", "sam3_contract.verification.runner")),
    "mock": ("The mock", ("mock_server.app", "mock_server.settings", "mock_server.control.mock_control")),
    "intercept": ("In the process", ("sam3_contract.interception",)),
    "testing": ("In tests", ("sam3_contract.testing", "sam3_contract.answer_check")),
    "masks": ("Masks", ("sam3_contract.masks",)),
    "archives": ("Archives of masks", ("sam3_contract.auditing",)),
    "drift": ("Drift", ("sam3_contract.drift",)),
    "checks": ("Checks", ("sam3_contract.checks.check", "sam3_contract.exchanges.exchange")),
    "contract": (
        "The document",
        ("sam3_contract.spec", "sam3_contract.spec_diff", "sam3_contract.transport.documents"),
    ),
    "recordings": ("Recordings", ("sam3_contract.har", "sam3_contract.snapshots")),
    "engines": ("Engines", ("mock_server.engines.protocol",)),
    "errors": ("Errors", ("sam3_contract.errors",)),
}


def api_pages() -> list[Page]:
    """Make a page for each part of the API, and one that lists them."""
    listed = "\n".join(
        f"* [{title}]({name}.md): `{'`, `'.join(modules)}`" for name, (title, modules) in _MODULES.items()
    )
    index = f"# Python API\n\nWhat most programs need is [one import away](../../library.md). All of it:\n\n{listed}\n"
    pages = (Page(f"{_FOLDER}/{name}.md", _page(title, modules)) for name, (title, modules) in _MODULES.items())
    return [Page(f"{_FOLDER}/index.md", index), *pages]


def modules_shown() -> list[str]:
    """List the modules whose docstrings are shown."""
    return [module for _, modules in _MODULES.values() for module in modules]


def _page(title: str, modules: tuple[str, ...]) -> str:
    shown = "\n\n".join(f"## {module}\n\n::: {module}" for module in modules)
    return f"# {title}\n\n{shown}\n"
