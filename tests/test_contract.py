"""Each fault trips the check made for it, each check has a fault that trips it, and the faultless mock trips none."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from werkzeug.wrappers import Request, Response

from sam3_contract import cases, runner, spec
from sam3_contract.checks import CHECKS, judge
from sam3_contract.exchange import Case
from sam3_contract.transport import WsgiTransport
from tests.faults import KEY, Answer, FaultyServer, on_polygons, on_predictions, on_rle, on_success

Fault = Callable[[Response, Answer, Request], Response | None]
CONTRACT = spec.load()


def verified(fault: Fault) -> runner.Run:
    transport = WsgiTransport(FaultyServer(fault), CONTRACT, key=KEY)
    return runner.verify(transport, cases.plan(cases.built_in_images()), CONTRACT)


def broken_codes(run: runner.Run) -> set[str]:
    return {violation.check.code for violation in run.violations}


def no_fault(*_: Any) -> None:
    return None


def status(code: int, body: bytes = b'{"message": "no"}', content_type: str = "application/json") -> Fault:
    return lambda _response, _sent, _request: Response(body, code, content_type=content_type)


def refusals_answered_200(response: Response, _: Answer, __: Request) -> Response | None:
    if response.status_code != 422:
        return None
    return Response(b'{"time": 0, "prompt_results": []}', 200, content_type="application/json")


def echo_of_the_key(response: Response, _: Answer, request: Request) -> None:
    response.headers["x-asked"] = request.url


def html_type(response: Response, _: Answer, __: Request) -> None:
    response.headers["content-type"] = "text/html"


def nan_time(body: Any, _: Answer) -> None:
    body["time"] = float("nan")


def time_as_text(body: Any, _: Answer) -> None:
    body["time"] = str(body["time"])


def renamed_results(body: Any, _: Answer) -> None:
    for name in ("prompt_results", "predictions"):
        if name in body:
            body["results"] = body.pop(name)


def swapped_size(rle: Answer) -> None:
    rle["size"].reverse()


def other_size(rle: Answer) -> None:
    rle["size"] = [1008, 1008]
    rle["counts"] = "0P`n0"


def counts_cut_short(rle: Answer) -> None:
    rle["counts"] = rle["counts"][:-1]


def counts_as_bytes_repr(rle: Answer) -> None:
    rle["counts"] = repr(rle["counts"].encode())


def outside_by_one(masks: list[Any]) -> list[Any]:
    return [[[x, y + 208] for x, y in ring] for ring in masks]


def float_points(masks: list[Any]) -> list[Any]:
    return [[[x + 0.5, y] for x, y in ring] for ring in masks]


def flat_points(masks: list[Any]) -> list[Any]:
    return [[number for point in ring for number in point] for ring in masks]


def closed_rings(masks: list[Any]) -> list[Any]:
    return [[*ring, ring[0]] if len(ring) > 2 else ring for ring in masks]


def moved_by_two(masks: list[Any]) -> list[Any]:
    moved = [[[max(x - 2, 0), y] for x, y in ring] for ring in masks]
    return moved if all(x >= 2 for ring in masks for x, _ in ring) else masks


def format_says_rle(prediction: Answer) -> None:
    prediction["format"] = "rle"


def reversed_results(body: Any, _: Answer) -> None:
    body.get("prompt_results", []).reverse()


def missing_empty_results(body: Any, _: Answer) -> None:
    if "prompt_results" in body:
        body["prompt_results"] = [result for result in body["prompt_results"] if result["predictions"]]


def upper_case_echo(body: Any, _: Answer) -> None:
    for result in body.get("prompt_results", []):
        result["echo"]["text"] = result["echo"]["text"].upper()


def threshold_ignored(prediction: Answer) -> None:
    prediction["confidence"] = 0.05


def one_prediction_too_many(body: Any, _: Answer) -> None:
    if "predictions" in body:
        body["predictions"].append(body["predictions"][0])


def binary_as_json(_: Response, sent: Answer, __: Request) -> Response | None:
    if sent.get("format") != "binary":
        return None
    body = b'{"time": 0.1, "predictions": [{"masks": [[]], "confidence": 0.5, "format": "polygon"}]}'
    return Response(body, 200, content_type="application/json")


def archive(**arrays: Any) -> Fault:
    file = io.BytesIO()
    np.savez(file, **arrays)

    def fault(response: Response, _: Answer, __: Request) -> None:
        if response.mimetype == "application/octet-stream":
            response.set_data(file.getvalue())

    return fault


FAULTS: dict[str, tuple[str, Fault]] = {
    "refuses good requests": ("S01", status(400)),
    "accepts bad requests": ("S01", refusals_answered_200),
    "unlisted status": ("S02", status(418)),
    "HTML declared": ("S03", html_type),
    "HTML from a proxy": ("S03", status(502, b"<html>Bad Gateway</html>", "text/html")),
    "time as text": ("S04", on_success(time_as_text)),
    "results renamed": ("S04", on_success(renamed_results)),
    "NaN": ("S05", on_success(nan_time)),
    "key echoed": ("S06", echo_of_the_key),
    "format says rle": ("M01", on_predictions(format_says_rle)),
    "counts cut short": ("M02", on_rle(counts_cut_short)),
    "counts as Python bytes": ("M02", on_rle(counts_as_bytes_repr)),
    "size swapped": ("M03", on_rle(swapped_size)),
    "size of the model's frame": ("M03", on_rle(other_size)),
    "points as floats": ("M04", on_polygons(float_points)),
    "points flat": ("M04", on_polygons(flat_points)),
    "polygons outside": ("M05", on_polygons(outside_by_one)),
    "rings closed": ("M06", on_polygons(closed_rings)),
    "archive without masks": ("M07", archive(low_res_masks=np.zeros((1, 4, 4), np.float32))),
    "archive of another size": (
        "M07",
        archive(masks=np.zeros((3, 9, 9), np.float32), low_res_masks=np.zeros((3, 4, 4), np.float32)),
    ),
    "results reversed": ("C01", on_success(reversed_results)),
    "results without predictions left out": ("C01", on_success(missing_empty_results)),
    "echo changed": ("C02", on_success(upper_case_echo)),
    "threshold ignored": ("C03", on_predictions(threshold_ignored)),
    "one prediction too many": ("V01", on_success(one_prediction_too_many)),
    "binary answered as JSON": ("V02", binary_as_json),
    "polygons moved": ("R01", on_polygons(moved_by_two)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_trips_the_check_made_for_it(name: str) -> None:
    code, fault = FAULTS[name]

    run = verified(fault)

    assert code in broken_codes(run)
    assert run.exit_status == (0 if broken_codes(run) == {"M06"} else 1)


def test_every_check_has_a_fault_that_trips_it() -> None:
    assert {check.code for check in CHECKS} == {code for code, _ in FAULTS.values()}


def test_faultless_mock_trips_none_and_leaves_nothing_unjudged() -> None:
    run = verified(no_fault)

    assert broken_codes(run) == set()
    assert [outcome.check.code for outcome in run.outcomes if not outcome.judged] == []
    assert run.exit_status == 0


@pytest.mark.parametrize(
    ("name", "path", "why"),
    [
        ("size swapped", "$.prompt_results[0].predictions[0].masks.size", "size_swapped"),
        ("polygons outside", "masks[0]", "coordinate_outside"),
        ("counts as Python bytes", "masks.counts", "counts_bytes_repr"),
        ("polygons moved", "masks", "moved by 2 px"),
    ],
)
def test_violation_names_the_place_and_the_cause(name: str, path: str, why: str) -> None:
    code, fault = FAULTS[name]

    found = [violation.breach for violation in verified(fault).violations if violation.check.code == code]

    assert any(path in breach.at and why in breach.why for breach in found), found


def test_known_deviation_is_reported_apart_and_not_counted() -> None:
    def binary_answers_500(_: Response, sent: Answer, __: Request) -> Response | None:
        return (
            status(500, b"Internal Server Error", "text/plain")(_, sent, __) if sent.get("format") == "binary" else None
        )

    run = verified(binary_answers_500)

    assert run.deviations == ("binary_answers_500",)
    assert run.exit_status == 0


def test_key_that_is_also_a_text_may_be_echoed() -> None:
    body = {"image": {"type": "url", "value": "https://example.com/a.jpg"}, "prompts": [{"text": KEY}]}
    exchange = WsgiTransport(FaultyServer(no_fault), CONTRACT, key=KEY).send(
        Case("key as text", "concept_segment", "asks for its own key", body)
    )

    judged, violations = judge([exchange], CONTRACT)["S06"]

    assert (judged, violations) == (0, ())


def test_nothing_judged_is_not_a_pass() -> None:
    transport = WsgiTransport(FaultyServer(no_fault), CONTRACT, key=KEY)

    assert runner.verify(transport, [], CONTRACT).exit_status == 3
