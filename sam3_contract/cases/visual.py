"""Cases of ``visual_segment``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from sam3_contract.cases.pictures.photographs import saved_as
from sam3_contract.cases.pictures.views import View, mirrored_view
from sam3_contract.cases.questions import BAD_ID, VISUAL, Questions, body_of, case_of
from sam3_contract.exchanges.exchange import Case, Photograph, Twin

NOTHING_SAID: Final = {"image_id": None, "model_id": None}
OTHER_ORIGIN: Final = "https://another.example.org"
BINARY_TOLERATED: Final = {500: "binary_answers_500"}


def main_cases(questions: Questions, photograph: Photograph) -> Iterator[Case]:
    """Click, as RLE and as polygons, which are the default."""
    prompts = questions.click_prompts(photograph)
    for name, fields in (("rle", {"format": "rle"}), ("json", {})):
        body = body_of(photograph, prompts=prompts, **fields)
        asks = f"clicks {len(prompts)} objects, as {name}"
        yield case_of(f"{photograph.name}/{name}", VISUAL, asks, body, photograph)


def object_cases(questions: Questions, photograph: Photograph) -> Iterator[Case]:
    """Box whatever is drawn, with the key in the body, and with null for an id."""
    prompts = questions.object_prompts(photograph)
    body = body_of(photograph, prompts=prompts, format="rle", image_id=None)
    asks = f"asks for {len(prompts)} objects, boxed if they are drawn"
    yield case_of(f"{photograph.name}/rle", VISUAL, asks, body, photograph, key_in="body")


def detail_cases(questions: Questions) -> Iterator[Case]:
    """Ask the same in another form with nulls, for one mask, and for arrays."""
    lead = questions.lead
    prompts = questions.click_prompts(lead)
    alone_prompts = questions.one_click(lead)
    main, alone = f"{VISUAL}/{lead.name}/rle", f"{VISUAL}/{lead.name}/alone"
    yield _case(questions, "alone", "clicks one of the objects", main, prompts=alone_prompts)
    if len(alone_prompts[0]["points"]) > 1:
        asks = "clicks the same, but that what was clicked positively is clicked negatively, and the other way round"
        yield _case(questions, "signs_exchanged", asks, alone, prompts=[_with_other_signs(alone_prompts[0])])
    nested = {"prompts": {"prompts": [{**prompt, "box": None} for prompt in prompts]}, **NOTHING_SAID}
    yield _case(questions, "nested", "asks the same in the nested form, with nulls", main, **nested)
    best = _case(questions, "best", "asks for one mask", alone, prompts=alone_prompts, multimask_output=False)
    yield replace(best, key_in="bearer", headers={"origin": OTHER_ORIGIN})
    yield _as_archive(_case(questions, "binary", "asks for binary masks", main, prompts=prompts))


def form_cases(questions: Questions) -> Iterator[Case]:
    """Ask for one object without any list, and for nothing in particular in every way to say so."""
    alone = f"{VISUAL}/{questions.lead.name}/alone"
    clicked = questions.one_click(questions.lead)[0]
    boxes = [{"box": prompt["box"]} for prompt in questions.object_prompts(questions.lead) if "box" in prompt]
    if boxes:
        yield _case(questions, "boxed", "boxes two objects", alone, prompts=boxes[:2])
        asks, beside = "boxes one object, in no list, and asks to load logits", f"{alone[:-5]}boxed"
        # Of which some are kept for the image, and none for this prompt.
        yield _case(questions, "single_box", asks, beside, prompts=boxes[:2][-1], load_logits_from_cache=True)
    else:
        yield _case(questions, "single", "sends the prompt itself, in no list", alone, prompts=clicked)
    main, clicks = f"{VISUAL}/{questions.lead.name}/rle", questions.click_prompts(questions.lead)
    one_each, named = {"prompts": clicks, "multimask_output": False}, {"image_id": questions.image_id("logits")}
    asks = "asks for one mask of each, and to keep the logits"
    yield _case(questions, "best_of_each", asks, main, **one_each, **named, save_logits_to_cache=True)
    other = questions.photographs[min(1, len(questions.photographs) - 1)]  # which the id does not stand for
    # The image is still there under the id for which logits were kept.
    one = {"prompts": [clicked], "multimask_output": False, **named, **body_of(other)}
    archive = _case(questions, "binary_of_one", "asks for one binary mask by image_id", alone, **one)
    yield replace(_as_archive(archive), after=(f"{VISUAL}/{questions.lead.name}/best_of_each",), beside=())
    unprompted = f"{VISUAL}/{questions.lead.name}/unprompted"
    yield replace(_case(questions, "unprompted", "asks for nothing in particular", unprompted), beside=())
    # An image is kept under its id whatever is asked of it, and stands for what comes under that id afterwards.
    kept = {"image_id": questions.image_id("unprompted")}
    asks = "asks for nothing in particular, by null, under an image_id"
    yield _case(questions, "prompts_null", asks, unprompted, prompts=None, **kept)
    asks = "asks for one mask of nothing in particular by that image_id, by an empty set, and sends another image"
    nothing: dict[str, Any] = {"prompts": {"prompts": []}, "multimask_output": False}
    empty = _case(questions, "prompts_empty_set", asks, unprompted, **nothing, **kept, **body_of(other))
    yield replace(empty, after=(f"{VISUAL}/{questions.lead.name}/prompts_null",))


def archive_case(questions: Questions) -> Iterator[Case]:
    """Ask for one mask as an archive."""
    one = {"prompts": questions.one_click(questions.lead), "multimask_output": False}
    best = f"{VISUAL}/{questions.lead.name}/best"
    yield _as_archive(_case(questions, "best_binary", "asks for one binary mask", best, **one))


def _as_archive(case: Case) -> Case:
    return replace(case, body={**case.sent, "format": "binary"}, tolerated=BINARY_TOLERATED)


def shape_cases(questions: Questions) -> Iterator[Case]:
    """Box and click an image of which nothing is known, in two more file formats."""
    last = questions.photographs[-1]
    # An id that came with what is no image, and then where texts are asked for: only now does it stand for an image.
    fresh = questions.image_id(BAD_ID)
    for name, asks, prompts, sent, fields, after in (
        (
            "boxes",
            "boxes something around its centre, and something small at the border",
            questions.box_prompts(last),
            saved_as(last, "tiff-deflate"),
            {"format": "rle", "image_id": fresh},
            ("refused/not_an_image",),
        ),
        (
            "clicks",
            "clicks two places of an object and one beside it, for one mask, by the format's other name",
            questions.click_train(last),
            saved_as(last, "jpeg-progressive"),
            {"format": "json", "multimask_output": False, "image_id": questions.number},
            (),
        ),
    ):
        body = body_of(sent, prompts=prompts, **fields)
        asks = f"{asks}, in a {sent.header.format}"
        yield case_of(f"{last.name}/{name}", VISUAL, asks, body, sent, after=after)


def view_cases(questions: Questions) -> Iterator[Case]:
    """Click the same objects in a mirrored view, which is as large, under another id.

    The pixels in the file are those of one that is sent as well, whose EXIF tag mirrors them.
    """
    scene, lead = questions.scene, questions.lead
    if scene is None or questions.points:
        return
    # Under an id that differs from the first one's only in a space.
    view = mirrored_view(scene, "jpeg")
    mirrored = view_case(questions, view, f"{VISUAL}/{lead.name}/rle", image_id=questions.image_id("lead "))
    yield replace(mirrored, after=(f"embed_image/{lead.name}",))


def view_case(questions: Questions, view: View, of: str, **fields: Any) -> Case:
    """Click the same objects in another view of an image.

    Args:
        questions: What to ask.
        view: The image.
        of: Id of the case that clicks them in the image as it is.
        fields: Further fields of the request.
    """
    sent = view.photograph
    body = body_of(sent, prompts=questions.click_prompts(sent), format="rle", **fields)
    twin = Twin(of, view.how, view.undo, moved=view.moved)
    return case_of(f"{sent.name}/rle", VISUAL, f"sends the image {view.how}", body, sent, twin=twin)


def _with_other_signs(prompt: Mapping[str, Any]) -> dict[str, Any]:
    return {**prompt, "points": [{**point, "positive": not point["positive"]} for point in prompt["points"]]}


def _case(questions: Questions, name: str, asks: str, beside: str, **fields: Any) -> Case:
    lead = questions.lead
    body = body_of(lead, **{"format": "rle", **fields})
    return case_of(f"{lead.name}/{name}", VISUAL, asks, body, lead, beside=(beside,))
