"""JSON that is not of the document's shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from mock_server.faults.editing.changes import answers, calls, is_json_answer, predictions, results_of
from mock_server.faults.fault import Ask, Call, Chapter, Json, Parameter
from mock_server.faults.parameters import one_of
from mock_server.operations.backend import Answer

SCHEMA: Final = Chapter("schema")

FIELDS: Final = (
    "confidence",
    "masks",
    "format",
    "time",
    "predictions",
    "prompt_results",
    "prompt_index",
    "echo",
    "text",
)
RESULTS: Final = ("prompt_results", "predictions")
CLOCK: Final = 1_700_000_000.0  # seconds since 1970
_FIELD: Final = Parameter(f"the field: {', '.join(FIELDS)}", "confidence", one_of(*FIELDS))


def _objects(value: Any) -> Iterator[Json]:
    """Walk through all objects of an answer, the outer ones first."""
    nodes = [value]
    for node in nodes:
        if isinstance(node, dict):
            yield node
            nodes += node.values()
        elif isinstance(node, list) and not (node and isinstance(node[0], int | float)):
            nodes += node


@SCHEMA.fault("field_missing", "A field is not there.", on=answers, when="an answer with that field", parameter=_FIELD)
def _missing(answer: Any, call: Call) -> None:
    for holder in list(_objects(answer)):
        holder.pop(call.value, None)


@SCHEMA.fault("field_null", "A field is null.", on=answers, when="an answer with that field", parameter=_FIELD)
def _null(answer: Any, call: Call) -> None:
    for holder in list(_objects(answer)):
        if call.value in holder:
            holder[call.value] = None


@SCHEMA.fault(
    "field_in_list", "A field is a list of one.", on=answers, when="an answer with that field", parameter=_FIELD
)
def _in_list(answer: Any, call: Call) -> None:
    for holder in list(_objects(answer)):
        if call.value in holder:
            holder[call.value] = [holder[call.value]]


@SCHEMA.fault(
    "field_capitalised",
    "A field's name begins with a capital.",
    on=answers,
    when="an answer with that field",
    parameter=_FIELD,
)
def _capitalised(answer: Any, call: Call) -> None:
    for holder in list(_objects(answer)):
        _rename(holder, call.value, call.value.capitalize())


@SCHEMA.fault("results_renamed", "prompt_results and predictions are called results.", on=answers)
def _results_renamed(answer: Any, _: Call) -> None:
    for name in RESULTS:
        _rename(answer, name, "results")


@SCHEMA.fault("confidence_renamed", "confidence is called score.", on=predictions)
def _confidence_renamed(prediction: Json, _: Call) -> None:
    _rename(prediction, "confidence", "score")


@SCHEMA.fault("masks_renamed", "masks is called mask.", on=predictions)
def _masks_renamed(prediction: Json, _: Call) -> None:
    _rename(prediction, "masks", "mask")


@SCHEMA.fault("names_in_camel_case", "Fields are called promptResults, promptIndex, numBoxes.", on=answers)
def _camel_case(answer: Any, _: Call) -> None:
    for holder in list(_objects(answer)):
        for name in list(holder):
            _rename(holder, name, re.sub(r"_([a-z])", lambda match: match[1].upper(), name))


@SCHEMA.fault("confidence_as_text", "confidence is a text.", on=predictions)
def _confidence_text(prediction: Json, _: Call) -> None:
    prediction["confidence"] = str(prediction["confidence"])


@SCHEMA.fault("confidence_nan", "confidence is NaN, which is no JSON.", on=predictions)
def _confidence_nan(prediction: Json, _: Call) -> None:
    prediction["confidence"] = float("nan")


@SCHEMA.fault("confidence_infinite", "confidence is Infinity, which is no JSON.", on=predictions)
def _confidence_infinite(prediction: Json, _: Call) -> None:
    prediction["confidence"] = float("inf")


@SCHEMA.fault(
    "confidence_twice", "The name confidence stands twice in each prediction, with different values.", on=calls
)
def _confidence_twice(call: Call, ask: Ask) -> Answer:
    return _replaced(call, ask, rb'"confidence":', b'"confidence":0.5,"confidence":')


@SCHEMA.fault("time_as_text", "time is a text with a unit.", on=answers)
def _time_text(answer: Any, _: Call) -> None:
    answer["time"] = f"{answer['time']:.3f}s"


@SCHEMA.fault("time_in_milliseconds", "time counts milliseconds.", on=answers)
def _time_milliseconds(answer: Any, _: Call) -> None:
    answer["time"] *= 1000


@SCHEMA.fault("time_negative", "time is negative.", on=answers)
def _time_negative(answer: Any, _: Call) -> None:
    answer["time"] = -answer["time"] - 0.001


@SCHEMA.fault("time_nan", "time is NaN, which is no JSON.", on=answers)
def _time_nan(answer: Any, _: Call) -> None:
    answer["time"] = float("nan")


@SCHEMA.fault("time_is_a_date", "time counts seconds since 1970.", on=answers)
def _time_date(answer: Any, _: Call) -> None:
    answer["time"] += CLOCK


@SCHEMA.fault("time_too_long", "time is a minute longer than the request took.", on=answers)
def _time_long(answer: Any, _: Call) -> None:
    answer["time"] += 60


@SCHEMA.fault("time_twice", "The name time stands twice in the answer.", on=calls)
def _time_twice(call: Call, ask: Ask) -> Answer:
    return _replaced(call, ask, rb'"time":', b'"time":0.0,"time":', count=1)


@SCHEMA.fault("index_as_text", "prompt_index is a text.", on=answers, when="a concept request")
def _index_text(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["prompt_index"] = str(result["prompt_index"])


@SCHEMA.fault("index_as_float", "prompt_index is 0.5 too much.", on=answers, when="a concept request")
def _index_float(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["prompt_index"] += 0.5


@SCHEMA.fault(
    "nothing_found_is_null",
    "predictions is null instead of an empty list.",
    on=answers,
    when="a concept request with a prompt that finds nothing, such as specimen:nothing",
)
def _nothing_is_null(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["predictions"] = result["predictions"] or None


@SCHEMA.fault(
    "one_prediction_unwrapped",
    "A single prediction is not in a list.",
    on=answers,
    when="one prediction, such as of specimen:hole or without multimask_output",
)
def _unwrapped(answer: Any, _: Call) -> None:
    for holder in [answer, *results_of(answer)]:
        found = holder.get("predictions")
        if found and len(found) == 1:
            holder["predictions"] = found[0]


@SCHEMA.fault("results_keyed_by_index", "prompt_results and predictions are objects keyed by index.", on=answers)
def _keyed(answer: Any, _: Call) -> None:
    for name in RESULTS:
        if name in answer:
            answer[name] = {str(index): entry for index, entry in enumerate(answer[name])}


@SCHEMA.fault(
    "visual_answers_prompt_results",
    "visual_segment answers prompt_results, as an older description has it.",
    on=answers,
    when="a visual request",
)
def _prompt_results(answer: Any, _: Call) -> None:
    if "predictions" in answer:
        echo = {"prompt_index": 0, "type": "visual", "text": None, "num_boxes": 0}
        result = {"prompt_index": 0, "echo": echo, "predictions": answer.pop("predictions")}
        answer["prompt_results"] = [result]


@SCHEMA.fault(
    "concept_answers_predictions",
    "concept_segment answers one list of predictions.",
    on=answers,
    when="a concept request",
)
def _one_list(answer: Any, _: Call) -> None:
    if "prompt_results" in answer:
        answer["predictions"] = [one for result in answer.pop("prompt_results") for one in result["predictions"]]


@SCHEMA.fault("results_nested", "prompt_results and predictions lie in one list too many.", on=answers)
def _nested(answer: Any, _: Call) -> None:
    for name in RESULTS:
        if name in answer:
            answer[name] = [answer[name]]


@SCHEMA.fault("answer_empty_object", "The answer is {}.", on=answers)
def _empty_object(_: Any, __: Call) -> Json:
    return {}


@SCHEMA.fault("answer_null", "The answer is null.", on=calls)
def _answer_null(call: Call, ask: Ask) -> Answer:
    answer = ask(call.body)
    return replace(answer, body=b"null") if is_json_answer(answer) else answer


@SCHEMA.fault("answer_in_data", 'The answer lies in {"data": ...}.', on=answers)
def _in_data(answer: Any, _: Call) -> Json:
    return {"data": answer}


@SCHEMA.fault("answer_in_list", "The answer lies in a list.", on=answers)
def _answer_in_list(answer: Any, _: Call) -> list[Any]:
    return [answer]


def _rename(holder: Json, name: str, other: str) -> None:
    """Rename a field where it stands."""
    if name in holder and name != other:
        entries = list(holder.items())
        holder.clear()
        holder.update((other if key == name else key, value) for key, value in entries)


def _replaced(call: Call, ask: Ask, pattern: bytes, by: bytes, *, count: int = 0) -> Answer:
    answer = ask(call.body)
    if not is_json_answer(answer):
        return answer
    return replace(answer, body=re.sub(pattern, by, answer.body, count=count))
