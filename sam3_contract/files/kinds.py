"""What files of other kinds begin with: a file that was named by mistake, or saved otherwise, can be told by name."""

from __future__ import annotations

import re
from typing import Final

_UTF_16: Final = "text in UTF-16, as PowerShell and Notepad write it: save it as UTF-8"
_KINDS: Final = (
    (re.compile(rb"\xff\xfe|\xfe\xff|[{\[\"]\0|\0[{\[\"]"), _UTF_16),
    (re.compile(rb"\x80[\x02-\x05]"), "a pickle of Python, which is not read, as it may run anything: write JSON"),
    (re.compile(rb"\x93NUMPY"), "an array of NumPy (npy): write an npz, or JSON"),
    (re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|II\*\0|MM\0\*", re.DOTALL), "an image"),
    (re.compile(rb"%PDF-"), "a PDF"),
    (re.compile(rb"PK(\x03\x04|\x05\x06)"), "a zip archive: unpack it"),
    (re.compile(rb"\x1f\x8b|\x28\xb5\x2f\xfd"), "packed by gzip or zstd: unpack it"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c|Rar!|\xfd7zXZ|BZh"), "a packed file: unpack it"),
    (re.compile(rb"SQLite format 3\0"), "a database of SQLite"),
    (re.compile(rb"\x89HDF"), "a file of HDF5"),
    (re.compile(rb"PAR1"), "Parquet"),
    (re.compile(rb".{257}ustar", re.DOTALL), "a tar: unpack it"),
)


def kind_of(content: bytes) -> str:
    r"""Say what a file is that is no text in UTF-8, and what to do about it.

    Args:
        content: The file, or its first bytes.

    Returns:
        To go on after "it is"; empty if nothing is known.

    Example:
        >>> kind_of(b"\x89PNG\r\n"), kind_of(b'{"log": {}}')
        ('an image', '')
    """
    return next((kind for start, kind in _KINDS if start.match(content)), "")
