"""The concepts that a command is given by ``--text``."""

from __future__ import annotations

from collections.abc import Sequence

from sam3_contract.errors import UsageError
from sam3_contract.wire.requests import MAX_PROMPTS

__all__ = ["check_concepts"]


def check_concepts(texts: Sequence[str]) -> None:
    """Check that one request can ask for all of them.

    Raises:
        UsageError: If there are too many, or one is empty.
    """
    if len(texts) > MAX_PROMPTS:
        raise UsageError(f"--text is given {len(texts)} times; one request takes at most {MAX_PROMPTS} concepts")
    for text in texts:
        if not text.strip():  # an unset variable of a shell, most likely
            raise UsageError(f"--text {text!r} names no concept; give a noun phrase, such as --text 'left shoe'")
