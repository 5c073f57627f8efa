"""What a file is that is no text: told by what libraries write."""

from __future__ import annotations

import gzip
import io
import pickle
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam3_contract.files.kinds import kind_of
from sam3_contract.masks import parse_json


def by_pillow(name: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, name)
    return file.getvalue()


def by_numpy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def by_tarfile() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return file.getvalue()


def by_zipfile() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "b")
    return file.getvalue()


EMPTY_ZIP = b"PK\5\6" + bytes(18)


def str_or_nothing(value: object) -> str:
    """Name a case by its text: some of the bytes hold the time, and workers have to agree on names."""
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        *((pickle.dumps([1], protocol), "a pickle") for protocol in (2, 3, 4, 5)),
        *((by_pillow(name), "an image") for name in ("JPEG", "PNG", "GIF", "WEBP", "TIFF")),
        *(
            (text.encode(encoding), "text in UTF-16")
            for text in ("{}", "[]", '"x"')
            for encoding in ("utf-16", "utf-16-le", "utf-16-be")
        ),
        (by_pillow("PDF"), "a PDF"),
        (by_numpy(), "an array of NumPy"),
        (by_zipfile(), "a zip archive"),
        (by_tarfile(), "a tar"),
        (gzip.compress(b"{}", mtime=0), "packed by gzip"),
    ],
    ids=str_or_nothing,
)
def test_kind_is_told_by_the_first_bytes(content: bytes, kind: str) -> None:
    assert kind_of(content).startswith(kind)


def test_parquet_is_told() -> None:
    # Only here: each worker collects this file, and pyarrow takes 40 MB.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import write_table  # noqa: PLC0415

    file = io.BytesIO()
    write_table(pa.table({"a": [1]}), file)

    assert kind_of(file.getvalue()).startswith("Parquet")


def test_database_is_told(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("create table a (b)")
    database.close()

    assert kind_of((tmp_path / "a.db").read_bytes()) == "a database of SQLite"


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", "<html>", "ImageId,EncodedPixels", "имя", '"x"'])
def test_text_is_of_no_other_kind(text: str) -> None:
    assert kind_of(text.encode()) == ""


@pytest.mark.parametrize(
    "content",
    [by_pillow("PNG"), "{}".encode("utf-16"), "{}".encode("utf-16-le"), by_tarfile(), EMPTY_ZIP],
    ids=str_or_nothing,
)
def test_finding_says_what_the_file_is(content: bytes) -> None:
    value, [finding] = parse_json(content)

    assert value is None
    assert finding.name == "not_json"
    assert kind_of(content)
    assert kind_of(content) in finding.diagnosis


def test_text_that_no_file_can_hold_is_no_json() -> None:
    """A string of Python may have half a surrogate pair, which has no bytes to tell a kind by."""
    value, [finding] = parse_json("\ud800")

    assert (value, finding.name) == (None, "not_json")
