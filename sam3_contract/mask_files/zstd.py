"""Streams packed by zstd, whose library says nothing of one that is cut short."""

from __future__ import annotations

import io
from typing import IO, Any, Final

from sam3_contract.extras import extra

__all__ = ["ZSTD", "DamagedZstd", "ZstdStream"]

ZSTD: Final = b"\x28\xb5\x2f\xfd"
"""How a frame begins."""
_PIECE: Final = 2**10
"""Packed bytes taken at a time: a block of 128 KiB can be packed into four, so more would unpack to gigabytes."""


class DamagedZstd(Exception):  # noqa: N818 - says of a stream what it is
    """The stream ends within a frame, or is no zstd at some place."""


class ZstdStream(io.RawIOBase):
    """The content of a packed stream of one frame or several.

    Args:
        packed: The packed stream.

    Raises:
        UsageError: If the library is missing.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__()
        self._zstandard: Any = extra("zstandard", name="zstd", need="what zstd packed is read with it")
        self._packed = packed
        self._frame: Any = None
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with content; return the bytes that came, 0 at the end."""
        while not self._ready and self._unpack():
            pass
        piece = self._ready[: len(buffer)]
        buffer[: len(piece)] = piece
        self._ready = self._ready[len(piece) :]
        return len(piece)

    def _unpack(self) -> bool:
        """Unpack one more piece; return whether there was one."""
        piece = self._rest or self._packed.read(_PIECE)
        if not piece:
            if self._frame is not None:
                raise DamagedZstd("it ends within a frame")
            return False
        if self._frame is None:
            self._frame = self._zstandard.ZstdDecompressor().decompressobj()
        try:
            self._ready = memoryview(self._frame.decompress(piece))
        except self._zstandard.ZstdError as error:
            raise DamagedZstd(str(error)) from error
        self._rest = b""
        if self._frame.eof:
            self._rest, self._frame = self._frame.unused_data, None
        return True
