"""Embeddings that are not kept, kept wrongly, or forgotten."""

from __future__ import annotations

import json
import uuid

from werkzeug.wrappers import Response

from benchmarks.mutants.answers import shrunk
from benchmarks.mutants.asked import id_of, of_concept, of_visual
from benchmarks.mutants.kept import renamed
from benchmarks.mutants.pictures import frame_of, value_of
from benchmarks.mutants.server import Call, Json, Kind, edited, redrawn, refusal

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def embedding_replaces_what_is_kept(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()
    generations = call.state.kept.setdefault("generations", {})
    if call.operation == "embed_image":
        generations[name] = generations.get(name, 0) + 1
    number = generations.get(name, 0)
    return renamed(call, lambda one: f"{one}#{number}" if number else one)


@mutant
def embedding_another_image_under_a_known_name_replaces_it(call: Call) -> Response:
    name, value = id_of(call), value_of(call)
    if name is None or not value:
        return call.ask()
    image, number = call.state.kept.get(name, (value, 0))
    if call.operation == "embed_image" and image != value:
        image, number = value, number + 1
    call.state.kept[name] = image, number
    return renamed(call, lambda one: f"{one}#{number}") if number else call.ask()


@mutant
def embedding_is_answered_and_not_kept(call: Call) -> Response:
    if call.operation == "embed_image" and isinstance(call.body.get("image_id"), str):
        return renamed(call, lambda name: f"lost/{name}")
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
def made_id_of_an_image_is_another_one_each_time(call: Call) -> Response:
    made = call.operation == "embed_image" and call.body.get("image_id") is None
    return call.ask(image_id=uuid.uuid4().hex) if made else call.ask()


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
def embedding_under_a_known_id_is_refused(call: Call) -> Response:
    name = call.body.get("image_id")
    if call.operation == "embed_image" and name is not None:
        if name in call.state.kept:
            return refusal(409, {"message": "Exists."})
        call.state.kept[name] = True
    return call.ask()


@mutant
def embedding_answers_ids_beyond_ascii_as_question_marks(call: Call) -> Response:
    def change(body: Json) -> None:
        if isinstance(body.get("image_id"), str):
            body["image_id"] = body["image_id"].encode("ascii", "replace").decode()

    return edited(call.ask(), change) if call.operation == "embed_image" else call.ask()


@mutant
def image_sent_with_a_first_id_is_not_kept(call: Call) -> Response:
    name = call.body.get("image_id")
    if of_visual(call) and isinstance(name, str) and name not in call.state.kept:
        return call.ask(image_id=...)
    response = call.ask()
    if call.operation == "embed_image" and response.status_code == 200:
        call.state.kept[name] = True
    return response


@mutant
def image_sent_without_prompts_is_not_kept_under_its_id(call: Call) -> Response:
    name = id_of(call)
    if name is None:
        return call.ask()
    unprompted = of_visual(call) and call.body.get("prompts") in (None, [], {}, {"prompts": []})
    if unprompted and name not in call.state.kept:
        return renamed(call, lambda _: None)
    response = call.ask()
    if response.status_code == 200:
        call.state.kept[name] = True
    return response


@mutant
def image_by_url_is_not_kept_under_its_id(call: Call) -> Response:
    url = value_of(call, "url") if id_of(call) is not None else ""
    return renamed(call, lambda name: f"{name}#{url}") if url else call.ask()


@mutant
def only_the_last_image_is_kept(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()
    if call.state.kept.get("last") != name:
        call.state.kept["last"] = name
        call.state.kept["turn"] = call.state.kept.get("turn", 0) + 1
    turn = call.state.kept["turn"]
    return renamed(call, lambda one: f"{one}#{turn}")


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
    return renamed(call, lambda one: f"{one}#{turns[name]}")


@mutant
def eleventh_embedding_pushes_out_the_first(call: Call) -> Response:
    name = call.body.get("image_id")
    if of_concept(call) or not isinstance(name, str):
        return call.ask()
    with call.state.lock:
        held: dict[str, int] = call.state.kept.setdefault("held", {})
        if name not in held:
            held[name] = call.number
        if len(held) > 10:
            del held[next(iter(held))]
    return renamed(call, lambda _: f"{name}#{held.get(name)}")


@mutant
def only_the_last_eight_embeddings_are_kept(call: Call) -> Response:
    # Also of those whose ids are made.
    name = id_of(call)
    if name is None:
        return call.ask()
    held: dict[str, None] = call.state.kept.setdefault("held", {})
    losses: dict[str, int] = call.state.kept.setdefault("losses", {})
    if name not in held:
        held[name] = None
        if len(held) > 8:
            oldest = next(iter(held))
            del held[oldest]
            losses[oldest] = losses.get(oldest, 0) + 1
    number = losses.get(name, 0)
    return renamed(call, lambda one: f"{one}#{number}") if number else call.ask()


@mutant
def image_ids_are_forgotten_after_ten_requests(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()
    since = call.state.kept.setdefault(name, call.number)
    if call.number - since > 10:
        since = call.state.kept[name] = call.number
    return renamed(call, lambda one: f"{one}#{since}")


@mutant
def masks_of_a_kept_image_are_a_pixel_thinner(call: Call) -> Response:
    # What is kept is of lower precision.
    name, response = id_of(call), call.ask()
    if name is None or response.status_code != 200:
        return response
    if name not in call.state.kept:
        call.state.kept[name] = frame_of(call)
        return response
    return redrawn(response, shrunk(1), size=call.state.kept[name])
