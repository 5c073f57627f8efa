"""Names of tests become names of files: safe ones, and never the same for two."""

from __future__ import annotations

import ntpath
import re
import sys
from pathlib import PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam3_contract.snapshots import safe_stem


def is_reserved(name: str) -> bool:
    """Check whether Windows keeps a name for itself."""
    if sys.version_info >= (3, 13):
        return ntpath.isreserved(name)
    return PureWindowsPath(name).is_reserved()


@given(st.text(max_size=300))
def test_safe_name_is_a_file_in_its_folder_on_every_system(name: str) -> None:
    stem = safe_stem(name)

    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,120}", stem)
    assert not is_reserved(f"{stem}.json")


@given(st.lists(st.text(max_size=20).filter(lambda name: "::" not in name), unique=True, max_size=8))
def test_safe_names_of_different_names_differ(names: list[str]) -> None:
    assert len({safe_stem(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("test[a/b]", "test[a b]"),
        ("test[..]", "test[.]"),
        ("test[1.5]", "test[1_5]"),
        ("a" * 200, "a" * 201),
        ("test[\N{LATIN SMALL LETTER E WITH ACUTE}]", "test[e\N{COMBINING ACUTE ACCENT}]"),
    ],
)
def test_safe_names_differ_when_only_unsafe_characters_do(one: str, other: str) -> None:
    assert safe_stem(one) != safe_stem(other)


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "/etc/passwd", "C:\\Windows", "-rf", ".hidden", "", "\0"])
def test_safe_name_leads_nowhere_else(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", safe_stem(name))
