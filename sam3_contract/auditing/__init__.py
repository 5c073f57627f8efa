"""Archives of masks, judged in parts: by several processes, on several machines, one part after another."""

from __future__ import annotations

from sam3_contract.auditing.auditing import audit
from sam3_contract.auditing.summary import Summary

__all__ = ["Summary", "audit"]
