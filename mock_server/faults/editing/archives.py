"""The npz archives of ``format: binary``, for faults that change what is in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mock_server.faults.editing.changes import is_json_answer
from mock_server.faults.fault import Ask, Call, Hooks
from mock_server.operations.backend import Answer

__all__ = ["archives", "arrays_of", "bytes_of_archives", "npz"]

Arrays = dict[str, NDArray[Any]]
_DATE: Final = (1980, 1, 1, 0, 0, 0)  # numpy's own writer stamps the wall clock into the archive


def archives(change: Callable[[Arrays, Call], Arrays]) -> Hooks:
    """Let a function change the arrays of a binary answer."""
    return _binary(lambda answer, call: npz(change(arrays_of(answer), call)))


def bytes_of_archives(change: Callable[[bytes], bytes]) -> Hooks:
    """Let a function change the bytes of a binary answer."""
    return _binary(lambda answer, _: change(answer.body))


def arrays_of(answer: Answer) -> Arrays:
    """Read the arrays of a binary answer."""
    with np.load(io.BytesIO(answer.body), allow_pickle=False) as archive:
        return dict(archive)


def npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Write arrays as an npz archive; of objects, pickles."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as container:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with container.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=True)
    return content.getvalue()


def _binary(change: Callable[[Answer, Call], bytes]) -> Hooks:
    def around(call: Call, ask: Ask) -> Answer:
        answer = ask(call.body)
        return answer if is_json_answer(answer) else replace(answer, body=change(answer, call))

    return Hooks(around=around)
