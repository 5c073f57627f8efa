"""`masks show` draws masks, and how two answers differ."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from sam3_contract import masks
from sam3_contract.cli.masks.show import show
from tests.cli.masks.commands import CUT, Command, Outcome, answer, holed, plain, prediction, written


def test_show_draws_the_masks(command: Command, photograph: str) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(holed()), masks.rle_from_bitmap(plain())))

    outcome = command("show", photograph, "rle.json", "-o", "out.png")

    assert outcome == Outcome(0, "", "")
    with Image.open("out.png") as picture:
        assert picture.size == (660, 440)


def test_show_draws_the_sound_masks_and_names_the_others(command: Command, photograph: str) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(plain()), CUT, masks.rle_from_bitmap(plain().T)))

    outcome = command("show", photograph, "rle.json", "-o", "out.png")

    assert [line.split(" at ")[0] for line in outcome.stderr.splitlines()] == [
        "sam3-contract: rle.json: RLE13 counts_cut_short",
        "sam3-contract: rle.json: RLE04 size_swapped",
    ]
    assert outcome.status == 1
    assert Path("out.png").exists()


def test_show_diff_prints_this_transcript(command: Command, photograph: str) -> None:
    lonely = np.zeros((40, 60), np.bool_)
    lonely[30:39, 2:6] = True
    line = np.zeros((40, 60), np.bool_)
    line[2, 2:20] = True
    first = [masks.rle_from_bitmap(bitmap) for bitmap in (holed(), plain(), lonely, line)]
    turned = [[[2, 2], [2, 19]]]
    second = [masks.polygons_from_bitmap(bitmap) for bitmap in (np.roll(plain(), 2, axis=0), holed())]
    written("first.json", answer(*first))
    written("second.json", answer(*second, turned, declared="polygon"))

    outcome = command("show", photograph, "first.json", "--diff", "second.json", "-o", "out.png")

    assert outcome.stdout == (
        "  1  cup 0.50  cup 0.62  IoU 0.9289  the second mask is the first with its holes filled: 96 pixels\n"
        "  2  cup 0.62  cup 0.50  IoU 0.5000  the second mask is the first, moved by 2 px down\n"
        "  3  cup 0.75  -         IoU      -  only in the first answer\n"
        "  4  cup 0.88  cup 0.75  IoU 0.0286  the second mask is the first with x and y swapped\n"
        "\n"
        "4 instances: 1 the same, 2 different, 1 only in the first, 0 only in the second\n"
    )
    assert outcome.stderr == ""
    assert outcome.status == 1


def test_show_diff_writes_out_what_a_server_echoes(command: Command, photograph: str) -> None:
    evil = answer(masks.rle_from_bitmap(plain()))
    evil["prompt_results"][0]["echo"]["text"] = "cup\x1b]0;renamed\x07"
    written("first.json", evil)

    outcome = command("show", photograph, "first.json", "--diff", "first.json", "-o", "out.png")

    assert outcome.status == 0
    assert r"cup\x1b]0;renamed\x07" in outcome.stdout
    assert not set("\x1b\x07") & set(outcome.stdout + outcome.stderr)


def test_show_writes_to_standard_output(photograph: str) -> None:
    written("answer.json", prediction(masks.rle_from_bitmap(np.eye(40, 60, dtype=np.bool_))))

    drawn = CliRunner().invoke(show, [photograph, "answer.json", "-o", "-"])
    compared = CliRunner().invoke(show, [photograph, "answer.json", "--diff", "answer.json", "-o", "-"])

    assert [Image.open(io.BytesIO(one.stdout_bytes)).format for one in (drawn, compared)] == ["PNG", "PNG"]
    assert "the masks are equal" in compared.stderr
    assert not Path("-").exists()


@pytest.mark.parametrize("output", ["photo.png", "rle.json", "link.png"])
def test_show_does_not_replace_what_it_shows(command: Command, photograph: str, output: str) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(plain())))
    Path("link.png").symlink_to(photograph)
    before = Path(output).read_bytes()

    outcome = command("show", photograph, "rle.json", "-o", output)

    assert (outcome.status, Path(output).read_bytes()) == (2, before)
    assert f"{output} is what is shown: write the picture to another file" in outcome.stderr


def test_show_that_cannot_write_keeps_the_old_picture(
    command: Command, photograph: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written("rle.json", answer(masks.rle_from_bitmap(plain())))
    Path("out.png").write_bytes(b"old")
    there = sorted(Path().iterdir())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = command("show", photograph, "rle.json", "-o", "out.png")

    assert (outcome.status, Path("out.png").read_bytes()) == (2, b"old")
    assert "out.png cannot be written: No space left on device" in outcome.stderr
    assert sorted(Path().iterdir()) == there


def test_show_diff_of_one_answer_in_two_forms_finds_no_difference(command: Command, photograph: str) -> None:
    written("first.json", answer(masks.rle_from_bitmap(holed()), masks.rle_from_bitmap(plain())))
    polygons = [masks.polygons_from_bitmap(bitmap) for bitmap in (holed(), plain())]
    written("second.json", answer(*polygons, declared="polygon"))

    outcome = command("show", photograph, "first.json", "--diff", "second.json", "-o", "out.png")

    assert outcome.status == 0
    assert outcome.stdout.endswith("2 instances: 2 the same, 0 different, 0 only in the first, 0 only in the second\n")


def test_show_diff_diagnoses_a_swapped_size(command: Command, photograph: str) -> None:
    rle = masks.rle_from_bitmap(plain())
    written("first.json", answer(rle))
    written("second.json", answer({**rle, "size": rle["size"][::-1]}))

    outcome = command("show", photograph, "first.json", "--diff", "second.json", "-o", "out.png")

    assert "the second mask is the first with its size swapped: [60, 40] for [40, 60]" in outcome.stdout
    assert "second.json: RLE04 size_swapped" in outcome.stderr
    assert outcome.status == 1
