"""A HAR file taken apart into entries, whose fields are checked when they are asked for."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeGuard
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import orjson
import pybase64

from sam3_contract.errors import HarError
from sam3_contract.files.bounded import open_regular, read_bounded
from sam3_contract.har.scanning import EntryScan
from sam3_contract.spec import Contract

MAX_BYTES: Final = 2**34
"""Of a file, unpacked: 16 GiB. One entry after another is read, so this is for what unpacks without end."""

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_PARTS: Final = ("blocked", "dns", "connect", "send", "wait", "receive")  # `ssl` is within `connect`
_IMAGE_FILE: Final = re.compile(r"[^/\\\\]+\.images/([0-9a-f]{64})\.[a-z]{3,4}")
_MAX_ATTACHED: Final = 2**26  # bytes of a body in a file of its own


class Unusable(Exception):  # noqa: N818 - says why an entry is left out, and never leaves this package
    """The entry is well formed, but holds too little to be judged."""


class Entry:
    """An entry.

    Args:
        path: The file, for messages.
        index: The number of the entry, from 0.
        node: What stands there.
        n_bytes: How much of the file it takes.

    Raises:
        HarError: If it is no object; so do the attributes if what they read is malformed.
    """

    def __init__(self, path: Path, index: int, node: object, *, n_bytes: int = 0) -> None:
        self.path = path
        self.index = index
        self.n_bytes = n_bytes
        if not isinstance(node, Mapping):
            raise self.malformed(f"it is {type(node).__name__}, expected an object")
        self._node: Mapping[str, Any] = node

    def malformed(self, what: str) -> HarError:
        """Make the error that says what is wrong with this entry."""
        return HarError(f"{self.path}, entry {self.index}: {what}")

    @cached_property
    def request(self) -> Mapping[str, Any]:
        """The request."""
        return self._object(self._node, "request")

    @cached_property
    def response(self) -> Mapping[str, Any]:
        """The response; empty if the recorder kept none."""
        return {} if self._node.get("response") is None else self._object(self._node, "response")

    @property
    def method(self) -> str:
        """In upper case."""
        return self._text(self.request, "request", "method").upper()

    @cached_property
    def url(self) -> SplitResult:
        """Where the request went."""
        url = self._text(self.request, "request", "url")
        try:
            return urlsplit(url)
        except ValueError as error:
            raise self.malformed(f"request.url is no URL: {error}") from error

    @cached_property
    def query(self) -> dict[str, str]:
        """The URL's query; of a name that comes twice, the last."""
        return dict(parse_qsl(self.url.query, keep_blank_values=True))

    @cached_property
    def request_headers(self) -> dict[str, str]:
        """Names in lower case."""
        return self._headers(self.request, "request")

    @cached_property
    def response_headers(self) -> dict[str, str]:
        """Names in lower case; values of a repeated one joined by commas."""
        return self._headers(self.response, "response")

    @property
    def own(self) -> Mapping[str, Any]:
        """What a recording of ours says of the case; empty in others."""
        node = self._node.get("_case")
        return node if isinstance(node, Mapping) and isinstance(node.get("operation"), str) else {}

    @property
    def retried(self) -> list[Entry]:
        """This entry with each of the answers, in its place, that a recording of ours has from before it."""
        answers = self.own.get("retried", [])
        if not isinstance(answers, list):
            raise self.malformed(f"_case.retried is {type(answers).__name__}, expected a list")
        return [Entry(self.path, self.index, {**self._node, "response": answer}) for answer in answers]

    @property
    def seconds(self) -> float:
        """From the request to the end of the answer; 0 if the recorder does not say."""
        timings = self._node.get("timings")
        parts = [timings.get(name) for name in _PARTS] if isinstance(timings, Mapping) else []
        whole = self._node.get("time")
        milliseconds = whole if _is_duration(whole) else sum(part for part in parts if _is_duration(part))
        return milliseconds / 1000

    def operation_in(self, contract: Contract) -> tuple[str | None, str]:
        """Find the operation that was called.

        Returns:
            Its ``operationId``, ``None`` if it is none of the contract's; and method, host and path, for messages.
        """
        path = unquote(self.url.path)
        address = f"{self.method} {self.url.hostname or ''}{path[:100]}"
        known = {operation.id for operation in contract.operations}
        if self.own:
            return (self.own["operation"] if self.own["operation"] in known else None), address
        for operation in contract.operations:
            if operation.method == self.method and _pattern(operation.path).search(path):
                return operation.id, address
        return None, address

    def field(self, name: str) -> Any:
        """Take a field of a recorder's own; ``None`` if there is none."""
        return self._node.get(name)

    @property
    def image_digest(self) -> str:
        """Digest of the image that a recording of ours keeps in a file of its own; empty if there is none."""
        post = self.request.get("postData")
        name = post.get("_image") if isinstance(post, Mapping) else None
        found = _IMAGE_FILE.fullmatch(name) if isinstance(name, str) else None
        if name is not None and found is None:
            raise self.malformed(f"request.postData._image is {name!r}, expected FOLDER.images/DIGEST.SUFFIX")
        return found[1] if found else ""

    def posted(self, *, with_image: bool = True) -> bytes | None:
        """Read the request's body.

        Args:
            with_image: Whether to put back an image that is kept in a file of its own.

        Returns:
            The bytes; ``None`` if the recording holds none.

        Raises:
            HarError: If it is malformed, or the image's file is missing or another.
        """
        post = self.request.get("postData")
        if post is None:
            return None
        if not isinstance(post, Mapping):
            raise self.malformed(f"request.postData is {type(post).__name__}, expected an object")
        content = self.body_in(post, "request.postData") or None
        if content is None or not with_image or not self.image_digest:
            return content
        return self._with_image(content, post["_image"])

    def _with_image(self, content: bytes, name: str) -> bytes:
        try:
            image = read_bounded(self.path.parent / name, most=_MAX_ATTACHED, follow_link=False)
        except OSError as error:
            raise self.malformed(f"its image {name} cannot be read: {error.strerror}") from error
        if hashlib.sha256(image).hexdigest() != self.image_digest:
            raise self.malformed(f"its image {name} is not the one that was sent")
        try:
            body = json.loads(content)
            body["image"] = {**body["image"], "value": pybase64.b64encode(image).decode("ascii")}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self.malformed(f"request.postData has an image and no place for it: {error!r}") from error
        return json.dumps(body, separators=(",", ":")).encode()

    def body_in(self, holder: Mapping[str, Any], place: str) -> bytes | None:
        """Read a recorded body.

        Args:
            holder: ``postData`` or ``content``.
            place: Its name, for messages.

        Returns:
            The bytes; ``None`` if there are none in the recording.

        Raises:
            HarError: If it is no text, or no base64 where it says so.
        """
        if isinstance(holder.get("_file"), str):
            return self._attached(holder["_file"], place)
        text = holder.get("text")
        if text is None:
            return None
        if not isinstance(text, str):
            raise self.malformed(f"{place}.text is {type(text).__name__}, expected a string")
        encoding = holder.get("encoding") or holder.get("_encoding")
        if not isinstance(encoding, str) or encoding.lower() != "base64":
            return text.encode("utf-8", "surrogatepass")
        try:
            return pybase64.b64decode("".join(text.split()), validate=True)
        except ValueError as error:
            raise self.malformed(f"{place}.text is no base64, as its encoding says: {error}") from error

    def _attached(self, name: str, place: str) -> bytes:
        """Read a body that Playwright keeps in a file beside the archive; a path or a link could lead anywhere."""
        if name != Path(name).name or name in {"", ".", ".."} or "\\" in name:
            raise self.malformed(f"{place}._file is {name!r}, expected the name of a file beside the archive")
        try:
            return read_bounded(self.path.parent / name, most=_MAX_ATTACHED, follow_link=False)
        except OSError as error:
            raise self.malformed(f"{place}._file names {name!r}, which cannot be read: {error.strerror}") from error

    def _object(self, node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = node.get(name)
        if not isinstance(value, Mapping):
            raise self.malformed(f"{name} is {type(value).__name__}, expected an object")
        return value

    def _text(self, node: Mapping[str, Any], place: str, name: str) -> str:
        value = node.get(name)
        if not isinstance(value, str):
            raise self.malformed(f"{place}.{name} is {type(value).__name__}, expected a string")
        return value

    def _headers(self, node: Mapping[str, Any], place: str) -> dict[str, str]:
        records = node.get("headers")
        if not isinstance(records, list):
            raise self.malformed(f"{place}.headers is {type(records).__name__}, expected a list")
        found: dict[str, str] = {}
        for number, record in enumerate(records):
            if not isinstance(record, Mapping):
                raise self.malformed(f"{place}.headers[{number}] is {type(record).__name__}, expected an object")
            name = self._text(record, f"{place}.headers[{number}]", "name").lower()
            value = self._text(record, f"{place}.headers[{number}]", "value")
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found


def entries_of(path: Path) -> Iterator[Entry]:
    """List the entries of a file, reading no further than the one that is asked for.

    Args:
        path: The file, packed with gzip or not.

    Raises:
        HarError: If the file cannot be read, is too large, is no JSON, or no HAR.
    """
    with opened(path) as file:
        scan, number = EntryScan(file, str(path)), 0
        for number, (_, content) in enumerate(scan, start=1):
            index = number - 1
            yield Entry(path, index, parsed(content, f"{path}, entry {index}"), n_bytes=len(content))
        if scan.is_cut:
            raise HarError(f"{path} is no JSON: it ends within entry {number}")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open an archive, unpacked, for reading anywhere in it.

    Raises:
        HarError: If the file cannot be read, is too large, or is packed in another way than with gzip.
    """
    with ExitStack() as files:
        try:
            file: BinaryIO = files.enter_context(open_regular(path))
            start = file.read(len(_ZIP))
            if start.startswith(_GZIP):
                file = files.enter_context(_unpacked(file))
            elif start == _ZIP:
                raise HarError(f"{path} is a zip archive; unpack it and give the .har file in it")
            if file.seek(0, os.SEEK_END) > MAX_BYTES:
                raise HarError(f"{path} holds more than {MAX_BYTES // 2**20} MiB; keep only the entries of the API")
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise HarError(f"{path} is no whole gzip file: {error}") from error
        except OSError as error:
            raise HarError(f"{path} cannot be read: {error.strerror or error}") from error
        yield file


def _unpacked(packed: BinaryIO) -> BinaryIO:
    """Unpack into a file that nobody else sees, which goes when it is closed."""
    packed.seek(0)
    with ExitStack() as files:
        unpacked = files.enter_context(tempfile.TemporaryFile())
        with gzip.open(packed) as source:
            while (piece := source.read(2**20)) and unpacked.tell() <= MAX_BYTES:
                unpacked.write(piece)
        files.pop_all()
    return unpacked


def parsed(content: bytes, name: str) -> Any:
    """Parse one entry.

    Raises:
        HarError: If it is no JSON.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        strict = error
    try:
        # Some recorders write what strict JSON has not: halves of surrogate pairs, NaN.
        return json.loads(content)
    except (ValueError, RecursionError):
        raise HarError(f"{name} is no JSON: {strict}") from strict


def _is_duration(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12


def _pattern(path: str) -> re.Pattern[str]:
    """Make a pattern of a path of the document; a parameter in braces is any one segment."""
    parts = re.split(r"\{[^}]*\}", path)
    return re.compile("[^/]+".join(map(re.escape, parts)) + r"\Z")
