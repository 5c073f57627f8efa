"""The prompts of a request, each with the predictions that answer it, to be compared across requests."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import orjson
from pydantic import ValidationError

from sam3_contract import wire
from sam3_contract.exchanges.exchange import Exchange, kept
from sam3_contract.exchanges.measuring import Prediction, list_of, number, predictions_of
from sam3_contract.wire.requests import DEFAULT_THRESHOLD

_THRESHOLD: Final = "output_prob_thresh"
_UNREAD: Final = frozenset({"id", "api_key", "usage_billable", "start", "source", "source_info"})
_IGNORED_BESIDE_TEXTS: Final = frozenset({"image_id"})
_IGNORED_BESIDE_CLICKS: Final = frozenset({"model_id", "sam2_version_id"})
_MODELS: Final[Mapping[str, type[wire.Request]]] = {
    "concept_segment": wire.ConceptSegmentRequest,
    "visual_segment": wire.VisualSegmentRequest,
    "embed_image": wire.EmbedImageRequest,
}
_OUTLINES: Final = ("json", "polygon")  # two names of one format, as far as servers take either
_NOTHING: Final[tuple[Any, ...]] = (None, [], {}, {"prompts": []}, {"prompts": None})


@dataclass(frozen=True, eq=False)
class AnsweredPrompt:
    """One prompt of one request, and what came back for it.

    Attributes:
        exchange: The request and its answer.
        index: The prompt's place in the request.
        sent: The prompt as it was sent, without its type and what is null or empty; empty if the request had none.
        predictions: What was found for it.
        threshold: The least confidence it asked for, by the documentation; ``None`` for ``visual_segment``, and where
            it cannot be told.
        served_threshold: The least confidence by what the server is known to do instead.
        strict: Whether the server is known to leave out what is just as confident as that.
    """

    exchange: Exchange
    index: int
    sent: Mapping[str, Any]
    predictions: tuple[Prediction, ...]
    threshold: float | None = None
    served_threshold: float | None = None
    strict: bool = False

    @cached_property
    def question(self) -> str:
        """What is asked for, thresholds apart, in a form that can be compared."""
        return _canonical({key: value for key, value in self.sent.items() if key != _THRESHOLD})

    @property
    def said_threshold(self) -> Hashable:
        """Its own threshold and the request's, as far as they were said."""
        return (self.sent.get(_THRESHOLD), self.exchange.case.sent.get(_THRESHOLD, DEFAULT_THRESHOLD))

    @property
    def path(self) -> str:
        """Where its predictions are listed in the answer."""
        concept = self.exchange.case.operation == "concept_segment"
        return f"$.prompt_results[{self.index}].predictions" if concept else "$.predictions"


def is_suppressed(exchange: Exchange) -> bool:
    """Tell whether overlaps were to be suppressed, so that what is found of a prompt depends on the others."""
    return exchange.case.sent.get("nms_iou_threshold") is not None


def may_keep_others(exchange: Exchange) -> bool:
    """Tell whether another call may have kept others of what overlaps, as it may where a model's confidences vary."""
    return is_suppressed(exchange) and not exchange.exact


@kept
def prompts_of(exchange: Exchange) -> Sequence[AnsweredPrompt]:
    """List the prompts of a successful JSON answer; none where the answer is out of step with the request."""
    if not exchange.succeeded:
        return []
    return _concept(exchange) if exchange.case.operation == "concept_segment" else _visual(exchange)


def context_of(exchange: Exchange, *, besides: Iterable[str] = ()) -> tuple[Hashable, ...]:
    """Make a key of what else a request says, beside its prompts.

    Args:
        exchange: The request.
        besides: Fields that are left out, because they are what is compared.
    """
    left_out = {"prompts", _THRESHOLD, *besides}
    rest = {name: value for name, value in meant_by(exchange).items() if name not in left_out}
    return (exchange.case.operation, "" if "image" in besides else image_of(exchange), _canonical(rest))


@kept
def meant_by(exchange: Exchange) -> Mapping[str, Any]:
    """Take of a request what has a meaning, its image apart.

    Left out is what is null, empty or its field's default anyway, what is there for statistics alone, and what the
    operation accepts and ignores.
    """
    case = exchange.case
    unread = _UNREAD | (_IGNORED_BESIDE_TEXTS if case.operation == "concept_segment" else _IGNORED_BESIDE_CLICKS)
    defaults = _defaults_of(case.operation)
    said = {name: value for name, value in case.sent.items() if name not in unread and name != "image"}
    said |= {"prompts": _listed(said["prompts"])} if "prompts" in said else {}
    said = {name: _pruned(value) for name, value in said.items() if value != defaults.get(name, ...)}
    outlines = said.get("format") in _OUTLINES
    return {
        name: value for name, value in said.items() if value not in _NOTHING and not (outlines and name == "format")
    }


def _listed(prompts: Any) -> Any:
    """Write prompts as a list, in whichever of the forms of ``visual_segment`` they are."""
    if isinstance(prompts, Mapping):
        return prompts.get("prompts", [prompts])
    return prompts


@cache
def _defaults_of(operation: str) -> Mapping[str, Any]:
    model = _MODELS.get(operation)
    return {} if model is None else {name: field.default for name, field in model.model_fields.items()}


def _pruned(value: Any) -> Any:
    """Take out what says nothing."""
    if isinstance(value, Mapping):
        inner = {name: _pruned(one) for name, one in value.items() if name != "type"}
        return {name: one for name, one in inner.items() if one not in _NOTHING}
    return [_pruned(one) for one in value] if isinstance(value, list) else value


