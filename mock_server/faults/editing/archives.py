"""The npz archives of ``format: binary``, for faults that change what is in them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mock_server.drawing.encoding import npz_from_arrays
from mock_server.faults.editing.changes import is_json_answer
from mock_server.faults.fault import Ask, Call, Hooks
from mock_server.operations.backend import Answer

Arrays = dict[str, NDArray[Any]]


def archives(change: Callable[[Arrays, Call], Arrays]) -> Hooks:
    """Let a function change the arrays of a binary answer."""
    return _binary(lambda answer, call: npz_from_arrays(change(arrays_of(answer), call), pickles=True))


def bytes_of_archives(change: Callable[[bytes], bytes]) -> Hooks:
    """Let a function change the bytes of a binary answer."""
    return _binary(lambda answer, _: change(answer.body))


def arrays_of(answer: Answer) -> Arrays:
    """Read the arrays of a binary answer."""
    with np.load(io.BytesIO(answer.body), allow_pickle=False) as archive:
        return dict(archive)


def _binary(change: Callable[[Answer, Call], bytes]) -> Hooks:
    def around(call: Call, ask: Ask) -> Answer:
        answer = ask(call.body)
        return answer if is_json_answer(answer) else replace(answer, body=change(answer, call))

    return Hooks(around=around)
