"""Compare an answer with the one that was kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

import numpy as np

from sam3_contract.errors import MaskError
from sam3_contract.masks import Verdict as MaskVerdict
from sam3_contract.masks import compare, holes_filled, iou
from sam3_contract.masks.limits import MAX_BITMAP_PIXELS
from sam3_contract.snapshots.changes import Change, InstanceChange, RequestChange, Tolerances
from sam3_contract.snapshots.fields import lost_fields, new_fields
from sam3_contract.snapshots.matching import centroid, matched
from sam3_contract.snapshots.model import Instance, PromptInstances, Snapshot
from sam3_contract.snapshots.reading import MAX_OF_PROMPT, Reading

_MOST_EXPLAINED: Final = 40
"""Moved instances of one request whose masks are drawn to say how they differ."""
_MOST_NAMED: Final = 10
_ROUNDING: Final = 1e-9


def compare_reading(snapshot: Snapshot, reading: Reading, *, tolerances: Tolerances) -> RequestChange:
    """Compare what a snapshot keeps with a later answer to the same request.

    Args:
        snapshot: What was kept.
        reading: The later answer.
        tolerances: How much may differ.
    """
    schema = list(_schema_changes(snapshot, reading))
    comparable = snapshot.status == reading.status == 200 and reading.is_whole
    comparable = comparable and not any(_echoes(snapshot.answer.prompts, reading.answer.prompts))
    old, new = _in_step(snapshot.answer.prompts, reading.answer.prompts)
    sizes = {one.size for side in (old, new) for prompt in side for one in prompt.instances}
    if comparable and len(sizes) > 1:
        ((height, width), (height2, width2)) = (next(_sizes(side)) for side in (old, new))
        schema.append(f"masks are {width2} x {height2} pixels, they were {width} x {height}")
        comparable = False
    instances: list[InstanceChange] = []
    if comparable:
        for index, pair in enumerate(zip_longest(old, new, fillvalue=PromptInstances(None, ()))):
            instances += _compare_prompt(index, *pair, tolerances=tolerances)
    notes = tuple(_notes(snapshot, reading))
    return RequestChange(snapshot.name, tuple(schema), tuple(_explained(instances)), notes=notes)


def _schema_changes(snapshot: Snapshot, reading: Reading) -> Iterator[str]:
    old, new = snapshot.answer, reading.answer
    if snapshot.status != reading.status:
        said = new.refusal or old.refusal
        yield f"the status is {reading.status}, it was {snapshot.status}" + (f": {said}" if said else "")
        return
    yield from _first([text for breach, text in reading.breaches.items() if breach not in old.breaches])
    yield from _first(reading.unreadable)
    if not reading.is_whole:
        return
    yield from _first(list(lost_fields(old.fields, new.fields)))
    if old.refusal != new.refusal:
        yield f"the request is refused with {new.refusal!r}, it was with {old.refusal!r}"
    formats = [sorted({one.format for prompt in answer.prompts for one in prompt.instances}) for answer in (old, new)]
    if formats[0] != formats[1] and all(formats):
        yield f"format changed: masks come as {' and '.join(formats[1])}, they came as {' and '.join(formats[0])}"
    yield from _echoes(old.prompts, new.prompts)


def _echoes(old: Sequence[PromptInstances], new: Sequence[PromptInstances]) -> Iterator[str]:
    if len(old) != len(new) and any(prompt.echo is not None for prompt in (*old, *new)):
        yield f"there are results for {len(new)} prompts, there were for {len(old)}"
        return
    for index, (one, other) in enumerate(zip(old, new, strict=False)):
        if one.echo != other.echo and len(old) == len(new):
            yield f"the result of prompt {index} is for {other.echo!r}, it was for {one.echo!r}"


def _notes(snapshot: Snapshot, reading: Reading) -> Iterator[str]:
    added = new_fields(snapshot.answer.fields, reading.answer.fields)
    if added and snapshot.status == reading.status:
        yield f"new fields: {', '.join(added[:_MOST_NAMED])}"
    if snapshot.answer.model and reading.answer.model and snapshot.answer.model != reading.answer.model:
        changed = {
            name: (snapshot.answer.model.get(name), reading.answer.model.get(name))
            for name in {**snapshot.answer.model, **reading.answer.model}
            if snapshot.answer.model.get(name) != reading.answer.model.get(name)
        }
        yield "resolved_model: " + ", ".join(f"{name} is {new!r}, was {old!r}" for name, (old, new) in changed.items())


def _first(sentences: Sequence[str]) -> Iterator[str]:
    yield from sentences[:_MOST_NAMED]
    if len(sentences) > _MOST_NAMED:
        yield f"and {len(sentences) - _MOST_NAMED} more of this kind"


def _in_step(
    old: Sequence[PromptInstances], new: Sequence[PromptInstances]
) -> tuple[Sequence[PromptInstances], Sequence[PromptInstances]]:
    """Take the prompts of visual answers together if they cannot be told apart in both."""
    visual = all(prompt.echo is None for prompt in (*old, *new))
    few = all(sum(len(prompt.instances) for prompt in side) <= MAX_OF_PROMPT for side in (old, new))
    if len(old) == len(new) or not visual or not few:
        return old, new
    return _as_one(old), _as_one(new)


def _as_one(prompts: Sequence[PromptInstances]) -> Sequence[PromptInstances]:
    return [PromptInstances(None, tuple(one for prompt in prompts for one in prompt.instances))]


def _sizes(prompts: Sequence[PromptInstances]) -> Iterator[tuple[int, int]]:
    return (one.size for prompt in prompts for one in prompt.instances)


def _compare_prompt(
    index: int, old: PromptInstances, new: PromptInstances, *, tolerances: Tolerances
) -> Iterator[InstanceChange]:
    """Compare what two answers found for one prompt: matched instances, then vanished and appeared ones."""
    text = new.echo or old.echo or ""
    pairs = matched(old.instances, new.instances)
    for row, column, overlap in pairs:
        yield _compare_pair(index, text, old.instances[row], new.instances[column], overlap, tolerances)
    kept, seen = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    vanished = [one for row, one in enumerate(old.instances) if row not in kept]
    appeared = [one for column, one in enumerate(new.instances) if column not in seen]
    for one in vanished:
        tolerated = len(vanished) <= tolerances.count
        yield InstanceChange(Change.VANISHED, index, text, one, None, tolerated=tolerated)
    for one in appeared:
        tolerated = len(appeared) <= tolerances.count
        yield InstanceChange(Change.APPEARED, index, text, None, one, tolerated=tolerated)


def _compare_pair(
    index: int, text: str, old: Instance, new: Instance, overlap: float, tolerances: Tolerances
) -> InstanceChange:
    if overlap < tolerances.iou and old.format != new.format:
        # Polygons have no holes: between formats, masks are compared without them.
        filled = [holes_filled(one.run_lengths, size=one.size) for one in (old, new)]
        overlap = max(overlap, iou(*filled))
    change = Change.SAME
    if overlap < tolerances.iou:
        change = Change.MOVED
    elif _confidence_changed(old, new, tolerances):
        change = Change.CONFIDENCE
    ends = centroid(old), centroid(new)
    shift = None
    if ends[0] is not None and ends[1] is not None:
        shift = (round(ends[1][0] - ends[0][0], 1), round(ends[1][1] - ends[0][1], 1))
    return InstanceChange(change, index, text, old, new, round(overlap, 4), shift)


def _confidence_changed(old: Instance, new: Instance, tolerances: Tolerances) -> bool:
    if old.confidence is None or new.confidence is None:
        return False  # that it is there or not is a matter of the schema
    return abs(old.confidence - new.confidence) > tolerances.confidence + _ROUNDING


def _explained(instances: Sequence[InstanceChange]) -> Iterator[InstanceChange]:
    """Say of the first moved instances how their masks differ."""
    left = _MOST_EXPLAINED
    for one in instances:
        if one.change != Change.MOVED or not left:
            yield one
            continue
        left -= 1
        yield InstanceChange(
            one.change, one.prompt, one.text, one.old, one.new, one.iou, one.shift, _explanation(one), one.tolerated
        )


def _explanation(one: InstanceChange) -> str:
    assert one.old is not None
    assert one.new is not None
    if np.prod(one.old.size, dtype=np.int64) > MAX_BITMAP_PIXELS:
        return ""
    try:
        found = compare(one.old.rle, one.new.rle, image_size=one.old.size)
    except MaskError:
        return ""
    if found.verdict == MaskVerdict.DIFFERENT and found.boundary_distance is not None:
        apart = f"boundaries at most {found.boundary_distance:.1f} px apart"
        return f"{found.differing_pixels:,} pixels differ, {apart}"
    return found.explanation.replace("the second mask", "the new mask").replace("the first", "the kept one")
