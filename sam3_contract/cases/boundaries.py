"""Prompts at the boundaries of what may be asked: first pixels, edges, many clicks, boxes across the image's border."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from sam3_contract.cases.concept import ACROSS
from sam3_contract.cases.pictures.views import encoded
from sam3_contract.cases.questions import VISUAL, Made, Questions, body_of, case_of, click_at
from sam3_contract.exchanges.exchange import Case, Exchange, Photograph
from sam3_contract.images.scenes import Thing, further_scenes

Json = dict[str, Any]

STEPS: Final = ((0, 0), (-3, 0), (3, 0), (0, -3), (0, 3), (-3, -3), (3, 3), (-3, 3), (3, -3))
"""Places around the middle of a thing: as many clicks as a prompt may well have before it has one more."""
GRID: Final = tuple((right, down) for down in range(-6, 7, 3) for right in range(-6, 7, 3))
"""As many as nobody clicks by hand."""


def click_case(questions: Questions) -> Iterator[Case]:
    """Click more objects than there may be texts, in the corners and first pixels, by fractions, and many times."""
    lead = questions.lead
    if questions.scene is None or questions.points:
        return
    sent = encoded(questions.scene, "png-described")
    prompts = _clicks(sent)
    asks = f"clicks {len(prompts)} objects: in corners, in first pixels, by fractions, up to {len(GRID) + 1} times"
    # Under an id that would be known, if it were a number.
    named = {"image_id": f"0{questions.number}"}
    body = body_of(sent, prompts=prompts, format="rle", multimask_output=False, **named)
    after = (f"{VISUAL}/{questions.photographs[-1].name}/clicks",)
    yield case_of(f"{lead.name}/many_clicks", VISUAL, asks, body, sent, after=after)


def box_case(questions: Questions) -> Iterator[Case]:
    """Box things without clicks, one of them across the border, and one with clicks beside it; in a turned TIFF."""
    if questions.scene is None or questions.points or len(questions.photographs) < 2:
        return
    scene = questions.scene_of(questions.photographs[1])
    if scene is None:
        return
    sent = encoded(scene, "tiff-turned-7")
    prompts = _boxes(sent)
    asks = f"boxes {len(prompts)} objects for one mask of each, some across the border, in a TIFF that its tag turns"
    name = f"x:{questions.image_id('lead')}"  # known, if it were what is behind the colon, or its end
    body = body_of(sent, prompts=prompts, format="rle", multimask_output=False, image_id=name)
    after = (f"embed_image/{questions.lead.name}",)
    yield case_of(f"{sent.name}/boxes", VISUAL, asks, body, sent, after=after)


def mixed_case(questions: Questions) -> Iterator[Case]:
    """Box things and click others beside them: both are meant."""
    lead = questions.lead
    if questions.scene is None or questions.points:
        return
    first, *_, last = lead.things
    prompts = [
        {"box": first.center_box, "points": [click_at(last.click)]},
        {"box": last.center_box, "points": [click_at(last.click), click_at(first.click, positive=False)]},
        {"box": first.center_box, "points": []},
        {"box": _box((0, lead.header.width), (0, lead.header.height)), "points": [click_at(first.click)]},
    ]
    asks = "boxes one thing and clicks another, which are both meant, and boxes the whole image"
    body = body_of(lead, prompts=prompts, format="rle")
    yield case_of(f"{lead.name}/boxes_and_clicks", VISUAL, asks, body, lead)


def other_clicks_case(questions: Questions) -> Iterator[Case]:
    """Box what is boxed by `mixed_case`, with other clicks: an answer that is kept by the boxes alone is another's."""
    lead = questions.lead
    if questions.scene is None or questions.points:
        return
    first, second, *_, last = lead.things
    prompts = [
        {"box": first.center_box, "points": [click_at(second.click)]},
        {"box": last.center_box, "points": [click_at(last.click), click_at(second.click, positive=False)]},
        {"box": first.center_box, "points": [click_at(last.click)]},
        {"box": _box((0, lead.header.width), (0, lead.header.height)), "points": [click_at(last.click)]},
    ]
    asks = "boxes the same things, and clicks others beside them"
    body = body_of(lead, prompts=prompts, format="rle")
    yield case_of(f"{lead.name}/boxes_and_other_clicks", VISUAL, asks, body, lead)


