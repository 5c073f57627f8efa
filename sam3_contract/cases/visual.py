"""Cases of ``visual_segment`` and ``embed_image``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from sam3_contract.cases.questions import Questions, body_of, case_of, image_id_of
from sam3_contract.cases.views import View, padded_view, turned_view
from sam3_contract.exchange import Case, Photograph, Twin

__all__ = ["detail_cases", "main_cases", "memory_cases", "shape_cases", "view_cases"]

OPERATION: Final = "visual_segment"


def main_cases(
    questions: Questions, photograph: Photograph, *, forms: Sequence[str] = ("rle", "json")
) -> Iterator[Case]:
    """Click, as RLE and as polygons."""
    prompts = questions.click_prompts(photograph)
    for form in forms:
        body = body_of(photograph, prompts=prompts, format=form)
        asks = f"clicks {len(prompts)} objects, as {form}"
        yield case_of(f"{photograph.name}/{form}", OPERATION, asks, body, photograph)


def detail_cases(questions: Questions) -> Iterator[Case]:
    """Ask the same in other forms, for one mask, by a box, for arrays, and for nothing."""
    lead = questions.lead
    prompts = questions.click_prompts(lead)
    main, alone = f"{OPERATION}/{lead.name}/rle", f"{OPERATION}/{lead.name}/alone"

    def case(name: str, asks: str, beside: str, **more: Any) -> Case:
        fields = {"format": "rle", **more.pop("fields")}
        return case_of(f"{lead.name}/{name}", OPERATION, asks, body_of(lead, **fields), lead, beside=(beside,), **more)

    one = {"prompts": prompts[:1]}
    yield case("alone", "clicks one of the objects", main, fields=one)
    yield case("nested", "asks the same in the nested form", main, fields={"prompts": {"prompts": prompts}})
    yield case("single", "sends the prompt itself, in no list", alone, fields={"prompts": prompts[0]})
    yield case("best", "asks for one mask", alone, fields={**one, "multimask_output": False})
    tolerated = {500: "binary_answers_500"}
    binary = {"prompts": prompts, "format": "binary"}
    yield case("binary", "asks for binary masks", main, fields=binary, tolerated=tolerated)
    yield case("unprompted", "asks for nothing in particular", main, fields={})


def shape_cases(questions: Questions) -> Iterator[Case]:
    """Box and click an image of which nothing is known."""
    last = questions.photographs[-1]
    for name, asks, prompts in (
        ("boxes", "boxes something around its centre, with clicks and without", questions.box_prompts(last)),
        ("clicks", "clicks two places of an object and one beside it", questions.click_train(last)),
    ):
        body = body_of(last, prompts=prompts, format="rle")
        yield case_of(f"{last.name}/{name}", OPERATION, asks, body, last)


def memory_cases(questions: Questions) -> Iterator[Case]:
    """Ask by ``image_id``: of an image that was embedded, of another one under the same id, and under another id."""
    lead, other = questions.lead, questions.photographs[min(1, len(questions.photographs) - 1)]
    alone = questions.click_prompts(lead)[:1]
    plain = f"{OPERATION}/{lead.name}/alone"
    name = image_id_of(lead)
    embedded = f"embed_image/{lead.name}"
    asks = "asks to keep an embedding"
    yield case_of(lead.name, "embed_image", asks, body_of(lead, image_id=name), lead)
    fields = {"prompts": alone, "format": "rle", "image_id": name}
    after: tuple[str, ...] = (embedded,)
    if other is not lead:  # in between, so that a cache of one image shows
        prompts = questions.click_prompts(other)
        fresh = body_of(other, prompts=prompts, format="rle", image_id=image_id_of(other))
        asks = "sends an image under an image_id of its own"
        own = case_of(f"{other.name}/own_id", OPERATION, asks, fresh, other, after=after)
        yield replace(own, beside=(f"{OPERATION}/{other.name}/rle",))
        after = (own.id,)
    again = body_of(lead, **fields)
    asks = "asks by image_id for what was embedded"
    by_id = case_of(f"{lead.name}/by_id", OPERATION, asks, again, lead, after=after, beside=(plain,))
    yield by_id
    if other is not lead:
        # What is known of the image is what the id stands for, not what is sent along.
        reused = body_of(other, **fields)
        asks = "sends another image under a known image_id"
        yield case_of(f"{lead.name}/reused_id", OPERATION, asks, reused, lead, after=(by_id.id,), beside=(plain,))


def view_cases(questions: Questions) -> Iterator[Case]:
    """Click the same objects in other views of a drawn scene: turned by EXIF, and with a border."""
    scene, lead = questions.scene, questions.lead
    if scene is None or questions.points:
        return
    for view in (turned_view(scene), padded_view(scene)):
        yield _view_case(questions, view, f"{OPERATION}/{lead.name}/rle")


def _view_case(questions: Questions, view: View, of: str) -> Case:
    sent = view.photograph
    body = body_of(sent, prompts=questions.click_prompts(sent), format="rle")
    twin = Twin(of, view.how, view.undo, moved=view.moved)
    return case_of(f"{sent.name}/rle", OPERATION, f"sends the image {view.how}", body, sent, twin=twin)
