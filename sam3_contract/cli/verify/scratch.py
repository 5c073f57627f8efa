"""Where requests are saved that are to be sent again, if nobody has named a folder for them."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

KEPT: Final = 10  # runs before this one whose requests are left


def folder_of_a_run() -> Path:
    """Name a folder for one run, which is made when something is put there; forget those of all but the last runs.

    It lies in a folder of the user's own, of which nobody else reads, writes or plants anything. Where that cannot be
    had, it is one in the system's temporary folder whose name nobody can guess.

    Example:
        >>> folder_of_a_run().name == folder_of_a_run().name
        False
    """
    token = secrets.token_hex(16)
    temporary = Path(tempfile.gettempdir())
    with suppress(OSError):
        # By number: a container's user may have no name. A system without such numbers gives each user a folder anyway.
        own = temporary / f"sam3-contract-{os.getuid() if hasattr(os, 'getuid') else 'own'}"
        own.mkdir(mode=0o700, exist_ok=True)
        if _is_private(own):
            for old in sorted(own.iterdir(), key=lambda entry: entry.lstat().st_mtime)[:-KEPT]:
                shutil.rmtree(old, ignore_errors=True)
            return own / token
    return temporary / f"sam3-contract-{token}"


def _is_private(folder: Path) -> bool:
    """Tell whether a folder is one, and nobody else's; of a link that somebody planted it is not."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return False
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o077)