def large_case(questions: Questions) -> Iterator[Made]:
    """Click in two megapixels, far from the origin; they are drawn only if it comes to that."""
    if questions.scene is not None and not questions.points:
        asks = "clicks in an image of two megapixels, turned by its EXIF tag"
        yield f"{VISUAL}/large-jpeg-turned-3.jpg/rle", asks, partial(_in_large_scene, asks), ()


def _in_large_scene(asks: str, _: Mapping[str, Exchange]) -> Case:
    sent = encoded(further_scenes()[3], "jpeg-turned-3")
    prompts = [{"points": [click_at(thing.click)]} for thing in sent.things]
    body = body_of(sent, prompts=prompts, format="rle", save_logits_to_cache=True)
    return case_of(f"{sent.name}/rle", VISUAL, asks, body, sent)


def _clicks(photograph: Photograph) -> list[Json]:
    first, *others = photograph.things
    width, height = photograph.header.width, photograph.header.height
    corners = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1), (width - 0.5, height - 0.25)]
    return [
        *({"points": [click_at(corner)]} for corner in corners),
        {"points": [click_at((1, 1))]},
        {"points": [click_at((0.5, 0.75))]},
        {"points": [click_at((0, others[0].click[1]))]},
        *({"points": [click_at((thing.click[0] + 0.5, thing.click[1] + 0.25))]} for thing in photograph.things),
        {"points": [click_at(first.click, positive=False), click_at(others[0].click)]},
        {"points": [click_at(first.click), *(click_at(thing.click, positive=False) for thing in others)]},
        {"points": [*_around(first, STEPS[:3]), click_at(others[-1].click)]},
        {"points": [click_at(others[0].click), click_at(others[0].click)]},
        {"points": [*_around(first, STEPS), click_at(others[-1].click)]},
        {"points": [*_around(first, GRID), click_at(others[-1].click)]},
        {"points": [*_around(first, STEPS), click_at(_far_in(first), positive=False)]},
        {"points": [click_at(others[0].click), click_at((-4, -7)), click_at((width + 30, 5), positive=False)]},
        *({"points": [click_at(thing.click)]} for thing in photograph.things),
        *({"points": [click_at(place)]} for place in _places(first, STEPS)),
    ]


def _around(thing: Thing, steps: Sequence[tuple[int, int]]) -> list[Json]:
    return [click_at(place) for place in _places(thing, steps)]


def _places(thing: Thing, steps: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    x, y = thing.click
    return [(x + right, y + down) for right, down in steps]


def _far_in(thing: Thing) -> tuple[int, int]:
    """Find a pixel of a thing that is far from where it is clicked."""
    left, top, right, bottom = thing.edges
    return (left + right) // 2, top + max((bottom - top) // 16, 1)


def _boxes(photograph: Photograph) -> list[Json]:
    width, height = photograph.header.width, photograph.header.height
    first, *_, last = photograph.things
    no_clicks: tuple[Json, ...] = ({"points": None}, {"points": []})
    boxes: list[Json] = [{"box": thing.center_box, **no_clicks[at % 2]} for at, thing in enumerate(photograph.things)]
    # Both are meant, but for a part of the first.
    clicks = [click_at(last.click), click_at(_far_in(first), positive=False)]
    boxes.append({"box": first.center_box, "points": clicks})
    for thing in photograph.things:
        left, top, right, bottom = thing.edges
        if 0 in (left, top) or right == width or bottom == height:
            across = (left - ACROSS * (left == 0), right + ACROSS * (right == width))
            down = (top - ACROSS * (top == 0), bottom + ACROSS * (bottom == height))
            boxes.append({"box": _box(across, down)})
    return boxes


def _box(across: tuple[float, float], down: tuple[float, float]) -> Json:
    return {
        "x": sum(across) / 2,
        "y": sum(down) / 2,
        "width": across[1] - across[0],
        "height": down[1] - down[0],
    }
