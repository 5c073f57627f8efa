"""Requests that have to be refused, each in its way; and those on which documentation and server disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sam3_contract.cases.concept import ORIGIN
from sam3_contract.cases.questions import CONCEPT, VISUAL, Questions, body_of
from sam3_contract.exchanges.exchange import Case, KeyPlace, as_base64

TEXT: Final = "aGVsbG8gd29ybGQ="
EMBED: Final = "embed_image"
REFUSED_ID: Final = "refused"
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
    yield _refused("no_image", CONCEPT, "has no image", {"prompts": good["prompts"]}, mistake=("image",))
    no_image = {"image": {"type": "base64", "value": TEXT}, "image_id": questions.image_id("bad")}
    yield Case("refused/not_an_image", EMBED, "embeds a text", no_image, expected=_BAD_IMAGE)


def of_concept(questions: Questions) -> Iterator[Case]:
    """Ask with a bad key and bad values."""
    good = _good(questions)
    yield _unauthorised("wrong_key", "has a key that nobody has", good, "wrong")
    prompt = good["prompts"][0]
    box = {"x": 1, "y": 1, "width": 8, "height": 8}
    labelled = {"text": "thing", "boxes": [box], "box_labels": [1, 0]}
    own = {**prompt, "output_prob_thresh": 2}
    for name, asks, body, mistake in (
        ("no_prompts", "has an empty list of prompts", {"prompts": []}, ("prompts",)),
        ("seventeen_prompts", "has 17 prompts, one too many", {"prompts": [prompt] * 17}, ("prompts",)),
        ("labels_without_box", "has more labels than boxes", {"prompts": [labelled]}, ("prompts", 0)),
        (
            "own_threshold_of_two",
            "has a threshold of 2 in its second prompt",
            {"prompts": [prompt, own]},
            ("prompts", 1, "output_prob_thresh"),
        ),
    ):
        yield _refused(name, CONCEPT, asks, {**good, **body}, mistake=mistake, headers={"origin": ORIGIN})


def of_others(questions: Questions) -> Iterator[Case]:
    """Ask each operation what only another was asked."""
    good, clicks = _good(questions), _clicks(questions)
    cut = {"type": "base64", "value": as_base64(questions.lead)["value"][:-400]}
    half = {"points": [{"x": 1, "y": 1}]}
    yield _unauthorised("concept_no_key", "has no API key", good, "none")
    asks = "has a key that nobody has"
    yield Case("refused/visual_wrong_key", VISUAL, asks, clicks, key_in="wrong", expected=_UNAUTHORISED)
    yield _refused("concept_malformed_json", CONCEPT, "is no JSON", b"{'image': 1}")
    place: tuple[str | int, ...] = ("prompts", "points", "positive")
    asks = "has a click without `positive` in its second prompt"
    # What is refused takes no image_id, which another image is sent under later.
    halved = {**clicks, "prompts": [*clicks["prompts"], half], "image_id": questions.image_id(REFUSED_ID)}
    yield _refused("half_a_point", VISUAL, asks, halved, mistake=place)
    yield Case(
        "refused/visual_cut_image",
        VISUAL,
        "sends an image that is cut short",
        {**clicks, "image": cut, "image_id": questions.image_id("bad")},
        expected=_BAD_IMAGE,
    )
    bad_image = {"type": "base64", "value": TEXT}
    asks = "sends a text as image"
    yield Case("refused/concept_not_an_image", CONCEPT, asks, {**good, "image": bad_image}, expected=_BAD_IMAGE)
    unkeyed = {"image": bad_image}
    yield Case("refused/embed_no_key", EMBED, "has no API key", unkeyed, key_in="none", expected=_UNAUTHORISED)
    words = {**clicks, "multimask_output": "some"}
    yield _refused("multimask_of_words", VISUAL, "has a word for a boolean", words, mistake=("multimask_output",))
    yield _refused("empty_body", CONCEPT, "has no body", b"")
    yield _refused("list", CONCEPT, "is a list", b"[]")
    texts = {**good, "prompts": [prompt["text"] for prompt in good["prompts"]]}
    yield _refused("texts_for_prompts", CONCEPT, "has a text for a prompt", texts, mistake=("prompts", 0))
    alone = {**good, "prompts": good["prompts"][0]}
    yield _refused("prompt_in_no_list", CONCEPT, "has a prompt in no list", alone, mistake=("prompts",))
    wordy = {**clicks, "prompts": [{"points": [{"x": "left", "y": 1, "positive": True}]}]}
    place = ("prompts", "points", 0, "x")
    yield _refused("click_of_words", VISUAL, "has a word for a coordinate", wordy, mistake=place)


def the_rest(questions: Questions) -> Iterator[Case]:
    """Ask with further bad values, and in the ways that the server is known to take otherwise."""
    good, clicks = _good(questions), _clicks(questions)
    prompt = good["prompts"][0]
    box = {"x": 1, "y": 1, "width": 8, "height": 8}
    cut = {"type": "base64", "value": as_base64(questions.lead)["value"][:-400]}
    yield Case(
        "refused/cut_image", CONCEPT, "sends an image that is cut short", {**good, "image": cut}, expected=_BAD_IMAGE
    )
    deleted = {400: "other_methods", 404: "other_methods"}
    method = frozenset({405})
    yield Case("refused/delete", VISUAL, "uses DELETE", None, method="DELETE", expected=method, tolerated=deleted)
    yield _unauthorised("empty_key", "has an empty key", good, "empty")
    for name, asks, body, mistake in (
        ("threshold_of_words", "has a word for a threshold", {"output_prob_thresh": "high"}, ("output_prob_thresh",)),
        ("nms_of_two", "has an IoU of 2", {"nms_iou_threshold": 2}, ("nms_iou_threshold",)),
        ("text_of_a_number", "has a number for a text", {"prompts": [prompt, {"text": 7}]}, ("prompts", 1, "text")),
        ("image_of_a_text", "has a text for an image", {"image": "dog.jpg"}, ("image",)),
    ):
        yield _refused(name, CONCEPT, asks, {**good, **body}, mistake=mistake)
    misspelt = {**good, "treshold": 0.5}
    yield _refused("unknown_field", CONCEPT, "has a field that is none", misspelt, tolerated={200: "lenient_types"})
    yield preflight("visual_preflight", VISUAL)
    unlabelled = {**good, "prompts": [{"text": "thing", "boxes": [box]}]}
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
        (
            "unknown_model_size",
            VISUAL,
            "names a SAM 2 that is none",
            {**clicks, "sam2_version_id": "hiera_huge"},
            200,
            "sam2_version_id_ignored",
        ),
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
        mistake=("format",),
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
    return body_of(questions.lead, prompts=[{"text": questions.concepts(questions.lead)[0]}])


def _clicks(questions: Questions) -> dict[str, Any]:
    return {"image": as_base64(questions.lead), "prompts": questions.click_prompts(questions.lead)[:1]}


def _refused(name: str, operation: str, asks: str, body: dict[str, Any] | bytes, **more: Any) -> Case:
    return Case(f"refused/{name}", operation, asks, body, expected=_UNPROCESSABLE, **more)


def _unauthorised(name: str, asks: str, body: dict[str, Any], key_in: KeyPlace) -> Case:
    return Case(f"refused/{name}", CONCEPT, asks, body, key_in=key_in, expected=_UNAUTHORISED)
