"""A run, shown: as text for people, as JSON for programs, as JUnit XML for build servers, as a page with pictures.

Answers are hostile until shown otherwise: control characters are written out, markup is escaped, undecodable masks are
named and not drawn. No API key is in any report, in whatever form it was written.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sam3_contract.report.text import as_text, wants_colour

if TYPE_CHECKING:
    from sam3_contract.report.files import FILES, write
    from sam3_contract.report.html import as_html
    from sam3_contract.report.json import SCHEMA, as_json, schema
    from sam3_contract.report.junit import as_junit

__all__ = ["FILES", "SCHEMA", "as_html", "as_json", "as_junit", "as_text", "schema", "wants_colour", "write"]

# Imported on demand: a run that is told in the terminal waits for no templates, pictures and recordings.
_HOMES: Final = {
    "FILES": "files",
    "SCHEMA": "json",
    "as_html": "html",
    "as_json": "json",
    "as_junit": "junit",
    "schema": "json",
    "write": "files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
