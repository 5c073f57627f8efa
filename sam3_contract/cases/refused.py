"""Requests that have to be refused, each in its way; and those on which documentation and server disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sam3_contract.cases import concept, visual
from sam3_contract.cases.pictures.photographs import saved_as
from sam3_contract.cases.questions import BAD_ID, CONCEPT, ORIGIN, VISUAL, Questions, body_of
from sam3_contract.exchanges.exchange import Case, KeyPlace, as_base64

TEXT: Final = "aGVsbG8gd29ybGQ="
EMBED: Final = "embed_image"
REFUSED_ID: Final = "refused"
CUT_ID: Final = "cut"
BOX: Final = {"x": 1, "y": 1, "width": 8, "height": 8}
Place = tuple[str | int, ...]
_UNAUTHORISED: Final = frozenset({401})
_UNPROCESSABLE: Final = frozenset({422})
_BAD_IMAGE: Final = frozenset({400, 422})


def most_telling(questions: Questions) -> Iterator[Case]:
    """Ask without a key, with no JSON, and with no image: what clients meet first.

    Each operation has a handler of its own; what one of them is not asked here, it is asked by ``of_others``.
    """
    good = _good(questions)
    yield Case("refused/no_key", VISUAL, "has no API key", _clicks(questions), key_in="none", expected=_UNAUTHORISED)
    yield _refused("malformed_json", VISUAL, "is no JSON", b'{"image": ')
    get = {400: "other_methods", 404: "other_methods"}
    method = frozenset({405})
    yield Case("refused/get", CONCEPT, "uses GET", None, method="GET", expected=method, tolerated=get)
    yield _refused("no_image", CONCEPT, "has no image", {"prompts": good["prompts"]}, mistakes=(("image",),))
    no_image = {"image": {"type": "base64", "value": TEXT}, "image_id": questions.image_id(BAD_ID)}
    yield Case("refused/not_an_image", EMBED, "embeds a text", no_image, expected=_BAD_IMAGE)


def of_concept(questions: Questions) -> Iterator[Case]:
    """Ask with a bad key and bad values."""
    good = _good(questions)
    yield _unauthorised("wrong_key", "has a key that nobody has", good, "wrong")
    prompt = good["prompts"][0]
    labelled = [{"boxes": [BOX], "box_labels": [1, 0]}, {"text": "thing", "boxes": [BOX, BOX], "box_labels": [1]}]
    own = {**prompt, "output_prob_thresh": 2}
    both = (("prompts", 0), ("prompts", 1))
    for name, asks, body, mistakes in (
        ("no_prompts", "has an empty list of prompts", {"prompts": []}, (("prompts",),)),
        ("seventeen_prompts", "has 17 prompts, one too many", {"prompts": [prompt] * 17}, (("prompts",),)),
        ("labels_without_box", "has more labels than boxes, and fewer", {"prompts": labelled}, both),
        (
            "own_threshold_of_two",
            "has a threshold of 2 in its second prompt",
            {"prompts": [prompt, own]},
            (("prompts", 1, "output_prob_thresh"),),
        ),
    ):
        yield _refused(name, CONCEPT, asks, {**good, **body}, mistakes=mistakes)


def of_others(questions: Questions) -> Iterator[Case]:
    """Ask each operation what only another was asked, and make several mistakes at once, which are all to be named."""
    good, clicks = _good(questions), _clicks(questions)
    embedded = body_of(questions.lead, image_id=questions.image_id("lead"))
    whole = as_base64(saved_as(questions.lead, "jpeg"))["value"]
    half = {"type": "base64", "value": whole[: len(whole) // 8 * 4]}
    bad_image = {"type": "base64", "value": TEXT}
    yield _unauthorised("concept_no_key", "has no API key", good, "none")
    yield _unauthorised("wrong_key_in_body", "has a wrong key in its body", good, "wrong_body")
    # A cache that keeps what is asked, whoever asks, would answer these.
    asks = "has a wrong key in the query, before the right one"
    yield _unauthorised("visual_wrong_key", asks, clicks, "wrong_query_first", VISUAL)
    yield _unauthorised("embed_no_key", "has no API key", embedded, "none", EMBED)
    asks = "has a wrong key as bearer, before the right one"
    yield _unauthorised("embed_wrong_key", asks, embedded, "wrong_bearer_first", EMBED)
    yield _refused("concept_malformed_json", CONCEPT, "is no JSON", b"{'image': 1}")
    yield from _of_several_mistakes(questions)
    yield Case(
        "refused/visual_cut_image",
        VISUAL,
        "sends the first half of a JPEG",
        {**clicks, "image": half, "image_id": questions.image_id(CUT_ID)},
        expected=_BAD_IMAGE,
    )
    asks = "sends a text as image"
    yield Case("refused/concept_not_an_image", CONCEPT, asks, {**good, "image": bad_image}, expected=_BAD_IMAGE)
    asks, unknown = "sends an image of a type that is none", {"type": "bitmap", "value": TEXT}
    yield Case("refused/image_type", VISUAL, asks, {**clicks, "image": unknown}, expected=_BAD_IMAGE)
    yield _refused("empty_body", EMBED, "has no body", b"")
    yield _refused("embed_malformed_json", EMBED, "is no JSON: it ends before its time", b'{"image": {"type": ')
    yield _refused("list", VISUAL, "is a list", b"[]")
    texts = {**good, "prompts": [prompt["text"] for prompt in good["prompts"]]}
    yield _refused("texts_for_prompts", CONCEPT, "has a text for a prompt", texts, mistakes=(("prompts", 0),))
    alone = {**good, "prompts": good["prompts"][0]}
    yield _refused("prompt_in_no_list", CONCEPT, "has a prompt in no list", alone, mistakes=(("prompts",),))


def _of_several_mistakes(questions: Questions) -> Iterator[Case]:
    """Make mistakes in fields of each kind, in later entries of lists, and in each operation."""
    good, clicks = _good(questions), _clicks(questions)
    named = {"image_id": questions.image_id(REFUSED_ID)}  # which what is refused does not take
    boxed = {"boxes": [BOX, {**BOX, "width": "wide"}], "box_labels": [1, "often"]}
    wrong = {"text": 7, "output_prob_thresh": 1e300, **boxed}
    others = (
        ({"text": "dog", "output_prob_thresh": -0.1}, ("output_prob_thresh",)),
        ({"type": "visual", "text": "dog"}, ("boxes",)),
        ({"boxes": [[1, 1, 8, 8]], "box_labels": [1]}, ("boxes", 0)),
        ({"boxes": [BOX], "box_labels": [None]}, ("box_labels", 0)),
    )
    prompts = [*good["prompts"], wrong, *(prompt for prompt, _ in others)]
    last = len(good["prompts"])
    fields = {"prompts": prompts, "output_prob_thresh": "high", "nms_iou_threshold": 2, "format": 7, "model_id": 7}
    places: tuple[Place, ...] = (
        *((name,) for name in fields if name != "prompts"),
        *(("prompts", last, name) for name in ("text", "output_prob_thresh")),
        ("prompts", last, "boxes", 1, "width"),
        ("prompts", last, "box_labels", 1),
        *(("prompts", at, *place) for at, (_, place) in enumerate(others, start=last + 1)),
    )
    asks = f"makes {len(places)} mistakes, most of them in its last prompts"
    yield _refused("several_mistakes", CONCEPT, asks, {**good, **fields}, mistakes=places)
    half = {"points": [{"x": 1, "y": 1}]}
    fields = {"multimask_output": None, "save_logits_to_cache": "perhaps", "load_logits_from_cache": 2, "format": 7}
    fields |= {"sam2_version_id": 7, "id": None}
    places = (("prompts", "points", "positive"), *((name,) for name in fields))
    fields["prompts"] = [*clicks["prompts"], half]
    asks = "has a click without `positive` in its last prompt, no booleans where there should be, numbers for words"
    yield _refused("half_a_point", VISUAL, asks, {**clicks, **fields, **named}, mistakes=places)
    wordy = {"points": [{"x": 1, "y": 1, "positive": True}, {"x": "left", "y": None, "positive": 2}], "box": BOX}
    places = tuple(("prompts", "points", 1, name) for name in ("x", "y", "positive"))
    asks = "has a word and null for the coordinates of its second click, 2 for a boolean, and null for an image"
    fields = {"prompts": [wordy], "image": None}
    yield _refused("click_of_words", VISUAL, asks, {**clicks, **fields}, mistakes=(*places, ("image",)))
    fields = {"image": "dog.jpg", "image_id": 7, "id": 7, "usage_billable": "perhaps", "start": "soon"}
    fields |= {"source": 7, "source_info": [], "model_id": 7}
    asks = "has a text for an image, a number for its id, and what is none of its kind in every other field"
    yield _refused("image_of_a_text", EMBED, asks, fields, mistakes=tuple((name,) for name in fields))


def the_rest(questions: Questions) -> Iterator[Case]:
    """Ask with further bad values, and in the ways that the server is known to take otherwise."""
    good, clicks = _good(questions), _clicks(questions)
    cut = {"type": "base64", "value": as_base64(questions.lead)["value"][:-400]}
    yield Case(
        "refused/cut_image", CONCEPT, "sends an image that is cut short", {**good, "image": cut}, expected=_BAD_IMAGE
    )
    latin = '{"image": {"type": "url", "value": "https://example.com/é.jpg"}}'.encode("latin-1")
    yield Case("refused/no_utf8", CONCEPT, "is JSON in Latin-1", latin, expected=_BAD_IMAGE)
    deleted = {400: "other_methods", 404: "other_methods"}
    method = frozenset({405})
    yield Case("refused/delete", VISUAL, "uses DELETE", None, method="DELETE", expected=method, tolerated=deleted)
    # The key comes first: who has none is not told what is wrong with a request.
    yield _unauthorised("empty_key", "has an empty key, no image and no prompts", {"prompts": []}, "empty")
    misspelt = {**good, "treshold": 0.5}
    yield preflight("visual_preflight", VISUAL)
    yield _refused("unknown_field", CONCEPT, "has a field that is none", misspelt, tolerated={200: "lenient_types"})
    unlabelled = {**good, "prompts": [{"text": "thing", "boxes": [BOX]}]}
    for name, operation, asks, body, status, deviation in (
        (
            "threshold_of_two",
            CONCEPT,
            "has a threshold of 2",
            {**good, "output_prob_thresh": 2},
            200,
            "zero_threshold_means_default",
        ),
        (
            "unknown_format",
            CONCEPT,
            "asks for a format that is none",
            {**good, "format": "bitmap"},
            200,
            "unknown_concept_format_answers_nothing",
        ),
        ("box_without_label", CONCEPT, "has a box without a label", unlabelled, 500, "missing_box_labels_answers_500"),
    ):
        yield _refused(name, operation, asks, body, tolerated={status: deviation})
    alone = {"image_id": questions.image_id("lead"), "prompts": clicks["prompts"]}
    yield Case(
        "visual_segment/id_alone",
        VISUAL,
        "sends a known image_id and no image, as the documentation's example does",
        alone,
        tolerated={422: "image_required_beside_image_id"},
        after=(f"embed_image/{questions.lead.name}",),
    )


def at_once(questions: Questions) -> Iterator[Case]:
    """Send what is no image while others are under way, which it does not concern."""
    body = {**_clicks(questions), "image": {"type": "base64", "value": TEXT}}
    asks = "sends a text as image while others are under way"
    yield Case("refused/not_an_image_at_once", VISUAL, asks, body, expected=_BAD_IMAGE)


def by_query(questions: Questions) -> Iterator[Case]:
    """Make a mistake in the URL."""
    embedded = body_of(questions.lead, image_id=questions.image_id("lead"))
    asks, said = "has a word for a boolean in its query", {"source": "app", "countinference": "perhaps"}
    yield _refused("query_of_words", EMBED, asks, embedded, query=said, mistakes=(("query", "countinference"),))


def of_model_sizes(questions: Questions) -> Iterator[Case]:
    """Name a size of SAM 2 that there is none of, which servers mostly pass over."""
    body = {**_clicks(questions), "sam2_version_id": "hiera_huge"}
    tolerated = {200: "sam2_version_id_ignored"}
    yield _refused("unknown_model_size", VISUAL, "names a SAM 2 that is none", body, tolerated=tolerated)


def of_models_and_formats(questions: Questions) -> Iterator[Case]:
    """Ask for a model, and for a format, that there is none of."""
    unknown = {**_good(questions), "model_id": "sam3/no-such-model"}
    yield Case("refused/unknown_model", CONCEPT, "names a model that is none", unknown, expected=frozenset({404}))
    yield _refused(
        "unknown_visual_format",
        VISUAL,
        "asks for a format that is none",
        {**_clicks(questions), "format": "bitmap"},
        tolerated={500: "unknown_visual_format_answers_500"},
        mistakes=(("format",),),
    )


def preflight(name: str, operation: str) -> Case:
    """Ask whether a browser may ask."""
    headers = {
        "origin": ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    asks, expected = "is a browser's preflight, which has no key", frozenset({200, 204})
    return Case(
        f"refused/{name}", operation, asks, None, method="OPTIONS", key_in="none", expected=expected, headers=headers
    )


def _good(questions: Questions) -> dict[str, Any]:
    """Ask what was asked and answered before, so that what differs in what is refused is nothing but the mistake."""
    return dict(next(concept.main_cases(questions, questions.lead)).sent)


def _clicks(questions: Questions) -> dict[str, Any]:
    return dict(next(visual.main_cases(questions, questions.lead)).sent)


def _refused(name: str, operation: str, asks: str, body: dict[str, Any] | bytes, **more: Any) -> Case:
    return Case(f"refused/{name}", operation, asks, body, expected=_UNPROCESSABLE, **more)


def _unauthorised(name: str, asks: str, body: dict[str, Any], key_in: KeyPlace, operation: str = CONCEPT) -> Case:
    return Case(f"refused/{name}", operation, asks, body, key_in=key_in, expected=_UNAUTHORISED)
