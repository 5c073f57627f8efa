"""What a request may say besides, and which changes nothing: each good request says some of it, drawn by the seed.

Statistics, nulls, empty lists, defaults written out, fields that are left over from SAM 2, headers of clients and
proxies, the place of the key, the layout of the JSON: whoever asks by hand says none of it, every client some.
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sam3_contract.cases.questions import CONCEPT, ORIGIN, VISUAL, as_uri
from sam3_contract.exchanges.exchange import Case, KeyPlace
from sam3_contract.wire.requests import CONCEPT_MODEL

Json = dict[str, Any]
Undress = Callable[[Case], Case]

OFTEN: Final = 0.5
"""The share of requests that say a thing."""
HIDE_A_KEY: Final = frozenset({"content-type", "transfer-encoding"})
"""Headers beside which the service may find no key in a body: of another type to the letter, or of a length untold."""

_MOST_SHOWN: Final = 60  # characters of a value
_HEAD: Final = 44  # characters of base64: the header of a PNG or BMP

_EVERYWHERE: Final[Mapping[str, tuple[Any, ...]]] = {
    "id": ("7", "a request / é ☃", "3F2B8C1A-9D47-4E05-8B61-2A7C5D9E0F13", "x" * 300),
    "source": ("app", None),
    "source_info": ("nightly, run 7", None),
    "start": (1795888513.25, 0, None),
    "usage_billable": (True,),
    "api_key": (None,),
}
_LEFT_OVER: Final[Mapping[str, tuple[Any, ...]]] = {
    "model_id": ("sam3/sam3_interactive", "my-project/3", None),
    "sam2_version_id": ("hiera_tiny", "hiera_small", "hiera_large", "hiera_b_plus"),
}
_OF_OPERATION: Final[Mapping[str, Mapping[str, tuple[Any, ...]]]] = {
    CONCEPT: {"model_id": (CONCEPT_MODEL,), "nms_iou_threshold": (None,), "image_id": (None, "an image")},
    VISUAL: {
        **_LEFT_OVER,
        "image_id": (None,),
        "multimask_output": (True,),
        "save_logits_to_cache": (False,),
        "load_logits_from_cache": (False,),
    },
    "embed_image": _LEFT_OVER,
}
_OF_TEXTS: Final[tuple[Json, ...]] = (
    {"boxes": None, "output_prob_thresh": None},
    {"boxes": [], "box_labels": []},
    {"box_labels": None, "output_prob_thresh": None},
    {"type": "text"},
)
_OF_EXEMPLARS: Final[tuple[Json, ...]] = ({"text": None}, {"output_prob_thresh": None})
_BOXES: Final = frozenset({"boxes", "box_labels"})
_OF_CLICKS: Final[tuple[Json, ...]] = ({"box": None},)
_OF_BOXES: Final[tuple[Json, ...]] = ({"points": None}, {"points": []})
_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "accept": ("application/json", "*/*", "application/json, text/plain;q=0.5, */*;q=0.1"),
    "accept-encoding": ("gzip, deflate", "identity"),
    "accept-language": ("de-CH, fr;q=0.8",),
    "content-type": ("application/json; charset=utf-8",),
    "cookie": ("session=0123456789abcdef; theme=dark",),
    "referer": ("https://app.example.com/annotate?image=7",),
    "traceparent": ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",),
    "user-agent": ("Mozilla/5.0 (X11; Linux x86_64) an app / 1.0",),
    "x-forwarded-for": ("203.0.113.7",),
}
_ORIGIN: Final[Mapping[str, tuple[str, ...]]] = {"origin": (ORIGIN,)}
_QUERY: Final[Mapping[str, tuple[str, ...]]] = {
    "countinference": ("true",),
    "source": ("app",),
    "source_info": ("nightly, run 7 & more",),
}


def dressed(case: Case, seed: int) -> Case:
    """Say some of it beside a good request.

    It is the same for every request to an operation with an image that begins so: whatever else tells two of them
    apart is all that does, so that an answer that a server keeps for one may be taken for that of the other.
    """
    if not isinstance(case.body, Mapping) or case.method != "POST" or case.expected != {200} or case.key_in == "none":
        return case
    dice = random.Random(f"{seed}/{case.operation}/{_beginning(case.body)}")  # noqa: S311 - drawn the same every time
    # Everything is drawn whatever the case says already: what is made of a dressed request is dressed alike.
    place: KeyPlace = dice.choice(("bearer", "lower_bearer", "body")) if dice.random() < OFTEN else "query"
    if place == "body" and HIDE_A_KEY & case.headers.keys():
        place = "query"
    key_in = place if case.key_in == "query" else case.key_in
    body = {**_beside(case, dice), **case.body}
    if key_in == "body":
        body.pop("api_key", None)
    if "prompts" in body:
        body["prompts"] = _prompts(body["prompts"], case.operation, dice)
    said = replace(
        case,
        body=body,
        key_in=key_in,
        headers={**dict(_drawn(_HEADERS, dice)), **case.headers},
        spread_out=dice.random() < OFTEN or case.spread_out,
        plain=case,
    )
    said = named(said, dice.randrange(3)) if dice.random() < OFTEN else said
    said = replace(said, query={**dict(_drawn(_QUERY, dice)), **case.query})
    said = replace(said, headers={**dict(_drawn(_ORIGIN, dice)), **said.headers})
    return _as_uri(said) if dice.random() < OFTEN else said


def _as_uri(case: Case) -> Case:
    """Write an image as a data URI, unless it is one already, or its base64 is broken into lines."""
    image = case.sent.get("image")
    value = image.get("value") if isinstance(image, Mapping) and image.get("type") == "base64" else None
    if case.image is None or not isinstance(value, str) or value.startswith("data:") or "\n" in value:
        return case
    return replace(case, body=as_uri(case.sent, case.image.format.lower()))


def worn(case: Case) -> Iterator[tuple[str, Undress]]:
    """List what a case says besides: each thing in words that fit "without ...", and how to leave it out."""
    plain = case.plain
    if plain is None:
        return
    for name in (name for name in case.sent if name not in plain.sent):
        yield f"`{name}` {json.dumps(case.sent[name])[:_MOST_SHOWN]}", partial(_without_field, name=name)
    for name in (name for name in case.headers if name not in plain.headers):
        yield f"the header {name}: {case.headers[name][:_MOST_SHOWN]}", partial(_without_header, name=name)
    for name in (name for name in case.query if name not in plain.query):
        yield f"the parameter {name}: {case.query[name]}", partial(_without_parameter, name=name)
    if case.sent.get("prompts") != plain.sent.get("prompts"):
        said = partial(_with_field, name="prompts", value=plain.sent.get("prompts"))
        yield "nulls, empty lists and types in its prompts", said
    if case.sent.get("image") != plain.sent.get("image"):
        yield "its image as a data URI", partial(_with_field, name="image", value=plain.sent.get("image"))
    if case.key_in != plain.key_in:
        yield f"the key where it is ({case.key_in})", partial(replace, key_in=plain.key_in)
    if case.spread_out and not plain.spread_out:
        yield "line breaks and escapes in its JSON", partial(replace, spread_out=False)


def _without_field(case: Case, *, name: str) -> Case:
    return replace(case, body={key: value for key, value in case.sent.items() if key != name})


def _with_field(case: Case, *, name: str, value: Any) -> Case:
    return replace(case, body={**case.sent, name: value})


def _without_header(case: Case, *, name: str) -> Case:
    return replace(case, headers={key: value for key, value in case.headers.items() if key != name})


def _without_parameter(case: Case, *, name: str) -> Case:
    return replace(case, query={key: value for key, value in case.query.items() if key != name})


def named(case: Case, number: int) -> Case:
    """Send a case under a name of its own, in one of the ways in which a UUID may be written."""
    name = uuid.UUID(bytes=hashlib.sha256(case.id.encode()).digest()[:16], version=4)
    written = (str(name), str(name).upper(), name.hex)[number % 3]
    return replace(case, headers={"x-request-id": written, **case.headers})


def _beginning(body: Mapping[str, Any]) -> str:
    """Take of an image what tells its format, and mostly its size."""
    image = body.get("image")
    value = str(image.get("value")) if isinstance(image, Mapping) else ""
    return (value.partition(",")[2] if value.startswith("data:") else value)[:_HEAD]


def _beside(case: Case, dice: random.Random) -> Json:
    return dict(_drawn({**_EVERYWHERE, **_OF_OPERATION.get(case.operation, {})}, dice))


def _drawn(choices: Mapping[str, tuple[Any, ...]], dice: random.Random) -> Iterator[tuple[str, Any]]:
    yield from ((name, dice.choice(values)) for name, values in choices.items() if dice.random() < OFTEN)


def _prompts(prompts: Any, operation: str, dice: random.Random) -> Any:
    """Say in every other prompt of a list, in whichever form it is, what it does not ask by null, or by nothing."""
    if isinstance(prompts, Mapping) and "prompts" in prompts:
        return {**prompts, "prompts": _prompts(prompts["prompts"], operation, dice)}
    if not isinstance(prompts, list):
        return prompts
    first = dice.randrange(2)
    return [{**_unsaid(one, operation, at), **one} if at % 2 == first else one for at, one in enumerate(prompts)]


def _unsaid(prompt: Any, operation: str, at: int) -> Json:
    if operation == VISUAL:
        choices = _OF_CLICKS if prompt.get("points") else _OF_BOXES
    else:
        choices = _OF_EXEMPLARS if prompt.get("boxes") else _OF_TEXTS
    # What is made of an earlier request may say a part already; labels go by their boxes.
    said = _BOXES if _BOXES & prompt.keys() else frozenset()
    return {name: value for name, value in choices[at // 2 % len(choices)].items() if name not in said}
