"""Binary answers whose archive is wrong."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mock_server.faults.editing.archives import archives, bytes_of_archives
from mock_server.faults.editing.changes import calls, is_json_answer
from mock_server.faults.fault import Ask, Call, Chapter, Parameter
from mock_server.faults.parameters import one_of
from mock_server.operations.backend import Answer

ARCHIVES: Final = Chapter("mask")

BINARY: Final = "a visual request for format binary (documented profile)"
Arrays = dict[str, NDArray[Any]]


@ARCHIVES.fault(
    "npz_array_missing",
    "The archive lacks an array.",
    on=archives,
    when=BINARY,
    parameter=Parameter("which: masks or low_res_masks", "masks", one_of("masks", "low_res_masks")),
)
def _missing(arrays: Arrays, call: Call) -> Arrays:
    return {name: array for name, array in arrays.items() if name != call.value}


@ARCHIVES.fault(
    "npz_array_renamed", "The archive's masks are called arr_0, as if no name had been given.", on=archives, when=BINARY
)
def _renamed(arrays: Arrays, _: Call) -> Arrays:
    return {f"arr_{index}": array for index, array in enumerate(arrays.values())}


@ARCHIVES.fault(
    "npz_extra_dimension", "The archive's masks have shape (n, 1, height, width).", on=archives, when=BINARY
)
def _extra_dimension(arrays: Arrays, _: Call) -> Arrays:
    return {**arrays, "masks": arrays["masks"][:, None]}


@ARCHIVES.fault("npz_axes_swapped", "The archive's masks have shape (n, width, height).", on=archives, when=BINARY)
def _axes_swapped(arrays: Arrays, _: Call) -> Arrays:
    return {**arrays, "masks": arrays["masks"].transpose(0, 2, 1)}


@ARCHIVES.fault("npz_low_resolution", "The archive's masks are not scaled to the image.", on=archives, when=BINARY)
def _low_resolution(arrays: Arrays, _: Call) -> Arrays:
    return {**arrays, "masks": arrays["low_res_masks"]}


@ARCHIVES.fault(
    "npz_plane_missing", "The archive has one mask fewer than there are predictions.", on=archives, when=BINARY
)
def _plane_missing(arrays: Arrays, _: Call) -> Arrays:
    return {name: array[:-1] for name, array in arrays.items()}


@ARCHIVES.fault(
    "npz_wrong_dtype",
    "The archive's masks are not 32-bit floats.",
    on=archives,
    when=BINARY,
    parameter=Parameter("numpy's name: float64, int8 or bool", "bool", one_of("float64", "int8", "bool")),
)
def _wrong_dtype(arrays: Arrays, call: Call) -> Arrays:
    masks = arrays["masks"] >= 0 if call.value == "bool" else arrays["masks"]
    return {**arrays, "masks": masks.astype(call.value)}


@ARCHIVES.fault("npz_inverted", "The archive's logits have the wrong sign.", on=archives, when=BINARY)
def _inverted(arrays: Arrays, _: Call) -> Arrays:
    return {name: -array for name, array in arrays.items()}


@ARCHIVES.fault(
    "npz_probabilities",
    "The archive holds probabilities, all of 0 and more, instead of logits.",
    on=archives,
    when=BINARY,
)
def _probabilities(arrays: Arrays, _: Call) -> Arrays:
    return {name: (1 / (1 + np.exp(-array))).astype(np.float32) for name, array in arrays.items()}


@ARCHIVES.fault("npz_not_finite", "The archive's first row of logits is NaN.", on=archives, when=BINARY)
def _not_finite(arrays: Arrays, _: Call) -> Arrays:
    masks = arrays["masks"].copy()
    masks[:, 0] = np.nan
    return {**arrays, "masks": masks}


@ARCHIVES.fault(
    "npz_pickled", "The archive holds pickled objects, which a careful client does not open.", on=archives, when=BINARY
)
def _pickled(arrays: Arrays, _: Call) -> Arrays:
    planes = np.empty(len(arrays["masks"]), object)
    for index, plane in enumerate(arrays["masks"]):
        planes[index] = plane
    return {**arrays, "masks": planes}


@ARCHIVES.fault("npz_truncated", "The archive is cut in half.", on=bytes_of_archives, when=BINARY)
def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


@ARCHIVES.fault(
    "npz_as_npy", "The answer is one bare npy array instead of an archive.", on=bytes_of_archives, when=BINARY
)
def _as_npy(content: bytes) -> bytes:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        array = archive["masks"]
    bare = io.BytesIO()
    np.save(bare, array, allow_pickle=False)
    return bare.getvalue()


@ARCHIVES.fault("binary_answered_as_json", "Who asks for binary masks gets polygons.", on=calls, when=BINARY)
def _as_json(call: Call, ask: Ask) -> Answer:
    answer = ask(call.body)
    return answer if is_json_answer(answer) else ask({**call.body, "format": "json"})
