"""Suppression that is left out, or goes by something else than the overlap of masks in the order of confidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import filled, give
from benchmarks.mutants.asked import BATCH, NMS, THRESHOLD, concept_as_polygons, is_number, of_concept, threshold_of
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, drawn, edited, lists_of, redrawn

mutant = Kind()
MUTANTS = mutant.mutants

Overlap = Callable[[Bitmap, Bitmap], float]


@mutant
def nms_of_null_suppresses(call: Call) -> Response:
    return call.ask(**{NMS: 0.5}) if NMS in call.body and call.body[NMS] is None else call.ask()


@mutant
def nms_of_zero_is_off(call: Call) -> Response:
    return call.ask(**{NMS: ...}) if call.body.get(NMS) == 0 else call.ask()


@mutant
def nms_of_zero_is_taken_for_unset(call: Call) -> Response:
    # Which ``false`` is not.
    return nms_of_zero_is_off(call) if is_number(call.body.get(NMS)) else call.ask()


@mutant
def nms_of_zero_leaves_one_instance(call: Call) -> Response:
    # Those suppress each other whose IoU is the threshold, instead of larger.
    def change(body: Json) -> None:
        best = max((one["confidence"] for found in lists_of(body) for one in found), default=0)
        for found in lists_of(body):
            found[:] = [one for one in found if one["confidence"] == best]

    none = of_concept(call) and is_number(call.body.get(NMS)) and call.body[NMS] == 0
    return edited(call.ask(), change) if none else call.ask()


@mutant
def nms_of_one_suppresses_what_is_the_same(call: Call) -> Response:
    return call.ask(**{NMS: 0.999}) if of_concept(call) and call.body.get(NMS) == 1 else call.ask()


@mutant
def nms_of_one_prompt_is_left_out(call: Call) -> Response:
    return call.ask(**{NMS: ...}) if of_concept(call) and len(call.prompts) == 1 else call.ask()


@mutant
def nms_works_on_two_prompts_only(call: Call) -> Response:
    return call.ask(**{NMS: ...}) if of_concept(call) and len(call.prompts) == 2 else call.ask()


@mutant
def nms_is_left_out_for_polygons(call: Call) -> Response:
    return (
        call.ask(**{NMS: ...}) if of_concept(call) and call.body.get("format", "polygon") == "polygon" else call.ask()
    )


@mutant
def nms_of_polygons_suppresses_more(call: Call) -> Response:
    value = call.body.get(NMS)
    if of_concept(call) and call.body.get("format") != "rle" and isinstance(value, float):
        return call.ask(**{NMS: max(value - 0.3, 0)})
    return call.ask()


@mutant
def nms_passes_over_exemplars(call: Call) -> Response:
    boxed = any(prompt.get("boxes") for prompt in call.prompts)
    return call.ask(**{NMS: ...}) if of_concept(call) and boxed else call.ask()


@mutant
def nms_of_exemplars_is_left_out_for_polygons(call: Call) -> Response:
    boxed = any(prompt.get("boxes") for prompt in call.prompts)
    return call.ask(**{NMS: ...}) if concept_as_polygons(call) and boxed else call.ask()


@mutant
def nms_is_left_out_beside_own_thresholds(call: Call) -> Response:
    own = any(THRESHOLD in prompt for prompt in call.prompts)
    return call.ask(**{NMS: ...}) if of_concept(call) and own else call.ask()


@mutant
def run_lengths_beside_nms_go_along_the_rows(call: Call) -> Response:
    def along_rows(bitmap: Bitmap, _: Json) -> Bitmap:
        return bitmap.reshape(-1).reshape(bitmap.shape, order="F")

    both = of_concept(call) and call.body.get(NMS) is not None and call.body.get("format") == "rle"
    return redrawn(call.ask(), along_rows, size=None) if both else call.ask()


@mutant
def nms_comes_before_the_threshold(call: Call) -> Response:
    if not of_concept(call) or call.body.get(NMS) is None:
        return call.ask()
    everything = call.ask(**{THRESHOLD: 0.0, "prompts": [{**prompt, THRESHOLD: 0.0} for prompt in call.prompts]})

    def filtered(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            own = prompt.get(THRESHOLD)
            least = call.body.get(THRESHOLD, 0.5) if own is None else own
            result["predictions"] = [one for one in result["predictions"] if one["confidence"] >= least]

    plain = call.ask()
    return edited(everything, filtered) if plain.status_code == 200 else plain


def _asks_for_nms(call: Call) -> bool:
    return of_concept(call) and call.body.get(NMS) is not None


@mutant
def nms_lowers_confidences_instead(call: Call) -> Response:
    if not _asks_for_nms(call):
        return call.ask()
    suppressed, plain = call.ask(), call.ask(**{NMS: None})
    if suppressed.status_code != 200:
        return suppressed
    kept = [one for result in suppressed.get_json()["prompt_results"] for one in result["predictions"]]

    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            for one in result["predictions"]:
                if one not in kept:
                    one["confidence"] = round(one["confidence"] * 0.5, 6)
            least = threshold_of(call, prompt)
            result["predictions"] = [one for one in result["predictions"] if one["confidence"] >= least]

    return edited(plain, change)


@mutant
def nms_looks_at_the_surest_ten_only(call: Call) -> Response:
    def change(body: Json) -> None:
        found = [one for result in body["prompt_results"] for one in result["predictions"]]
        surest = sorted(found, key=lambda one: -one["confidence"])[:10]
        for result in body["prompt_results"]:
            result["predictions"] = [one for one in result["predictions"] if any(one is other for other in surest)]

    return edited(call.ask(), change) if _asks_for_nms(call) else call.ask()


@mutant
def nms_passes_over_instances_of_exemplars(call: Call) -> Response:
    texts = [prompt for prompt in call.prompts if not prompt.get("boxes")]
    if not _asks_for_nms(call) or not texts or len(texts) == len(call.prompts):
        return call.ask()
    plain, of_texts = call.ask(**{NMS: ...}), call.ask(prompts=texts)
    if plain.status_code != 200 or of_texts.status_code != 200:
        return call.ask()
    kept = iter(of_texts.get_json()["prompt_results"])

    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=True):
            if not prompt.get("boxes"):
                result["predictions"] = next(kept)["predictions"]

    return edited(plain, change)


@mutant
def nms_forgets_the_prompts_beyond_the_eighth(call: Call) -> Response:
    if not of_concept(call) or call.body.get(NMS) is None or len(call.prompts) <= BATCH:
        return call.ask()
    plain = call.ask(**{NMS: ...})

    def change(body: Json) -> None:
        later = plain.get_json()["prompt_results"][BATCH:] if plain.status_code == 200 else []
        body["prompt_results"][BATCH:] = later

    return edited(call.ask(), change)


@mutant
def nms_runs_within_batches_of_eight_prompts(call: Call) -> Response:
    if not _asks_for_nms(call) or len(call.prompts) <= BATCH:
        return call.ask()
    batches = [call.ask(prompts=call.prompts[start : start + BATCH]) for start in range(0, len(call.prompts), BATCH)]
    whole = call.ask()
    if any(response.status_code != 200 for response in (*batches, whole)):
        return whole
    found = [result["predictions"] for batch in batches for result in batch.get_json()["prompt_results"]]
    return edited(whole, lambda body: give(body["prompt_results"], found))


def _suppressed(
    call: Call,
    order: Callable[[Json, Bitmap], float],
    overlap: Overlap,
    *,
    compared: Callable[[int, int], bool] = lambda _one, _other: True,
) -> Response:
    """Suppress what overlaps something before it in an order, by some measure, of those prompts that are compared."""
    if not _asks_for_nms(call):
        return call.ask()
    response = call.ask(**{NMS: None})
    if response.status_code != 200:
        return call.ask()
    body = json.loads(response.get_data())
    found = [
        (one, drawn(one, size=frame_of(call)), number)
        for number, result in enumerate(body["prompt_results"])
        for one in result["predictions"]
    ]
    kept: list[tuple[Json, Bitmap, int]] = []
    for one, mask, number in sorted(found, key=lambda each: order(*each[:2])):
        if all(overlap(mask, other) <= call.body[NMS] for _, other, of in kept if compared(number, of)):
            kept.append((one, mask, number))
    for result in body["prompt_results"]:
        result["predictions"] = [one for one in result["predictions"] if any(one is other for other, _, _ in kept)]
    response.set_data(json.dumps(body).encode())
    return response


def _by(of: Callable[[Sequence[int]], int]) -> Overlap:
    """Divide the intersection by something of both areas and the union."""

    def overlap(one: Bitmap, other: Bitmap) -> float:
        if one.shape != other.shape:
            return 0.0
        whole = of([int(one.sum()), int(other.sum()), int((one | other).sum())])
        return int((one & other).sum()) / whole if whole else 0.0

    return overlap


_iou = _by(lambda areas: areas[2])


@mutant
def nms_keeps_what_comes_first(call: Call) -> Response:
    return _suppressed(call, lambda _one, _mask: 0.0, _iou)


@mutant
def nms_keeps_the_largest(call: Call) -> Response:
    return _suppressed(call, lambda _one, mask: -float(mask.sum()), _iou)


def _least_sure_last(prediction: Json, _: Bitmap) -> float:
    return -float(prediction["confidence"])


@mutant
def nms_divides_by_the_smaller_area(call: Call) -> Response:
    return _suppressed(call, _least_sure_last, _by(lambda areas: min(areas[:2])))


@mutant
def nms_of_one_prompt_goes_by_boxes(call: Call) -> Response:
    def boxed(bitmap: Bitmap) -> Bitmap:
        rows, columns = np.flatnonzero(bitmap.any(axis=1)), np.flatnonzero(bitmap.any(axis=0))
        filled = np.zeros_like(bitmap)
        if rows.size:
            filled[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        return filled

    most = call.body.get(NMS)
    if len(call.prompts) != 1 or not is_number(most) or most > 1:
        return call.ask()
    return _suppressed(call, _least_sure_last, lambda one, other: _iou(boxed(one), boxed(other)))


@mutant
def nms_compares_small_copies_of_masks(call: Call) -> Response:
    def overlap(one: Bitmap, other: Bitmap) -> float:
        return _iou(one[4::8, 4::8], other[4::8, 4::8])

    return _suppressed(call, _least_sure_last, overlap)


@mutant
def nms_fills_holes_before_it_compares(call: Call) -> Response:
    return _suppressed(call, _least_sure_last, lambda one, other: _iou(filled(one), filled(other)))


@mutant
def nms_suppresses_within_prompts_only_if_they_are_the_same_text(call: Call) -> Response:
    """Keyed by class name: other texts do not suppress each other, equal ones do."""
    texts = [prompt.get("text") for prompt in call.prompts]
    return _suppressed(call, _least_sure_last, _iou, compared=lambda one, other: texts[one] == texts[other])


def _suppressed_between(call: Call, compared: Callable[[int, int], bool]) -> Response:
    """Suppress between those prompts only, and refuse what is to be refused."""
    plain = call.ask()
    if plain.status_code != 200 or not is_number(call.body.get(NMS)) or frame_of(call) is None:
        return plain
    return _suppressed(call, _least_sure_last, _iou, compared=compared)


@mutant
def nms_compares_only_neighbouring_prompts(call: Call) -> Response:
    several = len(call.prompts) > 2
    return _suppressed_between(call, lambda one, other: abs(one - other) <= 1) if several else call.ask()


@mutant
def nms_for_run_lengths_is_within_a_prompt_only(call: Call) -> Response:
    as_run_lengths = call.body.get("format") == "rle"
    return _suppressed_between(call, lambda one, other: one == other) if as_run_lengths else call.ask()


@mutant
def nms_of_equal_confidences_takes_both(call: Call) -> Response:
    if not _asks_for_nms(call):
        return call.ask()
    plain, response = call.ask(**{NMS: None}), call.ask()
    if response.status_code != 200:
        return response
    size = frame_of(call)
    found = [one for result in plain.get_json()["prompt_results"] for one in result["predictions"]]
    drawings = [(one["confidence"], drawn(one, size=size)) for one in found]

    def is_alone(prediction: Json) -> bool:
        mask = drawn(prediction, size=size)
        equals = [other for confidence, other in drawings if confidence == prediction["confidence"]]
        return sum(_iou(mask, other) > float(call.body[NMS]) for other in equals) < 2  # one of them is itself

    def change(body: Json) -> None:
        for result in body["prompt_results"]:
            result["predictions"] = list(filter(is_alone, result["predictions"]))

    return edited(response, change)
