"""What a longer run asks: pairs that differ in one field, every kind of file, ids that are much alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from sam3_contract.cases import concept, memory, visual
from sam3_contract.cases.pictures.encodings import ENCODINGS
from sam3_contract.cases.pictures.views import encoded, encoded_view, grey_scene, way_of
from sam3_contract.cases.questions import CONCEPT, LOW, VISUAL, Made, Questions, body_of, case_of, click_at
from sam3_contract.exchanges.exchange import Case, Exchange, Photograph
from sam3_contract.images.scenes import Scene, built_in_scenes, filled, further_scenes, stencil

Json = dict[str, Any]

FIRST_SENT: Final = frozenset({"png", "jpeg-turned-2", "jpeg-described", "bmp"})
"""Encodings that every run sends of the lead."""
BOXED_IN: Final = "jpeg-turned-6"
"""The encoding in which things are boxed; in images of other sizes they are clicked."""
SENT_OF_OTHERS: Final = frozenset(
    {
        *("jpeg-cmyk", "jpeg-progressive", "jpeg-subsampled", "jpeg-turned-3", "jpeg-turned-6", "jpeg-turned-8"),
        *("png-alpha", "png-described", "png-16-grey", "png-grey-alpha", "png-interlaced", "png-palette"),
        *("webp", "webp-animated", "tiff-deflate", "tiff-turned-7"),
    }
)
"""Encodings that were sent by then of another scene or view: what they find more is little, so they come last."""


@dataclass(frozen=True, slots=True)
class Dress:
    """Another way to ask the same, so that what is wrong in some company only has a chance to show.

    Attributes:
        words: What it is, to follow what a case asks.
        as_uri: Whether the image is sent as a data URI.
        as_polygons: Whether the format is left out, so that polygons come.
        nested: Whether the prompts lie in an object, which is for ``visual_segment``.
        nulls: Whether a text's boxes are null.
    """

    words: str = ""
    as_uri: bool = False
    as_polygons: bool = False
    nested: bool = False
    nulls: bool = False

    def worn(self, body: Mapping[str, Any], sent: Photograph) -> Json:
        """Ask by it what a body asks."""
        image, prompts = body["image"], body["prompts"]
        if self.as_uri:
            image = {**image, "value": f"data:image/{sent.header.format.lower()};base64,{image['value']}"}
        if self.nulls:
            prompts = [{**prompt, "boxes": None, "box_labels": None} for prompt in prompts]
        if self.nested:
            prompts = {"prompts": prompts}
        dressed = {**body, "image": image, "prompts": prompts}
        return {name: value for name, value in dressed.items() if not (self.as_polygons and name == "format")}


_AS_URI: Final = Dress(", as a data URI", as_uri=True)
_AS_POLYGONS: Final = Dress(", in the default format", as_polygons=True)
_AS_BOTH: Final = Dress(", as a data URI in the default format", as_uri=True, as_polygons=True)
DRESSES: Final[Mapping[str, Sequence[Dress]]] = {
    CONCEPT: (_AS_URI, _AS_POLYGONS, Dress(", with nulls", nulls=True), _AS_BOTH, Dress()),
    VISUAL: (_AS_URI, _AS_POLYGONS, Dress(", with nested prompts", nested=True), _AS_BOTH, Dress()),
}


def pairs(questions: Questions) -> Iterator[Case]:
    """Ask one after the other what differs in a single field: each has an answer of its own."""
    if questions.scene is None or questions.points or questions.texts:
        return
    lead = questions.lead
    first, *_, last = lead.things
    text = {"text": first.category}
    base: Json = {"output_prob_thresh": LOW, "format": "rle"}
    for name, fields in (
        ("own_threshold_of_one", {"prompts": [{**text, "output_prob_thresh": 1}]}),
        ("own_threshold_low", {"prompts": [{**text, "output_prob_thresh": LOW}]}),
        ("two_texts", {"prompts": [text, {"text": last.category}]}),
        ("two_texts_turned", {"prompts": [{"text": last.category}, text]}),
        ("nothing_else_said", {"prompts": [text, {"text": last.category}], "output_prob_thresh": ...}),
        (
            "defaults_written_out",
            {
                "prompts": [text, {"text": last.category, "boxes": None}],
                "output_prob_thresh": 0.5,
                "model_id": "sam3/sam3_final",
                "nms_iou_threshold": None,
            },
        ),
    ):
        body = {field: value for field, value in {**base, **fields}.items() if value is not ...}
        asks = f"asks what differs from another request in little: {name.replace('_', ' ')}"
        yield case_of(f"{lead.name}/{name}", CONCEPT, asks, body_of(lead, **body), lead)
    body = body_of(lead, prompts=[{"points": [click_at(first.click)]}], format="rle")
    written = {**body, "sam2_version_id": "hiera_large", "multimask_output": True, "save_logits_to_cache": False}
    yield case_of(f"{lead.name}/plain", VISUAL, "clicks one thing", body, lead)
    yield case_of(f"{lead.name}/defaults", VISUAL, "clicks one thing, defaults written out", written, lead)


def neighbours(questions: Questions) -> Iterator[Case]:
    """Click two things that touch, close by each other, in two requests."""
    if questions.scene is None or questions.points or len(questions.photographs) < 2:
        return
    photograph = questions.photographs[1]
    for thing, name in zip(photograph.things[-2:], ("left", "right"), strict=False):
        left, top, right, bottom = thing.edges
        place = (right - 5 if name == "left" else left + 5, (top + bottom) // 2)
        body = body_of(photograph, prompts=[{"points": [click_at(place)]}], format="rle")
        asks = "clicks one of two things that touch, close to the other"
        yield case_of(f"{photograph.name}/{name}_of_two", VISUAL, asks, body, photograph)


def ids(questions: Questions) -> Iterator[Case]:
    """Send an image under ids that are much like that of another one."""
    for number, (name, photograph) in enumerate(memory.other_ids(questions), start=1):
        body = body_of(photograph, prompts=questions.object_prompts(photograph), format="rle", image_id=name)
        asks = "sends an image under an image_id that is much like another's"
        case = case_of(f"{photograph.name}/id_{number}", VISUAL, asks, body, photograph)
        yield replace(case, after=(f"embed_image/{questions.lead.name}",))


def encodings(questions: Questions) -> Iterator[Made]:
    """Send the scene in every other kind of file, to one operation and then the other.

    Yields:
        Id, question, what makes the case when its turn comes, and the id of the case it is compared with.
    """
    scene = questions.scene
    if scene is None or questions.points or questions.texts:
        return
    unsent = [entry for entry in ENCODINGS.items() if entry[0] not in FIRST_SENT]
    for number, (name, way) in enumerate(sorted(unsent, key=lambda entry: _lateness(entry[0]))):
        shown = grey_scene(scene) if way.grey else scene
        operation = (CONCEPT, VISUAL)[number % 2]
        dress = DRESSES[operation][number % len(DRESSES[operation])]
        masks = "polygon" if dress.as_polygons else "rle"
        case_name = f"{operation}/{shown.name}-{name}.{way.suffix}/{masks}"
        make = partial(_in_file, questions, shown, name, case_name, dress)
        plain = f"{CONCEPT}/{shown.name}-png-grey-alpha.png/rle" if way.grey else f"{operation}/{scene.name}.png/rle"
        yield case_name, f"sends the image {way.name}{dress.words}", make, (plain,)


def _lateness(name: str) -> tuple[bool, bool, bool]:
    """Put first what no other case sends, and of that the JPEGs of cameras and the kinds of pixels before the turns."""
    of_cameras = name.startswith("jpeg-turned-")
    return name in SENT_OF_OTHERS, "-turned-" in name and not of_cameras, not of_cameras


def sizes(questions: Questions) -> Iterator[Made]:
    """Send images of other sizes and sides, clicked where texts were asked for and the other way round."""
    if questions.scene is None or questions.points or questions.texts:
        return
    crowd, wide, tiny, large, _, _ = further_scenes()
    for scene, name, operation, masks in (
        (tiny, "png", CONCEPT, "rle"),
        (tiny, "png-16", VISUAL, "rle"),
        (wide, "jpeg-turned-6", VISUAL, "json"),
        (crowd, "png-interlaced", VISUAL, "rle"),
        (stencil(), "tiff-fax", VISUAL, "rle"),
        (filled(), "png", VISUAL, "rle"),
        (filled(), "jpeg", CONCEPT, "polygon"),
        (large, "png", CONCEPT, "rle"),
    ):
        way = way_of(name)
        asks = f"sends an image of {scene.size[1]} x {scene.size[0]} pixels {way.name}"
        make = partial(_of_size, questions, scene, name, operation, masks)
        yield f"{operation}/{scene.name}-{name}.{way.suffix}/{masks}", asks, make, ()


def _in_file(
    questions: Questions, scene: Scene, encoding: str, name: str, dress: Dress, _: Mapping[str, Exchange]
) -> Case:
    view = encoded_view(scene, encoding)
    plain = questions.scene in built_in_scenes() and not ENCODINGS[encoding].grey
    if name.startswith(VISUAL):
        case = visual.view_case(questions, view, f"{VISUAL}/{scene.name}.png/rle" if plain else "")
    else:
        of = f"{CONCEPT}/{scene.name}.png/rle" if plain else f"{CONCEPT}/{scene.name}-png-grey-alpha.png/rle"
        case = concept.view_case(questions, view, of)
    return replace(case, id=name, body=dress.worn(case.sent, view.photograph), asks=f"{case.asks}{dress.words}")


def _of_size(
    questions: Questions, scene: Scene, encoding: str, operation: str, masks: str, _: Mapping[str, Exchange]
) -> Case:
    sent = encoded(scene, encoding)
    asks = f"sends an image of {scene.size[1]} x {scene.size[0]} pixels {way_of(encoding).name}"
    if operation == CONCEPT:
        return concept.scene_case(questions, sent, asks, format=masks)
    boxed = encoding == BOXED_IN
    prompts = [{"box": one.center_box} if boxed else {"points": [click_at(one.click)]} for one in sent.things]
    body = body_of(sent, prompts=prompts, format=masks)
    return case_of(f"{sent.name}/{masks}", VISUAL, asks, body, sent)
