"""A fake of the hosted SAM 3 API: the same contract, synthetic masks, no model and no network."""

from __future__ import annotations

from mock_server.app import Settings, create_app

__all__ = ["Settings", "create_app"]
