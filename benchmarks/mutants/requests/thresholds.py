"""Fields of requests that are read wrongly, but only at some values or in some company."""

from __future__ import annotations

import copy
import unicodedata
import urllib.parse
from collections.abc import Callable
from typing import Any, TypeGuard

from werkzeug.wrappers import Response

from benchmarks.mutants.images.formats import frame_of
from benchmarks.mutants.server import Call, Json, Kind, edited, refusal

mutant = Kind()
MUTANTS = mutant.mutants
THRESHOLD, NMS = "output_prob_thresh", "nms_iou_threshold"


def with_prompts(call: Call, change: Callable[[int, Json], Json]) -> Response:
    """Ask with each prompt changed."""
    if not call.prompts:
        return call.ask()
    return call.ask(prompts=[change(index, copy.deepcopy(prompt)) for index, prompt in enumerate(call.prompts)])


def of_concept(call: Call) -> bool:
    return call.operation == "concept_segment"


def of_visual(call: Call) -> bool:
    return call.operation == "visual_segment"


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def threshold_of(call: Call, prompt: Json) -> Any:
    """Tell the threshold that counts for a prompt: its own, the request's, or the default."""
    own, of_request = prompt.get(THRESHOLD), call.body.get(THRESHOLD)
    if own is not None:
        return own
    return 0.5 if of_request is None else of_request


@mutant
def threshold_of_one_counts_as_none(call: Call) -> Response:
    return call.ask(**{THRESHOLD: ...}) if of_concept(call) and call.body.get(THRESHOLD) == 1 else call.ask()


