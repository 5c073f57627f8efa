"""The application in the situations that the live service does not show on request."""

import io
from pathlib import Path

import cutout
import numpy as np
import pytest
from cutout import CutoutError, cut_out
from PIL import Image


@pytest.fixture
def photograph():
    content = io.BytesIO()
    Image.new("RGB", (90, 60), (10, 120, 30)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def cut(sam3_mock, photograph):
    given = {"key": sam3_mock.api_key, "service": sam3_mock.url, "timeout": 3}
    return lambda text, **more: cut_out(photograph, text, **{**given, **more})


def test_hole_stays_transparent(cut):
    (one,) = cut("specimen:hole")

    opaque = np.asarray(one.picture.getchannel("A")) == 255
    assert opaque[0].any()
    assert not opaque[opaque.shape[0] // 2, opaque.shape[1] // 2]


@pytest.mark.parametrize("text", ["specimen:nothing", "specimen:empty"])
def test_nothing_found_is_an_empty_list(cut, text):
    assert cut(text) == []


def test_object_of_the_photographs_size_is_cut_whole(cut):
    (one,) = cut("specimen:full-frame")

    assert (one.corner, one.picture.size) == ((0, 0), (90, 60))


@pytest.mark.sam3_scenario(name="busy", answers=[{"status": 503}, {"status": 429}, "normal"])
def test_busy_service_is_asked_again(sam3_mock, cut):
    cut("dog")

    sam3_mock.assert_called("concept_segment", text="dog", times=3)


@pytest.mark.sam3_faults("status:402")
def test_credits_that_are_used_up_are_named_once(sam3_mock, cut):
    with pytest.raises(CutoutError, match=r"the service refuses: 402 \w"):
        cut("dog")

    sam3_mock.assert_called("concept_segment", times=1)


@pytest.mark.sam3_scenario(answers=[{"delay": 0.5}])
def test_late_service_is_not_waited_for(cut):
    with pytest.raises(CutoutError, match="does not answer"):
        cut("dog", timeout=0.1)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("html_from_proxy", "answered 502, and not in JSON"),
        ("body_truncated", "answered 200, and not in JSON"),
        ("connection_reset", "does not answer"),
        ("size_swapped", r"size is swapped: \[90, 60\] would be \[60, 90\]"),
    ],
)
def test_broken_answer_is_an_error_of_the_application(sam3_mock, cut, fault, says):
    sam3_mock.faults = [fault]

    with pytest.raises(CutoutError, match=says) as raised:
        cut("specimen:hole")
    assert sam3_mock.api_key not in str(raised.value)


def test_command_writes_the_pictures(sam3_intercept, monkeypatch, photograph, tmp_path, capsys):
    """The command knows the service's URL by heart: its calls are intercepted."""
    monkeypatch.setenv("ROBOFLOW_API_KEY", "any")
    file = tmp_path / "dogs.png"
    file.write_bytes(photograph)

    assert cutout.main([str(file), "specimen:touching", str(tmp_path / "out")]) == 0

    written = sorted(path.name for path in Path(tmp_path / "out").iterdir())
    assert written == ["dogs-1.png", "dogs-2.png"]
    assert capsys.readouterr().out == "2 found\n"
    sam3_intercept.assert_called("concept_segment", text="specimen:touching", image=photograph, format="rle")
