"""Whether two lists of predictions are the same, mask by mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sam3_contract.checks.check import Breach, Severity, Shown, shown
from sam3_contract.checks.predictions import Place, list_of, number
from sam3_contract.checks.prompts import Asked
from sam3_contract.errors import MaskError
from sam3_contract.exchange import Exchange
from sam3_contract.masks import area_of_run_lengths, compare, iou_matrix, run_lengths_from_masks
from sam3_contract.predictions import prediction_lists

__all__ = [
    "SAME_CONFIDENCE",
    "SAME_IOU",
    "Measured",
    "Pairing",
    "bitmap_of",
    "differences",
    "frame_of",
    "leeway_of",
    "measured",
    "pair_up",
    "runs_of",
    "same_things",
]

Runs = NDArray[np.int64]

SAME_IOU: Final = 0.95
"""Overlap from which on two masks of a model are the same, where exactness cannot be asked for."""
SAME_CONFIDENCE: Final = 0.02
"""Difference of confidences up to which two predictions are the same, where exactness cannot be asked for."""
_PROMISED: Final = ("masks", "confidence", "format")
MAX_DIFFERENCES: Final = 4  # of one comparison; the first ones tell the story
MAX_PAIRED: Final = 256  # masks of either list that are matched; the model finds up to 200 for a prompt
MAX_FRAME: Final = 2**24  # pixels of a frame that is known from an answer only


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which predictions of two lists show the same thing.

    Attributes:
        pairs: Places in either list, and the overlap of the two masks.
        left: Places of the first list without a partner.
        right: Places of the second list without a partner.
    """

    pairs: tuple[tuple[int, int, float], ...]
    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A prediction whose mask is sound.

    Attributes:
        place: The prediction.
        runs: Its mask's runs down the columns, background first, shape ``(n_runs,)``.
    """

    place: Place
    runs: Runs


def leeway_of(exchange: Exchange) -> float:
    """Tell by how much a confidence may differ from that of another answer: not at all where a server is exact."""
    return 0.0 if exchange.exact else SAME_CONFIDENCE


def frame_of(exchange: Exchange) -> tuple[int, int] | None:
    """Tell the ``(height, width)`` of the masks of an exchange: the image's, else the one that an RLE states."""
    if exchange.case.image is not None:
        return exchange.case.image.size
    return _stated_frame(exchange)


def runs_of(place: Place, size: tuple[int, int]) -> Runs | None:
    """Measure the runs of a prediction's mask; ``None`` of one that is no sound mask, which the M checks report."""
    try:
        return run_lengths_from_masks(place.prediction.get("masks"), image_size=size)
    except (MaskError, ValueError, TypeError):
        return None


def measured(places: Iterable[Place], size: tuple[int, int]) -> list[Measured]:
    """Measure the masks of predictions, up to :data:`MAX_PAIRED`; those that are not sound are left out."""
    return [Measured(place, runs) for place in islice(places, MAX_PAIRED) if (runs := runs_of(place, size)) is not None]


