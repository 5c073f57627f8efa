"""Formats, numbers of masks, models and versions: options by their defaults, written out, or null."""

from __future__ import annotations

import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.answers import shrunk, without_results
from benchmarks.mutants.asked import NMS, THRESHOLD, of_concept, of_visual
from benchmarks.mutants.pictures import frame_of
from benchmarks.mutants.server import Call, Kind, failure, invalid, redrawn, refusal

mutant = Kind()
MUTANTS = mutant.mutants

_NOT_FOUND = {"message": "Requested Roboflow resource not found."}


@mutant
def default_format_of_visual_is_rle(call: Call) -> Response:
    return call.ask(format="rle") if of_visual(call) and "format" not in call.body else call.ask()


@mutant
def default_format_of_concept_is_rle(call: Call) -> Response:
    return call.ask(format="rle") if of_concept(call) and "format" not in call.body else call.ask()


@mutant
def default_format_beside_an_image_id_is_rle(call: Call) -> Response:
    by_default = of_visual(call) and "format" not in call.body
    return call.ask(format="rle") if by_default and call.body.get("image_id") else call.ask()


@mutant
def format_left_out_beside_a_threshold_is_rle(call: Call) -> Response:
    return call.ask(format="rle") if THRESHOLD in call.body and "format" not in call.body else call.ask()


@mutant
def json_of_several_prompts_is_rle(call: Call) -> Response:
    several = of_visual(call) and len(call.prompts) > 1
    return call.ask(format="rle") if several and call.body.get("format") == "json" else call.ask()


@mutant
def models_of_a_project_answer_polygons_only(call: Call) -> Response:
    model = call.body.get("model_id")
    trained = of_concept(call) and isinstance(model, str) and not model.startswith("sam3")
    return call.ask(format="polygon") if trained and call.body.get("format") == "rle" else call.ask()


@mutant
def one_mask_asked_for_as_json_is_three(call: Call) -> Response:
    is_json = of_visual(call) and call.body.get("format", "json") == "json"
    return call.ask(multimask_output=True) if is_json and "multimask_output" in call.body else call.ask()


@mutant
def one_mask_asked_for_as_binary_is_json(call: Call) -> Response:
    single = of_visual(call) and call.body.get("multimask_output") is False
    return call.ask(format="json") if single and call.body.get("format") == "binary" else call.ask()


@mutant
def one_mask_without_a_prompt_is_three(call: Call) -> Response:
    unprompted = of_visual(call) and call.body.get("prompts") in (None, [], {}, {"prompts": []})
    return call.ask(multimask_output=...) if unprompted and "multimask_output" in call.body else call.ask()


@mutant
def masks_without_a_prompt_are_of_the_whole_image(call: Call) -> Response:
    if of_visual(call) and not call.body.get("prompts"):
        return redrawn(call.ask(), lambda bitmap, _: np.zeros_like(bitmap), size=frame_of(call))
    return call.ask()


@mutant
def prompts_of_null_answer_500(call: Call) -> Response:
    asks_null = of_visual(call) and "prompts" in call.body and call.body["prompts"] is None
    return failure() if asks_null else call.ask()


@mutant
def empty_list_of_prompts_answers_500(call: Call) -> Response:
    empty = of_visual(call) and call.body.get("prompts") in ([], {"prompts": []})
    return failure() if empty else call.ask()


@mutant
def null_for_an_optional_field_is_refused(call: Call) -> Response:
    named = [name for name in (THRESHOLD, NMS, "image_id", "model_id") if name in call.body and call.body[name] is None]
    if named and call.request.method == "POST":
        return invalid("missing", "Field required", {}, named[0])
    return call.ask()


@mutant
def id_of_a_request_that_is_no_uuid_is_refused(call: Call) -> Response:
    name = call.body.get("id")
    if not isinstance(name, str) or len(name.replace("-", "")) == 32:
        return call.ask()
    return invalid("uuid_parsing", "Input should be a valid UUID", name, "id")


@mutant
def requests_that_are_not_billed_find_nothing(call: Call) -> Response:
    return without_results(call, lambda _: True) if call.body.get("usage_billable") is False else call.ask()


@mutant
def model_named_in_a_visual_request_is_looked_up(call: Call) -> Response:
    named = not of_concept(call) and call.body.get("model_id") not in (None, "sam3/sam3_interactive")
    message = "Requested Roboflow resource not found. Make sure that workspace, project or model exists."
    return refusal(404, {"message": message}) if named else call.ask()


@mutant
def version_hiera_b_plus_is_refused(call: Call) -> Response:
    if call.body.get("sam2_version_id") != "hiera_b_plus":
        return call.ask()
    message = "Input should be 'hiera_large', 'hiera_small', 'hiera_tiny' or 'hiera_base_plus'"
    return invalid("literal_error", message, "hiera_b_plus", "sam2_version_id")


@mutant
def sam2_versions_other_than_large_are_not_found(call: Call) -> Response:
    version = call.body.get("sam2_version_id", "hiera_large")
    other = version in ("hiera_tiny", "hiera_small", "hiera_b_plus")
    return refusal(404, _NOT_FOUND) if other else call.ask()


@mutant
def model_version_written_out_is_another_model(call: Call) -> Response:
    another = "sam2_version_id" in call.body
    return redrawn(call.ask(), shrunk(1), size=frame_of(call)) if another else call.ask()
