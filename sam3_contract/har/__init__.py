"""Recorded traffic as HTTP archives (HAR 1.2): what we write holds no key, what others wrote is read with care.

What a recording of ours knows beyond HAR is in the field ``_case`` of its entries, as the format allows.
"""

from __future__ import annotations

from sam3_contract.har.entry import MAX_BYTES
from sam3_contract.har.reading import Recording, exchanges_from_har, read_har
from sam3_contract.har.writing import har_from_exchanges

__all__ = ["MAX_BYTES", "Recording", "exchanges_from_har", "har_from_exchanges", "read_har"]
