"""The quick look at texts of plainly sound masks: it never passes what the full one finds something in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pycocotools import mask as pycoco

from sam3_contract.mask_files import judging
from sam3_contract.mask_files.batches import Lines
from sam3_contract.mask_files.plain import numbers_of_plain_masks
from sam3_contract.masks import Breach, counts_from_run_lengths, parse_rles, plainly_sound
from sam3_contract.masks.rle.oddities import oddities_of
from tests.properties import examples

RLE = {"size": [4, 6], "counts": "5220;"}


def encoded(bitmap: np.ndarray) -> dict[str, Any]:
    rle = pycoco.encode(np.asfortranarray(bitmap.astype(np.uint8)))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode()}


def drawn(seed: int, *, height: int = 61, width: int = 44) -> dict[str, Any]:
    """A blob with noise, whose text has backslashes and values of one character to three."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[:height, :width]
    bitmap = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (height / 3) ** 2
    return encoded(bitmap ^ (rng.random((height, width)) < rng.choice([0.0, 0.02, 0.5])))


def judged_in_full(lines: Lines) -> judging.Judged:
    def none(texts: Sequence[bytes], *, image_size: object) -> Iterator[None]:  # noqa: ARG001 - its signature
        return iter([None] * len(texts))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(judging, "numbers_of_plain_masks", none)
        patched.setattr(judging, "are_plain", lambda records: [False] * len(records))
        return judging.judge(lines)


STRAY = [
    *(bytes([byte]) for byte in b'01oP\\"{}[],: \n-\xff'),
    *(b"", b"\\\\", b"e999", b"9" * 19, "\u00e9".encode(), b"null", b"NaN", b'"counts": "', b'"counts":""', b'"x":1,'),
]
# A mutation of text: where, as a fraction of its length, how many characters go, what comes there.
MUTATIONS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 3),
        st.sampled_from(STRAY),
    ),
    min_size=1,
    max_size=3,
)


def mutated(text: bytes, mutations: list[tuple[float, int, bytes]]) -> bytes:
    for where, n_gone, comes in mutations:
        place = int(where * len(text))
        text = text[:place] + comes + text[place + n_gone :]
    return text


SEEDS = st.integers(0, 40)
SHAPES = st.sampled_from(
    [
        lambda rle: rle,
        lambda rle: {"masks": rle, "confidence": 0.9123, "format": "rle"},
        lambda rle: {"masks": rle, "format": "polygon"},
        lambda rle: [{"segmentation": rle, "image_id": 3, "category_id": 1, "score": 1e-5}] * 2,
        lambda rle: {
            "image": {"height": 61, "width": 44, "file_name": "a.jpg"},
            "annotations": [{"segmentation": rle}],
        },
        lambda rle: {"image": {"height": 44, "width": 61}, "annotations": [{"segmentation": rle, "area": 3}]},
        lambda rle: {"prompt_results": [{"prompt_index": 0, "predictions": [{"masks": rle}] * 70}], "time": 0.1},
        lambda rle: {"predictions": [{"masks": rle}, {"masks": [[[1, 1], [1, 3], [3, 3], [3, 1]]]}]},
    ]
)


@examples(100)
@given(st.lists(st.tuples(SHAPES, SEEDS, st.none() | MUTATIONS), min_size=1, max_size=4))
def test_both_ways_find_the_same(lines: list[Any]) -> None:
    texts = [json.dumps(shape(drawn(seed))).encode() for shape, seed, _ in lines]
    batch = Lines(
        1, tuple(text if how is None else mutated(text, how) for text, (_, _, how) in zip(texts, lines, strict=True))
    )

    assert judging.judge(batch) == judged_in_full(batch)


@pytest.mark.parametrize(
    "text",
    [
        '{"masks": RLE, "masks": RLE}',
        '{"masks": RLE, "x": 1, "x": 2}',
        '{"masks": RLE, "x": NaN}',
        '{"masks": RLE, "x": 18446744073709551616}',
        '{"masks": RLE, "x": 1e400}',
        '{"masks": RLE, "x": -1E0400}',
        '{"masks": RLE, "x": ' + "[" * 70 + "]" * 70 + "}",
        '{"masks": RLE, "x": ' + '["]",' * 70 + "1" + "]" * 70 + "}",
        '{"masks": {"size": [4, 6], "counts": "5220;", "counts": "5220;"}}',
        '{"masks": {"size": [4, 6], "counts" : ""}, "x": {"counts": "5220;"}}',
        '{"masks": {"size": [4, 6], "c\\u006funts": ""}, "x": {"counts": "5220;"}}',
        '{"masks": {"size": [4, true], "counts": "5220;"}}',
        '{"masks": {"size": [4, 6], "counts": "5220\\n"}}',
        '{"masks": RLE, "format": "png"}',
        '[RLE, {"error": "no mask"}]',
        '{"masks": {"size": [4, 6], "counts": "5220\\ud800"}}',
        '{"masks": {"size": [4, 6], "counts": "5220?"}}',
        "RLE RLE",
        "RLE\x0b",
        "\ufeffRLE",
    ],
)
def test_what_is_found_in_full_is_not_plain(text: str) -> None:
    lines = Lines(1, (text.replace("RLE", json.dumps(RLE)).encode(),))

    in_full = judged_in_full(lines)
    assert in_full.findings or in_full.absent
    assert judging.judge(lines) == in_full
    assert list(numbers_of_plain_masks(lines.texts, image_size=None)) == [None]


