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
_HYPOTHESIS: Final = "hypothesis"


def folder_of_a_run() -> Path:
    """Name a folder for one run, which is made when something is put there; forget those of all but the last runs.

    It lies in a folder of the user's own, of which nobody else reads, writes or plants anything. Where that cannot be
    had, it is one in the system's temporary folder whose name nobody can guess.

    Example:
        >>> folder_of_a_run().name == folder_of_a_run().name
        False
    """
    token = secrets.token_hex(16)
    with suppress(OSError):
        own = _own_folder()
        runs = (entry for entry in own.iterdir() if entry.name != _HYPOTHESIS)
        for old in sorted(runs, key=lambda entry: entry.lstat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return own / token
    return Path(tempfile.gettempdir()) / f"sam3-contract-{token}"


def folder_of_hypothesis() -> Path:
    """Name a folder for what hypothesis keeps from run to run, which it would put into the folder at hand."""
    with suppress(OSError):
        return _own_folder() / _HYPOTHESIS
    return Path(tempfile.gettempdir()) / f"sam3-contract-{secrets.token_hex(16)}"


def _own_folder() -> Path:
    """Make the user's own folder, if need be.

    Raises:
        OSError: If it cannot be had, or is not the user's own.
    """
    # By number: a container's user may have no name. A system without such numbers gives each user a folder anyway.
    own = Path(tempfile.gettempdir()) / f"sam3-contract-{os.getuid() if hasattr(os, 'getuid') else 'own'}"
    own.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(own):
        raise PermissionError(f"{own} is somebody else's")
    return own


def _is_private(folder: Path) -> bool:
    """Tell whether a folder is one, and nobody else's; of a link that somebody planted it is not."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return False
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o077)
