"""Logits that are saved and loaded wrongly."""

from __future__ import annotations

import json

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import of_visual
from benchmarks.mutants.pictures import frame_of
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
def logits_are_kept_by_prompt_alone(call: Call) -> Response:
    if not of_visual(call):
        return call.ask()
    prompts = json.dumps(call.body.get("prompts"))
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept.setdefault(prompts, {name: call.body.get(name) for name in ("image", "image_id")})
    loaded = call.body.get("load_logits_from_cache") is True and prompts in call.state.kept
    return call.ask(**call.state.kept[prompts]) if loaded else call.ask()


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
def masks_are_small_where_logits_are_saved(call: Call) -> Response:
    if call.body.get("save_logits_to_cache") is True:
        return redrawn(call.ask(), lambda bitmap, _: bitmap[::2, ::2], size=frame_of(call))
    return call.ask()


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
