"""Examples of docstrings, brought to the section that griffe reads.

Griffe knows the section `Examples:`; we write `Example:` above one, or nothing where a session stands in the text.
"""

from __future__ import annotations

import re


def with_sections(text: str) -> str:
    """Put each session of a docstring under `Examples:`.

    Args:
        text: A docstring, without the indentation of its place.
    """
    text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
    return re.sub(r"(?<=\n\n)((?: {4})?>>> .*\n(?:.+\n?)*)", _section, text)


def _section(found: re.Match[str]) -> str:
    before = found.string[: found.start()].rstrip()
    if before.endswith("Examples:"):
        return found[0]
    lines = found[0].splitlines()
    indent = "" if lines[0].startswith("    ") else "    "
    return "Examples:\n" + "\n".join(f"{indent}{line}" for line in lines) + "\n"
