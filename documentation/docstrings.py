"""An extension of griffe, which reads the docstrings for the pages of the API, in the environment of the site."""

from __future__ import annotations

from typing import Any

import griffe

from documentation.sections import with_sections


class Examples(griffe.Extension):
    """Brings the examples of docstrings to the section that griffe reads."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = with_sections(obj.docstring.value)
