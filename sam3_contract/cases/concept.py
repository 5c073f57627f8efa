"""Cases of ``concept_segment``."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sam3_contract.cases.pictures.photographs import blank_image, saved_as
from sam3_contract.cases.pictures.views import View, encoded, encoded_view, grey_scene, mirrored_view, padded_view
from sam3_contract.cases.questions import (
    BAD_ID,
    CONCEPT,
    LONG,
    LOW,
    ORIGIN,
    Made,
    Questions,
    as_uri,
    body_of,
    case_of,
    in_corners,
)
from sam3_contract.exchanges.exchange import Case, Exchange, Photograph, Twin
from sam3_contract.images.scenes import further_scenes, stencil
from sam3_contract.wire.requests import MAX_PROMPTS

ODD_TEXTS: Final = (
    "a very long description of something that is not in this image " * 40,
    # Of what is drawn, if a text ended at its first comma, and if it lost its accents or what is beyond ASCII.
    " Red  Circle, and a ",  # no trimming, no splitting, no lower case
    "gréen triangle",
    "blue square 赤い円 ＡＢＣ",  # noqa: RUF001 - wide letters, which normalising makes narrow
    # The same at its first line; and if quotes, signs of URLs or of shells began something else.
    'red circle\n\tor\\not+%20too: it\'s 50 % "off"',
    # Markup; an accent by itself, which normalising joins with its letter; beyond 16 bits, joined by what nobody sees.
    "<b>R&amp;De\u0301</b> 👩\u200d🚀 {x}",
    "007",  # a number, if it were not a text
    "x",
    "Zebra",  # which is asked for in small letters as well
    "עיגול אדום",
)
FURTHER_TEXTS: Final = (
    "None",
    "a big dog. a small cat.",
    "",
    '"stop"; [go]',
    "true",
    "null",
    "   ",
    "THE DOGS WITH_A-HAT (3/4): #1 @home = $5 | 2*3^4 ~ `x`!?",
    "\u201cκόκκινος\u201d \u2013 красный круг\u2026 دائرة حمراء\u200f लाल 빨간 원 วงกลม",  # noqa: RUF001 - other scripts
    # What is folded into other letters: dotted, long, joined, raised; and what nobody sees.
    "İstanbul straße ﬁsh ½ m² 20 °C × €\u00a0so\u00adft\ufeff",  # noqa: RUF001 - no x
    "one\r\nline\0 and \x1b[1mno more\x7f",
)
"""Words of programs, sentences, other scripts, and none: as good texts as any."""
SINGLE_REQUEST: Final = "3f2b8c1a-9d47-4e05-8b61-2a7c5d9e0f13"
ACROSS: Final = 12.0  # pixels by which a box reaches beyond the image
FAR_ACROSS: Final = 90.0  # by which an exemplar does, so that a lost sign puts it elsewhere
MANY_BOXES: Final = 12
OTHER_WORDS: Final[Mapping[str, str]] = {
    "accept": "application/json, text/plain, */*",
    "accept-encoding": "identity",
    "content-type": "Application/JSON; charset=UTF-8",
    "origin": ORIGIN,
    "transfer-encoding": "chunked",
    "x-request-id": SINGLE_REQUEST,
}
"""Headers that mean what is meant without them."""


def main_cases(questions: Questions, photograph: Photograph) -> Iterator[Case]:
    """Ask for the concepts, as RLE and as polygons."""
    prompts = questions.concept_prompts(photograph)
    for name, fields in (("rle", {"format": "rle"}), ("polygon", {})):
        body = body_of(photograph, prompts=prompts, output_prob_thresh=LOW, **fields)
        asks = f"asks for {len(prompts)} concepts as {name}"
        yield case_of(f"{photograph.name}/{name}", CONCEPT, asks, body, photograph)


def detail_cases(questions: Questions) -> Iterator[Case]:
    """Ask the same again in other words of HTTP, and with as many prompts as there may be, in another order."""
    lead = questions.lead
    prompts = questions.concept_prompts(lead)
    base = {"output_prob_thresh": LOW, "format": "rle"}
    main = f"{CONCEPT}/{lead.name}/rle"

    def case(name: str, asks: str, prompts: list[dict[str, Any]], **more: Any) -> Case:
        body = body_of(lead, prompts=prompts, **base)
        return case_of(f"{lead.name}/{name}", CONCEPT, asks, body, lead, beside=(main,), **more)

    asks = "asks the same again, with the key as bearer, in chunks, and from another origin"
    yield case("again", asks, prompts, key_in="lower_bearer", headers=OTHER_WORDS)
    sure = {**prompts[0], "output_prob_thresh": 1}
    odd = [{"text": text} for text in ODD_TEXTS]
    many = [*odd[:2], *prompts[::-1], prompts[0], sure, *odd[2:], *prompts]
    asks = f"asks for {MAX_PROMPTS} concepts, in JSON of many lines: in another order, some twice, some in odd letters"
    sixteen = case("sixteen", asks, many[:MAX_PROMPTS], spread_out=True)
    # Where texts are asked for an id stands for nothing: later it comes with another image.
    yield replace(sixteen, body={**sixteen.sent, "image_id": questions.image_id(BAD_ID)})


def view_cases(questions: Questions) -> Iterator[Case]:
    """Ask the same of other views of the scene: as data URI, and if it is a drawn one, turned, grey, bordered."""
    lead, scene = questions.lead, questions.scene
    main = f"{CONCEPT}/{lead.name}/rle"
    if scene is None:
        yield _as_data_uri(questions, lead, "png", Twin(main, "as data URI", lambda bitmap: bitmap, exact=True))
        return
    turned = encoded_view(scene, "jpeg-turned-2")
    yield _as_data_uri(questions, turned.photograph, "jpg", Twin(main, f"as data URI, {turned.how}", turned.undo))
    plain = encoded(grey_scene(scene), "png-grey-alpha")
    prompts = _with_exemplar(questions, plain)
    yield scene_case(questions, plain, "sends the image in grey, with alpha, and an exemplar", prompts=prompts)
    yield view_case(questions, encoded_view(grey_scene(scene), "png-palette"), f"{CONCEPT}/{plain.name}/rle")
    bordered = view_case(questions, padded_view(scene, "webp-animated"), main)
    yield replace(bordered, body=as_uri(bordered.sent, "webp"))


def described_case(questions: Questions) -> Iterator[Case]:
    """Ask the same of a JPEG as cameras write it, which lies on a side and says a lot about itself."""
    if questions.scene is not None:
        view = encoded_view(questions.scene, "jpeg-described")
        yield view_case(questions, view, f"{CONCEPT}/{questions.lead.name}/rle")


def further_scene_cases(questions: Questions) -> Iterator[Case]:
    """Ask of something narrow, of black and white, and of two files that are alike but for something small."""
    scene = questions.scene
    if scene is None:
        return
    crowd, _, _, _, fuller, tall, _ = further_scenes()
    narrow = encoded(tall, "png-16-grey")
    # As command lines write base64; the service passes over the line breaks.
    in_lines = {"type": "base64", "value": base64.encodebytes(narrow.content).decode("ascii")}
    prompts = [*questions.concept_prompts(narrow), *({"text": text} for text in FURTHER_TEXTS)]
    asks = "asks of an image of 15 columns, in grey of 16 bits, whose base64 is broken into lines"
    yield scene_case(questions, narrow, asks, prompts=prompts[:MAX_PROMPTS], image=in_lines)
    shades = encoded(stencil(), "png-1")
    prompts = rich_prompts(questions, shades)
    asks = "asks of a square of black and white, by one bit a pixel, with exemplars"
    yield scene_case(questions, shades, asks, prompts=prompts, format="polygon")
    for shown, asks in (
        (fuller, "asks for many things that are alike, in a data URI"),
        (crowd, "sends a file as long and with the same beginning, which shows one small thing less, in a data URI"),
    ):
        # Under an id that stood for other images where clicks, and where texts, were asked for: here it means nothing.
        case = scene_case(questions, encoded(shown, "bmp"), asks, image_id=questions.image_id(BAD_ID))
        yield replace(case, body=as_uri(case.sent, "bmp"))


def crowd_cases(questions: Questions) -> Iterator[Case]:
    """Ask in CMYK and of something very wide, under ids that begin alike, one of them a long one."""
    if questions.scene is not None:
        wide = further_scenes()[1]
        # As large as the scene as it is, which is under way as well, and another picture.
        inked = mirrored_view(questions.scene, "jpeg-cmyk")
        of = f"{CONCEPT}/{questions.lead.name}/rle"
        yield view_case(questions, inked, of, image_id=questions.image_id("lead-inked"))
        asks = "asks of an image four times as wide as high, turned by its EXIF tag, with odd exemplars"
        named = {"image_id": questions.image_id("lead-wide") + "x" * LONG, "format": "polygon"}
        turned = encoded(wide, "jpeg-turned-8")
        prompts = [*_with_exemplar(questions, turned), *_odd_exemplars(turned)]
        yield scene_case(questions, turned, asks, prompts=prompts[:MAX_PROMPTS], **named)


def exemplar_case(questions: Questions) -> Iterator[Case]:
    """Box things in ways that are allowed and rare: across the border, of a few pixels, in two forms at once."""
    photograph = questions.photographs[min(1, len(questions.photographs) - 1)]
    if questions.scene_of(photograph) is None:
        return
    asks = "boxes things across the border, of a few pixels, in two forms at once, and one that is unlike and no other"
    case = scene_case(questions, saved_as(photograph, "jpeg-turned-7"), asks, prompts=_odd_exemplars(photograph))
    yield replace(case, id=f"{CONCEPT}/{photograph.name}/odd_exemplars")


def blank_case(questions: Questions) -> Iterator[Case]:
    """Ask of an image of a single pixel: nothing may be found, but it is an image."""
    if questions.scene is not None:
        sent = blank_image()
        prompts = questions.concept_prompts(questions.lead)
        body = body_of(sent, prompts=prompts, output_prob_thresh=LOW, format="rle")
        yield case_of(f"{sent.name}/rle", CONCEPT, "asks of an image of one pixel", body, sent)


def large_scene_case(questions: Questions) -> Iterator[Made]:
    """Ask of two megapixels, which are drawn only if it comes to that."""
    if questions.scene is not None:
        asks = "asks of an image of two megapixels"
        yield f"{CONCEPT}/large-jpeg-subsampled.jpg/polygon", asks, partial(_of_large_scene, questions, asks), ()


def _of_large_scene(questions: Questions, asks: str, _: Mapping[str, Exchange]) -> Case:
    case = scene_case(questions, encoded(further_scenes()[3], "jpeg-subsampled"), asks, format="polygon")
    return replace(case, body={name: value for name, value in case.sent.items() if name != "format"})


def url_cases(questions: Questions, url: str, at_hand: Photograph) -> Iterator[Case]:
    """Send an image by its URL, and the same file in base64."""
    prompts = questions.concept_prompts(at_hand)
    body = body_of(at_hand, prompts=prompts, output_prob_thresh=LOW, format="rle")
    plain = case_of(f"{at_hand.name}/base64", CONCEPT, "sends an image in base64", body, at_hand)
    yield plain
    twin = Twin(plain.id, "by URL", lambda bitmap: bitmap, exact=True)
    by_url = {**body, "image": {"type": "url", "value": url}}
    yield case_of(f"{at_hand.name}/url", CONCEPT, "sends the image by its URL", by_url, at_hand, twin=twin)


def scene_case(questions: Questions, photograph: Photograph, asks: str, **fields: Any) -> Case:
    """Ask for what is drawn in an image."""
    prompts = questions.concept_prompts(photograph)
    body = body_of(photograph, **{"prompts": prompts, "output_prob_thresh": LOW, "format": "rle", **fields})
    return case_of(f"{photograph.name}/{fields.get('format', 'rle')}", CONCEPT, asks, body, photograph)


def view_case(questions: Questions, view: View, of: str, **fields: Any) -> Case:
    """Ask the same of another view of an image.

    Args:
        questions: What to ask.
        view: The image.
        of: Id of the case that asks it of the image as it is.
        fields: Further fields of the request.
    """
    sent = view.photograph
    prompts = questions.concept_prompts(sent)
    body = body_of(sent, prompts=prompts, output_prob_thresh=LOW, format="rle", **fields)
    twin = Twin(of, view.how, view.undo, moved=view.moved)
    return case_of(f"{sent.name}/rle", CONCEPT, f"sends the image {view.how}", body, sent, twin=twin)


def _with_exemplar(questions: Questions, photograph: Photograph) -> list[dict[str, Any]]:
    """Ask for the concepts, and for what is like one of the drawn things."""
    exemplar = {"boxes": [photograph.things[0].top_left_box], "box_labels": [1]}
    return [*questions.concept_prompts(photograph)[: MAX_PROMPTS - 1], exemplar]


def rich_prompts(questions: Questions, photograph: Photograph) -> list[dict[str, Any]]:
    """Ask for the concepts, for what is like a drawn thing, for both at once, and for what is unlike another thing."""
    first, *others = photograph.things
    box, text = first.top_left_box, {"text": first.category}
    unlike = [other.top_left_box for other in others if other.category != first.category]
    prompts: list[dict[str, Any]] = [
        {"boxes": [in_corners(box)], "box_labels": [1]},
        {**text, "boxes": [box], "box_labels": [1]},
        *({**text, "boxes": [other], "box_labels": [0]} for other in unlike[:1]),
    ]
    return [*questions.concept_prompts(photograph)[: MAX_PROMPTS - len(prompts)], *prompts]


def _odd_exemplars(photograph: Photograph) -> list[dict[str, Any]]:
    small = min(photograph.things, key=lambda thing: int(thing.bitmap.sum())).top_left_box
    at_the_edge = min(photograph.things, key=lambda thing: thing.edges[0]).top_left_box
    boxes = [thing.top_left_box for thing in photograph.things]
    first, *_, last = boxes
    beyond = {**at_the_edge, "x": at_the_edge["x"] - FAR_ACROSS, "width": at_the_edge["width"] + FAR_ACROSS}
    return [
        {"boxes": [beyond], "box_labels": [1]},
        {"boxes": [in_corners(beyond)], "box_labels": [1]},
        {"boxes": [small], "box_labels": [1]},
        {"boxes": [first, in_corners(last)], "box_labels": [1, 1]},
        {"boxes": [first], "box_labels": [0]},  # asks for nothing, and is answered
        {"boxes": [{**first, "width": 0, "height": 0}], "box_labels": [1]},  # a click that did not become a box
        {"boxes": (boxes * MANY_BOXES)[:MANY_BOXES], "box_labels": [1] * MANY_BOXES},  # some of them twice
    ]


def _as_data_uri(questions: Questions, sent: Photograph, subtype: str, twin: Twin) -> Case:
    prompts = questions.concept_prompts(questions.lead)
    body = body_of(sent, prompts=prompts, output_prob_thresh=LOW, format="rle")
    name = f"{questions.lead.name}/data_uri"
    return case_of(name, CONCEPT, f"sends the image {twin.how}", as_uri(body, subtype), sent, twin=twin)
