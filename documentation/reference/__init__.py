"""Reference pages: one for each check, fault, defect and command, made from what the program itself is made of."""

from __future__ import annotations

from documentation.page import Page
from documentation.reference.api import api_pages
from documentation.reference.checks import check_pages
from documentation.reference.commands import command_pages
from documentation.reference.defects import defect_pages
from documentation.reference.deviations import deviation_page
from documentation.reference.faults import fault_pages

__all__ = ["reference_pages"]


def reference_pages() -> list[Page]:
    """Make all reference pages."""
    made = (check_pages(), fault_pages(), defect_pages(), command_pages(), api_pages())
    return [*(page for pages in made for page in pages), deviation_page()]
