"""Clicks that are dropped, moved, refused, or change their sign."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import clicks_changed, is_filled, is_number, listed, objects_of, of_visual, with_prompts
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, failure, invalid, redrawn, refusal

mutant = Kind()
MUTANTS = mutant.mutants

REACH = 256  # pixels around a click in which its mask is refined


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


@mutant
def clicks_beyond_the_eighth_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = listed(prompt, "points")
        return {**prompt, "points": points[:8]} if len(points) > 8 else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def twenty_clicks_of_a_prompt_answer_500(call: Call) -> Response:
    many = any(len(prompt.get("points") or ()) >= 20 for prompt in call.prompts)
    return failure() if of_visual(call) and many else call.ask()


@mutant
def empty_list_of_points_answers_500(call: Call) -> Response:
    empty = of_visual(call) and any(prompt.get("points") == [] for prompt in call.prompts)
    return failure() if empty else call.ask()


@mutant
def two_equal_clicks_cancel_out(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points") or []
        single = [point for point in points if points.count(point) == 1]
        return {**prompt, "points": single} if points else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def clicks_of_both_signs_on_one_pixel_answer_500(call: Call) -> Response:
    for prompt in call.prompts if of_visual(call) else ():
        points = [(point.get("x"), point.get("y"), point.get("positive")) for point in listed(prompt, "points")]
        if any((x, y, not positive) in points for x, y, positive in points):
            return failure()
    return call.ask()


def _padded(call: Call, padding: Callable[[Json], Json]) -> Response:
    """Fill up the clicks of each prompt to as many as the one with the most has."""
    most = max((len(prompt.get("points") or ()) for prompt in call.prompts), default=0)

    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points") or []
        missing = most - len(points) if points else 0
        return {**prompt, "points": [*points, *[padding(points[-1])] * missing]} if missing else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def prompts_of_few_clicks_are_filled_up_with_the_first_pixel(call: Call) -> Response:
    return _padded(call, lambda _: {"x": 0, "y": 0, "positive": True})


@mutant
def shorter_lists_of_clicks_are_padded_with_clicks_at_the_origin(call: Call) -> Response:
    return prompts_of_few_clicks_are_filled_up_with_the_first_pixel(call)


@mutant
def prompts_of_few_clicks_are_filled_up_with_negative_ones(call: Call) -> Response:
    return _padded(call, lambda last: {**last, "positive": False})


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
def clicks_in_the_last_row_move_to_the_first(call: Call) -> Response:
    frame = frame_of(call)

    def change(_: int, prompt: Json) -> Json:
        for point in prompt.get("points") or ():
            if frame and isinstance(point, dict) and point.get("y") == frame[0] - 1:
                point["y"] = 0
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def click_at_zero_counts_as_missing(call: Call) -> Response:
    def change(point: Json, frame: tuple[int, int]) -> None:
        if point["x"] == 0 or point["y"] == 0:
            point["x"], point["y"] = frame[1] // 2, frame[0] // 2

    return clicks_changed(call, change)


@mutant
def clicks_on_the_first_column_or_row_are_dropped(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = listed(prompt, "points")
        left = [point for point in points if point.get("x") != 0 and point.get("y") != 0]
        return {**prompt, "points": left or None} if len(left) < len(points) else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def fractions_of_clicks_are_taken_for_integers_times_ten(call: Call) -> Response:
    def change(point: Json, _: tuple[int, int]) -> None:
        for name in ("x", "y"):
            if isinstance(point[name], float) and point[name] % 1:
                point[name] = point[name] * 10

    return clicks_changed(call, change)


@mutant
def clicks_beyond_255_pixels_overflow(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points") or []
        return {**prompt, "points": [{**point, "x": point["x"] % 256} for point in points]} if points else prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


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
def clicks_outside_of_the_image_are_refused(call: Call) -> Response:
    frame = frame_of(call)
    height, width = frame or (0, 0)
    for prompt in call.prompts if of_visual(call) and frame else ():
        for place, point in objects_of(prompt, "points"):
            placed = is_number(point.get("x")) and is_number(point.get("y"))
            if placed and not (0 <= point["x"] < width and 0 <= point["y"] < height):
                message = "Value error, point is outside of the image"
                return invalid("value_error", message, point, "prompts", "points", place)
    return call.ask()


@mutant
def clicks_outside_the_image_answer_500(call: Call) -> Response:
    frame = frame_of(call)
    points = [point for prompt in call.prompts for point in prompt.get("points") or () if isinstance(point, dict)]
    whole = [point for point in points if is_number(point.get("x")) and is_number(point.get("y"))]
    outside = frame and any(not (0 <= one["x"] <= frame[1] and 0 <= one["y"] <= frame[0]) for one in whole)
    return failure() if of_visual(call) and outside else call.ask()


@mutant
def clicks_in_the_last_half_pixel_answer_500(call: Call) -> Response:
    # They are rounded to a row or a column that is not there.
    frame = frame_of(call)
    points = [point for prompt in call.prompts for point in listed(prompt, "points")]
    for name, length in zip(("y", "x"), frame or (), strict=False):
        last = [point for point in points if is_number(point.get(name)) and length - 0.5 <= point[name] < length]
        if of_visual(call) and last:
            return failure()
    return call.ask()


@mutant
def clicks_left_of_or_above_the_image_are_refused(call: Call) -> Response:
    points = [point for prompt in call.prompts for _, point in objects_of(prompt, "points")]
    numbers = [point.get(name) for point in points for name in ("x", "y")]
    if of_visual(call) and any(isinstance(value, int | float) and value < 0 for value in numbers):
        return refusal(400, {"message": "Point is not inside of the image."})
    return call.ask()


@mutant
def negative_click_that_comes_first_is_positive(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = prompt.get("points")
        if isinstance(points, list) and len(points) > 1 and points[0].get("positive") is False:
            points[0]["positive"] = True
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def negative_clicks_beyond_the_first_are_positive(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        points = [point for point in prompt.get("points") or () if isinstance(point, dict)]
        for point in [point for point in points if point.get("positive") is False][1:]:
            point["positive"] = True
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def negative_clicks_are_dropped_for_run_lengths(call: Call) -> Response:
    def change(_: int, prompt: Json) -> Json:
        positive = [point for point in listed(prompt, "points") if point.get("positive") is True]
        return {**prompt, "points": positive} if positive else prompt

    return with_prompts(call, change) if of_visual(call) and call.body.get("format") == "rle" else call.ask()


@mutant
def clicks_have_the_signs_of_the_first_prompt(call: Call) -> Response:
    signs = [point.get("positive") for _, point in objects_of(call.prompts[0], "points")] if call.prompts else []

    def change(_place: int, prompt: Json) -> Json:
        for (_, point), sign in zip(objects_of(prompt, "points"), signs, strict=False):
            point["positive"] = sign
        return prompt

    return with_prompts(call, change) if of_visual(call) else call.ask()


@mutant
def nothing_but_negative_clicks_answers_500(call: Call) -> Response:
    clicked = [prompt["points"] for prompt in call.prompts if is_filled(prompt.get("points")) and not prompt.get("box")]
    negative = any(not any(point.get("positive", True) for point in points) for points in clicked)
    return failure() if of_visual(call) and negative else call.ask()


@mutant
def masks_end_256_pixels_from_a_single_click(call: Call) -> Response:
    points = call.prompts[0].get("points") if len(call.prompts) == 1 and not call.prompts[0].get("box") else None
    if not of_visual(call) or not isinstance(points, list) or len(points) != 1 or not isinstance(points[0], dict):
        return call.ask()
    x, y = points[0].get("x"), points[0].get("y")

    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        down, right = np.ogrid[: bitmap.shape[0], : bitmap.shape[1]]
        near: Bitmap = (abs(down - y) <= REACH) & (abs(right - x) <= REACH)
        return bitmap & near

    placed = isinstance(x, int | float) and isinstance(y, int | float)
    return redrawn(call.ask(), cut, size=frame_of(call)) if placed else call.ask()


@mutant
def masks_end_two_hundred_pixels_away_from_the_click(call: Call) -> Response:
    """A window around the click, in which alone the mask is refined."""
    points = [point for prompt in call.prompts for point in prompt.get("points") or ()]
    if (
        not of_visual(call)
        or len(points) != 1
        or not is_number(points[0].get("x"))
        or not is_number(points[0].get("y"))
    ):
        return call.ask()
    left, top = (max(0, int(points[0][name]) - 200) for name in ("x", "y"))

    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        kept = np.zeros_like(bitmap)
        kept[top : top + 401, left : left + 401] = bitmap[top : top + 401, left : left + 401]
        return kept

    return redrawn(call.ask(), cut, size=frame_of(call))
