"""File names of whatever people call their tests and requests."""

from __future__ import annotations

import hashlib
import re
from typing import Final

__all__ = ["safe_stem"]

_LONGEST: Final = 100
"""Characters of a stem; file systems take 255 bytes for the whole name."""
_OTHERS: Final = re.compile(r"[^A-Za-z0-9_-]+")
# Names that Windows gives to devices, whatever their suffix.
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def safe_stem(name: str) -> str:
    """Make a file name, without suffix, that every file system takes and that stays in its folder.

    A name that had to be changed ends in a digest of what it was, so that two names never become one. Dots are
    changed too: what follows the first dot of a file name is free for a suffix.

    Args:
        name: Anything, such as ``TestCut::test_dog[a/b]``; ``::`` becomes a hyphen.

    Example:
        >>> safe_stem("test_dog"), safe_stem("TestCut::test_dog")
        ('test_dog', 'TestCut-test_dog')
        >>> safe_stem("test_dog[a/b]"), safe_stem("test_dog[a b]")
        ('test_dog_a_b-391e35738f', 'test_dog_a_b-c9cecf82c8')
        >>> safe_stem("../../etc/passwd")
        'etc_passwd-3754d6cb3a'
    """
    plain = name.replace("::", "-")
    stem = _OTHERS.sub("_", plain).strip("_-") if _OTHERS.search(plain) else plain.lstrip("-")
    stem = stem[:_LONGEST]
    if stem == plain and stem and not _DEVICES.fullmatch(stem):
        return stem
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{stem}-{digest}" if stem else digest
