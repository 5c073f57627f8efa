"""Results of concept prompts that are missing, out of order, or another prompt's; echoes of something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mock_server.faults.editing.changes import answers, calls, results_of
from mock_server.faults.fault import Ask, Call, Chapter
from mock_server.operations.backend import Answer

RESULTS: Final = Chapter("semantics", operation="concept_segment")

SEVERAL: Final = "a concept request with several prompts"
CONCEPT: Final = "a concept request"


@RESULTS.fault("results_reversed", "The results come in reverse order.", on=answers, when=SEVERAL)
def _reversed(answer: Any, _: Call) -> None:
    results_of(answer).reverse()


@RESULTS.fault(
    "results_sorted_by_confidence",
    "The results come in the order of their best confidence.",
    on=answers,
    when=f"{SEVERAL}, unless the first is the most confident already, and so on",
)
def _sorted(answer: Any, _: Call) -> None:
    results_of(answer).sort(key=lambda one: -max((found["confidence"] for found in one["predictions"]), default=0.0))


@RESULTS.fault("index_from_one", "prompt_index counts from 1, in results and echoes.", on=answers, when=CONCEPT)
def _from_one(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["prompt_index"] += 1
        result["echo"]["prompt_index"] += 1


@RESULTS.fault("index_always_zero", "prompt_index is 0 in every result.", on=answers, when=SEVERAL)
def _always_zero(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["prompt_index"] = 0


@RESULTS.fault(
    "duplicate_prompts_merged",
    "A prompt that repeats an earlier one has no result of its own.",
    on=calls,
    when="a concept request with the same prompt twice",
)
def _merged(call: Call, ask: Ask) -> Answer:
    once: list[Any] = []
    for prompt in call.body["prompts"]:
        if prompt not in once:
            once.append(prompt)
    return ask({**call.body, "prompts": once})


@RESULTS.fault(
    "empty_results_left_out",
    "Prompts that found nothing have no result.",
    on=answers,
    when="a concept request with a prompt that finds nothing, such as specimen:nothing",
)
def _empty_left_out(answer: Any, _: Call) -> None:
    results = results_of(answer)
    results[:] = [result for result in results if result["predictions"]]


@RESULTS.fault("last_result_missing", "The last prompt has no result.", on=answers, when=CONCEPT)
def _last_missing(answer: Any, _: Call) -> None:
    del results_of(answer)[-1:]


@RESULTS.fault("result_twice", "The first prompt has two results.", on=answers, when=CONCEPT)
def _twice(answer: Any, _: Call) -> None:
    results = results_of(answer)
    results[:1] = results[:1] * 2


@RESULTS.fault(
    "predictions_of_other_prompt",
    "The predictions of the prompts are handed out in reverse order; index and echo are right.",
    on=answers,
    when=f"{SEVERAL}, against the same prompts one by one",
)
def _of_other_prompt(answer: Any, _: Call) -> None:
    results = results_of(answer)
    for result, found in zip(results, [one["predictions"] for one in reversed(results)], strict=True):
        result["predictions"] = found


@RESULTS.fault(
    "first_prompt_answers_all",
    "Every prompt has the first one's predictions.",
    on=answers,
    when=f"{SEVERAL}, against the same prompts one by one",
)
def _first_answers_all(answer: Any, _: Call) -> None:
    results = results_of(answer)
    for result in results[1:]:
        result["predictions"] = results[0]["predictions"]


@RESULTS.fault("echo_lower_cased", "The echoed text is in lower case.", on=answers, when=f"{CONCEPT} with capitals")
def _lower_cased(answer: Any, _: Call) -> None:
    _change_texts(answer, str.lower)


@RESULTS.fault(
    "echo_trimmed", "Spaces around the echoed text are gone.", on=answers, when=f"{CONCEPT} with spaces around a text"
)
def _trimmed(answer: Any, _: Call) -> None:
    _change_texts(answer, str.strip)


@RESULTS.fault(
    "echo_garbled",
    "The echoed text is UTF-8 that was read as Latin-1.",
    on=answers,
    when=f"{CONCEPT} with a text beyond ASCII",
)
def _garbled(answer: Any, _: Call) -> None:
    _change_texts(answer, lambda text: text.encode().decode("latin-1"))


@RESULTS.fault("echo_text_null", "The echoed text is null.", on=answers, when=f"{CONCEPT} with a text")
def _text_null(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["echo"]["text"] = None


@RESULTS.fault(
    "echo_of_other_prompt", "The echoed texts come in reverse order.", on=answers, when=f"{SEVERAL} and texts"
)
def _echo_of_other(answer: Any, _: Call) -> None:
    results = results_of(answer)
    for result, text in zip(results, [one["echo"]["text"] for one in reversed(results)], strict=True):
        result["echo"]["text"] = text


@RESULTS.fault("echo_without_boxes", "num_boxes is 0.", on=answers, when=f"{CONCEPT} with exemplar boxes")
def _without_boxes(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["echo"]["num_boxes"] = 0


@RESULTS.fault(
    "echo_type_wrong", "The echoed type is text of exemplars, and visual of texts.", on=answers, when=CONCEPT
)
def _type_wrong(answer: Any, _: Call) -> None:
    for result in results_of(answer):
        result["echo"]["type"] = "text" if result["echo"]["type"] == "visual" else "visual"


def _change_texts(answer: Any, change: Callable[[str], str]) -> None:
    for result in results_of(answer):
        if result["echo"]["text"] is not None:
            result["echo"]["text"] = change(result["echo"]["text"])
