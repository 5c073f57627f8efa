"""The plan of the built-in images, which takes half a second to make: once for all tests that ask by it."""

from __future__ import annotations

from typing import Final

from sam3_contract import cases

PLAN: Final = cases.plan(cases.built_in_images())
