"""Hypothesis strategies for what no schema can describe: real image files, and prompts that fit them."""

from __future__ import annotations

import base64
import io
from typing import Final

from hypothesis import strategies as st
from PIL import Image, ImageDraw

MAX_SIDE: Final = 48
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_MODES: Final = {"PNG": ("RGB", "RGBA", "L", "P", "1"), "GIF": ("P",), "WEBP": ("RGB", "RGBA")}


@st.composite
def image_files(draw: st.DrawFn) -> bytes:
    """Generate small image files of every format the service decodes, whole and decodable."""
    image_format = draw(st.sampled_from(_FORMATS))
    size = draw(st.tuples(st.integers(1, MAX_SIDE), st.integers(1, MAX_SIDE)))
    image = Image.new("RGB", size, draw(st.sampled_from(["white", "navy", "olive"])))
    corner = draw(st.tuples(st.integers(0, MAX_SIDE), st.integers(0, MAX_SIDE)))
    ImageDraw.Draw(image).rectangle((0, 0, *corner), fill="tomato")
    mode = draw(st.sampled_from(_MODES.get(image_format, ("RGB", "L"))))
    exif = Image.Exif()
    if image_format == "JPEG":
        exif[0x0112] = draw(st.integers(1, 8))
    file = io.BytesIO()
    image.convert(mode).save(file, image_format, exif=exif)
    return file.getvalue()


def base64_images() -> st.SearchStrategy[str]:
    """Generate the ``value`` of images of type base64, now and then as a data URI."""
    plain = image_files().map(lambda content: base64.b64encode(content).decode("ascii"))
    # The service looks at the bytes, not at the type that a data URI claims.
    return st.builds("{}{}".format, st.sampled_from(["", "", "data:image/png;base64,"]), plain)


def image_urls() -> st.SearchStrategy[str]:
    """Generate the ``value`` of images of type url: https, and a host with its full domain name."""
    name = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
    return st.builds("https://images.example.com/{}.jpg".format, name)


def model_ids() -> st.SearchStrategy[str]:
    """Generate model ids that name a model, base or fine-tuned."""
    fine_tuned = st.builds("{}/{}".format, st.sampled_from(["cars", "my-project"]), st.integers(1, 99))
    return st.sampled_from(["sam3", "sam3/sam3_final"]) | fine_tuned
