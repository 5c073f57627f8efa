"""Tar archives read member by member, of which a damaged one is never taken for a shorter one."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from tarfile import EOFHeaderError  # type: ignore[attr-defined]  # typeshed does not know it
from typing import IO, Final, Self

from sam3_contract.auditing.names import is_named_as_masks

__all__ = ["DAMAGE", "is_tar", "members_of", "ranges_of_members"]

_MAGIC: Final = (257, b"ustar")


class _Damaged(tarfile.TarError):
    """The archive is cut short, or is none at some place."""


DAMAGE: Final = tarfile.TarError
"""What reading a damaged archive raises, or one of its members."""

_LONGEST_NAME: Final = 2**20
"""Bytes of a header's own header, such as a long name: ``tarfile`` reads it at once."""
_OF_NEXT: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _Header(tarfile.TarInfo):
    """A header that is there and sound: ``tarfile`` itself takes anything else for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0 or (header.type in _OF_NEXT and header.size > _LONGEST_NAME):
            raise _Damaged(f"a header says that {header.size} bytes follow")
        return header

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        place = tarfile_.offset
        try:
            return super().fromtarfile(tarfile_)
        except EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            said = "it ends without a mark of its end" if str(error) == "empty header" else str(error)
            raise _Damaged(f"{said}, at byte {place}") from error
        except (ValueError, IndexError) as error:
            raise _Damaged(f"a header makes no sense ({error}), at byte {place}") from error
        except RecursionError as error:
            # Told of at the outermost, for the same is raised at each of a thousand levels.
            raise _Damaged(f"headers of headers without end, from byte {place} on") from error


def is_tar(stream: io.BufferedReader) -> bool:
    """Tell whether a stream begins as a tar."""
    place, magic = _MAGIC
    return stream.peek(place + len(magic))[place:].startswith(magic)


def members_of(stream: IO[bytes], *, stop: int | None = None) -> Iterator[tuple[str, io.BufferedReader]]:
    """Open the files of masks in a tar, one after the other.

    Args:
        stream: At the beginning of a member; has to be seekable if *stop* is given.
        stop: Byte of the stream from which on members are left to somebody else; without it no byte is skipped, as a
            pipe needs it, with it those of other files are.

    Yields:
        The name of each and its content, which has to be read before the next is asked for.

    Raises:
        DAMAGE: If the archive is cut short, or is none at some place; reading a member may raise it too.
    """
    with _archive(stream, "r|" if stop is None else "r:") as archive:
        for member in _each(archive):
            if stop is not None and member.offset >= stop:
                return
            archive.members = []  # type: ignore[attr-defined]  # it would keep them all
            if member.isreg() and is_named_as_masks(member.name):
                content = archive.extractfile(member)
                assert isinstance(content, io.BufferedReader)
                yield member.name.encode("utf-8", "backslashreplace").decode(), content


def ranges_of_members(file: IO[bytes], unit_bytes: int) -> Iterator[int]:
    """Cut a tar between members.

    Args:
        file: The archive, from its beginning.
        unit_bytes: Text of masks in a range, at least.

    Yields:
        Where each range begins, in bytes. Where the archive is damaged they end: whoever reads the last says so.
    """
    length = 0
    yield 0
    try:
        with _archive(file, "r:") as archive:
            for member in _each(archive):
                archive.members = []  # type: ignore[attr-defined]
                if length >= unit_bytes:
                    yield member.offset
                    length = 0
                length += member.size if is_named_as_masks(member.name) else 0
    except DAMAGE:
        return


def _each(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Go from member to member; never back, as sizes below zero would, which a header's own headers can bring in."""
    while (member := archive.next()) is not None:
        if member.size < 0 or archive.offset <= member.offset:
            raise _Damaged(f"a member says that it ends before it begins, at byte {member.offset}")
        yield member


def _archive(stream: IO[bytes], mode: str) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode=mode, tarinfo=_Header)  # type: ignore[call-overload,no-any-return]
