"""Caches that know too little of what they keep, and embeddings that are kept wrongly."""

from __future__ import annotations

import json
import unicodedata
import urllib.parse
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.images.formats import content_of, frame_of
from benchmarks.mutants.requests.thresholds import THRESHOLD, is_number, of_concept, of_visual
from benchmarks.mutants.server import Call, Json, Kind, edited, redrawn, refusal

mutant = Kind()
MUTANTS = mutant.mutants


def cached_without(call: Call, simplify: Callable[[Json], Json]) -> Response:
    """Answer from a cache whose key lacks something of the request; only what was answered 200 is kept."""
    key = (call.operation, json.dumps(simplify(json.loads(json.dumps(call.body))), sort_keys=True))
    if key in call.state.kept:
        response = call.ask()  # whose headers are this request's own
        if response.status_code == 200:
            body, content_type = call.state.kept[key]
            response.set_data(body)
            response.headers["content-type"] = content_type
        return response
    response = call.ask()
    if response.status_code == 200:
        call.state.kept[key] = (response.get_data(), response.headers["content-type"])
    return response


def _cache_without(field: str) -> Callable[[Call], Response]:
    def behave(call: Call) -> Response:
        return cached_without(call, lambda body: {name: value for name, value in body.items() if name != field})

    behave.__name__ = f"cache_that_ignores_{field}"
    return behave


for _field in ("output_prob_thresh", "format", "nms_iou_threshold", "multimask_output", "image_id"):
    mutant(_cache_without(_field))


def _without(prompts: Any, *fields: str) -> Any:
    if not isinstance(prompts, list):
        return prompts
    return [
        {name: value for name, value in one.items() if name not in fields} if isinstance(one, dict) else one
        for one in prompts
    ]


@mutant
def cache_that_ignores_labels_of_exemplars(call: Call) -> Response:
    return cached_without(call, lambda body: {**body, "prompts": _without(body.get("prompts"), "box_labels")})


@mutant
def cache_that_ignores_own_thresholds(call: Call) -> Response:
    return cached_without(call, lambda body: {**body, "prompts": _without(body.get("prompts"), "output_prob_thresh")})


