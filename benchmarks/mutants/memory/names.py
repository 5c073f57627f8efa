"""Names of images: which are one, and what is bound to them."""

from __future__ import annotations

import re
import unicodedata
import urllib.parse

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import id_of, of_concept, of_visual
from benchmarks.mutants.kept import renamed
from benchmarks.mutants.pictures import content_of, file_of, frame_of
from benchmarks.mutants.server import Call, Json, Kind, edited, failure, refusal

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def image_ids_are_lower_cased(call: Call) -> Response:
    return renamed(call, str.lower)


@mutant
def names_of_images_are_the_same_in_capitals(call: Call) -> Response:
    return image_ids_are_lower_cased(call)


@mutant
def image_ids_are_cut_at_32_characters(call: Call) -> Response:
    return renamed(call, lambda name: name[:32])


@mutant
def names_of_images_are_cut_at_thirty_two_letters(call: Call) -> Response:
    return image_ids_are_cut_at_32_characters(call)


@mutant
def image_ids_are_their_last_16_characters(call: Call) -> Response:
    return renamed(call, lambda name: name[-16:])


@mutant
def image_ids_are_stripped(call: Call) -> Response:
    return renamed(call, str.strip)


@mutant
def image_ids_are_file_names(call: Call) -> Response:
    return renamed(call, lambda name: name.rpartition("/")[2])


@mutant
def image_ids_lose_what_is_no_letter(call: Call) -> Response:
    return renamed(call, lambda name: "".join(c for c in name if c.isalnum()))


@mutant
def names_of_images_differ_by_letters_and_digits_only(call: Call) -> Response:
    # They are made names of files.
    return renamed(call, lambda name: re.sub(r"[^\w.-]", "_", name))


@mutant
def image_ids_of_digits_are_numbers(call: Call) -> Response:
    return renamed(call, lambda name: str(int(name)) if name.isdecimal() else name)


@mutant
def image_ids_are_composed(call: Call) -> Response:
    return renamed(call, lambda name: unicodedata.normalize("NFC", name))


@mutant
def image_ids_are_made_narrow(call: Call) -> Response:
    return renamed(call, lambda name: unicodedata.normalize("NFKC", name))


@mutant
def image_ids_end_before_their_last_dot(call: Call) -> Response:
    return renamed(call, lambda name: name.rpartition(".")[0] or name)


@mutant
def image_ids_begin_behind_their_last_colon(call: Call) -> Response:
    return renamed(call, lambda name: name.rpartition(":")[2] or name)


@mutant
def image_id_that_begins_like_a_known_one_is_it(call: Call) -> Response:
    def rename(name: str) -> str:
        known = call.state.kept.setdefault("names", [])
        match = next((one for one in known if name.startswith(one) or one.startswith(name)), None)
        if match is None:
            known.append(name)
        return match or name

    return renamed(call, rename)


@mutant
def percent_signs_in_image_ids_are_decoded(call: Call) -> Response:
    name = call.body.get("image_id")
    return call.ask(image_id=urllib.parse.unquote(name)) if isinstance(name, str) else call.ask()


@mutant
def image_ids_beyond_ascii_are_not_kept(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str) or name.isascii():
        return call.ask()
    call.state.calls += 1
    return renamed(call, lambda kept: f"{kept}{call.state.calls}")


@mutant
def image_ids_above_255_characters_answer_500(call: Call) -> Response:
    name = call.body.get("image_id")
    return failure() if isinstance(name, str) and len(name) > 255 else call.ask()


@mutant
def image_id_of_null_is_the_name_of_an_image(call: Call) -> Response:
    if of_visual(call) and "image_id" in call.body and call.body["image_id"] is None:
        return call.ask(image=call.state.kept.setdefault("null", call.body.get("image")))
    return call.ask()


@mutant
def a_null_name_of_an_image_is_a_name(call: Call) -> Response:
    null = "image_id" in call.body and call.body["image_id"] is None
    return call.ask(image_id="None") if null and of_visual(call) else call.ask()


@mutant
def empty_image_id_counts_as_none(call: Call) -> Response:
    return call.ask(image_id=None) if call.body.get("image_id") == "" else call.ask()


@mutant
def empty_image_id_counts_as_none_and_is_answered(call: Call) -> Response:
    empty = call.body.get("image_id") == "" and not of_concept(call)
    return renamed(call, lambda _: None) if empty else call.ask()


@mutant
def names_of_images_are_not_looked_up_for_binary_masks(call: Call) -> Response:
    binary = of_visual(call) and call.body.get("format") == "binary"
    return call.ask(image_id=...) if binary and call.body.get("image_id") is not None else call.ask()


