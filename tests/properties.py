"""How many examples a property is tried on."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> settings:
    """Take *count* examples in `make test`, and as many times more in `make soak` as its profile takes."""
    assert settings.default is not None
    return settings(max_examples=count * settings.default.max_examples // settings.get_profile("suite").max_examples)
