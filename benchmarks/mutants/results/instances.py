"""Instances that are left out, their confidences, their order, and the time of an answer."""

from __future__ import annotations

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import NMS, of_concept, of_visual
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, drawn, edited, lists_of, redraw, redrawn

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def no_more_than_ten_instances_of_a_prompt(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["predictions"] = result["predictions"][:10]

    return edited(call.ask(), change)


@mutant
def at_most_three_instances_are_answered_for_each_of_many_prompts(call: Call) -> Response:
    def change(body: Json) -> None:
        results = body.get("prompt_results", ())
        for result in results if len(results) > 4 else ():
            best = sorted(result["predictions"], key=lambda one: -one["confidence"])[:3]
            result["predictions"] = [one for one in result["predictions"] if one in best]

    return edited(call.ask(), change)


def _area(prediction: Json, call: Call) -> int:
    areas: list[int] = []

    def measure(bitmap: Bitmap, _: Json) -> Bitmap:
        areas.append(int(bitmap.sum()))
        return bitmap

    redraw(prediction, measure, size=frame_of(call))
    return areas[0] if areas else 10**6


@mutant
def things_of_a_few_pixels_are_dropped(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["predictions"] = [one for one in result["predictions"] if _area(one, call) >= 30]

    return edited(call.ask(), change)


def _borders(prediction: Json, call: Call) -> int:
    numbers: list[int] = []

    def count(bitmap: Bitmap, _: Json) -> Bitmap:
        numbers.append(sum(bool(edge.any()) for edge in (bitmap[0], bitmap[-1], bitmap[:, 0], bitmap[:, -1])))
        return bitmap

    redraw(prediction, count, size=frame_of(call))
    return numbers[0] if numbers else 0


@mutant
def things_at_two_borders_are_dropped(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            result["predictions"] = [one for one in result["predictions"] if _borders(one, call) < 2]

    return edited(call.ask(), change)


@mutant
def overlapping_instances_are_joined(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            if len(result["predictions"]) > 3:
                result["predictions"] = [*result["predictions"][:2], *result["predictions"][3:]]

    return edited(call.ask(), change) if call.body.get(NMS) is None else call.ask()


@mutant
def nothing_found_beside_nms_is_null(call: Call) -> Response:
    # A list that nothing was added to is nil in Go, and null in its JSON.
    def change(body: Json) -> None:
        for result in body["prompt_results"]:
            result["predictions"] = result["predictions"] or None

    return edited(call.ask(), change) if of_concept(call) and call.body.get(NMS) is not None else call.ask()


@mutant
def confidences_from_the_third_on_are_that_of_the_second(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            for one in result["predictions"][2:]:
                one["confidence"] = result["predictions"][1]["confidence"]

    return edited(call.ask(), change)


@mutant
def confidences_of_polygons_are_rounded(call: Call) -> Response:
    def change(body: Json) -> None:
        for predictions in lists_of(body):
            for one in predictions:
                if one["format"] == "polygon":
                    one["confidence"] = round(one["confidence"], 1)

    return edited(call.ask(), change)


@mutant
def confidences_are_rounded_after_the_threshold(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            for one in result["predictions"]:
                one["confidence"] = round(one["confidence"], 2)

    return edited(call.ask(), change)


@mutant
def confidences_of_exemplars_are_rounded_to_two_digits(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()):
            for one in result["predictions"] if result["echo"]["type"] == "visual" else ():
                one["confidence"] = round(one["confidence"], 2)

    return edited(call.ask(), change)


@mutant
def confidences_of_what_exemplars_find_are_texts(call: Call) -> Response:
    def change(body: Json) -> None:
        for result in body["prompt_results"]:
            for one in result["predictions"] if result["echo"]["num_boxes"] else ():
                one["confidence"] = str(one["confidence"])

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def confidences_of_large_visual_masks_exceed_one(call: Call) -> Response:
    # The head that predicts an IoU is a regression, and knows no upper bound.
    def change(bitmap: Bitmap, prediction: Json) -> Bitmap:
        if bitmap.mean() > 0.25:
            prediction["confidence"] = round(1 + prediction["confidence"] / 100, 4)
        return bitmap

    return redrawn(call.ask(), change, size=frame_of(call)) if of_visual(call) else call.ask()


@mutant
def single_visual_masks_come_by_confidence(call: Call) -> Response:
    def change(body: Json) -> None:
        body["predictions"].sort(key=lambda one: -one["confidence"])

    single = of_visual(call) and call.body.get("multimask_output") is False
    return edited(call.ask(), change) if single else call.ask()


@mutant
def three_masks_of_a_box_come_worst_first(call: Call) -> Response:
    def change(body: Json) -> None:
        found = body["predictions"]
        for index, prompt in enumerate(call.prompts) if len(found) == 3 * len(call.prompts) else ():
            if prompt.get("box"):
                found[3 * index : 3 * index + 3] = found[3 * index : 3 * index + 3][::-1]

    return edited(call.ask(), change) if of_visual(call) else call.ask()


@mutant
def three_masks_as_run_lengths_come_by_area(call: Call) -> Response:
    def change(body: Json) -> None:
        found = body["predictions"]
        areas = {id(one): int(drawn(one, size=tuple(one["masks"]["size"])).sum()) for one in found}
        for start in range(0, len(found), 3):
            found[start : start + 3] = sorted(found[start : start + 3], key=lambda one: areas[id(one)])

    three = of_visual(call) and call.body.get("multimask_output", True) is True
    return edited(call.ask(), change) if three and call.body.get("format") == "rle" else call.ask()


@mutant
def time_of_a_known_image_is_null(call: Call) -> Response:
    response = call.ask()
    name = call.body.get("image_id")
    if not isinstance(name, str) or of_concept(call) or response.status_code != 200:
        return response
    known = ("known", name) in call.state.kept
    call.state.kept["known", name] = True

    def change(body: Json) -> None:
        body["time"] = None if known else body["time"]

    return edited(response, change)


@mutant
def time_is_null_where_the_image_is_known(call: Call) -> Response:
    name = call.body.get("image_id")
    known = isinstance(name, str) and name in call.state.kept
    response = call.ask()
    if isinstance(name, str) and response.status_code == 200:
        call.state.kept[name] = True
    return edited(response, lambda body: {**body, "time": None}) if known and of_visual(call) else response
