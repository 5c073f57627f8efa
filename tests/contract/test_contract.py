"""Each fault trips the check made for it, each check has a fault that trips it, and the faultless mock trips none."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import count, zip_longest

import pytest

from mock_server import Settings, control_of, create_app
from mock_server.faults import FAULTS, parse
from sam3_contract import cases, spec
from sam3_contract.cases import Plan
from sam3_contract.checks import CHECKS, judge, selected
from sam3_contract.exchanges.exchange import Case
from sam3_contract.transport import HttpTransport, WsgiTransport
from sam3_contract.verification import runner
from tests.faults import KEY
from tests.plans import PLAN
from tests.servers import serving

CONTRACT = spec.load()
MAX_CALLS = 60
# With 12 what is left beside negative exemplars reaches into their boxes; with 37 a text and an exemplar find one mask.
EVERY_TIME = (0, 1, 12, 37)
SEEDS = [
    *EVERY_TIME,
    *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(50) if seed not in EVERY_TIME),
]

# Which checks find which fault; most faults trip more of them than the ones that they were made for.
FOUND_BY = {
    "missing_key_accepted": "S01",
    "wrong_key_accepted": "S01",
    "bearer_key_ignored": "S01",
    "query_key_ignored": "S01",
    "key_echoed_in_body": "S06",
    "key_echoed_in_header": "S06",
    "visual_boxes_top_left": "V05",
    "visual_box_ignored": "V05",
    "points_beside_box_ignored": "V04",
    "points_negated": "V04",
    "point_labels_ignored": "V04",
    "negative_points_ignored": "V04",
    "points_swapped": "V03 R07",
    "points_scaled": "V03",
    "second_point_ignored": "V03",
    "second_visual_prompt_ignored": "V09",
    "first_visual_prompt_answers_all": "V03",
    "visual_prompts_reversed": "V04",
    "prompt_form_ignored": "V06",
    "multimask_returns_one": "V08",
    "multimask_returns_two": "V01",
    "multimask_worst_first": "V08",
    "multimask_confidences_reversed": "V08",
    "single_mask_returns_three": "V01",
    "multimask_picks_worst": "V07",
    "exemplar_boxes_centred": "C06",
    "corner_boxes_misread": "C05",
    "exemplar_labels_ignored": "C07",
    "exemplar_boxes_ignored": "C06",
    "text_ignored_beside_boxes": "C07",
    "texts_read_in_part": "C09",
    "texts_read_in_part:first_line": "C09",
    "texts_read_in_part:ascii": "C09",
    "texts_read_in_part:without_accents": "C09",
    "texts_read_in_part:first_words": "C09",  # with more than 60 calls
    "seventeen_prompts_accepted": "S01",
    "sixteen_prompts_refused": "S01",
    "unknown_format_accepted": "S01",
    "no_prompts_accepted": "S01",
    "bad_threshold_accepted": "S01",
    "unequal_labels_accepted": "S01",
    "threshold_ignored": "C03",
    "prompt_threshold_ignored": "C03",
    "default_threshold_low": "C03",
    "threshold_read_as_percentage": "C03",
    "threshold_strict": "R03",
    "low_threshold_drops_best": "R03",
    "low_confidence_duplicates": "R03 C08",
    "confidence_as_percentage": "S04",
    "confidence_above_one": "S04",
    "confidence_negative": "C03",
    "confidence_as_logit": "C03",
    "nms_ignored": "R04",
    "nms_always": "R05",
    "nms_within_prompts": "R04",
    "nms_threshold_inverted": "R05",
    "nms_keeps_worst": "R05",
    "nms_by_boxes": "R05",
    "nms_inclusive": "R05",
    "results_reversed": "C01",
    "results_sorted_by_confidence": "C04",
    "index_from_one": "C01",
    "index_always_zero": "C01",
    "duplicate_prompts_merged": "C01",
    "empty_results_left_out": "C01",
    "last_result_missing": "C01",
    "result_twice": "C01",
    "predictions_of_other_prompt": "C04",
    "first_prompt_answers_all": "C04",
    "echo_lower_cased": "C02",
    "echo_trimmed": "C02",
    "echo_garbled": "C02",
    "echo_text_null": "C02",
    "echo_of_other_prompt": "C02",
    "echo_without_boxes": "C02",
    "echo_type_wrong": "C02",
    "image_id_serves_first_image": "R08",
    "image_id_serves_last_image": "R08",
    "image_id_ignored": "R09",
    "image_id_changes_masks": "R08",
    "image_id_not_found": "S01",
    "image_id_answered_wrong": "R10",
    "png_refused": "S01",
    "png_differs": "G01",
    "grey_refused": "S01",
    "grey_differs": "G01",
    "alpha_refused": "S01",
    "alpha_differs": "G01",
    "data_uri_refused": "S01",
    "data_uri_differs": "G01",
    "exif_ignored": "M03",
    "large_images_scaled_down": "M03",
    "unloadable_image_accepted": "S01",
    "missing_image_accepted": "S01",
    "cross_talk": "G01",
    "prompt_order_matters": "C04",
    "masks_not_deterministic": "R02",
    "confidences_not_deterministic": "R02",
    "polygon_parts_apart": "R01",
    "masks_inverted": "G01 G02",
    "masks_shifted_right": "G01",
    "masks_shifted_down": "G01",
    "masks_mirrored": "G01",
    "masks_upside_down": "G01",
    "masks_transposed": "G01",
    "masks_letterboxed": "G01",
    "masks_in_model_frame": "M03",
    "masks_half_size": "M03",
    "masks_of_largest_part": "G01",
    "masks_dilated": "G01",
    "masks_eroded": "G01",
    "masks_clipped_short": "G01",
    "boxes_as_masks": "G01",
    "hulls_as_masks": "G01",
    "masks_empty": "V03",
    "masks_full": "V05",
    "polygons_dilated": "R01",
    "polygons_of_other_instances": "R01",
    "run_lengths_eroded": "R01",
    "run_lengths_without_holes": "G01",
    "npz_array_missing": "M07",
    "npz_array_renamed": "M07",
    "npz_extra_dimension": "M07",
    "npz_axes_swapped": "M07",
    "npz_low_resolution": "M07",
    "npz_plane_missing": "V08",
    "npz_wrong_dtype:bool": "V08",
    "npz_inverted": "V08",
    "npz_probabilities": "V08",
    "npz_not_finite": "M07",
    "npz_pickled": "M07",
    "npz_truncated": "M07",
    "npz_as_npy": "M07",
    "binary_answered_as_json": "V02",
    "masks_all_same": "C04 C08",
    "format_label_wrong": "M01",
    "format_label_json": "M08",
    "run_lengths_answered_as_polygons": "M08",
    "polygons_answered_as_run_lengths": "M08",
    "size_swapped": "M03",
    "size_as_text": "M03",
    "size_missing": "M03",
    "counts_alone": "M01",
    "size_of_unrotated_image": "M03",
    "counts_row_major": "R01",
    "counts_start_with_foreground": "R01",
    "counts_as_bytes_repr": "M02",
    "counts_as_base64": "M02",
    "counts_truncated": "M02",
    "counts_with_newline": "M02",
    "counts_as_list": "S04",
    "counts_too_short": "M02",
    "counts_too_long": "M02",
    "run_lengths_cropped": "M03",
    "coordinates_outside_by_one": "M05",
    "coordinates_from_one": "M05",
    "coordinates_as_floats": "M04",
    "coordinates_normalised": "M05",
    "coordinates_swapped": "M05",
    "points_flat": "M04",
    "points_as_objects": "M04",
    "rings_closed": "M09",
    "polygons_nested_too_deep": "M04",
    "polygons_not_nested": "M04",
    "empty_mask_as_empty_list": "M04",
    "first_part_only": "R01",
    "polygons_simplified": "R01",
    "holes_as_rings": "G01",
    "every_contour_point": "M06",
    "field_missing": "S04",
    "field_null": "S04",
    "field_in_list": "S04",
    "field_capitalised": "S04",
    "results_renamed": "C01",
    "confidence_renamed": "S04",
    "masks_renamed": "S04",
    "names_in_camel_case": "S04",
    "confidence_as_text": "S04",
    "confidence_nan": "S05",
    "confidence_infinite": "S05",
    "confidence_twice": "S05",
    "time_as_text": "S04",
    "time_in_milliseconds": "S07",
    "time_negative": "S07",
    "time_nan": "S05",
    "time_is_a_date": "S07",
    "time_too_long": "S07",
    "time_twice": "S05",
    "index_as_text": "S04",
    "index_as_float": "S04",
    "nothing_found_is_null": "S04",
    "one_prediction_unwrapped": "S04",
    "results_keyed_by_index": "S04",
    "visual_answers_prompt_results": "S04",
    "concept_answers_predictions": "S04",
    "results_nested": "S04",
    "answer_empty_object": "S04",
    "answer_null": "S04",
    "answer_in_data": "S04",
    "answer_in_list": "S04",
    "errors_answered_200": "S01",
    "validation_answered_500": "S01",
    "validation_accepted": "S01",
    "malformed_json_answered_500": "S01",
    "missing_key_answered_403": "S01",
    "method_not_refused": "S01",
    "errors_as_text": "S03",
    "errors_empty": "S05",
    "errors_worded_otherwise": "S04",
    "status": "S01",
    "rate_limited": "S01",
    "model_locked": "S01",
    "html_from_proxy": "S03",
    "success_status_wrong": "S02",
    "no_content": "S02",
    "redirected": "S02",
    "content_type_wrong": "S03",
    "body_empty": "S05",
    "body_truncated": "S05",
    "trailing_garbage": "S05",
    "two_documents": "S05",
    "byte_order_mark": "S05",
    "utf8_broken": "S05",
    "encoded_as_utf16": "S05",
    "encoded_twice": "S04",
    "connection_reset": "S08",
    "error_in_success": "S04",
    "charset_not_utf8": "S13",
    "request_id_repeated": "S12",
    "request_id_replaced": "S12",
    "origin_not_answered": "S11",
    "allow_left_out": "S14",
    "answer_packed": "S15",
    "answer_packed:unsaid": "S05",
    "errors_show_traceback": "S09",
    "errors_show_paths": "S09",
    "mistakes_not_located": "S10",
    "exif_mirroring_ignored": "G02 R06",
    "palette_read_as_grey": "G02",
    "sixteen_bits_cut": "G02",
    "cmyk_inverted": "G02 R07",
    "last_frame_taken": "G02",
    "bmp_upside_down": "G02 G01",
    "progressive_refused": "S01",
    "interlaced_refused": "S01",
    "small_images_answered_500": "S01",
    "wide_images_cropped": "G01",
    "odd_widths_shift_masks": "G01",
    "large_images_coarse": "G01",
    "low_own_threshold_ignored": "R03",
    "third_prompt_at_default_threshold": "C05",
    "nms_null_suppresses": "R03",
    "null_boxes_find_nothing": "R11",
    "nms_of_polygons_ignored": "R04",
    "hidden_instances_suppress": "R05",
    "second_exemplar_ignored": "C06",
    "instances_left_out": "G02",
    "instances_twice": "C08",
    "results_reordered_now_and_then": "R02",
    "later_points_ignored": "V03",
    "later_points_ignored:9": "V03",
    "first_pixels_read_as_fractions": "V03",
    "positive_points_beside_box_ignored": "V03",
    "answers_cached_without": "M08",
    "answers_cached_without:output_prob_thresh": "C03",
    "answers_cached_without:nms_iou_threshold": "R04",
    "answers_cached_without:multimask_output": "V01",
    "answers_cached_without:end_of_image": "G01 G03",
    "answers_cached_without:box_labels": "C06",
    "answers_cached_without:own_threshold": "C03",
    "answers_cached_without:positive": "V04",
    "embedding_replaced": "R09",
    "embedding_not_kept": "R09",
    "image_ids_simplified": "R08",
    "image_ids_simplified:stripped": "G01",
    "image_ids_simplified:name": "G02",
    "logits_of_another_prompt": "R13",
    "requests_mixed": "R12",
    "unknown_model_accepted": "S01",
}
# The cases whose answers show a breach to each check: a fault is sent these instead of the whole plan, those of a line
# together, and those of the next only if they showed nothing.
C, V = "concept_segment", "visual_segment"
SHOWN_BY = {
    "S01": f"""{C}/discs.png/no_nms {C}/tall-png-16-grey.png/rle {C}/shapes-padded-webp-animated.webp/rle
        {C}/shapes.png/again {C}/shapes.png/data_uri {V}/shapes.png/reused_id refused/get refused/labels_without_box
        refused/malformed_json refused/no_image refused/no_key refused/no_prompts refused/not_an_image
        refused/own_threshold_of_two refused/seventeen_prompts refused/unknown_visual_format refused/wrong_key
        refused/unknown_model {V}/discs.png/clicks {V}/shapes.png/many_clicks""",
    "S02": f"{C}/shapes.png/rle",
    "S03": f"{C}/shapes.png/rle refused/malformed_json",
    "S04": f"{C}/shapes.png/rle {V}/shapes-mirrored-jpeg.jpg/rle refused/malformed_json",
    "S05": f"{C}/shapes.png/rle refused/malformed_json",
    "S06": "refused/malformed_json",
    "S07": f"{C}/shapes.png/rle",
    "S08": "refused/malformed_json",
    "S09": "refused/not_an_image refused/own_threshold_of_two",
    "S10": "refused/own_threshold_of_two",
    "S11": f"{C}/shapes.png/again",
    "S12": f"{C}/shapes.png/again",
    "S13": f"{C}/shapes.png/rle",
    "S14": "refused/get",
    "S15": f"{C}/shapes.png/again",
    "M01": f"{C}/shapes.png/rle",
    "M02": f"{C}/shapes.png/rle",
    "M03": f"""{C}/shapes-jpeg-described.jpg/rle {V}/shapes-mirrored-jpeg.jpg/rle
        {C}/discs.png/no_nms""",
    "M04": f"{V}/shapes.png/json",
    "M05": f"{C}/awkward.png/polygon",
    "M06": f"{C}/awkward.png/polygon",
    "M07": f"{V}/shapes.png/binary",
    "M08": f"""{C}/awkward.png/polygon {C}/shapes.png/rle
        {C}/shapes.png/polygon {C}/shapes.png/rle""",
    "M09": f"{C}/awkward.png/polygon",
    "C01": f"{C}/discs.png/default_threshold",
    "C02": f"{C}/shapes.png/exemplars {C}/shapes.png/sixteen",
    "C03": f"""{C}/at_request_threshold {C}/discs.png/default_threshold {C}/discs.png/lower_threshold_of_one
        {C}/discs.png/one""",
    "C04": f"{C}/shapes.png/sixteen",
    "C05": f"{C}/discs.png/exemplars",
    "C06": f"{C}/discs.png/exemplars {C}/shapes.png/exemplars {C}/shapes.png/exemplars_exchanged",
    "C07": f"{C}/shapes.png/exemplars {C}/shapes.png/rle {C}/shapes.png/exemplars_exchanged",
    "C08": f"{C}/shapes.png/rle {C}/discs.png/no_nms",
    "C09": f"""{C}/shapes.png/sixteen
        {C}/discs.png/zero {C}/shapes.png/sixteen""",
    "V01": f"{V}/shapes-mirrored-jpeg.jpg/rle {V}/shapes.png/best",
    "V02": f"{V}/shapes.png/binary",
    "V03": f"{V}/discs.png/clicks {V}/shapes.png/many_clicks {V}/awkward-tiff-turned-7.tiff/boxes",
    "V04": f"""{V}/discs.png/boxes {V}/shapes.png/alone {V}/shapes.png/signs_exchanged
        {V}/shapes-mirrored-jpeg.jpg/rle
        {V}/awkward-tiff-turned-7.tiff/boxes""",
    "V05": f"""{V}/discs.png/boxes
        {V}/awkward.png/rle""",
    "V06": f"{V}/shapes.png/nested",
    "V07": f"{V}/shapes.png/best {V}/shapes.png/rle",
    "V08": f"{V}/shapes.png/binary",
    "V09": f"{V}/shapes.png/alone",
    "R01": f"{C}/awkward.png/rle {C}/awkward.png/polygon",
    "R02": f"{C}/shapes.png/again",
    "R03": f"""{C}/at_own_threshold {C}/discs.png/exemplars {C}/discs.png/lower_threshold_of_one
        {C}/discs.png/default_threshold""",
    "R04": f"""{C}/discs.png/nms {C}/discs.png/nms_of_zero
        {C}/discs.png/nms {C}/discs.png/nms_of_one""",
    "R05": f"{C}/discs.png/nms {C}/discs.png/nms_of_one {C}/discs.png/nms_of_zero",
    "R06": f"{C}/shapes-jpeg-described.jpg/rle {C}/shapes.png/data_uri",
    "R07": f"{V}/shapes-mirrored-jpeg.jpg/rle {C}/shapes-mirrored-jpeg-cmyk.jpg/rle",
    "R08": f"{V}/awkward.png/own_id {V}/awkward.png/rle {V}/shapes.png/by_id",
    "R09": f"{V}/shapes.png/nested {V}/shapes.png/reused_id",
    "R10": "embed_image/shapes.png",
    "R11": f"{C}/discs.png/written_out",
    "R12": f"{C}/shapes.png/rle_at_once {V}/shapes-mirrored-jpeg.jpg/rle",
    "R13": f"{V}/shapes.png/by_id",
    "G01": f"""{C}/awkward.png/polygon
        {V}/awkward.png/rle {C}/shapes-grey-png-palette.png/rle {C}/shapes.png/data_uri
        {V}/shapes-mirrored-jpeg.jpg/rle {C}/shapes.png/rle
        {C}/wide-jpeg-turned-8.jpg/polygon {C}/shapes-padded-webp-animated.webp/rle
        {C}/large-jpeg-subsampled.jpg/polygon {C}/crowd-bmp.bmp/rle""",
    "G02": f"{C}/shapes.png/rle {C}/shapes.png/data_uri {C}/shapes-grey-png-palette.png/rle "
    f"{C}/tall-png-16-grey.png/rle {C}/crowd-bmp.bmp/rle {V}/shapes-mirrored-jpeg.jpg/rle "
    f"{C}/shapes-mirrored-jpeg-cmyk.jpg/rle {V}/awkward-tiff-turned-7.tiff/boxes "
    f"{C}/shapes-padded-webp-animated.webp/rle",
    "G03": f"{C}/shapes.png/rle {C}/fuller-bmp.bmp/rle {C}/crowd-bmp.bmp/rle",
}
# Faults that are found by a whole run all the same: one of each family of the catalogue.
WHOLE_RUNS = ["missing_key_accepted", "size_swapped", "threshold_ignored", "names_in_camel_case", "image_id_ignored"]
# Legal, but unlike what the service sends: reported as a warning.
ODD = {"every_contour_point"}
# What the default run cannot see, each shown to be found by a test of its own below.
ELSEWHERE = {
    "lowest_threshold_for_all": "is what the real server does: a known deviation",
    "url_refused": "needs --image-url: no image on the network is everybody's",
    "url_differs": "needs --image-url",
    "slow": "is no breach until the client gives up waiting",
    "body_drips": "is no breach until the client gives up waiting",
}


def settings(*faults: str, profile: str = "documented", seed: int = 0) -> Settings:
    chosen = "observed" if profile == "observed" else "documented"
    return Settings(api_keys=frozenset({KEY}), faults=faults, profile=chosen, seed=seed)


@lru_cache(maxsize=2)  # a run keeps its masks
def verified(
    *faults: str, profile: str = "documented", seed: int = 0, codes: str = "", calls: int = MAX_CALLS
) -> runner.Run:
    """Verify a mock by all checks and the plan, or by checks of these codes and the cases that show them something."""
    app = create_app(settings(*faults, profile=profile, seed=seed))
    transport, budget = WsgiTransport(app, CONTRACT, key=KEY), runner.Budget(calls)
    if not codes:
        return runner.verify(transport, PLAN, CONTRACT, budget=budget)
    wanted = codes.split()
    for lines in zip_longest(*(SHOWN_BY[code].splitlines() for code in wanted), fillvalue=""):
        plan = PLAN.of_cases(" ".join(lines).split())
        run = runner.verify(transport, plan, CONTRACT, checks=selected(wanted), budget=budget)
        if run.exit_status and set(wanted) <= reported_codes(run):
            break
    return run


def reported_codes(run: runner.Run) -> set[str]:
    return {outcome.check.code for outcome in run.outcomes if outcome.verdict in {"broken", "odd"}}


@pytest.mark.parametrize("fault", FOUND_BY)
def test_fault_trips_the_check_made_for_it(fault: str) -> None:
    run = verified(fault, codes=FOUND_BY[fault])

    assert set(FOUND_BY[fault].split()) <= reported_codes(run)
    assert run.exit_status == (0 if fault in ODD else 1)


@pytest.mark.parametrize("fault", WHOLE_RUNS)
def test_whole_run_finds_the_fault_within_its_budget(fault: str) -> None:
    run = verified(fault)

    assert set(FOUND_BY[fault].split()) <= reported_codes(run)
    assert run.exit_status == 1
    assert len(run.exchanges) <= MAX_CALLS


def test_cases_that_show_faults_are_in_the_plan() -> None:
    planned = {entry.id for entry in PLAN.entries}

    assert set(SHOWN_BY) == {check.code for check in CHECKS}
    assert {name for names in SHOWN_BY.values() for name in names.split()} <= planned


def test_every_fault_has_a_check_that_finds_it() -> None:
    assert len(FAULTS) >= 60
    assert {parse(text).fault.name for text in (*FOUND_BY, *ELSEWHERE)} == set(FAULTS)


def test_every_check_has_a_fault_that_trips_it() -> None:
    assert {check.code for check in CHECKS} == {code for codes in FOUND_BY.values() for code in codes.split()}


@pytest.mark.parametrize("profile", ["documented", "observed"])
@pytest.mark.parametrize("seed", SEEDS)
def test_faultless_mock_trips_none(profile: str, seed: int) -> None:
    run = verified(profile=profile, seed=seed)

    assert reported_codes(run) == set()
    assert run.exit_status == 0
    assert len(run.exchanges) <= MAX_CALLS


@pytest.mark.parametrize(
    ("refusal", "fault", "code"),
    [
        ("html_from_proxy:503:1", "", "S03"),
        ("model_locked:1", "errors_as_text:1", "S03"),
        ("model_locked:1", "errors_worded_otherwise:1", "S04"),
        ("rate_limited:0:1", "errors_empty:1", "S05"),
        ("rate_limited:0:1", "key_echoed_in_body:1", "S06"),
        ("rate_limited:0:1", "key_echoed_in_header:1", "S06"),
        ("rate_limited:0:1", "errors_show_traceback:1", "S09"),
        ("rate_limited:0:1", "errors_show_paths:1", "S09"),
        ("rate_limited:0:1", "origin_not_answered:1", "S11"),
        ("rate_limited:0:1", "charset_not_utf8:1", "S13"),
    ],
)
def test_refusal_that_is_tried_again_is_judged(refusal: str, fault: str, code: str) -> None:
    [asked] = PLAN.of_cases([f"{C}/shapes.png/rle"]).cases
    plan = Plan((replace(asked, headers={"origin": "https://app.example.com"}),))
    app = create_app(settings(*filter(None, (refusal, fault))))
    run = runner.verify(WsgiTransport(app, CONTRACT, key=KEY), plan, CONTRACT)

    assert [exchange.status for exchange in run.exchanges] == [200]
    found = [one for one in run.violations if one.check.code == code]
    assert found
    assert {one.exchange.status for one in found} == {503 if refusal != "rate_limited:0:1" else 429}
    assert all("that was tried again" in one.breach.found for one in found)


def test_faultless_mock_that_refuses_every_other_try_trips_none() -> None:
    # One after the other: of requests under way at once, one may be refused to the last attempt.
    plan = Plan(tuple(one for one in PLAN.entries[:MAX_CALLS] if not getattr(one, "at_once", "")))
    app = create_app(settings("model_locked:1", "rate_limited:0:1/2"))
    run = runner.verify(WsgiTransport(app, CONTRACT, key=KEY), plan, CONTRACT)

    assert {one.status for exchange in run.exchanges for one in exchange.retried} == {429, 503}
    assert reported_codes(run) == set()


def test_faultless_mock_with_a_rate_limit_trips_none() -> None:
    app = create_app(settings())
    player = control_of(app).scenarios
    player.clock = count(1000.0, 1 / 15.5).__next__  # 15 requests take less than the second, and one more try does not
    player.add("limited", rate_limit={"requests": 15, "seconds": 1})
    run = runner.verify(WsgiTransport(app, CONTRACT, key=KEY), PLAN, CONTRACT, budget=runner.Budget(20))

    assert {one.status for exchange in run.exchanges for one in exchange.retried} == {429}
    assert reported_codes(run) == set()


def test_what_is_in_the_boxes_of_two_things_is_not_asked_for_as_like_and_unlike() -> None:
    app = create_app(settings(profile="observed", seed=9))  # there two things of a text overlap by their boxes
    plan = PLAN.of_cases(["concept_segment/discs.png/exemplars"])
    run = runner.verify(WsgiTransport(app, CONTRACT, key=KEY), plan, CONTRACT)

    assert "C06" not in reported_codes(run)
    assert any(outcome.judged for outcome in run.outcomes if outcome.check.code == "C06")


def test_faultless_mock_leaves_nothing_unjudged() -> None:
    assert [outcome.check.code for outcome in verified().outcomes if not outcome.judged] == []


def test_observed_mock_leaves_only_binary_masks_unjudged() -> None:
    run = verified(profile="observed")

    assert {outcome.check.code for outcome in run.outcomes if not outcome.judged} == {"M07", "V08"}


def test_known_deviations_are_reported_apart_and_not_counted() -> None:
    seen = verified(profile="observed", calls=150).deviations_seen
    absent = verified(calls=150).deviations_absent

    assert {"binary_answers_500", "one_mask_for_each_prompt", "zero_threshold_means_default", "lenient_types"} <= set(
        seen
    )
    assert {"binary_answers_500", "one_mask_for_each_prompt", "lenient_types"} <= set(absent)
    assert set(seen) <= {deviation.id for deviation in CONTRACT.deviations}


def test_lowest_threshold_for_all_is_reported_as_the_deviation_that_it_is() -> None:
    run = verified("lowest_threshold_for_all")

    assert "zero_threshold_means_default" in run.deviations_seen
    assert "zero_threshold_means_default" not in verified().deviations_seen


@pytest.mark.parametrize(("fault", "code"), [("url_refused", "S01"), ("url_differs", "R06")])
def test_fault_of_urls_is_found_where_an_image_by_url_is_at_hand(fault: str, code: str, tmp_path: object) -> None:
    from pathlib import Path  # noqa: PLC0415

    folder = Path(str(tmp_path))
    photograph = cases.built_in_images()[0]
    (folder / "shapes.png").write_bytes(photograph.content)
    plan = cases.plan([photograph], urls={"https://example.com/shapes.png": photograph})
    found = {}
    for name, faults in (("good", ()), ("bad", (fault,))):
        app = create_app(Settings(api_keys=frozenset({KEY}), faults=faults, url_images=folder))
        run = runner.verify(WsgiTransport(app, CONTRACT, key=KEY), plan, CONTRACT)
        found[name] = reported_codes(run)

    assert found["good"] == set()
    assert code in found["bad"]


@pytest.mark.parametrize("fault", ["slow:20", "body_drips:200"])
def test_slow_answer_is_found_by_a_client_that_does_not_wait(fault: str) -> None:
    plan = PLAN.of_cases(["concept_segment/shapes.png/rle"])
    with serving(create_app(settings(fault))) as url:
        run = runner.verify(HttpTransport(url, CONTRACT, key=KEY, timeout=0.2), plan, CONTRACT)

    assert reported_codes(run) == {"S08"}


@pytest.mark.parametrize(
    ("fault", "code", "path", "why"),
    [
        ("size_swapped", "M03", "masks.size", "size_swapped"),
        ("coordinates_swapped", "M05", "masks[0]", "axes_swapped"),
        ("counts_as_bytes_repr", "M02", "masks.counts", "counts_bytes_repr"),
        ("masks_shifted_right", "G01", "masks", "moved by"),
        ("masks_dilated", "G01", "masks", "grown by 3 px"),
        ("visual_boxes_top_left", "V05", "masks", "top left corner"),
        ("points_negated", "V03", "masks", "positive and negative look exchanged"),
        ("time_in_milliseconds", "S07", "$.time", "milliseconds"),
        ("nms_keeps_worst", "R05", "predictions", "less confident"),
        ("threshold_strict", "R03", "predictions", "just as confident"),
        ("npz_inverted", "V08", "npz.masks", "inverted"),
    ],
)
def test_violation_names_the_place_and_the_cause(fault: str, code: str, path: str, why: str) -> None:
    run = verified(fault, codes=code)
    found = [violation.breach for violation in run.violations if violation.check.code == code]

    assert any(path in breach.at and why in breach.why for breach in found), found


def test_violations_that_show_masks_can_be_drawn() -> None:
    run = verified("masks_shifted_right", codes="G01")
    found = [one.breach.masks for one in run.violations if one.check.code == "G01"]

    assert found
    assert all(masks is not None and masks.found and masks.expected for masks in found)


def test_no_key_is_in_what_is_found() -> None:
    breaches = [one.breach for one in verified("key_echoed_in_body").violations]

    assert breaches
    assert not any(KEY in text for one in breaches for text in (one.at, one.found, one.expected, one.why))


def test_key_that_is_also_a_text_may_be_echoed() -> None:
    body = {"image": {"type": "url", "value": "https://example.com/a.jpg"}, "prompts": [{"text": KEY}]}
    case = Case("key as text", "concept_segment", "asks for its own key", body)
    exchange = WsgiTransport(create_app(settings()), CONTRACT, key=KEY).send(case)

    judgement = judge([exchange], CONTRACT)["S06"]

    assert (judgement.judged, judgement.breaches) == (0, ())