def image_of(exchange: Exchange) -> Hashable:
    """Make a key of the image that a request holds, be it in a data URI or not; ``None`` if it holds none."""
    image = exchange.case.sent.get("image")
    if not isinstance(image, Mapping):
        return None
    value = image.get("value")
    if not isinstance(value, str):
        return (_canonical(image.get("type")), _canonical(value))
    return (_canonical(image.get("type")), value.partition(",")[2] if value.startswith("data:") else value)


def request_of(exchange: Exchange, *, besides: Iterable[str]) -> Hashable:
    """Make a key of a whole request, prompts and threshold included.

    Args:
        exchange: The request.
        besides: Fields that are left out, because they are what is compared.
    """
    meant = meant_by(exchange)
    return (context_of(exchange, besides=besides), _canonical([meant.get("prompts"), meant.get(_THRESHOLD)]))


def grouped(
    exchanges: Sequence[Exchange], key: Callable[[AnsweredPrompt], Hashable | None]
) -> Iterator[tuple[Hashable, list[AnsweredPrompt]]]:
    """Group the prompts of exchanges; those with a key of ``None`` are left out.

    Yields:
        Key and members, where there are at least two.
    """
    groups: dict[Hashable, list[AnsweredPrompt]] = {}
    for exchange in exchanges:
        for prompt in prompts_of(exchange):
            name = key(prompt)
            if name is not None:
                groups.setdefault(name, []).append(prompt)
    yield from ((name, members) for name, members in groups.items() if len(members) > 1)


def corners_of(prompt: Mapping[str, Any]) -> list[tuple[float, float, float, float]] | None:
    """Read exemplar boxes of either form as ``(left, top, right, bottom)``, in pixels; ``None`` if one is malformed."""
    corners = [_corners(box) for box in list_of(prompt, "boxes")]
    return None if None in corners else [box for box in corners if box is not None]


def _corners(box: Any) -> tuple[float, float, float, float] | None:
    """Read one box; the service takes numbers written as texts as well, which no check goes by."""
    names = ("x", "y", "width", "height") if isinstance(box, Mapping) and "width" in box else ("x0", "y0", "x1", "y1")
    edges = [number(box.get(name)) for name in names] if isinstance(box, Mapping) else [None]
    if any(edge is None or not math.isfinite(edge) for edge in edges):
        return None
    first, second, third, fourth = (edge for edge in edges if edge is not None)
    return (first, second, first + third, second + fourth) if names[2] == "width" else (first, second, third, fourth)


@kept
def visual_request(exchange: Exchange) -> wire.VisualSegmentRequest | None:
    """Read the request of ``visual_segment`` by the document; ``None`` of any other, and of a bad one."""
    if exchange.case.operation != "visual_segment":
        return None
    body: Any = exchange.case.sent
    try:
        return wire.parse_request(wire.VisualSegmentRequest, body)
    except ValidationError:
        return None  # a bad request, whose answer the S checks judge


def _concept(exchange: Exchange) -> list[AnsweredPrompt]:
    prompts = exchange.case.sent.get("prompts")
    results = list_of(exchange.answer, "prompt_results")
    if not isinstance(prompts, list) or len(prompts) != len(results):
        return []
    found: dict[int | None, list[Prediction]] = {}
    for prediction in predictions_of(exchange):
        found.setdefault(prediction.prompt, []).append(prediction)
    return [
        AnsweredPrompt(
            exchange, index, _said(prompt), tuple(found.get(index, ())), *_thresholds(exchange, prompt, prompts)
        )
        for index, prompt in enumerate(prompts)
        if isinstance(prompt, dict)
    ]


def _said(prompt: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what says nothing, and the type, which the boxes tell."""
    return {name: value for name, value in prompt.items() if value is not None and value != [] and name != "type"}


def _thresholds(
    exchange: Exchange, prompt: Mapping[str, Any], prompts: Sequence[Any]
) -> tuple[float | None, float | None, bool]:
    """Work out a prompt's threshold: by the documentation, by what the server does, and whether that one is strict.

    The server runs all prompts at the lowest threshold of the request, leaving out what is just as confident, and then
    filters only the prompts that have a threshold of their own, or all if there is NMS.
    """
    sent = exchange.case.sent.get(_THRESHOLD, DEFAULT_THRESHOLD)
    raw = [sent, *(one.get(_THRESHOLD) for one in prompts if isinstance(one, dict))]
    if any(value is not None and number(value) is None for value in raw):
        return None, None, False  # a text or a boolean, which the server takes for a number
    request, own = number(sent), number(prompt.get(_THRESHOLD))
    documented = own if own is not None else request
    base = request or DEFAULT_THRESHOLD
    others = [number(one.get(_THRESHOLD)) for one in prompts if isinstance(one, dict)]
    floor = min([base, *(other for other in others if other is not None)])
    refiltered = own if own is not None else base if is_suppressed(exchange) else None
    served = floor if refiltered is None else max(floor, refiltered)
    return documented, served, served == floor


def _visual(exchange: Exchange) -> list[AnsweredPrompt]:
    request = visual_request(exchange)
    if request is None:
        return []
    prompts = [_said(prompt.model_dump()) for prompt in request.asked]
    found = predictions_of(exchange)
    each, rest = divmod(len(found), len(prompts))
    if rest or not each:
        return []
    return [
        AnsweredPrompt(exchange, index, prompt, found[index * each : (index + 1) * each])
        for index, prompt in enumerate(prompts)
    ]


def _canonical(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:
        return hex(id(value))  # nested too deeply, or a number too large: like no other request
