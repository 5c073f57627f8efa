"""Concept prompts that are misread, refused or let in: exemplars, formats, counts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

import orjson

from mock_server.faults.editing.changes import bodies, calls, rewritten
from mock_server.faults.editing.prompts import boxes_of, corner_numbers, numbers
from mock_server.faults.editing.results import joined, with_echoes_of
from mock_server.faults.fault import Ask, Call, Chapter, Json, Parameter
from mock_server.faults.parameters import one_of
from mock_server.http.refusals import detail
from mock_server.operations.backend import Answer

CONCEPTS: Final = Chapter("semantics", operation="concept_segment")

BATCH: Final = 16
THRESHOLD: Final = "output_prob_thresh"
EXEMPLARS: Final = "a concept request with exemplar boxes"
MOST_WORDS: Final = 32
_PARTS: Final[Mapping[str, Callable[[str], str]]] = {
    "up_to_comma": lambda text: text.partition(",")[0],
    "first_line": lambda text: text.partition("\n")[0],
    "ascii": lambda text: text.encode("ascii", "ignore").decode(),
    "without_accents": lambda text: unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode(),
    "first_words": lambda text: " ".join(text.split(" ")[:MOST_WORDS]),
}


@CONCEPTS.fault(
    "exemplar_boxes_centred",
    "x and y of an exemplar box are read as its centre.",
    on=bodies,
    when=f"{EXEMPLARS} as x, y, width, height",
)
def _centred(body: Json, _: Call) -> Json:
    for box in (box for prompt in body["prompts"] for box in boxes_of(prompt)):
        sided = numbers(box, "x", "y", "width", "height")
        if sided is not None:
            box["x"], box["y"] = sided[0] - sided[2] / 2, sided[1] - sided[3] / 2
    return body


@CONCEPTS.fault(
    "corner_boxes_misread",
    "x1 and y1 of an exemplar box are read as its width and height.",
    on=bodies,
    when=f"{EXEMPLARS} as x0, y0, x1, y1",
)
def _corners_misread(body: Json, _: Call) -> Json:
    for box in (box for prompt in body["prompts"] for box in boxes_of(prompt)):
        corners = corner_numbers(box)
        if corners is not None:
            box["x1"], box["y1"] = corners[0] + corners[2], corners[1] + corners[3]
    return body


@CONCEPTS.fault(
    "exemplar_labels_ignored",
    "Negative exemplars are taken for positive ones.",
    on=bodies,
    when=f"{EXEMPLARS} and a label 0",
)
def _labels_ignored(body: Json, _: Call) -> Json:
    for prompt in body["prompts"]:
        if prompt.get("box_labels"):
            prompt["box_labels"] = [1] * len(prompt["box_labels"])
    return body


@CONCEPTS.fault("exemplar_boxes_ignored", "Exemplar boxes change nothing; they are echoed.", on=calls, when=EXEMPLARS)
def _boxes_ignored(call: Call, ask: Ask) -> Answer:
    bare = [
        {name: value for name, value in prompt.items() if name not in {"boxes", "box_labels", "type"}}
        for prompt in call.body["prompts"]
    ]
    # The server's model reads a prompt without a text as this word.
    texts = [{**prompt, "text": prompt.get("text") or "visual"} for prompt in bare]
    return with_echoes_of(call.body, ask({**call.body, "prompts": texts}), ask)


@CONCEPTS.fault(
    "text_ignored_beside_boxes",
    "The text of a prompt that has boxes changes nothing; it is echoed.",
    on=calls,
    when=f"{EXEMPLARS} and a text in one prompt",
)
def _text_ignored(call: Call, ask: Ask) -> Answer:
    prompts = [{**prompt, "text": None} if prompt.get("boxes") else prompt for prompt in call.body["prompts"]]
    return with_echoes_of(call.body, ask({**call.body, "prompts": prompts}), ask)


@CONCEPTS.fault(
    "texts_read_in_part",
    "Only a part of each text is read; it is echoed whole.",
    on=calls,
    when="a concept request with a text that says more",
    parameter=Parameter(f"what is read: {', '.join(_PARTS)}", "up_to_comma", one_of(*_PARTS)),
)
def _texts_in_part(call: Call, ask: Ask) -> Answer:
    read = _PARTS[call.value]
    prompts = [
        {**prompt, "text": read(prompt["text"])} if isinstance(prompt.get("text"), str) else prompt
        for prompt in call.body["prompts"]
    ]
    return with_echoes_of(call.body, ask({**call.body, "prompts": prompts}), ask)


@CONCEPTS.fault(
    "seventeen_prompts_accepted",
    f"More than {BATCH} prompts are answered.",
    on=calls,
    when=f"a concept request with more than {BATCH} prompts",
    lenient=True,
)
def _seventeen_accepted(call: Call, ask: Ask) -> Answer:
    prompts = call.body.get("prompts")
    if not isinstance(prompts, list) or not BATCH < len(prompts) <= 8 * BATCH:
        return ask(call.body)
    starts = range(0, len(prompts), BATCH)
    return joined([ask({**call.body, "prompts": prompts[start : start + BATCH]}) for start in starts])


@CONCEPTS.fault(
    "sixteen_prompts_refused",
    f"{BATCH} prompts are refused with 422: fewer are taken.",
    on=bodies,
    when=f"a concept request with {BATCH} prompts",
)
def _sixteen_refused(body: Json, _: Call) -> Json:
    count = len(body["prompts"])
    if count >= BATCH:
        words = f"Value error, Exceeded SAM3_MAX_PROMPT_BATCH_SIZE={BATCH - 1}: got {count}"
        raise detail(422, [{"type": "value_error", "loc": ["body", "prompts"], "msg": words, "input": []}])
    return body


@CONCEPTS.fault(
    "unknown_format_accepted",
    "A format that does not exist is answered with polygons.",
    on=calls,
    when="a request with a format such as yaml",
    operation=("concept_segment", "visual_segment"),
    lenient=True,
)
def _unknown_format_accepted(call: Call, ask: Ask) -> Answer:
    known = {"concept_segment": {"polygon", "rle"}, "visual_segment": {"json", "rle", "binary"}}
    asked = call.body.get("format", "rle")
    if isinstance(asked, str) and asked in known[call.operation]:
        return ask(call.body)
    return ask({name: value for name, value in call.body.items() if name != "format"})


@CONCEPTS.fault(
    "no_prompts_accepted",
    "An empty list of concept prompts is answered with no results.",
    on=calls,
    when="a concept request with an empty list of prompts",
    lenient=True,
)
def _no_prompts_accepted(call: Call, ask: Ask) -> Answer:
    if call.body.get("prompts") != []:
        return ask(call.body)
    answer = ask({**call.body, "prompts": [{"text": "nothing"}]})
    return rewritten(answer, {**orjson.loads(answer.body), "prompt_results": []})


@CONCEPTS.fault(
    "bad_threshold_accepted",
    "A threshold that is no number from 0 to 1 is overlooked.",
    on=calls,
    when="a concept request with a threshold such as 1.5 or high",
    lenient=True,
)
def _bad_threshold_accepted(call: Call, ask: Ask) -> Answer:
    prompts = call.body.get("prompts")
    if not isinstance(prompts, list):
        return ask(call.body)
    cleared = [_with_good_threshold(prompt) if isinstance(prompt, dict) else prompt for prompt in prompts]
    return ask({**_with_good_threshold(call.body), "prompts": cleared})


@CONCEPTS.fault(
    "unequal_labels_accepted",
    "More or fewer box_labels than boxes are taken; boxes without a label are positive.",
    on=calls,
    when="a concept request with box_labels of another length than boxes",
    lenient=True,
)
def _unequal_labels_accepted(call: Call, ask: Ask) -> Answer:
    prompts = call.body.get("prompts")
    if not isinstance(prompts, list):
        return ask(call.body)
    fitted = [_with_fitting_labels(prompt) if isinstance(prompt, dict) else prompt for prompt in prompts]
    return ask({**call.body, "prompts": fitted})


def _with_good_threshold(holder: Json) -> Json:
    threshold = holder.get(THRESHOLD)
    good = threshold is None or (isinstance(threshold, int | float) and 0 <= threshold <= 1)
    return holder if good else {name: value for name, value in holder.items() if name != THRESHOLD}


def _with_fitting_labels(prompt: Json) -> Json:
    boxes, labels = prompt.get("boxes"), prompt.get("box_labels")
    if not isinstance(boxes, list) or not isinstance(labels, list):
        return prompt
    return {**prompt, "box_labels": [*labels, *[1] * len(boxes)][: len(boxes)]}
