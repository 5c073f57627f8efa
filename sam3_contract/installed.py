"""The version of this package that is installed."""

from __future__ import annotations

from importlib import metadata

__version__ = metadata.version("sam3-contract")
