"""Which engine answers: by settings, by the name of somebody's own, by the header of a request."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from mock_server import Settings, control_of, create_app
from mock_server.engines.named import engine_of
from mock_server.engines.pixels.engine import Pixels
from mock_server.engines.synthetic import Synthetic
from sam3_contract import create_mock, verify
from sam3_contract.errors import UsageError
from tests.mock_server.client import Client, Json, click
from tests.mock_server.engines.test_protocol import Reddish, photograph, sent

HEADER = "X-Mock-Engine"
BODY: Json = {"image": sent(photograph()), "prompts": [{"text": "red"}], "format": "rle"}


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (Client(), "synthetic"),
        (Client(Settings(engine="pixels")), "pixels"),
        (Client(Settings(engine=Reddish())), "Reddish"),
        (Client(engine=Reddish()), "Reddish"),
    ],
)
def test_front_page_for_programs_names_the_engine(client: Client, name: str) -> None:
    assert client.http.get("/").get_json()["engine"] == name


def answer(client: Client, engine: str | None = None, body: Json = BODY, operation: str = "concept_segment") -> Json:
    headers = {"Authorization": "Bearer any"} | ({HEADER: engine} if engine else {})
    response = client.http.post(f"/sam3/{operation}", json=body, headers=headers)
    return {"status": response.status_code, "masks": response.headers["x-mock-masks"], **response.get_json()}


def test_settings_name_an_engine() -> None:
    pixels, synthetic, own = Client(Settings(engine="pixels")), Client(), Client(Settings(engine=Reddish()))

    assert [answer(one)["masks"] for one in (pixels, synthetic, own)] == ["estimated", "exact", "estimated"]
    assert answer(pixels)["prompt_results"] != answer(synthetic)["prompt_results"]
    assert answer(own)["prompt_results"][0]["predictions"][0]["confidence"] == pytest.approx(0.9)
    assert create_mock(engine="pixels").settings.engine == "pixels"


def test_request_names_an_engine_for_itself() -> None:
    client = Client()
    before = answer(client)

    assert answer(client, "pixels")["prompt_results"] == answer(Client(Settings(engine="pixels")))["prompt_results"]
    assert answer(client, "pixels")["masks"] == "estimated"
    assert answer(client, "synthetic")["prompt_results"] == before["prompt_results"] == answer(client)["prompt_results"]


def test_each_engine_remembers_images_of_its_own_until_all_are_reset() -> None:
    client = Client()
    embed = {"image": BODY["image"], "image_id": "one"}
    asked = {"image": sent(b"?"), "image_id": "one", "prompts": [{"points": [click(25, 7)]}]}

    assert answer(client, "pixels", embed, "embed_image")["status"] == 200
    assert answer(client, "pixels", asked, "visual_segment")["status"] == 200
    assert answer(client, None, asked, "visual_segment")["status"] == 400
    control_of(client.http.application).reset()
    assert answer(client, "pixels", asked, "visual_segment")["status"] == 400


@pytest.mark.parametrize(("control", "engine"), [(True, "os:getcwd"), (True, "pixel"), (False, "pixels")])
def test_request_names_no_other_engine_and_imports_nothing(control: bool, engine: str) -> None:
    refused = answer(Client(Settings(control=control)), engine)

    assert refused["status"] == 599
    assert HEADER.lower() in refused["message"]


def test_engines_by_name() -> None:
    assert isinstance(engine_of("synthetic"), Synthetic)
    assert isinstance(engine_of("pixels"), Pixels)
    assert isinstance(engine_of("tests.mock_server.engines.test_protocol:Reddish"), Reddish)


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ("pixel", "give synthetic, pixels or MODULE:FACTORY"),
        (":x", "give synthetic"),
        ("no_such_module:Engine", "cannot be imported: No module named 'no_such_module'"),
        ("json:Engine", "cannot be imported: module 'json' has no attribute 'Engine'"),
        ("string:digits", "is called without arguments"),
        ("collections:OrderedDict", "no reads_pixels and no find and no segment"),
    ],
)
def test_what_is_no_engine_is_said(choice: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        create_app(Settings(engine=choice))


def test_value_that_is_no_engine_is_said() -> None:
    with pytest.raises(UsageError, match="has no reads_pixels and no find and no segment"):
        engine_of(object())  # type: ignore[arg-type]


def test_pixels_keep_the_contract_on_pictures_that_nobody_drew_for_them(tmp_path: Path) -> None:
    photograph = tmp_path / "coffee.png"
    Image.fromarray(data.coffee()).save(photograph)

    run = verify(create_mock(engine="pixels"), images=photograph, texts=["cup", "red"])

    run.assert_held()
    judged = {outcome.check.code for outcome in run.outcomes if outcome.judged}
    assert judged >= {"V03", "V04", "V05", "V07", "R01", "R02", "R03", "R04", "R06"}


def test_pixels_see_the_drawn_scenes_without_knowing_them() -> None:
    run = verify(create_mock(engine="pixels", scenes=False), operations="visual_segment", max_calls=40)

    run.assert_held()
    assert {outcome.check.code for outcome in run.outcomes if outcome.judged} >= {"G01", "G02"}
