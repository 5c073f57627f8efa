"""Faults: each shows, none does more than it means to, and the ways to switch them on."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from typing import Any

import pytest
from flask import Flask

from mock_server import Settings, control_of, create_app
from mock_server.control.mock_control import sessions_of
from mock_server.faults import FAULTS, parse, parse_list, switch_on
from mock_server.faults.catalogue import _CHAPTERS
from mock_server.faults.fault import MOST_KEPT, Memory
from sam3_contract.errors import UsageError
from tests.mock_server.client import KEY, Client, image
from tests.mock_server.faults.fault_requests import HOLE, JPEG, REFUSED_KEY, REQUESTS, URL, Asked, Sent, concept, texts

# With the default parameter these take seconds; they change when an answer comes, not what it says.
LATE = {"slow": "slow:0", "body_drips": "body_drips:0"}
# What these answer on purpose, to whichever request.
MEANT = {"status", "model_locked", "html_from_proxy", "validation_answered_500", "malformed_json_answered_500"}

# These show in rare company only, as no request of the handful is: a kind of file, two requests that differ in little,
# requests at once. tests/contract/test_contract.py shows each by the cases that were made for it.
RARE = {
    *("nms_null_suppresses", "null_boxes_find_nothing", "nms_of_polygons_ignored", "hidden_instances_suppress"),
    *("instances_left_out", "later_points_ignored", "first_pixels_read_as_fractions", "embedding_replaced"),
    *("logits_of_another_prompt", "requests_mixed", "unknown_model_accepted", "exif_mirroring_ignored"),
    *("palette_read_as_grey", "sixteen_bits_cut", "cmyk_inverted", "last_frame_taken", "bmp_upside_down"),
    *("progressive_refused", "interlaced_refused", "small_images_answered_500", "odd_widths_shift_masks"),
    *("large_images_coarse", "request_id_repeated", "request_id_replaced", "origin_not_answered"),
}

SETTINGS = Settings(api_keys=frozenset({KEY}), refused_keys={REFUSED_KEY: "402"})


def made(**fields: Any) -> Flask:
    return create_app(Settings(api_keys=frozenset({KEY}), refused_keys={REFUSED_KEY: "402"}, **fields))


@cache
def shared(profile: Any) -> Flask:
    """Make a mock for tests that leave nothing behind."""
    return made(profile=profile)


@pytest.fixture(scope="module")
def faultless() -> dict[str, Sent | str]:
    client = create_app(SETTINGS).test_client()
    return {name: asked.send(client) for name, asked in REQUESTS.items()}


def send(asked: Asked, fault: str = "", app: Flask | None = None) -> Any:
    return asked.send((app or create_app(SETTINGS)).test_client(), fault)


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in LATE and name not in RARE])
def test_fault_changes_an_answer(name: str, faultless: dict[str, Sent | str]) -> None:
    client = create_app(SETTINGS).test_client()

    # In their order: some faults show in what a request finds of those before it.
    assert any(asked.send(client, name) != faultless[request] for request, asked in REQUESTS.items())


@pytest.mark.parametrize("name", LATE)
def test_late_fault_changes_no_byte(name: str, faultless: dict[str, Sent | str]) -> None:
    client = create_app(SETTINGS).test_client()

    assert {request: asked.send(client, LATE[name]) for request, asked in REQUESTS.items()} == faultless


@pytest.mark.parametrize("profile", ["documented", "observed"])
@pytest.mark.parametrize("name", FAULTS)
def test_fault_answers_no_accidental_error(name: str, profile: Any) -> None:
    names = [
        "concept polygons",
        "concept exemplars",
        "visual archive",
        "visual single",
        "embed",
        "unknown format",
        "no JSON",
    ]
    client = shared(profile).test_client()

    for request in names:
        now = REQUESTS[request].send(client, LATE.get(name, name))
        if isinstance(now, str):
            assert name == "connection_reset"
        else:
            assert now[0] < 500 or name in MEANT or now[0] == REQUESTS[request].send(client)[0], request


RUN_LENGTH_FAULTS = [
    *("size_swapped", "size_as_text", "counts_row_major", "counts_as_bytes_repr", "counts_as_list", "counts_truncated"),
    *("run_lengths_eroded", "run_lengths_without_holes", "run_lengths_answered_as_polygons", "run_lengths_cropped"),
]
POLYGON_FAULTS = [
    *("coordinates_swapped", "coordinates_normalised", "points_flat", "rings_closed", "polygons_nested_too_deep"),
    *("polygons_dilated", "polygon_parts_apart", "polygons_answered_as_run_lengths", "holes_as_rings"),
]
ARCHIVE_FAULTS = [name for name in FAULTS if name.startswith("npz_")]
CONCEPT_FAULTS = [
    *("threshold_ignored", "prompt_threshold_ignored", "threshold_strict", "nms_ignored", "nms_always", "cross_talk"),
    *("results_reversed", "echo_text_null", "exemplar_boxes_centred", "index_from_one", "low_confidence_duplicates"),
]
VISUAL_FAULTS = [
    *("visual_boxes_top_left", "points_negated", "points_swapped", "points_scaled", "multimask_returns_one"),
    *("prompt_form_ignored:flat", "second_visual_prompt_ignored", "visual_answers_prompt_results"),
]
IMAGE_FAULTS = ["exif_ignored", "grey_differs", "grey_refused", "alpha_differs", "url_differs", "data_uri_refused"]
POLYGON_REQUESTS = ["concept polygons", "visual polygons"]
RUN_LENGTH_REQUESTS = ["concept run lengths", "visual run lengths"]
UNCONCERNED = [
    *[(fault, request) for fault in RUN_LENGTH_FAULTS for request in [*POLYGON_REQUESTS, "visual archive"]],
    *[(fault, request) for fault in POLYGON_FAULTS for request in [*RUN_LENGTH_REQUESTS, "visual archive"]],
    *[(fault, request) for fault in ARCHIVE_FAULTS for request in [*POLYGON_REQUESTS, *RUN_LENGTH_REQUESTS]],
    *[(fault, request) for fault in CONCEPT_FAULTS for request in ["visual polygons", "visual archive", "embed"]],
    *[(fault, request) for fault in VISUAL_FAULTS for request in ["concept polygons", "concept exemplars", "embed"]],
    *[(fault, request) for fault in IMAGE_FAULTS for request in ["concept run lengths", "visual archive"]],
    *[(fault, "no JSON") for fault in ("masks_inverted", "field_missing", "status", "masks_not_deterministic")],
    *[(fault, "embed") for fault in ("masks_inverted", "confidence_nan", "results_renamed", "field_missing:echo")],
]


@pytest.mark.parametrize(("fault", "request_name"), UNCONCERNED)
def test_fault_leaves_other_requests_byte_for_byte(
    fault: str, request_name: str, faultless: dict[str, Sent | str]
) -> None:
    app = create_app(SETTINGS) if request_name == "embed" else shared("documented")  # which remembers the image

    assert send(REQUESTS[request_name], fault, app) == faultless[request_name]


def test_catalogue_holds_every_fault_once_under_a_name_and_a_sentence() -> None:
    listed = [fault for chapter in _CHAPTERS for fault in chapter.faults]

    assert [name for name, count in Counter(fault.name for fault in listed).items() if count > 1] == []
    assert len(FAULTS) >= 70
    assert Counter(fault.family for fault in listed).keys() == {"http", "schema", "mask", "semantics"}
    for fault in listed:
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+|status|slow|redirected", fault.name), fault.name
        assert fault.breaks.endswith("."), fault.breaks
        assert fault.when
        assert not fault.when.endswith("."), fault.name


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.parameter])
def test_default_parameter_is_one_that_is_taken(name: str) -> None:
    parameter = FAULTS[name].parameter

    assert parameter is not None
    assert parse(f"{name}:{parameter.default}").value == parse(name).value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size_swaped", "no fault named 'size_swaped'; did you mean 'size_swapped'"),
        ("nonsense-of-no-kind", "no fault named 'nonsense-of-no-kind'; `sam3-contract faults` lists them"),
        ("", "no fault named ''"),
        ("status:418", "the parameter of fault 'status' is '418'; it takes one of 400, 401"),
        ("slow:soon", "the parameter of fault 'slow' is 'soon'; it takes a number from 0 to 600"),
        ("slow:nan", "it takes a number from 0 to 600"),
        ("slow:-1", "it takes a number from 0 to 600"),
        ("masks_shifted_right:0", "it takes a whole number from 1 to 100"),
        ("masks_shifted_right:1_0", "it takes a whole number from 1 to 100"),
        ("size_swapped:much", "'size_swapped:much' ends with 'much'; there stands 2 for the first two requests only"),
        ("status:503:0", "'status:503:0' ends with '0'"),
        ("status:503:2/3", "'status:503:2/3' ends with '2/3'"),
        ("status:503:/3", "ends with '/3'"),
        ("status:503:1/", "ends with '1/'"),
    ],
)
def test_parse_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert message in str(caught.value)


def test_parse_reads_parameter_and_times() -> None:
    assert parse(" masks_shifted_right:4 ").value == 4
    assert parse("status::2").value == "500"
    assert [parse("status:503:2").times.holds(count) for count in range(4)] == [True, True, False, False]
    assert [parse("body_empty:1/3").times.holds(count) for count in range(6)] == [False, False, True] * 2


def test_parse_list_takes_no_more_than_64() -> None:
    assert [one.text for one in parse_list("body_empty, slow:0.5,")] == ["body_empty", "slow:0.5"]
    with pytest.raises(UsageError, match="65 faults at once; up to 64 can be on"):
        parse_list(",".join(["body_empty"] * 65))


def test_settings_refuse_a_fault_that_is_none() -> None:
    with pytest.raises(UsageError, match="did you mean 'size_swapped'"):
        create_app(Settings(faults=("size_swap",)))


def test_header_that_names_no_fault_is_answered_599_with_the_nearest_names() -> None:
    status, body, _ = send(HOLE, "size_swap")

    assert status == 599
    assert "did you mean 'size_swapped'" in json.loads(body)["message"]


def test_answer_names_its_faults_in_a_header() -> None:
    client = made(faults=("time_negative",)).test_client()
    url = f"/sam3/{HOLE.operation}"

    both = client.post(url, json=HOLE.body, headers={**HOLE.headers, "X-Mock-Fault": "masks_shifted_right:2"})
    refused = client.post(url, json=HOLE.body, headers={"X-Mock-Fault": "errors_empty"})

    assert both.headers["x-mock-fault"] == "masks_shifted_right:2, time_negative"
    assert refused.headers["x-mock-fault"] == "time_negative, errors_empty"
    assert refused.status_code == 401


def test_faultless_answers_have_no_such_header() -> None:
    answer = create_app(SETTINGS).test_client().post(f"/sam3/{HOLE.operation}", json=HOLE.body, headers=HOLE.headers)

    assert "x-mock-fault" not in answer.headers


def test_setting_header_and_control_have_the_same_effect() -> None:
    app = create_app(SETTINGS)
    by_header = send(HOLE, "masks_mirrored,time_nan", app)

    control_of(app).faults = ("masks_mirrored", "time_nan")

    assert send(HOLE, app=app) == by_header
    assert send(HOLE, app=made(faults=("masks_mirrored", "time_nan"))) == by_header


def test_combined_faults_show_together_in_whichever_order_they_are_named() -> None:
    asked = REQUESTS["concept run lengths"]
    both = [send(asked, names) for names in ("size_swapped, index_from_one", "index_from_one, size_swapped")]

    results = json.loads(both[0][1])["prompt_results"]

    assert both[0] == both[1]
    assert [result["prompt_index"] for result in results] == list(range(1, 11))
    assert {tuple(one["masks"]["size"]) for result in results for one in result["predictions"]} == {(64, 48)}


@pytest.mark.parametrize(
    "faults", ["counts_truncated, counts_too_short, run_lengths_cropped", "utf8_broken, encoded_twice"]
)
def test_faults_that_do_not_go_together_are_answered_599(faults: str) -> None:
    status, body, _ = send(REQUESTS["concept run lengths"], faults)

    assert status == 599
    assert f"the faults {faults} do not go together" in json.loads(body)["message"]


def test_fault_ends_after_the_first_requests() -> None:
    app = create_app(SETTINGS)

    statuses = [send(HOLE, "status:503:2", app)[0] for _ in range(4)]
    other = send(HOLE, "status:503:1", app)[0]

    assert statuses == [503, 503, 200, 200]
    assert other == 503  # which counts for itself


def test_fault_comes_every_third_time_and_says_when() -> None:
    client = made(faults=("status:429:1/3",)).test_client()

    answers = [client.post(f"/sam3/{HOLE.operation}", json=HOLE.body, headers=HOLE.headers) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200, 200, 429] * 2
    assert ["x-mock-fault" in answer.headers for answer in answers] == [False, False, True] * 2


def test_reset_lets_counts_begin_anew() -> None:
    app = made(faults=("status:503:1",))
    before = [send(HOLE, app=app)[0] for _ in range(2)]

    control_of(app).reset()

    assert (before, send(HOLE, app=app)[0]) == ([503, 200], 503)


def test_what_faults_remember_is_bounded() -> None:
    app = create_app(SETTINGS)

    for seconds in range(300):
        send(Asked("concept_segment", None), f"rate_limited:{seconds}:1", app)

    memories = sessions_of(app).default.fault_memories
    assert len(memories._turns._counts) == 256  # type: ignore[attr-defined]
    assert set(memories._memories) == {"rate_limited"}


def test_what_a_fault_remembers_is_weighed_when_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, weighed = Memory(), []
    monkeypatch.setattr("mock_server.faults.fault._weight_of", lambda value: weighed.append(value) or len(value))

    for number in range(MOST_KEPT + 1):  # with the last all before it go
        memory.first("four", f"{number:03}")
    memory.first("other", "512")
    assert (memory.find("000"), memory.find("512"), memory.memory) == (None, "four", 7)
    assert memory.swap("longer", "512") == "four"
    n_weighed = len(weighed)

    assert [memory.memory for _ in range(3)] == [9] * 3
    assert len(weighed) == n_weighed


def test_switch_on_puts_faults_on_the_request_at_hand() -> None:
    app = create_app(SETTINGS)
    view = app.view_functions["concept_segment"]

    def with_fault() -> Any:
        switch_on(["time_negative"])
        return view()

    app.view_functions["concept_segment"] = with_fault

    assert json.loads(send(HOLE, app=app)[1])["time"] < 0
    assert json.loads(send(HOLE, "index_from_one", app)[1])["prompt_results"][0]["prompt_index"] == 1


def test_scenario_puts_faults_on_one_request() -> None:
    app = create_app(SETTINGS)
    control = control_of(app)
    control.scenarios.add("once", answers=[{"fault": "time_negative"}], then="normal")

    times = [json.loads(send(HOLE, app=app)[1])["time"] for _ in range(2)]

    assert times[0] < 0 < times[1]
    assert [seen.faults for seen in control.journal.requests] == [("time_negative",), ()]


def test_faults_are_off_for_paths_that_are_no_operation() -> None:
    client = made(faults=("status:500", "html_from_proxy", "body_empty")).test_client()

    assert client.get("/healthz", headers={"X-Mock-Fault": "nonsense"}).get_json() == {"status": "healthy"}
    assert client.get("/openapi.json").status_code == 200


def test_preflight_has_no_fault() -> None:
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "X-Mock-Fault": "html_from_proxy",
    }

    assert create_app(SETTINGS).test_client().options("/sam3/concept_segment", headers=headers).status_code == 200


def test_masks_too_large_to_redraw_are_answered_599() -> None:
    asked = concept(texts(*map(str, range(16))), image=image(6000, 4000), output_prob_thresh=0)

    status, body, _ = send(asked, "masks_inverted")

    assert status == 599
    assert "a fault in" in json.loads(body)["message"]


def test_faults_see_images_of_either_kind() -> None:
    for source in (JPEG, URL):
        asked = concept(texts("specimen:hole"), image=source)

        assert send(asked, "exif_ignored, grey_differs, png_refused") == send(asked)


def test_client_reaches_the_catalogue_over_the_control_routes() -> None:
    listed = Client().http.get("/_mock/faults").get_json()

    assert [fault["name"] for fault in listed["catalogue"]] == list(FAULTS)