@mutant
def image_ids_are_kept_apart_by_where_the_key_is(call: Call) -> Response:
    # The key belongs to what is looked up, and is only taken from the query.
    apart = id_of(call) is not None and not call.request.args.get("api_key")
    return renamed(call, lambda name: f"{name}#no key") if apart else call.ask()


@mutant
def name_of_a_refused_image_stays_refused(call: Call) -> Response:
    name = call.body.get("image_id")
    if of_concept(call) or not isinstance(name, str):
        return call.ask()
    if name in call.state.kept:
        return refusal(400, call.state.kept[name])
    response = call.ask()
    if response.status_code == 400:
        call.state.kept[name] = response.get_json()
    return response


@mutant
def id_that_came_with_a_broken_image_stays_broken(call: Call) -> Response:
    return name_of_a_refused_image_stays_refused(call)


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
def mistake_in_a_request_makes_its_id_forgotten(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str) or of_concept(call):
        return call.ask()
    generation = call.state.kept.get(name, 0)
    response = renamed(call, lambda one: f"{one}#{generation}" if generation else one)
    if response.status_code == 422:
        call.state.kept[name] = generation + 1
    return response


@mutant
def another_image_beside_a_known_id_is_refused(call: Call) -> Response:
    name, content = call.body.get("image_id"), content_of(call)
    if of_concept(call) or not isinstance(name, str) or not content:
        return call.ask()
    if of_visual(call) and call.state.kept.get(name, content) != content:
        return refusal(409, {"message": "image_id is in use."})
    response = call.ask()
    if response.status_code == 200:
        call.state.kept.setdefault(name, content)
    return response


@mutant
def known_id_has_the_frame_of_the_image_sent_along(call: Call) -> Response:
    frame = frame_of(call)
    if not of_visual(call) or not isinstance(call.body.get("image_id"), str) or frame is None:
        return call.ask()

    def change(body: Json) -> None:
        for one in body.get("predictions", ()):
            if isinstance(one["masks"], dict):
                one["masks"]["size"] = list(frame)

    return edited(call.ask(), change)


@mutant
def format_of_the_first_call_is_kept_with_the_id(call: Call) -> Response:
    name = call.body.get("image_id")
    if not of_visual(call) or not isinstance(name, str):
        return call.ask()
    return call.ask(format=call.state.kept.setdefault(("format", name), call.body.get("format", "json")))


@mutant
def concept_requests_are_kept_by_image_id_too(call: Call) -> Response:
    name = call.body.get("image_id")
    if not of_concept(call) or not isinstance(name, str):
        return call.ask()
    first = call.state.kept.setdefault("first", call.body.get("image"))
    return call.ask(image=first)


@mutant
def concept_segment_remembers_the_image_of_an_image_id(call: Call) -> Response:
    name = call.body.get("image_id")
    if not of_concept(call) or not isinstance(name, str) or file_of(call) is None:
        return call.ask()
    return call.ask(image=call.state.kept.setdefault(name, call.body["image"]))


@mutant
def concepts_are_looked_for_in_the_image_of_the_id(call: Call) -> Response:
    name, response = call.body.get("image_id"), call.ask()
    if not isinstance(name, str) or response.status_code != 200:
        return response
    if of_concept(call):
        return call.ask(image=call.state.kept.get(name, call.body["image"]))
    call.state.kept.setdefault(name, call.body["image"])
    return response


@mutant
def concepts_are_searched_in_the_image_that_a_name_was_first_sent_with(call: Call) -> Response:
    # Whatever comes with them: it is not looked at.
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()
    if of_concept(call):
        return call.ask(image=call.state.kept[name]) if name in call.state.kept else call.ask()
    response = call.ask()
    if response.status_code == 200:
        call.state.kept.setdefault(name, call.body.get("image"))
    return response


@mutant
def concepts_name_images_for_visual_prompts(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str) or frame_of(call) is None:
        return call.ask()
    if of_concept(call):
        call.state.kept.setdefault(name, call.body["image"])
        return call.ask()
    return call.ask(image=call.state.kept[name]) if name in call.state.kept else call.ask()


@mutant
def image_of_a_concept_request_takes_the_id(call: Call) -> Response:
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()
    response = call.ask()
    if of_concept(call) and response.status_code == 200 and content_of(call):
        call.state.kept.setdefault(name, call.body["image"])
    elif not of_concept(call) and response.status_code == 200 and name in call.state.kept:
        return renamed(call, lambda one: f"{one}#", image=call.state.kept[name])
    return response
