"""Masks in Parquet: every kind of cell, row groups as units, and files that are none."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from pycocotools import mask as coco

from sam3_contract.auditing import Summary, audit
from sam3_contract.auditing.running import outcomes_here
from sam3_contract.auditing.units import Terms, units_of
from sam3_contract.mask_files.judging import LocatedFinding

SOUND = {"size": [4, 6], "counts": "5220;"}
CUT = {"size": [4, 6], "counts": "5220k"}
RING = [[1.0, 1.0, 1.0, 3.0, 3.0, 3.0]]


def table(path: Path, columns: dict[str, list[Any]], **options: Any) -> Path:
    # Only here: each worker collects this file, and pyarrow takes 30 MB.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import write_table  # noqa: PLC0415

    write_table(pa.table(columns), path, **options)
    return path


def found_in(*paths: Path | str, **options: Any) -> tuple[Summary, list[tuple[str, str]]]:
    found: list[tuple[str, str]] = []

    def note(_: str, one: LocatedFinding) -> None:
        found.append((one.finding.path, one.finding.name))

    return audit(paths, found=note, **options), found


@pytest.mark.parametrize(
    ("column", "sound", "broken", "names"),
    [
        ("segmentation", SOUND, CUT, ["counts_cut_short"]),
        ("masks", {**SOUND, "counts": b"5220;"}, {**CUT, "counts": b"5220k"}, ["counts_cut_short"]),
        ("segmentation", RING, [[1.0, 1.0, 1.0]], ["ring_too_short"]),
        ("rle", json.dumps(SOUND), json.dumps(CUT), ["counts_cut_short"]),
        ("rle", json.dumps(SOUND), '{"size": [4, 6]', ["not_json"]),
        ("counts", "5220;", "5220k", ["counts_cut_short"]),
        ("counts", b"5220;", b"5220k", ["counts_cut_short"]),
        ("masks", [{"masks": SOUND}], [{"masks": SOUND}, {"masks": CUT}], ["counts_cut_short"]),
        ("masks", [SOUND], [{**SOUND, "extra": 1}, CUT], ["counts_cut_short"]),
        ("masks", {"predictions": [{"masks": SOUND}]}, {"predictions": [{"masks": CUT}]}, ["counts_cut_short"]),
        ("masks", json.dumps([{"masks": SOUND}, {"masks": SOUND}]), json.dumps([{"masks": CUT}]), ["counts_cut_short"]),
    ],
)
def test_cells_of_every_kind_are_read(tmp_path: Path, column: str, sound: Any, broken: Any, names: list[str]) -> None:
    cells = [sound, sound, broken, sound]
    path = table(tmp_path / "a.parquet", {"id": [1, 2, 3, 4], "height": [4] * 4, "width": [6] * 4, column: cells})

    summary, found = found_in(path)

    assert all(where.startswith(f"$[2].{column}") for where, _ in found)
    assert [name for _, name in found] == names
    assert summary.unread == []
    assert summary.n_faulty == ("not_json" not in names)


@pytest.mark.parametrize("column", ["counts", "rle"])
def test_counts_that_begin_as_a_list_does_are_counts(tmp_path: Path, column: str) -> None:
    bitmaps = np.zeros((2000, 64, 64), np.uint8)
    for start, bitmap in enumerate(bitmaps.reshape(2000, -1)):
        bitmap[start : start + 40] = 1
    encoded = [coco.encode(np.asfortranarray(bitmap.T))["counts"].decode() for bitmap in bitmaps]
    texts = [text for text in encoded if text.startswith("[")]
    assert len(texts) > 50
    columns = {"height": [64] * len(texts), "width": [64] * len(texts), column: texts}

    summary, found = found_in(table(tmp_path / "a.parquet", columns))

    assert (summary.n_masks, found) == (len(texts), [])


@pytest.mark.parametrize(("text", "name"), [("[[1,2],[3", "not_json"), ("[]", None), ("[5220k", "counts_cut_short")])
def test_text_that_begins_as_a_list_does_is_told_from_counts(tmp_path: Path, text: str, name: str | None) -> None:
    path = table(tmp_path / "a.parquet", {"height": [64], "width": [64], "rle": [text]})

    assert [name for _, name in found_in(path)[1]] == ([] if name is None else [name])


@pytest.mark.parametrize("prefix", ["", "segmentation."])
def test_size_beside_counts_is_the_mask_s(tmp_path: Path, prefix: str) -> None:
    columns = {f"{prefix}counts": ["5220;"] * 3, f"{prefix}size": [[4, 6], [6, 4], None]}

    summary, found = found_in(table(tmp_path / "a.parquet", columns | {"height": [4] * 3, "width": [6] * 3}))

    assert (summary.n_masks, found) == (3, [(f"$[1].{prefix}counts.size", "size_swapped")])
    assert found_in(table(tmp_path / "b.parquet", {name: cells[:1] for name, cells in columns.items()}))[1] == []


def test_the_size_beside_a_mask_is_the_image_s(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"masks": [SOUND, SOUND], "height": [4, 6], "width": [6, 4]})

    assert found_in(path)[1] == [("$[1].masks.size", "size_swapped")]


def test_what_is_missing_in_a_cell_is_told(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"segmentation": [SOUND, None, {"size": None, "counts": "5220;"}]})

    summary, found = found_in(path)

    assert summary.n_masks == 2
    assert sorted(found) == [
        ("$[1].segmentation", "segmentation_missing"),
        ("$[2].segmentation.size", "size_not_integers"),
    ]


def test_cell_without_a_value_is_no_broken_mask(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"mask": [json.dumps(SOUND), None]})

    summary, found = found_in(path)

    assert (summary.n_masks, summary.n_faulty) == (1, 0)
    assert found == [("$[1].mask", "segmentation_missing")]


@pytest.mark.parametrize("unit_bytes", [1, 2**20])
@pytest.mark.parametrize("compression", ["snappy", "zstd"])
def test_row_groups_are_units(tmp_path: Path, unit_bytes: int, compression: str) -> None:
    cells = [CUT if number % 700 == 0 else SOUND for number in range(2000)]
    path = table(tmp_path / "a.parquet", {"masks": cells}, row_group_size=600, compression=compression)
    units = list(units_of([str(path)], Terms(), unit_bytes=unit_bytes))
    summary = Summary([str(path)])

    found = [one.finding.path for outcome in outcomes_here(units, Terms()) for one in summary.add(outcome)]

    assert len(units) == (4 if unit_bytes == 1 else 1)
    assert found == ["$[0].masks.counts", "$[700].masks.counts", "$[1400].masks.counts"]
    assert summary.n_masks == 2000


def test_a_column_is_chosen_or_its_lack_told_with_those_there_are(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"id": [1], "shape": [CUT]})
    (tmp_path / "b.json").write_text(json.dumps(CUT), encoding="utf-8")

    assert found_in(path, column="shape")[1] == [("$[0].shape.counts", "counts_cut_short")]
    summary, found = found_in(path, tmp_path / "b.json")
    assert summary.unread == [
        f"{path} has no column of masks (segmentation, masks, mask, rle, polygons, counts, segmentation.counts), "
        "but id, shape; --column names another"
    ]
    assert [name for _, name in found] == ["counts_cut_short"]
    assert found_in(path, column="masks")[0].unread == [
        f"{path} has no column 'masks', but id, shape; --column names another"
    ]


@pytest.mark.parametrize("length", [6, 40, -40])
def test_a_file_that_is_cut_short_says_so(tmp_path: Path, length: int) -> None:
    path = table(tmp_path / "a.parquet", {"masks": [SOUND] * 50})
    path.write_bytes(path.read_bytes()[:length])

    [reason] = audit([path]).unread

    assert reason.startswith(f"{path} is Parquet that is damaged or cut short: ")


def test_parquet_comes_by_url_but_not_packed_once_more(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"masks": [SOUND, CUT]})
    with fsspec.open("memory://tables/a.parquet", "wb") as file:
        file.write(path.read_bytes())
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress(path.read_bytes()))

    assert found_in("memory://tables/a.parquet")[1] == [("$[1].masks.counts", "counts_cut_short")]
    [reason] = audit([tmp_path / "b.parquet.gz"]).unread
    assert reason.endswith("b.parquet.gz is Parquet packed once more, or in a pipe; unpack it into a file")


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "a.parquet", {"masks": [SOUND]})
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    assert audit([path]).unread == [
        f"{path} cannot be read: pyarrow is missing, and Parquet is read with it: pip install 'sam3-contract[parquet]'"
    ]
