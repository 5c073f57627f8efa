"""Cases of ``visual_segment`` and ``embed_image``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from sam3_contract.cases.questions import VISUAL, Questions, body_of, case_of
from sam3_contract.cases.scenes import saved_as
from sam3_contract.cases.views import View, padded_view, turned_view
from sam3_contract.exchange import Case, Photograph, Twin

SIDEWAYS: Final = 8  # EXIF: the top of the picture is on the left of the file


def main_cases(questions: Questions, photograph: Photograph) -> Iterator[Case]:
    """Click, as RLE and as polygons."""
    prompts = questions.click_prompts(photograph)
    for mask_format in ("rle", "json"):
        body = body_of(photograph, prompts=prompts, format=mask_format)
        asks = f"clicks {len(prompts)} objects, as {mask_format}"
        yield case_of(f"{photograph.name}/{mask_format}", VISUAL, asks, body, photograph)


def object_cases(questions: Questions, photograph: Photograph) -> Iterator[Case]:
    """Box whatever is drawn."""
    prompts = questions.object_prompts(photograph)
    body = body_of(photograph, prompts=prompts, format="rle")
    asks = f"asks for {len(prompts)} objects, boxed if they are drawn"
    yield case_of(f"{photograph.name}/rle", VISUAL, asks, body, photograph)


def detail_cases(questions: Questions) -> Iterator[Case]:
    """Ask the same in other formats, for one mask, by a box, for arrays, and for nothing."""
    lead = questions.lead
    prompts = questions.click_prompts(lead)
    main, alone = f"{VISUAL}/{lead.name}/rle", f"{VISUAL}/{lead.name}/alone"

    def case(name: str, asks: str, beside: str, **more: Any) -> Case:
        fields = {"format": "rle", **more.pop("fields")}
        return case_of(f"{lead.name}/{name}", VISUAL, asks, body_of(lead, **fields), lead, beside=(beside,), **more)

    alone_prompts = questions.one_click(lead)
    one = {"prompts": alone_prompts}
    yield case("alone", "clicks one of the objects", main, fields=one)
    yield case("nested", "asks the same in the nested form", main, fields={"prompts": {"prompts": prompts}})
    yield case("single", "sends the prompt itself, in no list", alone, fields={"prompts": alone_prompts[0]})
    yield case("best", "asks for one mask", alone, fields={**one, "multimask_output": False})
    tolerated = {500: "binary_answers_500"}
    binary = {"prompts": prompts, "format": "binary"}
    yield case("binary", "asks for binary masks", main, fields=binary, tolerated=tolerated)
    bitmap = saved_as(lead, "BMP")
    yield case_of(
        f"{lead.name}/unprompted", VISUAL, "asks for nothing in particular", body_of(bitmap, format="rle"), bitmap
    )


def shape_cases(questions: Questions) -> Iterator[Case]:
    """Box and click an image of which nothing is known, in two more file formats."""
    last = questions.photographs[-1]
    for name, asks, prompts, sent in (
        (
            "boxes",
            "boxes something around its centre, with clicks and without",
            questions.box_prompts(last),
            saved_as(last, "TIFF", compression="tiff_adobe_deflate"),
        ),
        (
            "clicks",
            "clicks two places of an object and one beside it",
            questions.click_train(last),
            saved_as(last, "GIF"),
        ),
    ):
        body = body_of(sent, prompts=prompts, format="rle")
        yield case_of(f"{last.name}/{name}", VISUAL, asks, body, sent)


def memory_cases(questions: Questions) -> Iterator[Case]:
    """Ask by ``image_id``: of an image that was embedded, of another one under the same id, and under another id."""
    lead, other = questions.lead, questions.photographs[min(1, len(questions.photographs) - 1)]
    alone, main = f"{VISUAL}/{lead.name}/alone", f"{VISUAL}/{lead.name}/rle"
    name, embedded = questions.image_id("lead"), f"embed_image/{lead.name}"
    yield case_of(lead.name, "embed_image", "asks to keep an embedding", body_of(lead, image_id=name), lead)
    after: tuple[str, ...] = (embedded,)
    if other is not lead:  # in between, so that a cache of one image shows
        own = _own_id(questions, other)
        yield replace(own, after=after)
        after = (own.id,)
    again = body_of(lead, prompts=questions.one_click(lead), format="rle", image_id=name)
    asks = "asks by image_id for what was embedded"
    by_id = case_of(f"{lead.name}/by_id", VISUAL, asks, again, lead, after=after, beside=(alone,))
    yield by_id
    if other is not lead:
        # What is known of the image is what the id stands for, not what is sent along. It is asked for something else
        # than before, so that an answer that is kept instead of the embedding shows.
        reused = body_of(other, prompts=questions.other_click(lead), format="rle", image_id=name)
        asks = "sends another image under a known image_id"
        yield case_of(f"{lead.name}/reused_id", VISUAL, asks, reused, lead, after=(by_id.id,), beside=(main,))


def _own_id(questions: Questions, other: Photograph) -> Case:
    """Send an image under an id that differs from the first one's only in its letters' case."""
    body = body_of(other, prompts=questions.object_prompts(other), format="rle", image_id=questions.image_id("LEAD"))
    asks = "sends an image under an image_id of its own"
    return case_of(f"{other.name}/own_id", VISUAL, asks, body, other, beside=(f"{VISUAL}/{other.name}/rle",))


def view_cases(questions: Questions) -> Iterator[Case]:
    """Click the same objects in other views of a drawn scene: turned by EXIF, and with a border."""
    scene, lead = questions.scene, questions.lead
    if scene is None or questions.points:
        return
    main = f"{VISUAL}/{lead.name}/rle"
    yield _view_case(questions, turned_view(scene, SIDEWAYS), main)
    # Under an id that differs from the first one's only in a space.
    padded = _view_case(questions, padded_view(scene), main, image_id=questions.image_id("lead "))
    yield replace(padded, after=(f"embed_image/{lead.name}",))


def _view_case(questions: Questions, view: View, of: str, **fields: Any) -> Case:
    sent = view.photograph
    body = body_of(sent, prompts=questions.click_prompts(sent), format="rle", **fields)
    twin = Twin(of, view.how, view.undo, moved=view.moved)
    return case_of(f"{sent.name}/rle", VISUAL, f"sends the image {view.how}", body, sent, twin=twin)
