"""A run, shown: as text for people, as JSON for programs, as JUnit XML for build servers, as a page with pictures.

Answers are hostile until shown otherwise: control characters are written out, markup is escaped, undecodable masks are
named and not drawn. No API key is in any report, in whatever form it was written.
"""

from __future__ import annotations

from sam3_contract.report.files import FILES, write
from sam3_contract.report.html import as_html
from sam3_contract.report.json import SCHEMA, as_json, schema
from sam3_contract.report.junit import as_junit
from sam3_contract.report.text import as_text, wants_colour

__all__ = ["FILES", "SCHEMA", "as_html", "as_json", "as_junit", "as_text", "schema", "wants_colour", "write"]
