"""Files of recorded calls: an index of what they hold in memory, the calls themselves on the disk.

A cassette of ours is a HAR file with an entry a line, and beside it a folder of images, each once, named by digest. An
entry is put over the three brackets that close the file, with three new ones behind it, in one write under a lock. So
other tools can read the file at any time, processes that record into one file lose nothing to each other, and one that
is killed loses no more than the entry it was writing, which the next one to write takes away.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO, Final

import harfile
import orjson

from sam3_contract.errors import HarError, OutputError, UsageError
from sam3_contract.files.atomic import write_atomically
from sam3_contract.har.entry import Entry, opened, parsed
from sam3_contract.har.scanning import EntryScan
from sam3_contract.recording.entries import Recorded
from sam3_contract.recording.meaning import Meaning, meaning_of
from sam3_contract.recording.messages import Answer, Headers, Request, operation_of
from sam3_contract.recording.packing import PackedError, codings_of, content_of, unpacked
from sam3_contract.recording.secrets import loaded, secrets_of
from sam3_contract.recording.upstream import MAX_ANSWER, carried_on
from sam3_contract.spec import Contract

_CREATOR: Final = "sam3-contract recording"
_COMMENT: Final = "Keys are taken out. Images are in the folder beside this file, by their digests."
_TAIL: Final = b"\n]}}\n"
_OURS: Final = re.compile(rb'\{"log":\{"version":"[^"]*","creator":\{"name":"sam3-contract recording"')
_ANEW: Final = "_anew"
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # of a header, RFC 9110; not HTTP/2's ``:status``
_WORDS: Final = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class Call:
    """A recorded call: where it is in the file, and what it asks for.

    Attributes:
        index: Its number in the file, from 0.
        start: The byte it begins at.
        length: Its bytes.
        operation: The ``operationId``.
        rest: Digest of all that it asks for but the image.
        image: Name of its image, as of `Meaning`.
        run: The run that recorded it in place of what there was before, if anything; empty if it was added.
    """

    index: int
    start: int
    length: int
    operation: str
    rest: bytes
    image: str
    run: str = ""


class Cassette:
    """A file of recorded calls.

    Args:
        path: The file: HAR of any recorder, packed with gzip or not. It need not be there yet.
        contract: Which operations count; entries of others are passed over.

    Attributes:
        path: The file.
        calls: The recorded calls, in the order of the file.
        was_there: Whether the file was there when it was opened; one without a byte, whose recorder was killed before
            it wrote any, was not.
        left_out: A sentence about each entry of the contract's that cannot be played, and about one that is not whole
            because its recorder was killed.

    Raises:
        HarError: If the file cannot be read, is damaged, or is no HAR; it names the place.
    """

    def __init__(self, path: Path, contract: Contract) -> None:
        self.path = path
        self.calls: list[Call] = []
        self.was_there = path.exists() and not _is_empty(path)
        self.left_out: list[str] = []
        self._contract = contract
        self._lock = threading.Lock()
        self._files = ExitStack()
        self._file: BinaryIO | None = None
        self._end = self._n_entries = 0
        if self.was_there:
            self.refresh()

    @property
    def begun_by(self) -> str:
        """The run that recorded the first call; empty if that is not said."""
        return self.calls[0].run if self.calls else ""

    def close(self) -> None:
        """Let go of the file."""
        self._files.close()
        self._file = None

    def refresh(self) -> None:
        """Take in what other processes have added.

        Raises:
            HarError: If the file is damaged.
        """
        with self._lock:
            if self._file is None:
                if not self.path.exists():
                    return
                self._file = self._files.enter_context(opened(self.path))
            scan = EntryScan(self._file, str(self.path), start=self._end)
            with _held(self._file.fileno(), alone=False):  # nobody writes meanwhile
                for start, content in _entries_of(scan, self._file):
                    self._take_in(start, content)
            self._end = scan.end if self._n_entries else 0
        if scan.is_cut and not self._was_being_written():
            raise HarError(f"{self.path} is no JSON: entry {self._n_entries}, at byte {scan.end}, is not whole")
        if scan.is_cut:
            self.left_out.append(f"entry {self._n_entries}: it is not whole, its recorder was killed")

    def entry(self, call: Call) -> Entry:
        """Read a recorded call.

        Raises:
            HarError: If it is not there any more as it was.
        """
        with self._lock:
            assert self._file is not None, "a call comes from a file"
            self._file.seek(call.start)
            content = self._file.read(call.length)
        return Entry(self.path, call.index, parsed(content, f"{self.path}, entry {call.index}"))

    def answer(self, call: Call) -> Answer:
        """Read the answer of a recorded call.

        Raises:
            HarError: If it is malformed, or the recording does not hold the answer.
        """
        entry = self.entry(call)
        status, content = entry.response.get("status"), entry.response.get("content")
        body = entry.body_in(content, "response.content") if isinstance(content, dict) else None
        if not isinstance(status, int) or not 200 <= status <= 999 or body is None:
            raise entry.malformed("the recording does not hold the answer")
        received = tuple(_sendable(entry.response_headers))
        headers, body = carried_on(received), _unpacked_if_it_is_packed(body, received)
        reason = entry.response.get("statusText")
        return Answer(status, headers, body, reason if isinstance(reason, str) and _WORDS.fullmatch(reason) else "")

    def meaning(self, call: Call) -> Meaning:
        """Read what a recorded call asks for, with its image."""
        entry = self.entry(call)
        return _meaning_of(call.operation, entry, entry.posted() or b"")

    def add(self, call: Recorded, *, run: str = "") -> None:
        """Add a call to the file.

        Args:
            call: The call.
            run: The run that records in place of what there was before; empty to add.

        Raises:
            UsageError: If the file is somebody else's.
            HarError: If it cannot be written, or is damaged.
        """
        try:
            if call.image is not None:
                name, content = call.image
                kept = self.path.parent / images_of(self.path) / name
                if not kept.exists():
                    write_atomically(kept, content)
            line = orjson.dumps(self._node(call, run))
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self.path) as descriptor:
                _append(descriptor, line, self.path)
        except OSError as error:
            raise HarError(f"{self.path} cannot be written: {error.strerror or error}") from error
        except OutputError as error:
            raise HarError(str(error)) from error

    def _node(self, call: Recorded, run: str) -> dict[str, Any]:
        """Write the entry of a call, with the name of its image's file and of the run that puts it there anew."""
        node = {**call.node, _ANEW: run} if run else call.node
        if call.image is None:
            return node
        sent = node["request"]
        post = {**sent["postData"], "_image": f"{images_of(self.path)}/{call.image[0]}"}
        return {**node, "request": {**sent, "postData": post}}

    def _take_in(self, start: int, content: bytes) -> None:
        index, self._n_entries = self._n_entries, self._n_entries + 1
        entry = Entry(self.path, index, parsed(content, f"{self.path}, entry {index}"))
        operation = operation_of(entry.method, entry.url.path, self._contract)
        if operation is None:
            return
        body = entry.posted(with_image=False)
        missing = _missing(entry, body)
        if missing or body is None:
            self.left_out.append(f"entry {index}: {missing}")
            return
        meaning = _meaning_of(operation.id, entry, body)
        image = f"sha256:{entry.image_digest}" if entry.image_digest else meaning.image
        anew = entry.field(_ANEW)
        self.calls.append(
            Call(index, start, len(content), operation.id, meaning.rest, image, anew if isinstance(anew, str) else "")
        )

    def _was_being_written(self) -> bool:
        """Tell whether the file is ours, and ends as it does while an entry is put into it."""
        with self.path.open("rb") as file:
            is_ours = _OURS.match(file.read(200)) is not None
            file.seek(-len(_TAIL), os.SEEK_END)
            return is_ours and file.read() != _TAIL


