"""Standard error, kept free of what libraries in C print where that may hold up the process."""

from __future__ import annotations

import os
import stat
import sys
from typing import Final

__all__ = ["keep_libraries_out_of_a_pipe"]

_STDERR: Final = 2


def keep_libraries_out_of_a_pipe() -> None:
    """Give what libraries print to standard error to nobody if that is a pipe; what Python says still goes there.

    libpng and libjpeg print a line for each damaged image, by themselves and to the descriptor. A program that starts
    a server with a pipe for its standard error, and does not read it, would have it stand still once the pipe is full:
    after a thousand such images. Linux only: elsewhere workers are processes that begin with the descriptor anew.
    """
    stderr = sys.stderr
    if sys.platform != "linux" or sys.__stderr__ is not stderr or not _is_pipe():
        return
    encoding = stderr.encoding if stderr else None
    sys.stderr = os.fdopen(os.dup(_STDERR), "w", encoding=encoding, errors="backslashreplace", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)


def _is_pipe() -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(_STDERR).st_mode)
    except OSError:  # it is closed
        return False
