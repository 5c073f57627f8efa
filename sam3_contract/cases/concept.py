"""Cases of ``concept_segment``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sam3_contract.cases.questions import CONCEPT, LOW, MAX_PROMPTS, Questions, body_of, case_of
from sam3_contract.cases.views import View, grey_views, mirrored_view, turned_view
from sam3_contract.exchange import Case, Photograph, Twin

SIDEWAYS: Final = 6  # EXIF: the top of the picture is on the right of the file
ODD_TEXTS: Final = (
    " Red  Circle ",
    "ZEBRA",
    "grünes Dreieck",
    "赤い円",
    'it\'s 50 % "off"\n',
    "cafe\u0301",  # an accent by itself, which normalising joins with its letter
    "<b>R&amp;D</b>",
    "🦓",  # beyond 16 bits
    "a very long description of something that is not in this image " * 5,
)


def main_cases(questions: Questions, photograph: Photograph) -> Iterator[Case]:
    """Ask for the concepts, as RLE and as polygons."""
    prompts = questions.concept_prompts(photograph)
    for mask_format in ("rle", "polygon"):
        body = body_of(photograph, prompts=prompts, output_prob_thresh=LOW, format=mask_format)
        asks = f"asks for {len(prompts)} concepts as {mask_format}"
        yield case_of(f"{photograph.name}/{mask_format}", CONCEPT, asks, body, photograph)


def detail_cases(questions: Questions) -> Iterator[Case]:
    """Ask the same again, in another order, and with as many prompts as there may be."""
    lead = questions.lead
    prompts = questions.concept_prompts(lead)
    base = {"output_prob_thresh": LOW, "format": "rle"}
    main = f"{CONCEPT}/{lead.name}/rle"

    def case(name: str, asks: str, *, key_in: Any = "query", **fields: Any) -> Case:
        body = body_of(lead, **{**base, **fields})
        return case_of(f"{lead.name}/{name}", CONCEPT, asks, body, lead, key_in=key_in, beside=(main,))

    yield case("again", "asks the same again, with the key as Bearer", prompts=prompts, key_in="bearer")
    turned = [*prompts[::-1], prompts[0]]
    yield case("reordered", "asks the same in another order, and the first twice", prompts=turned)
    texts = [*(prompt["text"] for prompt in prompts), *ODD_TEXTS] * MAX_PROMPTS
    many = [{"text": text} for text in texts[:MAX_PROMPTS]]
    yield case("sixteen", f"asks for {MAX_PROMPTS} concepts, some in odd letters", prompts=many)


def view_cases(questions: Questions) -> Iterator[Case]:
    """Ask the same of other views of the scene: as data URI, and if it is a drawn one, turned, grey and mirrored."""
    lead, scene = questions.lead, questions.scene
    prompts = questions.concept_prompts(lead)
    main = f"{CONCEPT}/{lead.name}/rle"
    body = body_of(lead, prompts=prompts, output_prob_thresh=LOW, format="rle")
    uri = f"data:image/png;base64,{body['image']['value']}"
    as_uri = {**body, "image": {"type": "base64", "value": uri}}
    twin = Twin(main, "as data URI", lambda bitmap: bitmap, exact=True)
    yield case_of(f"{lead.name}/data_uri", CONCEPT, "sends the image as data URI", as_uri, lead, twin=twin)
    if scene is None:
        return
    yield _view_case(questions, turned_view(scene, SIDEWAYS), main)
    plain, one_channel = grey_views(scene)
    plain_body = {**body, "image": body_of(plain)["image"]}
    yield case_of(f"{plain.name}/rle", CONCEPT, "sends the image in grey, as RGB", plain_body, plain)
    yield _view_case(questions, one_channel, f"{CONCEPT}/{plain.name}/rle")
    yield _view_case(questions, mirrored_view(scene), main)


def url_cases(questions: Questions, url: str, at_hand: Photograph) -> Iterator[Case]:
    """Send an image by its URL, and the same file in base64."""
    prompts = questions.concept_prompts(at_hand)
    body = body_of(at_hand, prompts=prompts, output_prob_thresh=LOW, format="rle")
    plain = case_of(f"{at_hand.name}/base64", CONCEPT, "sends an image in base64", body, at_hand)
    yield plain
    twin = Twin(plain.id, "by URL", lambda bitmap: bitmap, exact=True)
    by_url = {**body, "image": {"type": "url", "value": url}}
    yield case_of(f"{at_hand.name}/url", CONCEPT, "sends the image by its URL", by_url, at_hand, twin=twin)


def _view_case(questions: Questions, view: View, of: str) -> Case:
    prompts = questions.concept_prompts(questions.lead)
    body = body_of(view.photograph, prompts=prompts, output_prob_thresh=LOW, format="rle")
    twin = Twin(of, view.how, view.undo, moved=view.moved)
    name = f"{view.photograph.name}/rle"
    return case_of(name, CONCEPT, f"sends the image {view.how}", body, view.photograph, twin=twin)
