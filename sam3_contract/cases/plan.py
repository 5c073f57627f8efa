"""The cases of a verification: few requests, each of which serves many checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sam3_contract.exchange import Case, Photograph, as_base64

__all__ = ["DEFAULT_TEXTS", "plan"]

DEFAULT_TEXTS: Final = ("red disc", "blue square", "person", "zeppelin")
LOW: Final = 0.2  # low enough that a model finds something, high enough that a threshold ignored shows
HIGH: Final = 0.6

_BAD: Final = frozenset({400, 422})


def plan(photographs: Sequence[Photograph], *, texts: Sequence[str] = DEFAULT_TEXTS) -> list[Case]:
    """Plan a verification.

    Args:
        photographs: The images to send, at least one.
        texts: The concepts to ask for.

    Returns:
        Five cases for each image, one that asks for binary masks, and seven that every server has to refuse.
    """
    cases = [case for photograph in photographs for case in _good(photograph, texts)]
    return [*cases, _binary(photographs[0]), *_bad(photographs[0], texts)]


def _good(photograph: Photograph, texts: Sequence[str]) -> Iterator[Case]:
    concept = {"image": as_base64(photograph), "prompts": _concept_prompts(texts), "output_prob_thresh": LOW}
    visual = {"image": as_base64(photograph), "prompts": _visual_prompts(photograph)}
    for operation, body, forms, asks in (
        ("concept_segment", concept, ("polygon", "rle"), f"asks for {len(texts)} concepts"),
        ("visual_segment", visual, ("json", "rle"), "clicks at the centre, and boxes it"),
    ):
        for form in forms:
            yield _case(f"{operation}/{photograph.name}/{form}", operation, {**body, "format": form}, asks, photograph)
    embedding = {"image": as_base64(photograph), "image_id": f"sam3-contract/{photograph.name}"}
    name = f"embed_image/{photograph.name}"
    yield _case(name, "embed_image", embedding, "asks to keep an embedding", photograph)


def _binary(photograph: Photograph) -> Case:
    body = {"image": as_base64(photograph), "prompts": _visual_prompts(photograph), "format": "binary"}
    return Case(
        f"visual_segment/{photograph.name}/binary",
        "visual_segment",
        "asks for binary masks",
        body,
        image=photograph.header,
        tolerated={500: "binary_answers_500"},
    )


def _concept_prompts(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Ask for each text, every other one with a threshold of its own."""
    return [
        {"type": "text", "text": text, **({"output_prob_thresh": HIGH} if index % 2 else {})}
        for index, text in enumerate(texts)
    ]


def _visual_prompts(photograph: Photograph) -> list[dict[str, Any]]:
    width, height = photograph.header.width, photograph.header.height
    box = {"x": width / 2, "y": height / 2, "width": width / 2, "height": height / 2}
    click = {"x": width // 2, "y": height // 2, "positive": True}
    return [{"points": [click], "box": box}]


def _case(name: str, operation: str, body: dict[str, Any], asks: str, photograph: Photograph) -> Case:
    return Case(name, operation, asks, body, image=photograph.header)


def _bad(photograph: Photograph, texts: Sequence[str]) -> Iterator[Case]:
    """Requests that every server has to refuse; what only the document refuses is not among them."""
    good = {"image": as_base64(photograph), "prompts": _concept_prompts(texts)}
    yield Case("refused/no_key", "concept_segment", "has no API key", good, with_key=False, expected=frozenset({401}))
    refused: tuple[tuple[str, str, dict[str, Any] | bytes], ...] = (
        ("malformed_json", "is no JSON", b'{"image": '),
        ("no_image", "has no image", {"prompts": good["prompts"]}),
        ("no_prompts", "has an empty list of prompts", {**good, "prompts": []}),
        ("threshold_of_words", "has a word for a threshold", {**good, "output_prob_thresh": "high"}),
    )
    for name, asks, body in refused:
        yield Case(f"refused/{name}", "concept_segment", asks, body, expected=frozenset({422}))
    no_image = {**good, "image": {"type": "base64", "value": "aGVsbG8gd29ybGQ="}}
    yield Case("refused/not_an_image", "concept_segment", "sends a text as image", no_image, expected=_BAD)
    yield Case("refused/method", "visual_segment", "uses PUT", None, method="PUT", expected=frozenset({405}))
