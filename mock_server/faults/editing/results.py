"""Answers to several requests put together, and one answer under the echoes of another."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from mock_server.faults.editing.changes import results_of, rewritten
from mock_server.faults.fault import Ask, Json
from mock_server.operations.backend import Answer


def asked_apart(body: Json, ask: Ask) -> Answer:
    """Ask each prompt by itself, and put the results together."""
    return joined([ask({**body, "prompts": [prompt]}) for prompt in body["prompts"]])


def joined(parts: Sequence[Answer]) -> Answer:
    """Put the results of several answers into the first one, and number them."""
    value = orjson.loads(parts[0].body)
    results = [result for part in parts for result in results_of(orjson.loads(part.body))]
    for index, result in enumerate(results):
        result["prompt_index"] = result["echo"]["prompt_index"] = index
    value["prompt_results"] = results
    return rewritten(parts[0], value)


def with_echoes_of(body: Json, answer: Answer, ask: Ask) -> Answer:
    """Give an answer to other prompts the echoes of these."""
    value = orjson.loads(answer.body)
    for result, meant in zip(results_of(value), results_of(orjson.loads(ask(body).body)), strict=True):
        result["echo"] = meant["echo"]
    return rewritten(answer, value)
