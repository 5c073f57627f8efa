"""What a request's body asks for, read from any JSON at all: the journal and the scenarios look at requests alike.

Nothing here validates: a body that the service refuses has texts, too, and what is missing or of another kind is left
out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

from werkzeug.datastructures import Headers

from sam3_contract.errors import ImageError
from sam3_contract.images import bytes_from_base64


def field_of(body: Any, name: str) -> Any:
    """Look a field of the body up; ``None`` if there is none."""
    return body.get(name) if isinstance(body, dict) else None


def prompts_of(body: Any) -> list[dict[str, Any]]:
    """List the prompts, in whichever of the forms that the operations take."""
    prompts = field_of(body, "prompts")
    if isinstance(prompts, dict):
        prompts = prompts.get("prompts", [prompts])
    return [prompt for prompt in prompts if isinstance(prompt, dict)] if isinstance(prompts, list) else []


def texts_of(body: Any) -> list[str]:
    """List the texts of the prompts, in order; prompts without one are left out."""
    return [text for prompt in prompts_of(body) if isinstance(text := prompt.get("text"), str)]


def image_of(body: Any) -> tuple[str, str] | None:
    """Find the image: its type in lower case, and its value. ``None`` if there is none in text."""
    image = field_of(body, "image")
    if not isinstance(image, dict):
        return None
    kind, value = image.get("type"), image.get("value")
    return (kind.lower(), value) if isinstance(kind, str) and isinstance(value, str) else None


def digest_of_image(body: Any) -> bytes | None:
    """Hash the file that the body holds as base64.

    Returns:
        SHA-256 of the decoded file; ``None`` without one, so also for an image by URL.
    """
    image = image_of(body)
    if image is None or image[0] == "url":
        return None
    try:
        return hashlib.sha256(bytes_from_base64(image[1])).digest()
    except ImageError:
        return None


class InspectedRequest:
    """A request to an operation, as a scenario looks at it; read no further than somebody looks.

    Args:
        operation: Its ``operationId``.
        headers: Found by their names in any case.
        read_body: Decodes the body; ``None`` if it is no JSON.
    """

    def __init__(self, operation: str, headers: Headers, read_body: Callable[[], Any]) -> None:
        self.operation = operation
        self.headers = headers
        self._read_body = read_body

    @cached_property
    def body(self) -> Any:
        """The decoded body."""
        return self._read_body()

    @cached_property
    def texts(self) -> list[str]:
        """The texts of the prompts, in order."""
        return texts_of(self.body)

    @cached_property
    def image(self) -> str | None:
        """The image's URL, or ``sha256:...`` of its file."""
        image = image_of(self.body)
        if image is not None and image[0] == "url":
            return image[1]
        digest = digest_of_image(self.body)
        return None if digest is None else f"sha256:{digest.hex()}"

    def field(self, name: str) -> Any:
        """Look a field of the body up; ``None`` if there is none."""
        return field_of(self.body, name)
