"""What to ask a server: planned cases, and the images they send."""

from __future__ import annotations

from sam3_contract.cases.plan import DEFAULT_TEXTS, plan
from sam3_contract.cases.scenes import built_in_images, photograph, photograph_from_file

__all__ = ["DEFAULT_TEXTS", "built_in_images", "photograph", "photograph_from_file", "plan"]
