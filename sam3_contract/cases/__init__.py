"""What to ask a server: planned cases, and the images they send."""

from __future__ import annotations

from sam3_contract.cases.pictures.photographs import (
    built_in_images,
    photograph,
    photograph_from_file,
    photograph_of_scene,
)
from sam3_contract.cases.plan import FollowUp, Plan, plan
from sam3_contract.cases.questions import DEFAULT_TEXTS

__all__ = [
    "DEFAULT_TEXTS",
    "FollowUp",
    "Plan",
    "built_in_images",
    "photograph",
    "photograph_from_file",
    "photograph_of_scene",
    "plan",
]
