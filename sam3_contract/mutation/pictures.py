"""Pictures of masks that were wrong without anybody noticing."""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sam3_contract.errors import Sam3ContractError
from sam3_contract.exchanges.drawing import draw_masks, enlargement, layers_of, open_photograph

if TYPE_CHECKING:
    from PIL import Image

    from sam3_contract.interception.trial import Answered

__all__ = ["pictures_of"]


def pictures_of(clean: Sequence[Answered], answers: Sequence[Answered]) -> Mapping[str, str]:
    """Draw the first answer that a fault changed, and what it would have been.

    Returns:
        PNG files in base64, by what they show; none if there is no image, or what was answered cannot be drawn.
    """
    for one, other in zip(clean, answers, strict=False):
        if one.content != other.content:
            drawn = {"without the fault": _drawn(one), "with it": _drawn(other)}
            return {words: picture for words, picture in drawn.items() if picture is not None}
    return {}


def _drawn(answered: Answered) -> str | None:
    try:
        photograph = open_photograph(_image_of(json.loads(answered.asked)))
        layers = list(layers_of(json.loads(answered.content), size=(photograph.height, photograph.width)))
        return _png(draw_masks(photograph, layers, times=enlargement(photograph)))
    except (Sam3ContractError, binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # whatever a fault made of the answer: a picture is a bonus


def _image_of(body: Any) -> bytes:
    image = body["image"]
    if image["type"] != "base64":
        raise KeyError("no image at hand")
    return base64.b64decode(image["value"])


def _png(picture: Image.Image) -> str:
    picture.thumbnail((640, 640))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
