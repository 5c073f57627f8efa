"""Logits that are saved and loaded wrongly."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import id_of, of_visual
from benchmarks.mutants.kept import renamed
from benchmarks.mutants.pictures import frame_of, value_of
from benchmarks.mutants.server import Call, Json, Kind, edited, failure, redrawn

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def logits_of_another_prompt_are_loaded(call: Call) -> Response:
    if not of_visual(call):
        return call.ask()
    key = (call.body.get("image_id"), len(call.prompts))
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept[key] = call.body.get("prompts")
    if call.body.get("load_logits_from_cache") is True and key in call.state.kept:
        return call.ask(prompts=call.state.kept[key])
    return call.ask()


@mutant
def saved_logits_are_loaded_for_other_prompts_of_the_image(call: Call) -> Response:
    prompts, key = call.body.get("prompts"), (id_of(call), value_of(call))
    response = call.ask()
    if not of_visual(call) or response.status_code != 200 or not isinstance(prompts, list):
        return response
    if call.body.get("load_logits_from_cache") is True and key in call.state.kept:
        saved: list[Json] = call.state.kept[key]
        return call.ask(prompts=saved) if len(saved) == len(prompts) else response
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept[key] = prompts
    return response


def _logits_key(call: Call, *, of_image: bool) -> tuple[str, ...]:
    parts = [call.body.get("prompts"), *([call.body.get("image"), call.body.get("image_id")] if of_image else ())]
    return tuple(json.dumps(part, sort_keys=True) for part in parts)


@mutant
def logits_of_another_image_are_loaded(call: Call) -> Response:
    if not of_visual(call):
        return call.ask()
    key = _logits_key(call, of_image=False)
    response = call.ask()
    if response.status_code != 200:
        return response
    if call.body.get("load_logits_from_cache") is True and key in call.state.kept:
        return call.ask(**call.state.kept[key])
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept[key] = {name: call.body.get(name, ...) for name in ("image", "image_id")}
    return response


@mutant
def logits_are_kept_by_prompt_alone(call: Call) -> Response:
    if not of_visual(call):
        return call.ask()
    prompts = json.dumps(call.body.get("prompts"))
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept.setdefault(prompts, {name: call.body.get(name) for name in ("image", "image_id")})
    loaded = call.body.get("load_logits_from_cache") is True and prompts in call.state.kept
    return call.ask(**call.state.kept[prompts]) if loaded else call.ask()


@mutant
def logits_are_kept_for_prompts_whatever_the_image(call: Call) -> Response:
    return logits_of_another_image_are_loaded(call) if id_of(call) is None else call.ask()


@mutant
def logits_that_are_kept_are_always_loaded(call: Call) -> Response:
    image = json.dumps(call.body.get("image"))
    if not of_visual(call) or len(call.prompts) != 1:
        return call.ask()
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept[image] = call.prompts
    return call.ask(prompts=call.state.kept[image]) if image in call.state.kept else call.ask()


@mutant
def loading_logits_that_are_not_there_answers_500(call: Call) -> Response:
    key = (call.body.get("image_id"), json.dumps(call.body.get("prompts")))
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept[key] = True
    if call.body.get("load_logits_from_cache") is True and key not in call.state.kept:
        return failure()
    return call.ask()


@mutant
def logits_saved_without_an_id_answer_500(call: Call) -> Response:
    saved = of_visual(call) and call.body.get("save_logits_to_cache") is True
    nameless = call.body.get("image_id") is None
    return failure() if saved and nameless else call.ask()


@mutant
def saving_and_loading_logits_at_once_answers_500(call: Call) -> Response:
    both = all(call.body.get(name) is True for name in ("save_logits_to_cache", "load_logits_from_cache"))
    return failure() if of_visual(call) and both else call.ask()


@mutant
def masks_are_small_where_logits_are_saved(call: Call) -> Response:
    if call.body.get("save_logits_to_cache") is True:
        return redrawn(call.ask(), lambda bitmap, _: bitmap[::2, ::2], size=frame_of(call))
    return call.ask()


@mutant
def logits_take_the_place_of_the_image_under_its_id(call: Call) -> Response:
    name = id_of(call)
    if name is None:
        return call.ask()
    saved: int = call.state.kept.get(name, 0)
    response = renamed(call, lambda name: f"{name}#{saved}" if saved else name)
    if of_visual(call) and call.body.get("save_logits_to_cache") is True and response.status_code == 200:
        call.state.kept[name] = saved + 1
    return response


@mutant
def loaded_logits_answer_the_worst_mask_first(call: Call) -> Response:
    key = (call.body.get("image_id"), json.dumps(call.body.get("prompts")))
    if of_visual(call) and call.body.get("save_logits_to_cache") is True:
        call.state.kept[key] = True
    loaded = of_visual(call) and call.body.get("load_logits_from_cache") is True and key in call.state.kept

    def change(body: Json) -> None:
        found = body["predictions"]
        for best, worst in zip(found[::3], found[2::3], strict=False):
            best["masks"], worst["masks"] = worst["masks"], best["masks"]

    return edited(call.ask(), change) if loaded else call.ask()


@mutant
def loaded_logits_give_one_mask(call: Call) -> Response:
    # As SAM's own predictor does with a mask for its input.
    if not of_visual(call):
        return call.ask()
    key = _logits_key(call, of_image=True)
    if call.body.get("load_logits_from_cache") is True and key in call.state.kept:
        return call.ask(multimask_output=False)
    response = call.ask()
    if call.body.get("save_logits_to_cache") is True and response.status_code == 200:
        call.state.kept[key] = True
    return response


@mutant
def three_masks_are_one_where_logits_are_loaded(call: Call) -> Response:
    # As in the original predictor, for which a mask as a prompt is never ambiguous.
    loads = of_visual(call) and call.body.get("load_logits_from_cache") is True
    return call.ask(multimask_output=False) if loads else call.ask()


@mutant
def with_loaded_logits_there_is_one_mask_for_each_prompt(call: Call) -> Response:
    return three_masks_are_one_where_logits_are_loaded(call)


def _loaded_as_saved(call: Call, field: str, default: Any) -> Response:
    """Answer loaded logits as the request asked that saved them."""
    if not of_visual(call):
        return call.ask()
    key = (call.body.get("image_id"), json.dumps(call.body.get("prompts")), json.dumps(call.body.get("image")))
    if call.body.get("load_logits_from_cache") is True and key in call.state.kept:
        return call.ask(**{field: call.state.kept[key]})
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept[key] = call.body.get(field, default)
    return call.ask()


@mutant
def loaded_logits_come_in_the_format_they_were_saved_in(call: Call) -> Response:
    return _loaded_as_saved(call, "format", "json")
