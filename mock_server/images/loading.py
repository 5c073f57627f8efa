"""What the mock knows of an image: a digest of its content, its size, and what is in it if that is known."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from mock_server.annotations.annotated_image import AnnotatedImage
from mock_server.annotations.library import MAX_DECODED, Library, pixels_from_content
from mock_server.http.refusals import MALFORMED_IMAGE, NOT_FETCHED, no_answer, unloadable_image
from mock_server.images.hosts import can_be_looked_up, is_address, is_public_name
from mock_server.images.virtual import virtual_pixels
from sam3_contract import wire
from sam3_contract.errors import ImageError
from sam3_contract.images import ImageHeader, bytes_from_base64, examine, is_sound

NO_LIBRARY: Final = Library()
MAX_PIXELS: Final = 2**29 - 1  # pycocotools overflows beyond; the real server gives up at 2**30
MAX_REMEMBERED: Final = 4096
_SOUND: Final[dict[bytes, None]] = {}  # digests of images that were decoded, and need not be again

_NOT_HTTP = "Providing images via non https:// URL is not supported in this configuration of `inference`."
_NO_FQDN = "Providing images via URL without FQDN is not supported in this configuration of `inference`."
_BAD_URL = "Provided image URL is invalid"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, as far as masks need it.

    Attributes:
        digest: SHA-256 of the file; of the URL for a virtual photograph.
        size: ``(height, width)`` in pixels, after EXIF orientation.
        known: What is in it, if the mock has annotations of it.
        file: What to decode for an engine that looks at pixels; ``None`` for a virtual photograph. What is remembered
            of pictures has it only if the engine does look.
    """

    digest: bytes
    size: tuple[int, int]
    known: AnnotatedImage | None = None
    file: bytes | None = field(default=None, repr=False, compare=False)

    def pixels(self) -> NDArray[np.uint8]:
        """Decode the picture, anew each time.

        Returns:
            RGB, shape ``(height, width, 3)``, turned as EXIF says.

        Raises:
            Refusal: 400 if its pixels cannot be decoded, 599 if there are more than 2^26.
        """
        if self.size[0] * self.size[1] > MAX_DECODED:
            raise no_answer(f"the pixels of images over {MAX_DECODED} pixels")
        if self.file is None:
            return virtual_pixels(self.digest, self.size)
        decoded = pixels_from_content(self.file, size=self.size)
        if decoded is None:
            raise unloadable_image(MALFORMED_IMAGE)
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)  # a reversed copy takes ten times as long


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """An image file as it came.

    Attributes:
        picture: What the masks need of it.
        format: As :class:`~sam3_contract.images.ImageHeader` names it.
        bytes: Its size.
    """

    picture: Picture
    format: str
    bytes: int


LOADED: Final[ContextVar[LoadedFile | None]] = ContextVar("LOADED", default=None)
"""The last file that was loaded here, so that the journal need not read and hash it again."""


def load_picture(image: wire.Image, picture_of_url: Callable[[str], Picture], library: Library = NO_LIBRARY) -> Picture:
    """Load the image of a request.

    Args:
        image: What the request holds.
        picture_of_url: Loads the images that are named by URL.
        library: The images that are known.

    Raises:
        Refusal: 400, as the real server words it, if the image cannot be loaded.
    """
    if image.type == "url":
        refuse_unreachable(image.value)
        return picture_of_url(image.value)
    return picture_from_base64(image.value, library)


def picture_from_base64(value: str, library: Library = NO_LIBRARY) -> Picture:
    """Load an image from base64 or a data URI.

    Args:
        value: What the request holds.
        library: The images that are known.

    Raises:
        Refusal: 400 if there is no image in it, or one that was cut short.
    """
    try:
        content = bytes_from_base64(value)
    except ImageError as error:
        cause = str(error) if str(error).startswith("Empty") else MALFORMED_IMAGE
        raise unloadable_image(cause) from error
    return picture_from_content(content, otherwise=MALFORMED_IMAGE, library=library)


def picture_from_content(content: bytes, *, otherwise: str, library: Library = NO_LIBRARY) -> Picture:
    """Load an image from a file's bytes.

    Args:
        content: The whole file.
        otherwise: The cause to name if it is no image, or one that was cut short, or too large.
        library: The images that are known.

    Raises:
        Refusal: 400.
    """
    try:
        header, certain = examine(content)
    except ImageError as error:
        raise unloadable_image(otherwise) from error
    if header.width * header.height > MAX_PIXELS:
        raise unloadable_image(otherwise)
    digest = hashlib.sha256(content).digest()
    if not certain and not _is_sound(header, content, digest):
        raise unloadable_image(otherwise)
    known = library.recognise(content, digest=digest, size=header.size)
    picture = Picture(digest, header.size, known)
    LOADED.set(LoadedFile(picture, header.format, len(content)))  # without the file, as threads keep it
    return Picture(digest, header.size, known, content)


def _is_sound(header: ImageHeader, content: bytes, digest: bytes) -> bool:
    """Decode a new image, once."""
    if digest in _SOUND:
        return True
    if not is_sound(content, header):
        return False
    if len(_SOUND) >= MAX_REMEMBERED:
        _SOUND.clear()
    _SOUND[digest] = None
    return True


def refuse_unreachable(url: str, *, only_https: bool = False) -> None:
    """Refuse what is no publicly accessible URL: another scheme, no host, a private name or address.

    Args:
        url: What the request holds.
        only_https: Refuse what the real server refuses: http too, and every address, public or not.

    Raises:
        Refusal: 400.
    """
    try:
        asked = _as_the_service_asks(url) if only_https else url
        parts = urlsplit(asked)
        host = parts.hostname or ""
        _ = parts.port  # raises if it is no number
    except ValueError as error:
        raise unloadable_image(_BAD_URL) from error
    if only_https and parts.scheme != "https":
        raise unloadable_image(_NOT_HTTP)
    if not parts.scheme or "\\" in parts.netloc or any(character.isspace() for character in asked):
        raise unloadable_image(_BAD_URL)
    if parts.scheme not in {"https", "http"}:
        raise unloadable_image(_NOT_HTTP)
    if not host:
        raise unloadable_image(_BAD_URL)
    if not _is_public(host, only_names=only_https):
        raise unloadable_image(_NO_FQDN)
    if not can_be_looked_up(host):
        raise unloadable_image(NOT_FETCHED)


def _as_the_service_asks(url: str) -> str:
    """Bring a URL to what the service makes of it before it looks at it.

    Raises:
        ValueError: If it makes nothing of it.
    """
    from sam3_contract.transport.prepared import prepared  # noqa: PLC0415 - imports requests, and few send URLs

    if "\\" in urlsplit(url).netloc:
        raise ValueError("a backslash in front of the path")
    return prepared(url)


def _is_public(host: str, *, only_names: bool) -> bool:
    if is_address(host):
        return not only_names and ipaddress.ip_address(host).is_global
    return is_public_name(host)
