"""The table of what hostile input meets names tests that there are."""

from __future__ import annotations

import re

import pytest

from tests.servers import ROOT

PAGE = (ROOT / "docs" / "hardening.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| fault |")]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_named_tests_are_there(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")

    assert [name for of, name in NAMED if of == file and not re.search(rf"^def {name}\(", text, re.MULTILINE)] == []


def test_every_fault_has_a_test_or_says_why_not() -> None:
    assert len(ROWS) > 40
    for fault, *_, test in ROWS:
        assert test.startswith(("`tests/", "no test: ")), fault
