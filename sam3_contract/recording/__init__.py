"""Calls of the service, recorded once and replayed for ever: without a network, and by what was asked.

A cassette is a HAR file: ours grows by an entry at a time and holds no key; those of browsers and proxies replay too.
"""

from __future__ import annotations

from sam3_contract.recording.cassette import Cassette
from sam3_contract.recording.meaning import Meaning, meaning_of
from sam3_contract.recording.messages import Answer, Request
from sam3_contract.recording.player import Miss, Player
from sam3_contract.recording.session import MODES, Budget, Mode, Session, refusal
from sam3_contract.recording.upstream import Upstream
from sam3_contract.recording.wsgi import PassThrough, ReplayApp

__all__ = [
    "MODES",
    "Answer",
    "Budget",
    "Cassette",
    "Meaning",
    "Miss",
    "Mode",
    "PassThrough",
    "Player",
    "ReplayApp",
    "Request",
    "Session",
    "Upstream",
    "meaning_of",
    "refusal",
]
