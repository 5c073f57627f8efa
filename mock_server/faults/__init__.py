"""Named faults: the mock breaks the contract in the way that a name says, for every request or for one.

Every request: ``sam3-contract serve --fault NAME[:PARAMETER[:TIMES]]``, ``Settings(faults=...)`` or
``MockControl.faults``. One request: its header ``X-Mock-Fault: NAME[:PARAMETER[:TIMES]][, ...]``. Code that answers a
request switches faults on for it with :func:`switch_on`. Faults may be combined: which one lies inside which follows
from the catalogue, not from the order in which they are named. An answer names its faults in ``x-mock-fault``.

``TIMES`` is for tests of a second try: ``status:503:2`` refuses the first two requests and answers the third, and
``connection_reset:before:1/3`` resets every third. Each session counts its own requests, by each such text.

    >>> parse("masks_shifted_right:4").value
    4
"""

from __future__ import annotations

from mock_server.faults.catalogue import FAULTS, Named, named, parse, parse_list
from mock_server.faults.fault import Fault, Parameter
from mock_server.faults.switchboard import FaultMemories, Faulty, Switchboard, install, switch_on, switchboard_of

__all__ = [
    "FAULTS",
    "Fault",
    "FaultMemories",
    "Faulty",
    "Named",
    "Parameter",
    "Switchboard",
    "install",
    "named",
    "parse",
    "parse_list",
    "switch_on",
    "switchboard_of",
]