@mutant
def cache_that_ignores_the_sign_of_clicks(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        for prompt in call_prompts(body):
            for point in prompt.get("points") or ():
                if isinstance(point, dict):
                    point.pop("positive", None)
        return body

    return cached_without(call, simplify)


def call_prompts(body: Json) -> list[Json]:
    """List the prompts of a body that are objects."""
    prompts = body.get("prompts")
    return [one for one in prompts if isinstance(one, dict)] if isinstance(prompts, list) else []


@mutant
def cache_that_rounds_clicks_to_tens(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        for prompt in call_prompts(body):
            for point in prompt.get("points") or ():
                if isinstance(point, dict) and isinstance(point.get("x"), int | float):
                    point["x"], point["y"] = point["x"] // 40, point.get("y", 0) // 40
        return body

    return cached_without(call, simplify)


@mutant
def cache_that_looks_at_the_beginning_of_the_image(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        return {**body, "image": [content_of(call)[:512].hex(), frame_of(call)]}

    return cached_without(call, simplify)


@mutant
def cache_that_ignores_the_order_of_prompts(call: Call) -> Response:
    return cached_without(
        call, lambda body: {**body, "prompts": sorted(map(repr, body["prompts"]))} if call_prompts(body) else body
    )


def _renamed(call: Call, rename: Callable[[str], str]) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()

    def restored(body: Json) -> None:
        if "image_id" in body:
            body["image_id"] = name

    return edited(call.ask(image_id=rename(name)), restored)


@mutant
def image_ids_are_lower_cased(call: Call) -> Response:
    return _renamed(call, str.lower)


@mutant
def image_ids_are_cut_at_32_characters(call: Call) -> Response:
    return _renamed(call, lambda name: name[:32])


@mutant
def image_ids_are_their_last_16_characters(call: Call) -> Response:
    return _renamed(call, lambda name: name[-16:])


@mutant
def image_ids_are_stripped(call: Call) -> Response:
    return _renamed(call, str.strip)


@mutant
def image_ids_are_file_names(call: Call) -> Response:
    return _renamed(call, lambda name: name.rpartition("/")[2])


@mutant
def image_ids_lose_what_is_no_letter(call: Call) -> Response:
    return _renamed(call, lambda name: "".join(c for c in name if c.isalnum()))


@mutant
def image_id_that_begins_like_a_known_one_is_it(call: Call) -> Response:
    def rename(name: str) -> str:
        known = call.state.kept.setdefault("names", [])
        match = next((one for one in known if name.startswith(one) or one.startswith(name)), None)
        if match is None:
            known.append(name)
        return match or name

    return _renamed(call, rename)


@mutant
def embedding_replaces_what_is_kept(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()
    generations = call.state.kept.setdefault("generations", {})
    if call.operation == "embed_image":
        generations[name] = generations.get(name, 0) + 1
    number = generations.get(name, 0)
    return _renamed(call, lambda one: f"{one}#{number}" if number else one)


@mutant
def embedding_is_answered_and_not_kept(call: Call) -> Response:
    if call.operation == "embed_image" and isinstance(call.body.get("image_id"), str):
        return _renamed(call, lambda name: f"lost/{name}")
    return call.ask()


@mutant
def embedding_without_an_id_is_not_kept(call: Call) -> Response:
    if call.operation == "embed_image" and call.body.get("image_id") is None:
        made = json.loads(call.ask().get_data()).get("image_id", "")
        call.state.kept.setdefault("made", set()).add(made)
        return call.ask()
    if call.body.get("image_id") in call.state.kept.get("made", ()):
        return call.ask(image_id=None)
    return call.ask()


@mutant
def embedding_keeps_the_image_before(call: Call) -> Response:
    before = call.state.kept.get("image")
    image = call.body.get("image")
    if frame_of(call) is not None:
        call.state.kept["image"] = image
    if call.operation == "embed_image" and before is not None and frame_of(call) is not None:
        return call.ask(image=before)
    return call.ask()


@mutant
def known_id_has_the_frame_of_the_image_sent_along(call: Call) -> Response:
    frame = frame_of(call)
    if call.operation != "visual_segment" or not isinstance(call.body.get("image_id"), str) or frame is None:
        return call.ask()

    def change(body: Json) -> None:
        for one in body.get("predictions", ()):
            if isinstance(one["masks"], dict):
                one["masks"]["size"] = list(frame)

    return edited(call.ask(), change)


@mutant
def only_the_last_image_is_kept(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()
    if call.state.kept.get("last") != name:
        call.state.kept["last"] = name
        call.state.kept["turn"] = call.state.kept.get("turn", 0) + 1
    turn = call.state.kept["turn"]
    return _renamed(call, lambda one: f"{one}#{turn}")


@mutant
def concept_requests_are_kept_by_image_id_too(call: Call) -> Response:
    name = call.body.get("image_id")
    if call.operation != "concept_segment" or not isinstance(name, str):
        return call.ask()
    first = call.state.kept.setdefault("first", call.body.get("image"))
    return call.ask(image=first)


@mutant
def logits_of_another_prompt_are_loaded(call: Call) -> Response:
    if call.operation != "visual_segment":
        return call.ask()
    key = (call.body.get("image_id"), len(call.prompts))
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept[key] = call.body.get("prompts")
    if call.body.get("load_logits_from_cache") is True and key in call.state.kept:
        return call.ask(prompts=call.state.kept[key])
    return call.ask()


@mutant
def masks_are_small_where_logits_are_saved(call: Call) -> Response:
    if call.body.get("save_logits_to_cache") is True:
        return redrawn(call.ask(), lambda bitmap, _: bitmap[::2, ::2], size=frame_of(call))
    return call.ask()


@mutant
def loading_logits_that_are_not_there_answers_500(call: Call) -> Response:
    key = (call.body.get("image_id"), json.dumps(call.body.get("prompts")))
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept[key] = True
    if call.body.get("load_logits_from_cache") is True and key not in call.state.kept:
        return refusal(500, {"message": "Internal error."})
    return call.ask()


@mutant
def answer_after_a_refusal_is_empty(call: Call) -> Response:
    after_refusal = call.state.kept.get("refused", False)
    response = call.ask()
    call.state.kept["refused"] = response.status_code >= 400

    def change(body: Json) -> None:
        for result in body.get("prompt_results", ()) if after_refusal else ():
            result["predictions"] = []

    return edited(response, change)


@mutant
def image_ids_beyond_ascii_are_not_kept(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str) or name.isascii():
        return call.ask()
    call.state.calls += 1
    return _renamed(call, lambda kept: f"{kept}{call.state.calls}")


@mutant
def format_of_the_first_call_is_kept_with_the_id(call: Call) -> Response:
    name = call.body.get("image_id")
    if call.operation != "visual_segment" or not isinstance(name, str):
        return call.ask()
    return call.ask(format=call.state.kept.setdefault(("format", name), call.body.get("format", "json")))


@mutant
def image_ids_of_digits_are_numbers(call: Call) -> Response:
    return _renamed(call, lambda name: str(int(name)) if name.isdecimal() else name)


@mutant
def image_ids_are_composed(call: Call) -> Response:
    return _renamed(call, lambda name: unicodedata.normalize("NFC", name))


@mutant
def image_ids_above_255_characters_answer_500(call: Call) -> Response:
    name = call.body.get("image_id")
    return refusal(500, {"message": "Internal error."}) if isinstance(name, str) and len(name) > 255 else call.ask()


@mutant
def logits_that_are_kept_are_always_loaded(call: Call) -> Response:
    image = json.dumps(call.body.get("image"))
    if call.operation != "visual_segment" or len(call.prompts) != 1:
        return call.ask()
    if call.body.get("save_logits_to_cache") is True:
        call.state.kept[image] = call.prompts
    return call.ask(prompts=call.state.kept[image]) if image in call.state.kept else call.ask()


@mutant
def percent_signs_in_image_ids_are_decoded(call: Call) -> Response:
    name = call.body.get("image_id")
    return call.ask(image_id=urllib.parse.unquote(name)) if isinstance(name, str) else call.ask()


@mutant
def image_id_of_null_is_the_name_of_an_image(call: Call) -> Response:
    if call.operation == "visual_segment" and "image_id" in call.body and call.body["image_id"] is None:
        return call.ask(image=call.state.kept.setdefault("null", call.body.get("image")))
    return call.ask()


@mutant
def embedding_under_a_known_id_is_refused(call: Call) -> Response:
    name = call.body.get("image_id")
    if call.operation == "embed_image" and name is not None:
        if name in call.state.kept:
            return refusal(409, {"message": "Exists."})
        call.state.kept[name] = True
    return call.ask()


@mutant
def image_sent_with_a_first_id_is_not_kept(call: Call) -> Response:
    name = call.body.get("image_id")
    if call.operation == "visual_segment" and isinstance(name, str) and name not in call.state.kept:
        return call.ask(image_id=...)
    response = call.ask()
    if call.operation == "embed_image" and response.status_code == 200:
        call.state.kept[name] = True
    return response


@mutant
def three_embeddings_are_kept_at_most(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str) or of_concept(call):
        return call.ask()
    shelf: list[str] = call.state.kept.setdefault("shelf", [])
    turns: dict[str, int] = call.state.kept.setdefault("turns", {})
    if name not in shelf:
        turns[name] = turns.get(name, 0) + 1
        shelf.append(name)
        del shelf[:-3]
    return _renamed(call, lambda one: f"{one}#{turns[name]}")


@mutant
def image_ids_are_forgotten_after_ten_requests(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()
    since = call.state.kept.setdefault(name, call.number)
    if call.number - since > 10:
        since = call.state.kept[name] = call.number
    return _renamed(call, lambda one: f"{one}#{since}")


@mutant
def image_ids_end_before_their_last_dot(call: Call) -> Response:
    return _renamed(call, lambda name: name.rpartition(".")[0] or name)


@mutant
def image_ids_begin_behind_their_last_colon(call: Call) -> Response:
    return _renamed(call, lambda name: name.rpartition(":")[2] or name)


@mutant
def image_ids_are_made_narrow(call: Call) -> Response:
    return _renamed(call, lambda name: unicodedata.normalize("NFKC", name))


@mutant
def embedding_answers_ids_beyond_ascii_as_question_marks(call: Call) -> Response:
    def change(body: Json) -> None:
        if isinstance(body.get("image_id"), str):
            body["image_id"] = body["image_id"].encode("ascii", "replace").decode()

    return edited(call.ask(), change) if call.operation == "embed_image" else call.ask()


@mutant
def image_of_a_refused_request_takes_the_id(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str) or of_concept(call):
        return call.ask()
    if name in call.state.kept:
        return call.ask(image=call.state.kept[name])
    response = call.ask()
    if response.status_code == 422 and frame_of(call):
        call.state.kept[name] = call.body["image"]
    return response


@mutant
def image_sent_before_is_used_where_it_is_as_large(call: Call) -> Response:
    """A pinned buffer that is not overwritten if the size is the same, of visual requests only."""
    frame = frame_of(call)
    if not of_visual(call) or frame is None or call.body.get("image_id") is not None:
        return call.ask()
    before, image = call.state.kept.get("last", (None, None))
    call.state.kept["last"] = (frame, call.body["image"])
    return call.ask(image=image) if before == frame else call.ask()


@mutant
def time_is_null_where_the_image_is_known(call: Call) -> Response:
    name = call.body.get("image_id")
    known = isinstance(name, str) and name in call.state.kept
    response = call.ask()
    if isinstance(name, str) and response.status_code == 200:
        call.state.kept[name] = True
    return edited(response, lambda body: {**body, "time": None}) if known and of_visual(call) else response


@mutant
def logits_saved_without_an_id_answer_500(call: Call) -> Response:
    saved = of_visual(call) and call.body.get("save_logits_to_cache") is True
    nameless = call.body.get("image_id") is None
    return refusal(500, {"message": "Internal error."}) if saved and nameless else call.ask()


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
def cache_that_rounds_thresholds(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        value = body.get(THRESHOLD)
        return {**body, THRESHOLD: round(value, 1)} if is_number(value) else body

    return cached_without(call, simplify) if of_concept(call) else call.ask()


@mutant
def cache_that_ignores_the_size_of_boxes(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        for prompt in call_prompts(body):
            for box in (*(prompt.get("boxes") or ()), prompt.get("box")):
                if isinstance(box, dict):
                    box.pop("width", None)
                    box.pop("height", None)
        return body

    return cached_without(call, simplify)