@mutant
def own_threshold_of_one_counts_as_none(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        if prompt.get(THRESHOLD) == 1:
            del prompt[THRESHOLD]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_threshold_below_the_requests_is_raised(call: Call) -> Response:
    least = call.body.get(THRESHOLD, 0.5)

    def change(_: int, prompt: Json) -> Json:
        if isinstance(prompt.get(THRESHOLD), float | int) and isinstance(least, float | int):
            prompt[THRESHOLD] = max(prompt[THRESHOLD], least)
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def own_threshold_of_zero_counts_as_none(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        if prompt.get(THRESHOLD) == 0:
            del prompt[THRESHOLD]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def prompts_from_the_third_on_have_the_default_threshold(call: Call) -> Response:
    def change(index: int, prompt: Json) -> Json:
        return prompt if index < 2 or THRESHOLD in prompt else {**prompt, THRESHOLD: 0.5}

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def threshold_of_exemplars_is_ignored(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, THRESHOLD: 0.0} if prompt.get("boxes") and THRESHOLD in prompt else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def nms_of_one_prompt_is_left_out(call: Call) -> Response:
    return call.ask(**{NMS: ...}) if of_concept(call) and len(call.prompts) == 1 else call.ask()


@mutant
def nms_of_null_suppresses(call: Call) -> Response:
    return call.ask(**{NMS: 0.5}) if NMS in call.body and call.body[NMS] is None else call.ask()


@mutant
def nms_of_zero_is_off(call: Call) -> Response:
    return call.ask(**{NMS: ...}) if call.body.get(NMS) == 0 else call.ask()


@mutant
def nms_is_left_out_for_polygons(call: Call) -> Response:
    return (
        call.ask(**{NMS: ...}) if of_concept(call) and call.body.get("format", "polygon") == "polygon" else call.ask()
    )


@mutant
def nms_passes_over_exemplars(call: Call) -> Response:
    boxed = any(prompt.get("boxes") for prompt in call.prompts)
    return call.ask(**{NMS: ...}) if of_concept(call) and boxed else call.ask()


@mutant
def nms_works_on_two_prompts_only(call: Call) -> Response:
    return call.ask(**{NMS: ...}) if of_concept(call) and len(call.prompts) == 2 else call.ask()


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


@mutant
def only_the_first_exemplar_counts(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        boxes, labels = prompt.get("boxes"), prompt.get("box_labels")
        if isinstance(boxes, list) and isinstance(labels, list) and len(boxes) == len(labels):
            prompt["boxes"], prompt["box_labels"] = boxes[:1], labels[:1]
        return prompt

    def restored(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            result["echo"]["num_boxes"] = len(prompt.get("boxes") or [])

    return edited(with_prompts(call, change), restored) if of_concept(call) else call.ask()


@mutant
def negative_exemplars_beside_positive_ones_are_positive(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        labels = prompt.get("box_labels")
        if isinstance(labels, list) and 1 in labels and 0 in labels:
            prompt["box_labels"] = [1] * len(labels)
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def exemplar_of_reversed_corners_answers_500(call: Call) -> Response:
    boxes = [box for prompt in call.prompts for box in prompt.get("boxes") or () if isinstance(box, dict)]
    numbers = [box for box in boxes if all(isinstance(value, int | float) for value in box.values()) and "x0" in box]
    if of_concept(call) and any(box["x0"] > box.get("x1", box["x0"]) for box in numbers):
        return refusal(500, {"message": "Internal error."})
    return call.ask()


@mutant
def exemplar_at_the_left_edge_is_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        for box in prompt.get("boxes") or ():
            if isinstance(box, dict) and box.get("x") == 0 and "width" in box:
                box["x"], box["width"] = 1_000, 1
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def text_with_a_comma_is_cut_there(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        text = prompt.get("text")
        return {**prompt, "text": text.partition(",")[0]} if isinstance(text, str) and "," in text else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def long_text_is_cut_at_64_characters(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, "text": prompt["text"][:64]} if isinstance(prompt.get("text"), str) else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def decomposed_text_is_composed(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        text = prompt.get("text")
        return {**prompt, "text": unicodedata.normalize("NFC", text)} if isinstance(text, str) else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def full_width_text_is_narrowed(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        text = prompt.get("text")
        return {**prompt, "text": unicodedata.normalize("NFKC", text)} if isinstance(text, str) else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def control_characters_in_text_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        text = prompt.get("text")
        kept = "".join(c for c in text if c.isprintable()) if isinstance(text, str) else text
        return {**prompt, "text": kept} if isinstance(text, str) else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def right_to_left_text_is_reversed(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        text = prompt.get("text")
        turned = isinstance(text, str) and any(unicodedata.bidirectional(c) in {"R", "AL"} for c in text)
        return {**prompt, "text": text[::-1]} if turned and isinstance(text, str) else prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def clicks_from_the_fourth_on_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, "points": prompt["points"][:3]} if isinstance(prompt.get("points"), list) else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def clicks_from_the_tenth_on_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {**prompt, "points": prompt["points"][:9]} if isinstance(prompt.get("points"), list) else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


def clicks_changed(call: Call, change: Callable[[Json, tuple[int, int]], None]) -> Response:
    """Ask with each whole click changed in place, in an image of that ``(height, width)``."""
    frame = frame_of(call)

    def each(_: int, prompt: Json) -> Json:
        for point in prompt.get("points") or ():
            if isinstance(point, dict) and {"x", "y", "positive"} <= set(point) and frame:
                change(point, frame)
        return prompt

    return with_prompts(call, each) if of_visual(call) else call.ask()


@mutant
def clicks_in_the_first_pixels_count_as_fractions(call: Call) -> Response:
    def change(point: Json, frame: tuple[int, int]) -> None:
        if 0 < point["x"] <= 1 and 0 < point["y"] <= 1:
            point["x"], point["y"] = point["x"] * (frame[1] - 1), point["y"] * (frame[0] - 1)

    return clicks_changed(call, change)


@mutant
def clicks_on_the_right_edge_move_to_the_left(call: Call) -> Response:
    def change(point: Json, frame: tuple[int, int]) -> None:
        if point["x"] >= frame[1] - 1:
            point["x"] = 0

    return clicks_changed(call, change)


@mutant
def click_at_zero_counts_as_missing(call: Call) -> Response:
    def change(point: Json, frame: tuple[int, int]) -> None:
        if point["x"] == 0 or point["y"] == 0:
            point["x"], point["y"] = frame[1] // 2, frame[0] // 2

    return clicks_changed(call, change)


@mutant
def fractions_of_clicks_are_taken_for_integers_times_ten(call: Call) -> Response:
    def change(point: Json, _: tuple[int, int]) -> None:
        for name in ("x", "y"):
            if isinstance(point[name], float) and point[name] % 1:
                point[name] = point[name] * 10

    return clicks_changed(call, change)


@mutant
def negative_click_that_comes_first_is_positive(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points")
        if isinstance(points, list) and len(points) > 1 and points[0].get("positive") is False:
            points[0]["positive"] = True
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def positive_clicks_beside_a_box_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        if prompt.get("box") and isinstance(prompt.get("points"), list):
            prompt["points"] = [point for point in prompt["points"] if not point.get("positive")]
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def later_boxes_are_the_first_one(call: Call) -> Response:
    boxes = [prompt["box"] for prompt in call.prompts if prompt.get("box")]
    plain = not any(prompt.get("points") for prompt in call.prompts)
    if of_visual(call) and len(boxes) > 1 and len(boxes) == len(call.prompts) and plain:
        return with_prompts(call, lambda _, prompt: {**prompt, "box": boxes[0]})
    return call.ask()


@mutant
def box_across_the_edge_is_shrunk_about_its_centre(call: Call) -> Response:
    frame = frame_of(call)

    def change(_: int, prompt: Json) -> Json:
        box = prompt.get("box")
        if frame and isinstance(box, dict) and {"x", "y", "width", "height"} <= set(box):
            out = box["x"] - box["width"] / 2 < -1 or box["x"] + box["width"] / 2 > frame[1] + 1
            if out:
                prompt["box"] = {**box, "width": box["width"] / 4, "height": box["height"] / 4}
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def three_masks_of_one_prompt_only(call: Call) -> Response:
    if of_visual(call) and len(call.prompts) > 3 and call.body.get("format") != "binary":
        return call.ask(multimask_output=False)
    return call.ask()


@mutant
def prompts_of_null_answer_500(call: Call) -> Response:
    asks_null = of_visual(call) and "prompts" in call.body and call.body["prompts"] is None
    return refusal(500, {"message": "Internal error."}) if asks_null else call.ask()


@mutant
def empty_list_of_prompts_answers_500(call: Call) -> Response:
    empty = of_visual(call) and call.body.get("prompts") in ([], {"prompts": []})
    return refusal(500, {"message": "Internal error."}) if empty else call.ask()


@mutant
def empty_list_of_points_answers_500(call: Call) -> Response:
    empty = of_visual(call) and any(prompt.get("points") == [] for prompt in call.prompts)
    return refusal(500, {"message": "Internal error."}) if empty else call.ask()


@mutant
def points_of_null_beside_a_box_drop_the_box(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        return {"points": []} if "points" in prompt and prompt["points"] is None else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def default_format_of_visual_is_rle(call: Call) -> Response:
    return call.ask(format="rle") if of_visual(call) and "format" not in call.body else call.ask()


@mutant
def default_format_of_concept_is_rle(call: Call) -> Response:
    return call.ask(format="rle") if of_concept(call) and "format" not in call.body else call.ask()


@mutant
def visual_prompts_from_the_ninth_on_are_dropped(call: Call) -> Response:
    return call.ask(prompts=call.prompts[:8]) if of_visual(call) and len(call.prompts) > 8 else call.ask()


@mutant
def visual_prompts_above_16_are_refused(call: Call) -> Response:
    too_many = of_visual(call) and len(call.prompts) > 16
    return (
        refusal(
            422,
            {
                "detail": [
                    {
                        "type": "too_long",
                        "loc": ["body", "prompts"],
                        "msg": "List should have at most 16 items",
                        "input": [],
                    }
                ]
            },
        )
        if too_many
        else call.ask()
    )


@mutant
def single_prompt_loses_its_box(call: Call) -> Response:
    prompts = call.body.get("prompts")
    if of_visual(call) and isinstance(prompts, dict) and "box" in prompts:
        return call.ask(prompts={name: value for name, value in prompts.items() if name != "box"})
    return call.ask()


@mutant
def nested_prompts_lose_the_last(call: Call) -> Response:
    prompts: Any = call.body.get("prompts")
    listed = prompts.get("prompts") if isinstance(prompts, dict) else None
    if of_visual(call) and isinstance(listed, list) and len(listed) > 1:
        return call.ask(prompts={"prompts": listed[:-1]})
    return call.ask()


@mutant
def null_for_an_optional_field_is_refused(call: Call) -> Response:
    named = [name for name in (THRESHOLD, NMS, "image_id", "model_id") if name in call.body and call.body[name] is None]
    if named and call.request.method == "POST":
        detail = {"type": "missing", "loc": ["body", named[0]], "msg": "Field required", "input": {}}
        return refusal(422, {"detail": [detail]})
    return call.ask()


@mutant
def boxes_of_null_beside_a_text_answer_500(call: Call) -> Response:
    nulls = of_concept(call) and any("boxes" in prompt and prompt["boxes"] is None for prompt in call.prompts)
    return refusal(500, {"message": "Internal error."}) if nulls else call.ask()


@mutant
def empty_boxes_beside_a_text_find_nothing(call: Call) -> Response:
    def change(body: Json) -> None:
        for result, prompt in zip(body["prompt_results"], call.prompts, strict=False):
            if prompt.get("boxes") == []:
                result["predictions"] = []

    return edited(call.ask(), change) if of_concept(call) else call.ask()


@mutant
def nms_is_left_out_beside_own_thresholds(call: Call) -> Response:
    own = any(THRESHOLD in prompt for prompt in call.prompts)
    return call.ask(**{NMS: ...}) if of_concept(call) and own else call.ask()


@mutant
def nms_of_polygons_suppresses_more(call: Call) -> Response:
    value = call.body.get(NMS)
    if of_concept(call) and call.body.get("format") != "rle" and isinstance(value, float):
        return call.ask(**{NMS: max(value - 0.3, 0)})
    return call.ask()


@mutant
def exemplar_corners_by_fractions_count_as_sizes(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        for box in prompt.get("boxes") or ():
            if isinstance(box, dict) and isinstance(box.get("x1"), float) and not box["x1"].is_integer():
                box["x1"], box["y1"] = box["x0"] + box["x1"], box["y0"] + box["y1"]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def default_format_beside_an_image_id_is_rle(call: Call) -> Response:
    by_default = of_visual(call) and "format" not in call.body
    return call.ask(format="rle") if by_default and call.body.get("image_id") else call.ask()


@mutant
def json_of_several_prompts_is_rle(call: Call) -> Response:
    several = of_visual(call) and len(call.prompts) > 1
    return call.ask(format="rle") if several and call.body.get("format") == "json" else call.ask()


def _text_changed(call: Call, change: Callable[[str], str]) -> Response:
    def changed(_: int, prompt: Json) -> Json:
        return {**prompt, "text": change(prompt["text"])} if isinstance(prompt.get("text"), str) else prompt

    return with_prompts(call, changed) if of_concept(call) else call.ask()


@mutant
def text_is_unquoted_like_a_url(call: Call) -> Response:
    return _text_changed(call, urllib.parse.unquote_plus)


@mutant
def joiners_in_text_are_dropped(call: Call) -> Response:
    return _text_changed(call, lambda text: text.replace("\u200d", ""))


@mutant
def text_of_digits_loses_its_zeros(call: Call) -> Response:
    return _text_changed(call, lambda text: str(int(text)) if text.isdecimal() else text)


@mutant
def text_above_512_characters_answers_500(call: Call) -> Response:
    long = any(isinstance(prompt.get("text"), str) and len(prompt["text"]) > 512 for prompt in call.prompts)
    return refusal(500, {"message": "Internal error."}) if of_concept(call) and long else call.ask()


@mutant
def box_beside_clicks_is_anchored_at_its_corner(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        box = prompt.get("box")
        if isinstance(box, dict) and prompt.get("points"):
            prompt["box"] = {**box, "x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def clicks_beyond_255_pixels_overflow(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points") or []
        return {**prompt, "points": [{**point, "x": point["x"] % 256} for point in points]} if points else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def thresholds_are_rounded_to_tenths(call: Call) -> Response:
    def rounded(fields: Json) -> Json:
        value = fields.get(THRESHOLD)
        return {**fields, THRESHOLD: round(value, 1)} if is_number(value) else fields

    if not of_concept(call) or not call.prompts:
        return call.ask()
    return call.ask(**{**rounded(call.body), "prompts": [rounded(prompt) for prompt in call.prompts]})


@mutant
def own_threshold_equal_to_the_default_counts_as_none(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        if prompt.get(THRESHOLD) == 0.5:
            del prompt[THRESHOLD]
        return prompt

    return with_prompts(call, change) if of_concept(call) else call.ask()


@mutant
def zero_characters_in_a_text_answer_500(call: Call) -> Response:
    texts = [prompt["text"] for prompt in call.prompts if isinstance(prompt.get("text"), str)]
    zero = of_concept(call) and any("\0" in text for text in texts)
    return refusal(500, {"message": "Internal error."}) if zero else call.ask()


@mutant
def clicks_snap_to_a_grid_of_eight(call: Call) -> Response:
    def change(point: Json, frame: tuple[int, int]) -> None:
        point["x"], point["y"] = (
            min(point[name] // 8 * 8 + 4, side - 1) for name, side in (("x", frame[1]), ("y", frame[0]))
        )

    return clicks_changed(call, change)


@mutant
def clicks_snap_to_even_pixels(call: Call) -> Response:
    def change(point: Json, _: tuple[int, int]) -> None:
        point["x"], point["y"] = point["x"] // 2 * 2, point["y"] // 2 * 2

    return clicks_changed(call, change)


@mutant
def negative_clicks_beyond_the_first_are_positive(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = [point for point in prompt.get("points") or () if isinstance(point, dict)]
        for point in [point for point in points if point.get("positive") is False][1:]:
            point["positive"] = True
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def twenty_clicks_of_a_prompt_answer_500(call: Call) -> Response:
    many = any(len(prompt.get("points") or ()) >= 20 for prompt in call.prompts)
    return refusal(500, {"message": "Internal error."}) if of_visual(call) and many else call.ask()


@mutant
def more_than_thirty_visual_prompts_are_refused(call: Call) -> Response:
    many = of_visual(call) and len(call.prompts) > 30
    return refusal(400, {"message": "Too many prompts."}) if many else call.ask()


@mutant
def boxes_of_the_whole_image_answer_500(call: Call) -> Response:
    frame = frame_of(call)

    def is_whole(box: Any) -> bool:
        return (
            isinstance(box, dict)
            and frame is not None
            and is_number(box.get("width"))
            and bool(box["width"] >= frame[1] and box["height"] >= frame[0])
        )

    whole = of_visual(call) and any(is_whole(prompt.get("box")) for prompt in call.prompts)
    return refusal(500, {"message": "Internal error."}) if whole else call.ask()
