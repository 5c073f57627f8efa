"""Images that requests name by URL: virtual photographs, or local files that stand for them. Never the network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from mock_server.annotations.library import Library
from mock_server.drawing.dice import Dice
from mock_server.http.protocol import MAX_BODY
from mock_server.http.refusals import NOT_FETCHED, unloadable_image
from mock_server.images.loading import NO_LIBRARY, Picture, picture_from_content
from sam3_contract.errors import UsageError
from sam3_contract.files.bounded import read_bounded, read_text_file

PictureOfUrl = Callable[[str], Picture]

NO_IMAGE: Final = "Data is not image."
_VIRTUAL_SIZES: Final = ((480, 640), (640, 480), (720, 1280), (683, 1024), (1080, 1080))
MOST_BYTES: Final = 16 * 2**20  # of a map of URLs


def virtual_photograph(url: str) -> Picture:
    """Make the photograph that a URL stands for: its size and content follow from the URL alone."""
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()
    return Picture(digest, _VIRTUAL_SIZES[Dice("virtual size", digest).below(len(_VIRTUAL_SIZES))])


def local_files(source: Path, library: Library = NO_LIBRARY) -> PictureOfUrl:
    """Let local files stand for URLs.

    Args:
        source: A folder, whose files stand for the URLs that end in their names; or a JSON file that maps URLs to
            paths, relative ones from its own folder.
        library: The images that are known.

    Returns:
        What loads the picture of a URL. One that no file stands for is refused as the service refuses a URL that it
        cannot fetch.

    Raises:
        UsageError: If there is no such folder or file, or the file maps no texts to texts.
    """
    if source.is_dir():
        folder = source.resolve()
        return lambda url: _load(_file_named_like(url, folder), library)
    files = _mapping(source)
    return lambda url: _load(files.get(url), library)


def _load(path: Path | None, library: Library) -> Picture:
    try:
        content = b"" if path is None else read_bounded(path, most=MAX_BODY)
    except OSError:
        content = b""
    if not content:
        raise unloadable_image(NOT_FETCHED)
    return picture_from_content(content, otherwise=NO_IMAGE, library=library)


def _file_named_like(url: str, folder: Path) -> Path | None:
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    path = folder / name
    # The name is the client's: nothing but a file right in the folder is served, a link out of it is not.
    try:
        inside = bool(name) and path.is_file() and path.resolve().parent == folder
    except (OSError, ValueError):  # longer than names can be; a NUL, or half a surrogate pair
        return None
    return path if inside else None


def _mapping(source: Path) -> Mapping[str, Path]:
    try:
        entries = json.loads(read_text_file(source, most=MOST_BYTES))
    except OSError as error:
        raise UsageError(f"--url-images names {source}, which cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"--url-images: {source} is neither a folder nor JSON: {error}") from error
    if not isinstance(entries, dict) or not all(isinstance(path, str) for path in entries.values()):
        raise UsageError(f"--url-images: {source} has to map URLs to paths, as a JSON object of texts")
    return {url: source.parent / path for url, path in entries.items()}
