"""What a fault's function is given, and what it changes: the ways to hook one in.

``bodies``       (body, call) -> the body that is asked instead
``answers``      (answer, call) -> the JSON that is answered instead; ``None`` if it was changed in place
``predictions``  (prediction, call): changes each prediction in place
``run_lengths``  (masks, call) -> what stands in ``masks`` instead, of predictions as run lengths
``rings``        (masks, call) -> the same of predictions as polygons
``calls``        (call, ask) -> the answer
``replies``      (response, call) -> the response; of every answer, refusals too
``arrivals``     (request): changes the request in place before anything has read it
``admissions``   (key) -> whether the check of the key is skipped

What works on the masks themselves is in ``bitmaps`` and ``archives`` beside this module.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import orjson
from flask import Request, Response

from mock_server.faults.fault import Ask, Call, Hooks, Json
from mock_server.operations.backend import Answer

JSON: Final = "application/json"


def bodies(change: Callable[[Json, Call], Json]) -> Hooks:
    """Let a function change what is asked; it is given a copy."""

    def around(call: Call, ask: Ask) -> Answer:
        return ask(change(copy.deepcopy(call.body), call))

    return Hooks(around=around)


def answers(change: Callable[[Any, Call], Any]) -> Hooks:
    """Let a function change the JSON of an answer."""

    def around(call: Call, ask: Ask) -> Answer:
        answer = ask(call.body)
        if not is_json_answer(answer):
            return answer
        value = orjson.loads(answer.body)
        changed = change(value, call)
        return rewritten(answer, value if changed is None else changed)

    return Hooks(around=around)


def predictions(change: Callable[[Json, Call], None]) -> Hooks:
    """Let a function change each prediction."""

    def each(answer: Any, call: Call) -> None:
        for prediction in predictions_of(answer):
            change(prediction, call)

    return answers(each)


def run_lengths(change: Callable[[Json, Call], Any]) -> Hooks:
    """Let a function change each mask that is written as run lengths."""
    return _masks("rle", change)


def rings(change: Callable[[list[Any], Call], Any]) -> Hooks:
    """Let a function change each mask that is written as polygons."""
    return _masks("polygon", change)


def calls(change: Callable[[Call, Ask], Answer]) -> Hooks:
    """Let a function answer."""
    return Hooks(around=change)


def replies(change: Callable[[Response, Call], Response]) -> Hooks:
    """Let a function change what goes out."""
    return Hooks(reply=change)


def arrivals(change: Callable[[Request], None]) -> Hooks:
    """Let a function change what comes in."""
    return Hooks(arrive=change)


def admissions(admits: Callable[[str | None], bool]) -> Hooks:
    """Let a function tell which keys get in unchecked."""
    return Hooks(admits=admits)


def is_json_answer(answer: Answer) -> bool:
    """Check whether an answer is JSON, not an archive."""
    return answer.content_type == JSON


def rewritten(answer: Answer, value: Any) -> Answer:
    """Put other JSON into an answer; the very same bytes if it says the same."""
    content = written(value)
    return answer if content == written(orjson.loads(answer.body)) else replace(answer, body=content)


def written(value: Any) -> bytes:
    """Write JSON, NaN and infinities included, which a strict writer would turn into null."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def results_of(answer: Any) -> list[Json]:
    """List the results of the prompts of a concept answer; empty for another operation's."""
    results = answer.get("prompt_results", []) if isinstance(answer, dict) else []
    return results if isinstance(results, list) else []


def predictions_of(answer: Any) -> Iterator[Json]:
    """Walk through all predictions of an answer."""
    for holder in [answer, *results_of(answer)]:
        yield from holder.get("predictions") or []


def _masks(mask_format: str, change: Callable[[Any, Call], Any]) -> Hooks:
    def each(prediction: Json, call: Call) -> None:
        if prediction["format"] == mask_format:
            prediction["masks"] = change(prediction["masks"], call)

    return predictions(each)
