"""The application against the mock; with `--sam3-live`, the same tests against the live service.

pytest examples/cutout
ROBOFLOW_API_KEY=... pytest examples/cutout --sam3-live
"""

import io

import numpy as np
import pytest
from cutout import CutoutError, cut_out
from PIL import Image, ImageDraw


def drawn_photograph(*, orientation=1, form="JPEG"):
    """A red disc on a grey ground, 240 x 160."""
    picture = Image.new("RGB", (240, 160), (120, 120, 120))
    ImageDraw.Draw(picture).ellipse((70, 30, 170, 130), fill=(200, 30, 30))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = io.BytesIO()
    picture.save(content, form, exif=exif)
    return content.getvalue()


@pytest.fixture
def cut(sam3):
    given = {"key": sam3.api_key, "service": sam3.url, "timeout": 60 if sam3.live else 3}
    return lambda photograph, text, **more: cut_out(photograph, text, **given, **more)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_cutouts_lie_in_the_photograph_and_fill_their_pictures(cut, form):
    cutouts = cut(drawn_photograph(form=form), "red circle")

    assert cutouts
    for one in cutouts:
        opaque = np.asarray(one.picture.getchannel("A")) == 255
        assert opaque.any(axis=0)[[0, -1]].all()
        assert opaque.any(axis=1)[[0, -1]].all()
        assert one.corner[0] + one.picture.width <= 240
        assert one.corner[1] + one.picture.height <= 160


def test_photograph_that_lies_on_its_side_is_cut_upright(cut):
    cutouts = cut(drawn_photograph(orientation=6), "red circle")

    assert cutouts
    assert all(one.corner[0] + one.picture.width <= 160 for one in cutouts)


def test_surest_cutout_comes_first(cut):
    confidences = [one.confidence for one in cut(drawn_photograph(), "red circle", threshold=0.1)]

    assert confidences == sorted(confidences, reverse=True)


def test_key_that_is_wrong_is_said_to_be(sam3):
    if not sam3.live:
        sam3.use(api_keys=frozenset({sam3.api_key}))

    with pytest.raises(CutoutError, match=r"the service refuses: 40[13]"):
        cut_out(drawn_photograph(), "red circle", key="wrong", service=sam3.url)


def test_file_that_is_no_photograph_is_not_sent(sam3_mock):
    with pytest.raises(CutoutError, match="no photograph"):
        cut_out(b"GIF89a?", "dog", key=sam3_mock.api_key, service=sam3_mock.url)

    sam3_mock.assert_not_called("concept_segment")
