"""A fake of the hosted SAM 3 API: the same contract, synthetic masks, no model and no network."""

from __future__ import annotations

from mock_server.app import create_app
from mock_server.control.mock_control import MockControl, control_of
from mock_server.settings import Settings

__all__ = ["MockControl", "Settings", "control_of", "create_app"]
