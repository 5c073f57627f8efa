"""How a mock behaves, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mock_server.protocol import Profile

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a mock behaves.

    Attributes:
        api_keys: The keys it accepts; ``None`` for every key that is not empty.
        refused_keys: Keys that are known but refused, each with how: ``"401"`` (of another workspace), ``"402"``,
            ``"403"`` or ``"423"``.
        auth: Whether a key is asked for at all.
        seed: Another seed gives other masks of the same images.
        url_images: A folder or a JSON file whose images stand for URLs; by default a URL stands for a virtual
            photograph.
        latency: Whether an answer takes as long as its ``time`` claims.
        profile: ``documented`` plays the documentation's side of every deviation, ``observed`` the server's.
    """

    api_keys: frozenset[str] | None = None
    refused_keys: Mapping[str, str] = field(default_factory=dict)
    auth: bool = True
    seed: int = 0
    url_images: Path | None = None
    latency: bool = False
    profile: Profile = "documented"
