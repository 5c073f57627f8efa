"""What options of the plugin take for numbers."""

from __future__ import annotations

import argparse


def per_cent(text: str) -> float:
    """Read a part of a hundred.

    Raises:
        argparse.ArgumentTypeError: If it is none, such as ``nan``, which no score is ever less than.

    Example:
        >>> per_cent("87.5")
        87.5
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of per cent, from 0 to 100")
    return value