def _entries_of(scan: EntryScan, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """List the entries; that the brackets which close the file are not all there yet is no damage."""
    try:
        yield from scan
    except HarError:
        if not _has_begun_to_close(scan, file):
            raise


def _has_begun_to_close(scan: EntryScan, file: BinaryIO) -> bool:
    file.seek(scan.end)
    rest = file.read(len(_TAIL) + 1)
    return len(rest) < len(_TAIL) and _TAIL.startswith(rest)


def _meaning_of(operation: str, entry: Entry, body: bytes) -> Meaning:
    """Read what an entry asks for; recordings of others may hold keys."""
    sent = Request(entry.method, entry.url.geturl(), tuple(entry.request_headers.items()), body)
    with suppress(PackedError):  # then what is asked is told apart by the packed bytes
        sent = unpacked(sent)
    return meaning_of(operation, sent.body, secrets_of(sent))


def _unpacked_if_it_is_packed(body: bytes, headers: Headers) -> bytes:
    """Unpack a body as some proxies keep it; browsers keep it unpacked, under the same headers."""
    codings = codings_of(headers)
    if codings and loaded(body) is None:
        with suppress(PackedError):
            return content_of(body, codings, most=MAX_ANSWER)
    return body


def _sendable(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Make headers out of what a file says; browsers write those that came twice as lines of one."""
    for name, value in headers.items():
        if _NAME.fullmatch(name):
            for line in value.splitlines():
                # What is not Latin-1 was UTF-8 on the wire, if it was there at all.
                text = line.encode("utf-8", "replace").decode("latin-1") if max(line, default="") > "\xff" else line
                yield name, re.sub(r"[\x00-\x08\x0a-\x1f\x7f]", "", text)


def _missing(entry: Entry, body: bytes | None) -> str:
    """Say what an entry lacks to be played; empty if it has all."""
    content = entry.response.get("content")
    holds_answer = isinstance(content, dict) and (content.keys() & {"text", "_file"})
    if body is None:
        return "the recording does not hold the body of the request"
    return "" if holds_answer and entry.response.get("status") else "the recording does not hold the answer"


def images_of(path: Path) -> str:
    """Name the folder of a cassette's images."""
    return f"{path.stem}.images"


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open a file for reading and writing, alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        with _held(descriptor, alone=True):
            yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _held(descriptor: int, *, alone: bool) -> Iterator[None]:
    """Keep other processes from writing to a file, or from using it at all; Windows lets them."""
    try:
        import fcntl  # noqa: PLC0415 - Unix only
    except ImportError:
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _is_empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0


def _append(descriptor: int, line: bytes, path: Path) -> None:
    """Put an entry into the file; where there is no room for it, the entries stay that were there."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        _write_or_take_back(descriptor, _header() + b"\n" + line, 0)
        return
    if not _OURS.match(os.pread(descriptor, 200, 0)):
        raise UsageError(f"{path} is not a recording of sam3-contract's; record into a file of its own")
    end = size - len(_TAIL)
    if os.pread(descriptor, len(_TAIL), end) != _TAIL:
        end = _end_of_whole_entries(descriptor, path)
        os.ftruncate(descriptor, end)
    is_first = os.pread(descriptor, 1, end - 1) == b"["
    _write_or_take_back(descriptor, (b"\n" if is_first else b",\n") + line, end)


def _write_or_take_back(descriptor: int, content: bytes, place: int) -> None:
    try:
        _write(descriptor, content + _TAIL, place)
    except OSError:
        os.ftruncate(descriptor, place)
        if place:
            _write(descriptor, _TAIL, place)
        raise


def _end_of_whole_entries(descriptor: int, path: Path) -> int:
    """Find where the last whole entry ends in the file of a recorder that was killed.

    Raises:
        HarError: If the file is damaged in another way.
    """
    with os.fdopen(os.dup(descriptor), "rb") as file:
        scan = EntryScan(file, str(path))
        for _ in _entries_of(scan, file):
            pass
        if not scan.is_cut and not _has_begun_to_close(scan, file):
            raise HarError(f"{path} does not end as it was written; it is left as it is")
    return scan.end


def _header() -> bytes:
    creator = {"name": _CREATOR, "version": metadata.version("sam3-contract")}
    log = {"log": {"version": harfile.HAR_VERSION, "creator": creator, "comment": _COMMENT, "entries": []}}
    return orjson.dumps(log).removesuffix(b"]}}")


def _write(descriptor: int, content: bytes, place: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, place)
        view, place = view[written:], place + written
