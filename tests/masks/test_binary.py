from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import pytest

from sam3_contract.errors import BinaryMaskError
from sam3_contract.masks import find_defects_in_npz, masks_from_npz


def npz_of(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def logits(*shape: int) -> np.ndarray:
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def names(payload: bytes, **options: Any) -> list[str]:
    return [finding.name for finding in find_defects_in_npz(payload, **options)]


def test_sound_archive_is_loaded() -> None:
    payload = npz_of(masks=logits(2, 4, 6), low_res_masks=logits(2, 3, 3))

    loaded = masks_from_npz(payload, image_size=(4, 6))

    assert np.array_equal(loaded.masks, logits(2, 4, 6))
    assert np.array_equal(loaded.bitmaps(), logits(2, 4, 6) >= 0)
    assert loaded.low_res_masks.shape == (2, 3, 3)


@pytest.mark.parametrize("dtype", [np.bool_, np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_type_and_order_survive(dtype: Any, order: Any) -> None:
    array = np.asarray(logits(2, 4, 6) > 0, dtype=dtype, order=order)

    loaded = masks_from_npz(npz_of(masks=array, low_res_masks=array))

    assert np.array_equal(loaded.masks, array)


def test_pickle_is_not_opened() -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return pytest.fail, ("unpickled",)

    bombs = np.array([[[Bomb()]]], dtype=object)

    assert names(npz_of(masks=bombs, low_res_masks=logits(1, 2, 2))) == ["array_of_objects"]


def test_every_cut_of_an_archive_is_named() -> None:
    payload = npz_of(masks=logits(1, 4, 6), low_res_masks=logits(1, 3, 3))

    for length in range(0, len(payload), 3):
        assert names(payload[:length])


def test_every_flipped_byte_is_survived() -> None:
    payload = npz_of(masks=logits(1, 4, 6), low_res_masks=logits(1, 3, 3))

    for place in range(len(payload)):
        damaged = bytearray(payload)
        damaged[place] ^= 0x5A
        find_defects_in_npz(bytes(damaged), image_size=(4, 6))


def test_zip_of_something_else_is_named() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("masks.npy", b"hello")
        archive.writestr("low_res_masks.npy", b"\x93NUMPY\x01\x00\x05\x00{bad}")

    assert names(buffer.getvalue()) == ["not_npz", "not_npz"]


def test_header_that_promises_more_than_there_is_is_named() -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1, 400, 600)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("masks.npy", header.getvalue() + b"\0" * 100)
        archive.writestr("low_res_masks.npy", header.getvalue().replace(b"(1, 400, 600)", b"(9, 9**9, 99)"))

    findings = find_defects_in_npz(buffer.getvalue())

    assert [(f.path, f.name) for f in findings] == [("$.masks", "not_npz"), ("$.low_res_masks", "not_npz")]
    assert findings[0].found == "100 of 960000 bytes"


def test_bomb_is_not_unpacked() -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|b1", "fortran_order": False, "shape": (1, 2**16, 2**15)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("masks.npy", header.getvalue() + b"\0" * 2**24)

    assert names(buffer.getvalue()) == ["array_too_large", "array_missing"]


def test_place_of_the_value_is_given() -> None:
    masks = logits(1, 4, 6)
    masks[0, 2, 3] = np.inf

    [finding] = find_defects_in_npz(npz_of(masks=masks, low_res_masks=logits(1, 3, 3)))

    assert (finding.path, finding.found) == ("$.masks[0,2,3]", "inf")


def test_error_carries_the_code() -> None:
    with pytest.raises(BinaryMaskError, match=r"\$\.masks is shape \(1, 4, 6\), expected \(n, 6, 4\)") as caught:
        masks_from_npz(npz_of(masks=logits(1, 4, 6), low_res_masks=logits(1, 3, 3)), image_size=(6, 4))

    assert caught.value.code == "BIN07"
