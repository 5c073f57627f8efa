"""Files named by URL, read through fsspec; their names shown without what is secret in them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO, Any, Final, cast

from sam3_contract.errors import UsageError
from sam3_contract.extras import extra

__all__ = ["files_at", "is_url", "opened_url", "shown", "without_secrets"]

_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+(?:::|://)")
_MAGIC: Final = re.compile(r"[*?[]")
_USER: Final = re.compile(r"(?<=://)[^/\s]*@")
_QUERY: Final = re.compile(r"(://[^\s'\"?]*)\?[^\s'\"]*")
_WEB: Final = ("http", "https")
_BLOCK_BYTES: Final = 2**20
"""What is asked for at a time, and what beyond the end of a range comes with it."""


def is_url(name: str) -> bool:
    """Tell a URL from a path.

    Example:
        >>> is_url("s3://bucket/masks.jsonl"), is_url("C:/masks.jsonl"), is_url("masks.jsonl")
        (True, False, False)
    """
    return _URL.match(name) is not None


def shown(name: str) -> str:
    """Leave out of a URL what may be secret: the user, and the query, in which presigned URLs have their signature.

    Example:
        >>> shown("https://me:secret@host/a.json?signature=1"), shown("a.json?")
        ('https://host/a.json', 'a.json?')
    """
    if not is_url(name):
        # What is no UTF-8 in a file's name can be written nowhere else.
        return name.encode("utf-8", "backslashreplace").decode()
    return _USER.sub("", name).partition("?")[0]


def without_secrets(text: str) -> str:
    """Leave users and queries out of all URLs in a text.

    Example:
        >>> without_secrets("403, url='https://me:p@ss@host/a.json?sig=1'")
        "403, url='https://host/a.json'"
    """
    return _QUERY.sub(r"\1", _USER.sub("", text))


def opened_url(name: str) -> tuple[IO[bytes], int | None]:
    """Open what a URL names, at any place of which can be read.

    Returns:
        The file, and its length in bytes, None if the server does not say.

    Raises:
        UsageError: If fsspec is missing, or what it needs for such URLs, or knows none such.
        OSError: If it cannot be opened; reading it may raise it too.
    """
    system, path = _system_of(name)
    file = _Remote(system, path)
    return cast(IO[bytes], file), file.n_bytes


def files_at(url: str) -> Iterator[str]:
    """List the files that a URL of a folder, or with a pattern, names; none if it is one of a file.

    Raises:
        UsageError: If fsspec is missing, or what it needs for such URLs, or knows none such.
        OSError: If they cannot be listed.
    """
    if "::" in url:
        return  # files in it would lose what they are chained to
    system, path = _system_of(url)
    # A page is no folder, and a question mark begins its query.
    if _is_web(system):
        return
    if _MAGIC.search(path):
        found = _asked(lambda: sorted(system.glob(path)))
    else:
        found = _asked(lambda: sorted(system.find(path)) if system.isdir(path) else [])
    yield from map(system.unstrip_protocol, found)


def _system_of(url: str) -> tuple[Any, str]:
    fsspec = extra("fsspec", name="remote", need="files named by URL are read through it")
    try:
        system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:  # a package for such URLs is missing, or there is none
        raise UsageError(str(error)) from error
    return system, path


def _is_web(system: Any) -> bool:
    return not set(_WEB).isdisjoint([system.protocol] if isinstance(system.protocol, str) else system.protocol)


def _sends_ranges(system: Any, path: str, n_bytes: int | None) -> bool:
    """Find out whether a web server sends a part of a file, by asking for one byte: few say so unasked."""
    if n_bytes is None or n_bytes < 2:
        return False
    with _asked(lambda: system.open(path, "rb", block_size=1, cache_type="none")) as file:
        try:
            file.seek(1)
            return len(_asked(lambda: file.read(1))) == 1
        except OSError:  # it answered with the whole
            return False


def _asked(call: Any) -> Any:
    """Call a file system; whatever a service's own library raises becomes an `OSError`."""
    try:
        return call()
    except OSError as error:
        if error.strerror is None:  # fsspec's own, which has the URL only; what it was made of says why
            raise OSError(_reason(error)) from error
        raise
    except Exception as error:  # each service's library has exceptions of its own
        raise OSError(f"{type(error).__name__}: {error}") from error


def _reason(error: OSError) -> str:
    layer: BaseException | None = error
    while layer is not None:
        if isinstance(layer, OSError) and layer.strerror is not None:
            return layer.strerror
        if isinstance(status := getattr(layer, "status", None), int):  # aiohttp's, of which fsspec makes a missing file
            return f"the server answers {status} {getattr(layer, 'message', '')}".rstrip()
        layer = layer.__cause__ or layer.__context__
    return "there is no such file" if isinstance(error, FileNotFoundError) else str(error)


class _Remote(io.RawIOBase):
    """A file of a service, whose errors are those of a file."""

    def __init__(self, system: Any, path: str) -> None:
        super().__init__()
        self._file: Any = None  # until it is open: what never was is closed, too
        about = _asked(lambda: system.info(path))
        self._has_ranges = not _is_web(system) or _sends_ranges(system, path, about.get("size"))
        # Of a web server that does not, only the whole can be had, from its beginning.
        block = _BLOCK_BYTES if self._has_ranges else 0
        self._file = _asked(lambda: system.open(path, "rb", block_size=block))
        n_bytes = about.get("size")
        self.n_bytes: int | None = n_bytes if isinstance(n_bytes, int) else None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say whether it can be read at any place."""
        return self._has_ranges

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with content; return the bytes that came, 0 at the end."""
        piece: bytes = _asked(lambda: self._file.read(len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return int(_asked(lambda: self._file.seek(place, whence)))

    def tell(self) -> int:
        """Return the place, in bytes."""
        return int(self._file.tell())

    def close(self) -> None:
        """Close the connection."""
        if self._file is not None:
            self._file.close()
        super().close()
