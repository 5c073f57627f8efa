"""The pytest plugin: a mock of the SAM 3 API in users' own tests, or the live service in its place.

Every pytest session loads this module, used or not: it imports pytest and nothing else. What costs time is imported by
the fixture that needs it.
"""

from __future__ import annotations

from sam3_contract.pytest_plugin.fixtures import (
    sam3,
    sam3_artifacts,
    sam3_assert_masks_equal,
    sam3_intercept,
    sam3_live,
    sam3_mock,
    sam3_replay,
    sam3_server,
)
from sam3_contract.pytest_plugin.options import pytest_addoption, pytest_configure, pytest_report_header
from sam3_contract.pytest_plugin.outcome import pytest_runtest_makereport, pytest_runtest_setup

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "sam3",
    "sam3_artifacts",
    "sam3_assert_masks_equal",
    "sam3_intercept",
    "sam3_live",
    "sam3_mock",
    "sam3_replay",
    "sam3_server",
]
