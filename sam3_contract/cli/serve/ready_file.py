"""The file that says where a server answers: there as long as it does, and no longer."""

from __future__ import annotations

import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sam3_contract.errors import UsageError
from sam3_contract.files.atomic import write_atomically


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """The file of one server.

    Attributes:
        path: Where it is; ``None`` for no file.
    """

    path: Path | None

    def prepare(self) -> None:
        """Remove what a server before has left, and make sure that the file can be written.

        Raises:
            UsageError: If it cannot be.
        """
        if self.path is None or self._is_special():
            return
        try:
            self.path.unlink(missing_ok=True)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise UsageError(f"--ready-file {self.path} cannot be written: {error.strerror or error}") from error

    def write(self, url: str) -> None:
        """Say where the server answers; whoever waits for the file never reads half a URL."""
        if self.path is not None:
            write_atomically(self.path, f"{url}\n".encode())

    def remove(self, url: str) -> None:
        """Take the file away, unless it is another server's by now."""
        if self.path is None or self._is_special():
            return
        with suppress(OSError, UnicodeDecodeError):
            if self.path.read_text(encoding="utf-8") == f"{url}\n":
                self.path.unlink()

    def _is_special(self) -> bool:
        """Check whether it is a device or a pipe, which is written into and stays."""
        try:
            return self.path is not None and not stat.S_ISREG(self.path.stat().st_mode) and not self.path.is_dir()
        except OSError:
            return False
