"""Cases of what a server remembers: images under an ``image_id``, logits, and nothing else."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sam3_contract.cases.pictures.photographs import saved_as
from sam3_contract.cases.pictures.views import encoded
from sam3_contract.cases.questions import LONG, VISUAL, Made, Questions, body_of, case_of
from sam3_contract.cases.refused import REFUSED_ID
from sam3_contract.exchanges.exchange import Case, Exchange, KeyPlace, Photograph
from sam3_contract.images.scenes import Thing, further_scenes

EMBED: Final = "embed_image"
ONE_REQUEST: Final = "one-request"
KEY_PLACES: Final[tuple[tuple[str, KeyPlace], ...]] = (("first", "upper_bearer"), ("second", "query_first"))


def memory_cases(questions: Questions) -> Iterator[Case]:
    """Ask by ``image_id``: of an image that was embedded, of another one under the same id, and under another id."""
    lead, other = questions.lead, questions.photographs[min(1, len(questions.photographs) - 1)]
    polygons, main = f"{VISUAL}/{lead.name}/json", f"{VISUAL}/{lead.name}/rle"
    name, embedded = questions.image_id("lead"), f"{EMBED}/{lead.name}"
    # Names of requests are the client's, and tell a server nothing: those of one are several all the same.
    one = {"id": ONE_REQUEST}
    yield case_of(lead.name, EMBED, "asks to keep an embedding", body_of(lead, image_id=name), lead)
    after: tuple[str, ...] = (embedded,)
    if other is not lead:  # in between, so that a cache of one image shows
        own = _own_id(questions, other)
        yield replace(own, body={**own.sent, **one}, after=after)
        asks = "asks to keep another image under a known image_id, which is kept as it is"
        # With null for the key where none has to be, as the vendor's client writes it.
        body = body_of(saved_as(other, "webp-lossless"), image_id=name, api_key=None, **one)
        again = case_of(f"{other.name}/known_id", EMBED, asks, body, other, after=after, key_in="bearer")
        yield again
        after = (own.id, again.id)
    if other is not lead:
        # What is known of the image is what the id stands for, not what is sent along: before anybody asks about the
        # image itself under that id, as an embedding that was not kept would be made then.
        prompts = questions.other_click(lead)
        sent = saved_as(other, "gif")
        reused = body_of(sent, prompts=prompts, format="rle", image_id=name, save_logits_to_cache=True, **one)
        asks = "sends another image under a known image_id"
        last = case_of(f"{lead.name}/reused_id", VISUAL, asks, reused, lead, after=after, beside=(main,))
        yield last
        after = (last.id,)
    # It is asked for something else than before, in another format, so that an answer that is kept instead of the
    # embedding shows; and so do logits that were kept for the other prompt.
    body = body_of(lead, prompts=questions.one_click(lead), image_id=name, load_logits_from_cache=True, **one)
    asks = "asks by image_id for what was embedded"
    yield case_of(f"{lead.name}/by_id", VISUAL, asks, body, lead, after=after, beside=(polygons,))


def named_cases(questions: Questions) -> Iterator[Case]:
    """Embed, and ask by two ids of two images, to be under way at once; long after the first id was used first."""
    lead, named = questions.lead, questions.image_id("lead")
    asks, after, sent = "asks by image_id while others are under way", (f"{EMBED}/{lead.name}",), lead
    for sent in questions.photographs[1:2]:
        own = _own_id(questions, sent)
        yield replace(own, id=f"{own.id}_at_once", asks=asks, beside=own.beside, after=after)
        for (name, place), encoding in zip(KEY_PLACES, ("jpeg-turned-7", "gif"), strict=True):
            embedded = saved_as(sent, encoding)
            body = body_of(embedded, image_id=_id_at_once(questions, name))
            embeds = "asks to keep an embedding while others are under way"
            yield case_of(f"{sent.name}/{name}_at_once", EMBED, embeds, body, embedded, key_in=place)
    body = body_of(sent, prompts=questions.click_prompts(lead), format="rle", image_id=named)
    beside = (f"{VISUAL}/{lead.name}/rle",)
    yield case_of(f"{lead.name}/by_id_at_once", VISUAL, asks, body, lead, after=after, beside=beside)


def embedded_at_once_case(questions: Questions) -> Iterator[Case]:
    """Ask by an id of those that were embedded while others were under way, and send another image along."""
    for kept in questions.photographs[1:2]:
        name = KEY_PLACES[-1][0]
        fields = {"format": "rle", "image_id": _id_at_once(questions, name)}
        body = body_of(questions.lead, prompts=questions.object_prompts(kept), **fields)
        asks = "asks by the image_id of an image that was embedded while others were under way"
        after, beside = (f"{EMBED}/{kept.name}/{name}_at_once",), (f"{VISUAL}/{kept.name}/rle",)
        # With the key in another place: it is the same one.
        name = f"{kept.name}/{name}_by_id"
        yield case_of(name, VISUAL, asks, body, kept, after=after, beside=beside, key_in="bearer")


def _id_at_once(questions: Questions, name: str) -> str:
    """Name an image by few letters and digits, or as libraries name things."""
    return questions.uuid if name == KEY_PLACES[-1][0] else questions.short_id


def exchanged_boxes_case(questions: Questions) -> Iterator[Case]:
    """Click what was clicked before beside other boxes: an answer that is kept for the clicks alone shows."""
    for photograph in questions.photographs[1:2]:
        prompts = questions.object_prompts(photograph)
        things = dict(zip(range(len(prompts)), photograph.things, strict=False))
        clicked = [index for index, prompt in enumerate(prompts) if "box" in prompt and prompt.get("points")]
        moved = {index: things[other] for index, other in zip(clicked, clicked[1:] + clicked[:1], strict=True)}
        if len(moved) < 2 or any(_is_clicked(thing, prompts[index]) for index, thing in moved.items()):
            continue
        exchanged = [
            {**prompt, "box": moved[index].center_box} if index in moved else prompt
            for index, prompt in enumerate(prompts)
        ]
        asks, beside = "boxes the same objects, each beside the click of another", (f"{VISUAL}/{photograph.name}/rle",)
        body = body_of(photograph, prompts=exchanged, format="rle", image_id=None)
        yield case_of(
            f"{photograph.name}/boxes_exchanged", VISUAL, asks, body, photograph, key_in="body", beside=beside
        )


def _is_clicked(thing: Thing, prompt: Mapping[str, Any]) -> bool:
    return any(thing.bitmap[int(point["y"]), int(point["x"])] for point in prompt["points"])


def logits_cases(questions: Questions) -> Iterator[Case]:
    """Keep the logits of one prompt, and load what was kept for it: for another image, and for its own."""
    lead, other = questions.lead, questions.photographs[min(1, len(questions.photographs) - 1)]
    prompts, main = questions.other_click(lead), f"{VISUAL}/{lead.name}/rle"

    def case(name: str, asks: str, sent: Photograph, **fields: Any) -> Case:
        body = body_of(sent, **{"prompts": prompts, "format": "rle", **fields})
        return case_of(f"{lead.name}/{name}", VISUAL, asks, body, sent, beside=(main,))

    kept = case("logits_kept", "asks to keep the logits", lead, save_logits_to_cache=True)
    yield kept
    asks = "asks to load the logits of a prompt of which none are kept for that image"
    yield replace(case("logits_of_another", asks, other, load_logits_from_cache=True), after=(kept.id,))
    asks = "asks to load the logits that are kept, and to keep them, as polygons"
    loaded = case("logits_loaded", asks, lead, load_logits_from_cache=True, save_logits_to_cache=True)
    yield replace(loaded, body={**loaded.sent, "format": "json"}, after=(kept.id,), beside=(f"{main[:-3]}json",))
    asks = "asks to load the logits of a prompt of which none are kept, as there are of another"
    others = {"prompts": questions.one_click(lead), "load_logits_from_cache": True}
    unlike = case("logits_of_another_prompt", asks, lead, **others)
    yield replace(unlike, after=(kept.id,), beside=(f"{VISUAL}/{lead.name}/alone",))


def unnamed_cases(questions: Questions) -> Iterator[Case]:
    """Ask of an image without the id that it was sent with, and embed one without naming it, as the answer names it."""
    lead, scene = questions.lead, questions.scene
    sent = lead if scene is None else encoded(scene, "jpeg-described")  # which lies on a side before it is turned
    # What was asked before under an id that stands for another image: this answer is of the image that is sent.
    for other in [photograph for photograph in questions.photographs if photograph is not lead][:1]:
        prompts = questions.other_click(lead)
        fields = {"format": "rle", "save_logits_to_cache": True, "id": ONE_REQUEST}
        body = body_of(saved_as(other, "gif"), prompts=prompts, **fields)
        asks = "asks of an image what was asked of another one, which an image_id stood for"
        yield case_of(f"{other.name}/without_id", VISUAL, asks, body, other, after=(f"{VISUAL}/{lead.name}/reused_id",))
    # Two pictures that differ in one small thing, of which a server makes two ids.
    for shown in () if scene is None else further_scenes()[:5:4]:
        alike = encoded(shown, "bmp")
        asks = "asks to keep the embedding of one of two images that are much alike, and for its id"
        yield case_of(f"{alike.name}/unnamed", EMBED, asks, body_of(alike), alike)
    # Right after another image, which it does not stand for.
    asks = "asks to keep an embedding, and for its id"
    yield case_of(f"{lead.name}/unnamed", EMBED, asks, body_of(sent), sent, key_in="body")


def follow_ups(questions: Questions) -> Iterator[Made]:
    """Use the id that a server gave itself.

    Yields:
        Id, question, what makes the case, and the ids of the cases it is made of.
    """
    source = f"{EMBED}/{questions.lead.name}/unnamed"
    asks = "sends another image under the id that the server gave"
    yield f"{VISUAL}/{questions.lead.name}/given_id", asks, partial(_given, questions, source), (source,)


def other_ids(questions: Questions) -> Iterator[tuple[str, Photograph]]:
    """Name ids that differ from the one of the lead in little, each with another image that it stands for."""
    others = [photograph for photograph in questions.photographs if photograph is not questions.lead]
    lead = questions.image_id("lead")
    long = f"{lead[::-1]}{'x' * LONG}"
    # The last two are the lead's, if accents were joined with their letters, or signs were unquoted as in a URL.
    other_forms = unicodedata.normalize("NFD", lead), f"{lead[:-1]}%{ord(lead[-1]):02x}"
    names = (f"{lead}.png", lead[:-1], f"{lead}/", lead.replace("/", "_"), long, *other_forms)
    for other in others[:1]:
        yield questions.image_id(REFUSED_ID), other
        yield from ((name, other) for name in names)


def _given(questions: Questions, source: str, seen: Mapping[str, Exchange]) -> Case | None:
    answer = seen[source].answer if source in seen else None
    name = answer.get("image_id") if isinstance(answer, dict) else None
    if not isinstance(name, str):
        return None
    lead, other = questions.lead, questions.photographs[min(1, len(questions.photographs) - 1)]
    body = body_of(other, prompts=questions.one_click(lead), format="rle", image_id=name)
    asks = "sends another image under the id that the server gave"
    beside = (source, f"{VISUAL}/{lead.name}/alone")
    return case_of(f"{lead.name}/given_id", VISUAL, asks, body, lead, beside=beside)


def _own_id(questions: Questions, other: Photograph) -> Case:
    """Send an image under an id that differs from the first one's only in its letters' case."""
    body = body_of(other, prompts=questions.object_prompts(other), format="rle", image_id=questions.image_id("LEAD"))
    asks = "sends an image under an image_id of its own"
    return case_of(f"{other.name}/own_id", VISUAL, asks, body, other, beside=(f"{VISUAL}/{other.name}/rle",))
