"""What a longer run asks: pairs that differ in one field, every kind of file, ids that are much alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import Any, Final

from sam3_contract.cases import concept, memory, visual
from sam3_contract.cases.pictures.encodings import ENCODINGS
from sam3_contract.cases.pictures.photographs import saved_as
from sam3_contract.cases.pictures.views import encoded, encoded_view, grey_scene, way_of
from sam3_contract.cases.questions import CONCEPT, LOW, VISUAL, Made, Questions, as_uri, body_of, case_of, click_at
from sam3_contract.exchanges.exchange import Case, Exchange, Photograph
from sam3_contract.images.scenes import Scene, built_in_scenes, filled, further_scenes, stencil
from sam3_contract.wire.requests import CONCEPT_MODEL, DEFAULT_THRESHOLD

Json = dict[str, Any]

BESIDE_IDS: Final = (
    *("gif", "bmp", "webp-lossless", "webp-alpha"),
    *("bmp-32", "tiff", "jpeg-turned-4", "gif-animated"),
)
"""Encodings that keep colours, in which an image is sent under one id after the other."""
_FIELDS: Final[tuple[Json, ...]] = (
    {},
    {"multimask_output": False},
    {"format": "json"},
    {},
    {"format": "json", "multimask_output": False},
)
"""What is said beside such ids, in turns with other prompts."""
_IN_URIS: Final = frozenset({"gif", "webp-lossless", "tiff", "jpeg-turned-4"})
FIRST_SENT: Final = frozenset({"png", "jpeg-turned-2", "jpeg-described", "jpeg-cmyk"})
"""Encodings that every run sends of the lead."""
BOXED_IN: Final = ("jpeg-turned-6", "jpeg-grey", "tiff-fax")
"""Encodings in which things are boxed; in images of other sizes they are clicked."""
LEAST_AREA: Final = 1000  # pixels of what is asked for as an archive
SENT_OF_OTHERS: Final = frozenset(
    {
        *("jpeg-grey", "jpeg-progressive", "jpeg-subsampled", "jpeg-turned-3", "jpeg-turned-5", "jpeg-turned-6"),
        *("jpeg-turned-7", "jpeg-turned-8"),
        *("png-described", "png-16", "png-16-grey", "png-grey-alpha", "png-interlaced", "png-palette"),
        *("webp", "webp-animated", "tiff-deflate", "tiff-turned-7", "bmp-palette", *BESIDE_IDS),
    }
)
"""Encodings that were sent by then of another scene or view: what they find more is little, so they come last."""


@dataclass(frozen=True, slots=True)
class Wording:
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

    def put(self, body: Mapping[str, Any], sent: Photograph) -> Json:
        """Ask by it what a body asks."""
        image = as_uri(body, sent.header.format.lower())["image"] if self.as_uri else body["image"]
        prompts = body["prompts"]
        if self.nulls:
            prompts = [{**prompt, "boxes": None, "box_labels": None} for prompt in prompts]
        if self.nested:
            prompts = {"prompts": prompts}
        asked = {**body, "image": image, "prompts": prompts}
        return {name: value for name, value in asked.items() if not (self.as_polygons and name == "format")}


_AS_URI: Final = Wording(", as a data URI", as_uri=True)
_AS_POLYGONS: Final = Wording(", in the default format", as_polygons=True)
_AS_BOTH: Final = Wording(", as a data URI in the default format", as_uri=True, as_polygons=True)
WORDINGS: Final[Mapping[str, Sequence[Wording]]] = {
    CONCEPT: (_AS_URI, _AS_POLYGONS, Wording(", with nulls", nulls=True), _AS_BOTH, Wording()),
    VISUAL: (_AS_URI, _AS_POLYGONS, Wording(", with nested prompts", nested=True), _AS_BOTH, Wording()),
}


def orders(questions: Questions) -> Iterator[Case]:
    """Ask for the same things in another order, and in capitals: each has an answer of its own."""
    if questions.all_drawn:
        prompts = questions.concept_prompts(questions.lead)
        yield _pair(questions, "turned", prompts=prompts[::-1])
        yield _pair(questions, "capitals", prompts=[{**prompt, "text": prompt["text"].upper()} for prompt in prompts])


def pairs(questions: Questions) -> Iterator[Case]:
    """Ask one after the other what differs in a single other field."""
    for text, other in _two_texts(questions):
        yield _pair(questions, "two_texts", prompts=[text, other])
        yield _pair(questions, "own_threshold_of_one", prompts=[{**text, "output_prob_thresh": 1}])
        yield _pair(questions, "own_threshold_low", prompts=[{**text, "output_prob_thresh": LOW}])
        yield _pair(questions, "nothing_else_said", prompts=[text, other], output_prob_thresh=...)
        written = {"output_prob_thresh": DEFAULT_THRESHOLD, "model_id": CONCEPT_MODEL, "nms_iou_threshold": None}
        yield _pair(questions, "defaults_written_out", prompts=[text, {**other, "boxes": None}], **written)


def _two_texts(questions: Questions) -> Iterator[tuple[Json, Json]]:
    """Give the prompts for the first and the last drawn thing, if the scene and the texts are ours."""
    if questions.all_drawn:
        first, *_, last = questions.lead.things
        yield {"text": first.category}, {"text": last.category}


def _pair(questions: Questions, name: str, **fields: Any) -> Case:
    """Ask what differs from another request in little; a field of ``...`` is not said."""
    asked = {"output_prob_thresh": LOW, "format": "rle", **fields}
    body = body_of(questions.lead, **{field: value for field, value in asked.items() if value is not ...})
    asks = f"asks what differs from another request in little: {name.replace('_', ' ')}"
    return case_of(f"{questions.lead.name}/{name}", CONCEPT, asks, body, questions.lead)


def defaults(questions: Questions) -> Iterator[Case]:
    """Click one thing, and again with the defaults written out."""
    if not questions.all_drawn:
        return
    lead = questions.lead
    body = body_of(lead, prompts=[{"points": [click_at(lead.things[0].click)]}], format="rle")
    written = {**body, "sam2_version_id": "hiera_large", "multimask_output": True, "save_logits_to_cache": False}
    yield case_of(f"{lead.name}/plain", VISUAL, "clicks one thing", body, lead)
    yield case_of(f"{lead.name}/defaults", VISUAL, "clicks one thing, defaults written out", written, lead)


def further_shades(questions: Questions) -> Iterator[Case]:
    """Send black and white by a palette of few entries."""
    if questions.scene is not None and not questions.texts:
        sent = encoded(stencil(), "png-2")
        yield concept.scene_case(questions, sent, f"sends an image {way_of('png-2').name}, with a palette")


def neighbours(questions: Questions) -> Iterator[Made]:
    """Click two things that touch, close by each other, in two requests, and one end of something long.

    Yields:
        Id, question, what makes the case when its turn comes, and no ids.
    """
    scene = questions.scene_of(questions.photographs[1]) if len(questions.photographs) > 1 else None
    if scene is None or questions.scene is None or questions.points:
        return
    name = questions.photographs[1].name
    asks = "clicks one of two things that touch, close to the other, in a file without colours"
    for side in ("left", "right"):
        make = partial(_one_of_two, scene, "bmp-palette", f"{name}/{side}_of_two", asks, at_its_end=side == "left")
        yield f"{VISUAL}/{name}/{side}_of_two", asks, make, ()
    asks = "clicks one end of something that reaches across a wide image, and nothing else"
    yield f"{VISUAL}/wide-tiff.tiff/one_end", asks, partial(_one_end, asks), ()


def _one_of_two(
    scene: Scene, encoding: str, name: str, asks: str, _: Mapping[str, Exchange], *, at_its_end: bool
) -> Case:
    sent = encoded(grey_scene(scene), encoding)
    left, top, right, bottom = sent.things[-2 if at_its_end else -1].edges
    place = (right - 5 if at_its_end else left + 5, (top + bottom) // 2)
    body = body_of(sent, prompts=[{"points": [click_at(place)]}], format="rle")
    return case_of(name, VISUAL, asks, body, sent)


def _one_end(asks: str, _: Mapping[str, Exchange]) -> Case:
    sent = encoded(further_scenes()[1], "tiff")
    longest = max(sent.things, key=lambda thing: thing.edges[2] - thing.edges[0])
    left, top, _right, bottom = longest.edges
    body = body_of(sent, prompts=[{"points": [click_at((left + 4, (top + bottom) // 2))]}], format="rle")
    return case_of(f"{sent.name}/one_end", VISUAL, asks, body, sent)


def outlines(questions: Questions) -> Iterator[Case]:
    """Ask for boxed things in the default format, where three masks come of each."""
    for photograph in questions.photographs[1:2]:
        asks = "boxes what is drawn, in the default format"
        body = body_of(photograph, prompts=questions.object_prompts(photograph))
        yield case_of(f"{photograph.name}/json", VISUAL, asks, body, photograph)


def ids(questions: Questions) -> Iterator[Made]:
    """Send an image under ids that are much like that of another one, each time in another kind of file.

    Yields:
        Id, question, what makes the case when its turn comes, and the id of the case that it comes after.
    """
    asks = "sends an image under an image_id that is much like another's"
    embedded = f"embed_image/{questions.lead.name}"
    in_files = zip(memory.other_ids(questions), cycle(BESIDE_IDS), strict=False)
    for number, ((name, photograph), encoding) in enumerate(in_files, start=1):
        case_name, how = f"{photograph.name}/id_{number}", f"{asks}, {ENCODINGS[encoding].name}"
        make = partial(_under_id, questions, photograph, name, encoding, case_name, how)
        yield f"{VISUAL}/{case_name}", how, make, (embedded,)


def _under_id(
    questions: Questions,
    photograph: Photograph,
    name: str,
    encoding: str,
    case_name: str,
    asks: str,
    _: Mapping[str, Exchange],
) -> Case:
    sent = saved_as(photograph, encoding)
    number = BESIDE_IDS.index(encoding)
    fields = {"format": "rle", **_FIELDS[number % len(_FIELDS)]}
    body = body_of(sent, prompts=_objects(questions, photograph, number), image_id=name, **fields)
    if encoding in _IN_URIS:
        body = as_uri(body, sent.header.format.lower())
    case = case_of(case_name, VISUAL, asks, body, sent)
    return replace(case, after=(f"embed_image/{questions.lead.name}",))


def _objects(questions: Questions, photograph: Photograph, number: int) -> list[Json]:
    """Ask for what is drawn by boxes, by clicks on it and on another thing, or by both, in turns."""
    things = photograph.things
    if not things or questions.points or number % 3 == 0:
        return questions.object_prompts(photograph)
    if number % 3 == 1:
        return [{"box": thing.center_box, "points": [click_at(thing.click)]} for thing in things]
    others = (*things[1:], things[0])
    return [
        {"points": [click_at(other.click, positive=False), click_at(thing.click)]}
        for thing, other in zip(things, others, strict=True)
    ]


def encodings(questions: Questions) -> Iterator[Made]:
    """Send the scene in every other kind of file, to one operation and then the other.

    Yields:
        Id, question, what makes the case when its turn comes, and the id of the case it is compared with.
    """
    scene = questions.scene
    if scene is None or not questions.all_drawn:
        return
    unsent = [entry for entry in ENCODINGS.items() if entry[0] not in FIRST_SENT]
    for number, (name, way) in enumerate(sorted(unsent, key=lambda entry: _lateness(entry[0]))):
        shown = grey_scene(scene) if way.grey else scene
        operation = (CONCEPT, VISUAL)[number % 2]
        wording = WORDINGS[operation][number % len(WORDINGS[operation])]
        masks = "polygon" if wording.as_polygons else "rle"
        case_name = f"{operation}/{shown.name}-{name}.{way.suffix}/{masks}"
        make = partial(_in_file, questions, shown, name, case_name, wording)
        plain = f"{CONCEPT}/{shown.name}-png-grey-alpha.png/rle" if way.grey else f"{operation}/{scene.name}.png/rle"
        yield case_name, f"sends the image {way.name}{wording.words}", make, (plain,)


def _lateness(name: str) -> tuple[bool, bool, bool]:
    """Put first what no other case sends, and of that the JPEGs of cameras and the kinds of pixels before the turns."""
    of_cameras = name.startswith("jpeg-turned-")
    return name in SENT_OF_OTHERS, "-turned-" in name and not of_cameras, not of_cameras


def sizes(questions: Questions) -> Iterator[Made]:
    """Send images of other sizes and sides, clicked where texts were asked for and the other way round."""
    if not questions.all_drawn:
        return
    crowd, _, tiny, large, fuller, _, beads = further_scenes()
    for scene, name, operation, masks in (
        (large, "bmp", CONCEPT, "rle"),
        (built_in_scenes()[1], BOXED_IN[0], VISUAL, "rle"),
        (crowd, "jpeg-turned-5", VISUAL, "rle"),
        (stencil(), "tiff-fax", VISUAL, "rle"),
        (stencil(), "png-4-grey", CONCEPT, "rle"),
        (filled(), "webp", VISUAL, "json"),
        (filled(), "jpeg-progressive", CONCEPT, "polygon"),
        (beads, "gif", CONCEPT, "rle"),
        (grey_scene(built_in_scenes()[1]), BOXED_IN[1], VISUAL, "rle"),
        # Files of the same length that begin alike, of which the second shows one small thing more.
        (crowd, "bmp", VISUAL, "rle"),
        (fuller, "bmp", VISUAL, "rle"),
        (tiny, "bmp", CONCEPT, "rle"),
        (tiny, "png-16", VISUAL, "rle"),
    ):
        way = way_of(name)
        asks = f"sends an image of {scene.size[1]} x {scene.size[0]} pixels {way.name}"
        make = partial(_of_size, questions, scene, name, operation, masks)
        yield f"{operation}/{scene.name}-{name}.{way.suffix}/{masks}", asks, make, ()


def archive_case(questions: Questions) -> Iterator[Case]:
    """Ask for what is boxed in a photograph of a telephone as an archive."""
    if questions.all_drawn:
        yield _of_size(questions, built_in_scenes()[1], BOXED_IN[0], VISUAL, "binary", {})


def _in_file(
    questions: Questions, scene: Scene, encoding: str, name: str, wording: Wording, _: Mapping[str, Exchange]
) -> Case:
    view = encoded_view(scene, encoding)
    plain = questions.scene in built_in_scenes() and not ENCODINGS[encoding].grey
    if name.startswith(VISUAL):
        case = visual.view_case(questions, view, f"{VISUAL}/{scene.name}.png/rle" if plain else "")
    else:
        of = f"{CONCEPT}/{scene.name}.png/rle" if plain else f"{CONCEPT}/{scene.name}-png-grey-alpha.png/rle"
        case = concept.view_case(questions, view, of)
    return replace(case, id=name, body=wording.put(case.sent, view.photograph), asks=f"{case.asks}{wording.words}")


def _of_size(
    questions: Questions, scene: Scene, encoding: str, operation: str, masks: str, _: Mapping[str, Exchange]
) -> Case:
    sent = encoded(scene, encoding)
    asks = f"sends an image of {scene.size[1]} x {scene.size[0]} pixels {way_of(encoding).name}"
    if operation == CONCEPT:
        prompts = concept.rich_prompts(questions, sent)
        named = {"image_id": questions.image_id(scene.name)}
        return concept.scene_case(questions, sent, f"{asks}, with exemplars", format=masks, prompts=prompts, **named)
    boxed = encoding in BOXED_IN
    # An archive is compared with the run lengths: of a few pixels a model need not be sure of any.
    things = [one for one in sent.things if encoding != BOXED_IN[0] or one.bitmap.sum() >= LEAST_AREA]
    objects = [{"box": one.center_box} if boxed else {"points": [click_at(one.click)]} for one in things]
    # What is no run lengths is asked for in the nested form, and polygons without saying so.
    said = {} if masks == "json" else {"format": masks}
    body = body_of(sent, prompts=objects if masks == "rle" else {"prompts": objects}, **said)
    tolerated = visual.BINARY_TOLERATED if masks == "binary" else {}
    return case_of(f"{sent.name}/{masks}", VISUAL, asks, body, sent, tolerated=tolerated)