def bitmap_of(runs: Runs, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw runs that go down the columns, as a bitmap of shape ``(height, width)``."""
    values = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    return np.ascontiguousarray(values.reshape(size[::-1]).T)


def pair_up(
    ours: Sequence[Runs],
    theirs: Sequence[Runs],
    *,
    least: float,
    confidences: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Pairing:
    """Match masks one to one, best overlap first.

    Args:
        ours: Runs of each mask of the first list.
        theirs: Runs of each mask of the second list.
        least: IoU under which two masks are no pair, in 0..1.
        confidences: Of either list, to tell masks apart that are the same.
    """
    if not ours or not theirs:
        return Pairing((), tuple(range(len(ours))), tuple(range(len(theirs))))
    overlaps = iou_matrix(ours, theirs)
    pairs: list[tuple[int, int, float]] = []
    left, right = set(range(len(ours))), set(range(len(theirs)))
    apart = np.zeros_like(overlaps)
    if confidences is not None:
        apart = np.abs(np.subtract.outer(np.asarray(confidences[0], float), np.asarray(confidences[1], float)))
    for flat in np.lexsort((apart.ravel(), -overlaps.ravel())).tolist():
        row, column = divmod(flat, len(theirs))
        if overlaps[row, column] < least:
            break
        if row in left and column in right:
            pairs.append((row, column, float(overlaps[row, column])))
            left.discard(row)
            right.discard(column)
    return Pairing(tuple(pairs), tuple(sorted(left)), tuple(sorted(right)))


def same_things(ours: Sequence[Measured], theirs: Sequence[Measured]) -> Pairing:
    """Match predictions that are the same in two answers; of masks that are the same, those as confident."""
    confidences = ([one.place.confidence for one in ours], [one.place.confidence for one in theirs])
    return pair_up([one.runs for one in ours], [one.runs for one in theirs], least=SAME_IOU, confidences=confidences)


def differences(ours: Asked, theirs: Asked, *, law: str) -> list[Breach]:
    """Compare the answers to two prompts that ask the same.

    Args:
        ours: The one that is taken as right.
        theirs: The other, which the breaches name.
        law: What should have been the case, for the breaches.

    Returns:
        Breaches. Where the server is not expected to be exact, none for what a model's answers may differ by; where
        it is, a warning if only the order differs that ``concept_segment`` does not promise. Empty if one of them
        holds a mask that is none, and the server is not exact.
    """
    if _content(ours) == _content(theirs):
        return []
    size = frame_of(theirs.exchange) or frame_of(ours.exchange)
    if size is None:
        return []
    found = list(_unlike(ours, theirs, size, law))
    if found or not theirs.exchange.exact:
        return found
    return [_nearly(ours, theirs, law, "warning" if _only_reordered(ours, theirs) else None)]


def _unlike(ours: Asked, theirs: Asked, size: tuple[int, int], law: str) -> Iterator[Breach]:
    first, second = measured(ours.places, size), measured(theirs.places, size)
    if len(first) != len(ours.places) or len(second) != len(theirs.places):
        return
    pairing = same_things(first, second)
    for row, column, _ in pairing.pairs[:MAX_DIFFERENCES]:
        before, after = (number(one.place.prediction.get("confidence")) for one in (first[row], second[column]))
        if before is not None and after is not None and abs(before - after) > SAME_CONFIDENCE:
            place = second[column].place
            yield Breach(f"{place.path}.confidence", shown(after), f"{shown(before)}: {law}", **_where(ours, theirs))
    unpaired = _unpaired(ours, theirs, pairing, (first, second), size)
    for place_path, why, masks in islice(unpaired, MAX_DIFFERENCES):
        counts = f"{len(theirs.places)} predictions, {len(pairing.pairs)} of them alike"
        expected = f"the same {len(ours.places)} as {ours.exchange.case.id}: {law}"
        yield Breach(place_path, counts, expected, why, masks=masks, **_where(ours, theirs))


def _unpaired(
    ours: Asked,
    theirs: Asked,
    pairing: Pairing,
    sides: tuple[Sequence[Measured], Sequence[Measured]],
    size: tuple[int, int],
) -> Iterator[tuple[str, str, Shown]]:
    """Tell of masks without a partner: against the nearest one without, how it is turned, moved or scaled."""
    first, second = sides
    lost = [first[index] for index in pairing.left if not _is_marginal(first[index], theirs)]
    gained = [second[index] for index in pairing.right if not _is_marginal(second[index], ours)]
    left = [one for one in lost if area_of_run_lengths(one.runs) or not gained]
    for one in gained:
        found = one.place.prediction["masks"]
        if not left:
            yield one.place.path, "it has no partner there", Shown((found,), (), size)
            continue
        partner = max(left, key=lambda other: float(iou_matrix([other.runs], [one.runs])[0, 0]))
        expected = partner.place.prediction["masks"]
        why = compare(expected, found, image_size=size).explanation
        yield f"{one.place.path}.masks", why, Shown((found,), (expected,), size)
    for one in left if not gained else ():
        missing = f"{one.place.path} of {ours.exchange.case.id} is missing"
        yield theirs.path, missing, Shown((), (one.place.prediction["masks"],), size)


def _is_marginal(one: Measured, other: Asked) -> bool:
    """Tell whether a prediction is so close to the other answer's threshold that a model may drop it there."""
    leeway = leeway_of(other.exchange)
    return bool(leeway) and other.threshold is not None and one.place.confidence < other.threshold + leeway


def _only_reordered(ours: Asked, theirs: Asked) -> bool:
    """Tell whether the same predictions come in another order, which ``concept_segment`` is free to choose."""
    if ours.exchange.case.operation != "concept_segment":
        return False
    first, second = (sorted(map(repr, _content(asked))) for asked in (ours, theirs))
    return first == second


def _nearly(ours: Asked, theirs: Asked, law: str, severity: Severity | None) -> Breach:
    """Report answers that differ, but no more than a model's answers to one request may."""
    for index, (mine, other) in enumerate(zip(_content(ours), _content(theirs), strict=False)):
        if mine != other:
            field = next(name for name in _PROMISED if mine[name] != other[name])
            at = f"{theirs.places[index].path}.{field}"
            break
    else:
        at, field = theirs.path, "predictions"
    why = f"alike within IoU {SAME_IOU} and confidence {SAME_CONFIDENCE}, but not equal, or in another order"
    return Breach(
        at, f"another {field}", f"as in {ours.exchange.case.id}: {law}", why, severity=severity, **_where(ours, theirs)
    )


def _where(ours: Asked, theirs: Asked) -> dict[str, Any]:
    return {"exchange": theirs.exchange, "beside": (ours.exchange,)}


def _content(asked: Asked) -> list[dict[str, Any]]:
    """Take what the document promises of each prediction: what a server adds, such as an id, may be new each time."""
    return [{name: place.prediction.get(name) for name in _PROMISED} for place in asked.places]


@lru_cache(maxsize=256)
def _stated_frame(exchange: Exchange) -> tuple[int, int] | None:
    for found in prediction_lists(exchange.answer):
        for prediction in found.predictions:
            masks = prediction.get("masks") if isinstance(prediction, dict) else None
            size = list_of(masks, "size")
            if len(size) == 2 and all(type(side) is int and side > 0 for side in size) and _is_small(size):
                return size[0], size[1]
    return None


def _is_small(size: Sequence[int]) -> bool:
    return max(size) < MAX_FRAME and size[0] * size[1] <= MAX_FRAME
