"""Servers with conditional defects that are in no catalogue: how many of them `verify` finds with how many calls."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

import pytest

from benchmarks import mutants
from benchmarks.mutants import MUTANTS
from mock_server import Settings, create_app
from sam3_contract import spec
from sam3_contract.transport import WsgiTransport
from sam3_contract.verification import runner
from tests.faults import KEY
from tests.plans import PLAN

CONTRACT = spec.load()
# Found by single cases, some of which only larger budgets send.
LATER = {
    "data_uri_of_webp_is_refused": "concept_segment/shapes-padded-webp-animated.webp/rle",
    "images_of_one_colour_answer_500": "concept_segment/blank.png/rle",
    "nms_is_left_out_beside_own_thresholds": "concept_segment/shapes.png/hidden_nms",
    "nms_of_polygons_suppresses_more": "concept_segment/discs.png/nms_polygon",
    "exemplar_corners_by_fractions_count_as_sizes": "concept_segment/discs.png/exemplars",
    "default_format_beside_an_image_id_is_rle": "visual_segment/shapes.png/by_id",
    "format_of_the_first_call_is_kept_with_the_id": "visual_segment/shapes.png/by_id",
    "json_of_several_prompts_is_rle": "visual_segment/discs.png/clicks",
    "image_ids_beyond_ascii_are_not_kept": "visual_segment/shapes.png/reused_id",
    "polygons_of_large_images_are_of_half_the_size": "concept_segment/large-jpeg-subsampled.jpg/polygon",
    "third_and_fourth_of_single_masks_are_exchanged": "visual_segment/shapes.png/many_clicks",
    "place_of_a_mistake_is_not_in_the_body": "refused/no_image",
    "box_across_the_edge_is_shrunk_about_its_centre": "visual_segment/awkward-tiff-turned-7.tiff/boxes",
    "cache_that_ignores_image_id": "visual_segment/awkward.png/without_id",
    "orientation_of_tiff_is_not_applied": "visual_segment/awkward-tiff-turned-7.tiff/boxes",
    "exif_of_png_is_not_applied": "visual_segment/shapes.png/many_clicks",
    "one_bit_image_is_black": "concept_segment/stencil-png-1.png/polygon",
    "thin_masks_vanish_as_polygons": "concept_segment/stencil-png-1.png/polygon",
    "single_prompt_loses_its_box": "visual_segment/shapes.png/single_box",
    "negative_exemplars_beside_positive_ones_are_positive": "concept_segment/shapes.png/exemplars",
    "concept_requests_are_kept_by_image_id_too": "concept_segment/crowd-bmp.bmp/rle",
    "confidence_equal_to_the_threshold_of_the_request_is_dropped": "concept_segment/at_own_threshold",
    "several_exemplars_beside_a_text_are_dropped": "concept_segment/shapes.png/exemplars",
    "texts_that_differ_in_case_only_are_answered_as_the_first": "concept_segment/shapes.png/sixteen",
    "one_mask_asked_for_as_json_is_three": "visual_segment/discs.png/clicks",
    "one_mask_asked_for_as_binary_is_json": "visual_segment/shapes.png/binary_of_one",
    "results_of_two_boxes_are_exchanged": "visual_segment/discs.png/boxes",
    "percent_signs_in_image_ids_are_decoded": "visual_segment/awkward.png/id_8",
    "image_ids_of_digits_are_numbers": "visual_segment/shapes.png/many_clicks",
    "last_page_of_a_tiff_counts": "visual_segment/discs.png/boxes",
    "refusals_are_not_answered_across_origins": "refused/own_threshold_of_two",
    "truncated_image_is_answered_200": "refused/cut_image",
    "deleting_answers_200": "refused/delete",
    "exemplars_in_turned_jpegs_are_refused": "concept_segment/wide-jpeg-turned-8.jpg/polygon",
    "third_of_three_prompts_has_the_results_of_the_second": "concept_segment/fuller-bmp.bmp/rle",
    "boxes_are_not_turned_with_a_jpeg": "visual_segment/awkward-jpeg-turned-6.jpg/rle",
}
# By which it is known that a server sees what is drawn: one that does not is held to little.
SEEING = ("concept_segment/shapes.png/rle", "concept_segment/shapes-mirrored-jpeg-cmyk.jpg/rle")
# Some of different kinds, found in whatever the usual run asks.
QUICK = [
    "masks_move_where_the_width_is_no_multiple_of_8",
    "own_threshold_below_the_requests_is_raised",
    "origins_are_not_answered",
]


@cache
def is_found(name: str, calls: int) -> bool:
    app = create_app(Settings(api_keys=frozenset({KEY}))).wsgi_app
    transport = WsgiTransport(MUTANTS[name].around(app), CONTRACT, key=KEY)
    return runner.verify(transport, PLAN, CONTRACT, budget=runner.Budget(calls)).exit_status == 1


def test_every_defect_of_every_room_is_tried_under_a_name_of_its_own() -> None:
    kinds = [
        import_module(module.name)
        for module in pkgutil.walk_packages(mutants.__path__, "benchmarks.mutants.")
        if not module.ispkg
    ]

    assert sorted(MUTANTS) == sorted(mutant.name for kind in kinds for mutant in getattr(kind, "MUTANTS", ()))


@pytest.mark.parametrize("name", QUICK)
def test_conditional_defect_is_found_by_a_usual_run(name: str) -> None:
    assert is_found(name, 60)


@pytest.mark.parametrize(("name", "case"), LATER.items())
def test_conditional_defect_is_found_by_the_case_that_was_made_for_it(name: str, case: str) -> None:
    plan = PLAN.of_cases([case, *SEEING])
    # Each with a memory of its own.
    mocks = [create_app(Settings(api_keys=frozenset({KEY}))).wsgi_app for _ in range(2)]
    sound, broken = (WsgiTransport(app, CONTRACT, key=KEY) for app in (mocks[0], MUTANTS[name].around(mocks[1])))

    assert runner.verify(sound, plan, CONTRACT).exit_status == 0
    assert runner.verify(broken, plan, CONTRACT).exit_status == 1


@pytest.mark.soak
@pytest.mark.parametrize(("calls", "least"), [(60, 0.60), (150, 0.85)])
def test_larger_budget_finds_more_of_the_conditional_defects(calls: int, least: float) -> None:
    found = [name for name in MUTANTS if is_found(name, 60) or (calls > 60 and is_found(name, calls))]

    assert len(found) >= least * len(MUTANTS)
