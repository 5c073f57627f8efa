"""`masks explain` lists and explains the defects."""

from __future__ import annotations

from sam3_contract.masks import DEFECTS
from tests.cli.masks.commands import Command, Outcome


def test_explain_prints_this_transcript(command: Command) -> None:
    explained = (
        "RLE04 size_swapped (error)\n"
        "\n"
        "`size` is [width, height]; the sum of the runs cannot tell.\n"
        "\n"
        "  cause     Image libraries give (width, height), COCO wants [height, width].\n"
        "  mend      Swap the two numbers; the counts need no change if they go down the columns.\n"
        '  example   {"size": [4, 6], "counts": "5220;"}\n'
        "            of an image 4 pixels wide and 6 high\n"
    )

    assert command("explain", "RLE04") == Outcome(0, explained, "")
    assert command("explain", "Size_Swapped").stdout == explained


def test_explain_lists_the_catalogue(command: Command) -> None:
    listed = command("explain").stdout.splitlines()

    assert [line.split()[:3] for line in listed] == [[d.code, d.name, d.severity] for d in DEFECTS]


def test_every_defect_can_be_explained(command: Command) -> None:
    for defect in DEFECTS:
        outcome = command("explain", defect.code)

        assert outcome.status == 0
        assert max(map(len, outcome.stdout.splitlines())) < 160