@pytest.mark.parametrize(
    "texts",
    [
        ["[RLE", "RLE]"],
        ["[RLE", "RLE]", "RLE,RLE"],
        ["[[RLE", "RLE]]", 'RLE,"next text",RLE'],
        ['{"masks": RLE, "x": [RLE', "RLE]}", "RLE, RLE"],
        ['{"masks": RLE, "x": "', '"}', "RLE"],
        ['{"masks": {"size": [4, 6], "counts": "5220;', '5220;"}}', "RLE"],
        ['{"masks": {"size": [4, 6], "counts": "', '"}, "x": "y"}', "RLE"],
        ['RLE,"next text"', "RLE"],
        ["RLE", '"next text",RLE'],
        ["RLE", '"next text"', "RLE"],
        ["RLE", '["next text"]', "RLE"],
        ["RLE", '{"masks": RLE, "x": "next text"}', "RLE"],
        ["RLE", "[]", "{}", "RLE"],
        ["RLE]", "[RLE"],
        ["RLE", "", " ", "RLE"],
        ["RLE", '{"masks": RLE, "x": ' + "[" * 63 + "]" * 63 + "}", "RLE"],
        ["RLE", '{"masks": RLE, "x": ' + "[" * 64 + "]" * 64 + "}", "RLE"],
        ["RLE", '{"masks": RLE, "x": ' + '{"y":' * 40 + '[["]"]]' + "}" * 40 + "}", "RLE"],
    ],
)
def test_no_line_is_read_into_the_next(texts: list[str]) -> None:
    lines = Lines(1, tuple(text.replace("RLE", json.dumps(RLE)).encode() for text in texts))

    assert judging.judge(lines) == judged_in_full(lines)


def test_lines_beside_an_odd_one_are_plain_still() -> None:
    texts = [json.dumps(drawn(seed % 7)).encode() for seed in range(150)]
    texts[70] = b'{"masks": '

    numbers = list(numbers_of_plain_masks(texts, image_size=None))

    assert numbers == [1] * 70 + [None] + [1] * 79


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")])
def test_ordinary_texts_are_plain(separators: tuple[str, str]) -> None:
    rles = [drawn(seed) for seed in (0, 3, 5)]
    values = [
        {"masks": rles[0], "confidence": 0.9, "format": "rle"},
        {"prompt_results": [{"echo": {"text": "x"}, "predictions": [{"masks": rle} for rle in rles * 30]}]},
        {"image": {"height": 61, "width": 44}, "annotations": [{"segmentation": rle} for rle in rles]},
    ]
    texts = [json.dumps(value, separators=separators).encode() for value in values]

    assert any(b"\\\\" in text for text in texts)
    assert list(numbers_of_plain_masks(texts, image_size=(61, 44))) == [1, 90, 3]
    assert list(numbers_of_plain_masks(texts, image_size=(44, 61))) == [None, None, 3]


def found_in_full(rles: list[dict[str, Any]]) -> list[bool]:
    batch = parse_rles(rles)
    odd = {index for index, _ in oddities_of(batch)}
    return [breach != Breach.NONE or index in odd for index, breach in enumerate(batch.breaches.tolist())]


CHARACTERS = st.text([chr(code) for code in range(48, 112)] + ["/", "p", " "], max_size=24)
SIDES = st.integers(-1, 40) | st.sampled_from([2**13, 2**15, 2**16, 2**31, 2**40])


@examples(100)
@given(st.lists(st.tuples(st.tuples(SIDES, SIDES), CHARACTERS), min_size=1, max_size=6))
@example([((4, 6), "5220;")])
@example([((4, 6), "52200000;")])
@example([((4, 6), "5220P0"), ((4, 6), "5220;")])
@example([((4, 6), "hPo0"), ((1, 24), "0X")])
def test_no_breach_and_nothing_odd_is_plain(masks: list[tuple[tuple[int, int], str]]) -> None:
    plain = plainly_sound([text.encode() for _, text in masks], sizes=[size for size, _ in masks])

    full = found_in_full([{"size": list(size), "counts": text} for size, text in masks])
    assert not any(is_plain and found for is_plain, found in zip(plain.tolist(), full, strict=True))


@given(
    st.lists(st.tuples(SEEDS, st.integers(1, 90), st.integers(1, 90), st.none() | MUTATIONS), min_size=1, max_size=5)
)
def test_drawn_masks_with_mutations_are_not_passed(masks: list[Any]) -> None:
    rles = [drawn(seed, height=height, width=width) for seed, height, width, _ in masks]
    texts = [
        rle["counts"].encode() if how is None else mutated(rle["counts"].encode(), how)
        for rle, (*_, how) in zip(rles, masks, strict=True)
    ]
    plain = plainly_sound(texts, sizes=[tuple(rle["size"]) for rle in rles])

    full = found_in_full([{**rle, "counts": text.decode("latin-1")} for rle, text in zip(rles, texts, strict=True)])
    assert not any(is_plain and found for is_plain, found in zip(plain.tolist(), full, strict=True))


@pytest.mark.parametrize("values", [[5, 2, 17], [2**29, 2**29, 2**29], [2**31 - 1, 1, 2**31 + 7]])
def test_sums_beyond_32_bits_are_not_plain(values: list[int]) -> None:
    """Runs that would only fill the mask modulo 2**32."""
    text = counts_from_run_lengths(np.array(values, np.int64))
    size = (4, 6) if sum(values) == 24 else (1, sum(values) % 2**32)

    assert plainly_sound([text.encode()], sizes=[size]).tolist() == [sum(values) == 24]


def test_wide_values_and_large_masks_are_plain() -> None:
    large = np.zeros((3000, 2500), np.bool_)
    large[100:200, 5:9] = True
    rles = [encoded(large), encoded(large[:, 5:8]), drawn(7)]

    plain = plainly_sound([rle["counts"].encode() for rle in rles], sizes=[tuple(rle["size"]) for rle in rles])

    assert plain.tolist() == [True] * 3
