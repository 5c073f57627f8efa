"""The bytes of a request, whatever a generator or a recording has put into it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sam3_contract.exchanges.exchange import Case

ODD: tuple[Any, ...] = (2**70, "\ud83d", {"of": [2**64, -(2**64)]})


@pytest.mark.parametrize("value", ODD, ids=["integer", "half a pair", "nested"])
@pytest.mark.parametrize("spread_out", [False, True])
def test_what_fits_no_64_bits_is_written_all_the_same(value: Any, spread_out: bool) -> None:
    case = Case("one", "embed_image", "asks", {"image": None, "id": value}, spread_out=spread_out)

    assert json.loads(case.content)["id"] == value


@pytest.mark.parametrize("value", ODD, ids=["integer", "half a pair", "nested"])
def test_what_fits_no_64_bits_has_a_signature(value: Any) -> None:
    case = Case("one", "embed_image", "asks", {"id": value})

    assert case.signature != Case("other", "embed_image", "asks", {"id": 7}).signature
