from __future__ import annotations

import numpy as np
import pytest

from sam3_contract import masks
from sam3_contract.errors import MaskError, PolygonError, RleError
from sam3_contract.testing import specimen

BITMAP = specimen("l_shape")
RLE = masks.rle_from_bitmap(BITMAP)


@pytest.mark.parametrize(
    "form",
    [BITMAP, RLE, {**RLE, "counts": RLE["counts"].encode()}, masks.polygons_from_bitmap(BITMAP)],
    ids=["bitmap", "RLE", "RLE of bytes", "polygons"],
)
def test_every_form_is_drawn_alike(form: object) -> None:
    runs = masks.run_lengths_from_masks(form, image_size=BITMAP.shape)

    assert np.array_equal(masks.bitmap_from_masks(form, image_size=BITMAP.shape), BITMAP)
    assert np.array_equal(runs, masks.run_lengths_from_bitmap(BITMAP))


@pytest.mark.parametrize(
    ("form", "size", "error", "code"),
    [
        (RLE, BITMAP.shape[::-1], RleError, "RLE04"),
        (RLE, (9, 9), RleError, "RLE05"),
        (BITMAP, (9, 9), RleError, None),
        (BITMAP.view(np.uint8), BITMAP.shape, RleError, None),
        ([[[1, 90]]], BITMAP.shape, PolygonError, "POL09"),
        (None, BITMAP.shape, MaskError, "MSK01"),
        ("x", BITMAP.shape, MaskError, "MSK01"),
    ],
    ids=["swapped", "other size", "bitmap of other size", "bitmap of bytes", "outside", "null", "text"],
)
def test_what_does_not_fit_the_image_is_refused(
    form: object, size: tuple[int, int], error: type[MaskError], code: str | None
) -> None:
    with pytest.raises(error) as caught:
        masks.bitmap_from_masks(form, image_size=size)

    assert caught.value.code == code
