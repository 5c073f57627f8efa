"""Requests that have to be refused, each in its way; and those on which documentation and server disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sam3_contract.cases.questions import CONCEPT, VISUAL, Questions, body_of
from sam3_contract.exchange import Case, KeyPlace, as_base64

TEXT: Final = "aGVsbG8gd29ybGQ="
_UNAUTHORISED: Final = frozenset({401})
_UNPROCESSABLE: Final = frozenset({422})


def most_telling(questions: Questions) -> Iterator[Case]:
    """Ask without a key, with no JSON, and with no image: what clients meet first."""
    good = _good(questions)
    yield _unauthorised("no_key", "has no API key", good, "none")
    yield _refused("malformed_json", CONCEPT, "is no JSON", b'{"image": ')
    yield _refused("no_image", CONCEPT, "has no image", {"prompts": good["prompts"]})
    no_image = {**good, "image": {"type": "base64", "value": TEXT}}
    bad = frozenset({400, 422})
    yield Case("refused/not_an_image", CONCEPT, "sends a text as image", no_image, expected=bad)


def the_rest(questions: Questions) -> Iterator[Case]:
    """Ask with bad keys, bad methods, bad values, and in the ways that the server is known to take otherwise."""
    good, clicks = _good(questions), _clicks(questions)
    yield _unauthorised("wrong_key", "has a key that nobody has", good, "wrong")
    get = {400: "other_methods", 404: "other_methods"}
    method = frozenset({405})
    yield Case("refused/get", CONCEPT, "uses GET", None, method="GET", expected=method, tolerated=get)
    prompt = good["prompts"][0]
    box = {"x": 1, "y": 1, "width": 8, "height": 8}
    labelled = {"text": "thing", "boxes": [box], "box_labels": [1, 0]}
    for name, asks, body in (
        ("no_prompts", "has an empty list of prompts", {**good, "prompts": []}),
        ("seventeen_prompts", "has 17 prompts, one too many", {**good, "prompts": [prompt] * 17}),
        ("threshold_of_words", "has a word for a threshold", {**good, "output_prob_thresh": "high"}),
        ("labels_without_box", "has more labels than boxes", {**good, "prompts": [labelled]}),
        ("own_threshold_of_two", "has a threshold of 2", {**good, "prompts": [{**prompt, "output_prob_thresh": 2}]}),
    ):
        yield _refused(name, CONCEPT, asks, body)
    yield _refused(
        "half_a_point",
        VISUAL,
        "has a click without `positive`",
        {**clicks, "prompts": [{"points": [{"x": 1, "y": 1}]}]},
    )
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
        (
            "unknown_visual_format",
            VISUAL,
            "asks for a format that is none",
            {**clicks, "format": "bitmap"},
            500,
            "unknown_visual_format_answers_500",
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
        ("unknown_field", CONCEPT, "has a field that is none", {**good, "treshold": 0.5}, 200, "lenient_types"),
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


def _good(questions: Questions) -> dict[str, Any]:
    return body_of(questions.lead, prompts=[{"text": questions.concepts(questions.lead)[0]}])


def _clicks(questions: Questions) -> dict[str, Any]:
    return {"image": as_base64(questions.lead), "prompts": questions.click_prompts(questions.lead)[:1]}


def _refused(name: str, operation: str, asks: str, body: dict[str, Any] | bytes, **more: Any) -> Case:
    return Case(f"refused/{name}", operation, asks, body, expected=_UNPROCESSABLE, **more)


def _unauthorised(name: str, asks: str, body: dict[str, Any], key_in: KeyPlace) -> Case:
    return Case(f"refused/{name}", CONCEPT, asks, body, key_in=key_in, expected=_UNAUTHORISED)
