"""What tests of several commands share."""

from __future__ import annotations

from typing import Any

import pytest

import mock_server.serving.server


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the command would have served, instead of serving it."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(
        mock_server.serving.server, "serve", lambda settings, **options: calls.append({"settings": settings, **options})
    )
    return calls
