"""What a model may change about a mask from one call to the next, and what it may not."""

from __future__ import annotations

import numpy as np
import pytest

from sam3_contract.checks.matching import are_alike
from sam3_contract.exchanges.measuring import Mask


def square(*, tip: int = 0, right: int = 0, side: int = 100) -> Mask:
    bitmap = np.zeros((200, 260), np.bool_)
    bitmap[40 : 40 + side, 60 + right : 60 + right + side] = True
    bitmap[40 + side // 2, 60 - tip : 60] = True
    return Mask.of(bitmap)


@pytest.mark.parametrize(
    ("other", "alike"),
    [(square(right=1), True), (square(tip=8), True), (square(right=6), False), (square(side=92), False)],
    ids=["an edge", "a thin tip", "moved", "two sides gone"],
)
def test_mask_that_lost_a_thin_tip_is_the_same_and_one_that_moved_is_not(other: Mask, *, alike: bool) -> None:
    assert are_alike(square(), other) is alike


def test_small_mask_has_no_tips_to_lose() -> None:
    assert not are_alike(square(side=20), square(side=20, tip=30))
