"""Files that anybody may have put in place, read within a bound."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

# A named pipe that nobody writes into would hold the opening up; Windows has none.
_AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)


def open_regular(path: Path, *, follow_link: bool = True) -> BinaryIO:
    """Open a regular file for reading.

    Args:
        path: The file.
        follow_link: Whether it may be a symbolic link.

    Raises:
        OSError: If it cannot be opened, or is a device, a pipe, a folder, or a link that is not to be followed; the
            sentence is its ``strerror``.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _AT_ONCE | (0 if follow_link else _NO_LINK))
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return os.fdopen(descriptor, "rb")


def without_mark(content: bytes) -> bytes:
    r"""Leave the byte order mark out that Windows programs put before UTF-8.

    Example:
        >>> without_mark(b"\xef\xbb\xbf{}"), without_mark(b"{}")
        (b'{}', b'{}')
    """
    return content.removeprefix(codecs.BOM_UTF8)


def read_text_file(path: Path, *, most: int) -> bytes:
    """Read a regular file of UTF-8 of at most so many bytes, without a byte order mark.

    Args:
        path: The file.
        most: Bytes.

    Raises:
        OSError: As :func:`read_bounded` does.
    """
    return without_mark(read_bounded(path, most=most))


def read_bounded(path: Path, *, most: int, follow_link: bool = True) -> bytes:
    """Read a regular file of at most so many bytes.

    Args:
        path: The file.
        most: Bytes.
        follow_link: Whether it may be a symbolic link.

    Raises:
        OSError: If it cannot be read, is no regular file, or is larger; the sentence is its ``strerror``.
    """
    with open_regular(path, follow_link=follow_link) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes")
    return content
