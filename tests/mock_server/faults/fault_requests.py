"""The handful of requests that every fault of the catalogue shows in."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from PIL import Image

from tests.mock_server.client import KEY, Json, center_box, click

REFUSED_KEY = "a-key-without-credits"
BEARER = {"Authorization": f"Bearer {KEY}"}
Sent = tuple[int, bytes, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        operation: Its ``operationId``.
        body: JSON, or bytes to be sent as they are.
        method: HTTP method.
        query: With the question mark.
        headers: Besides the media type.
    """

    operation: str
    body: Json | bytes | None
    method: str = "POST"
    query: str = ""
    headers: dict[str, str] = field(default_factory=lambda: BEARER)

    def send(self, client: FlaskClient, fault: str = "") -> Sent | str:
        """Return status, body and headers; the words of a connection that broke."""
        headers = {**self.headers, **({"X-Mock-Fault": fault} if fault else {})}
        content: dict[str, Any] = {"json": self.body}
        if isinstance(self.body, bytes):
            content = {"data": self.body, "content_type": "application/json"}
        path = f"/sam3/{self.operation}{self.query}"
        try:
            answer = client.open(path, method=self.method, headers=headers, **content)
        except ConnectionError as error:
            return str(error)
        changing = {"x-request-id", "x-mock-fault"}
        named = ((name.lower(), value) for name, value in answer.headers)
        return answer.status_code, answer.get_data(), tuple(sorted(pair for pair in named if pair[0] not in changing))


def texts(*names: str) -> list[Json]:
    return [{"type": "text", "text": name} for name in names]


@cache
def picture(mode: str = "RGB", form: str = "JPEG", width: int = 64, height: int = 48, orientation: int = 1) -> str:
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.new(mode, (width, height)).save(file, form, **({"exif": exif} if orientation > 1 else {}))
    return base64.b64encode(file.getvalue()).decode()


def as_base64(value: str) -> Json:
    return {"type": "base64", "value": value}


JPEG = as_base64(picture())
URL = {"type": "url", "value": "https://example.com/a.jpg"}
BOX = {"x": 20, "y": 10, "width": 24, "height": 20}
CLICKS = [click(20, 20), click(44, 30), click(24, 24, positive=False)]
CORNERS = {"x0": 3, "y0": 4, "x1": 30, "y1": 20}

_MANY = [
    {"text": "Red Disc ", "output_prob_thresh": 0.9},
    {"text": "猫", "output_prob_thresh": 0.1},
    *texts("dog", "specimen:parts", "specimen:nothing", "specimen:confidences", "specimen:hole", "dog"),
    *texts("specimen:full-frame", "specimen:empty"),
]
_EXEMPLARS = [
    {"type": "visual", "boxes": [BOX, CORNERS], "box_labels": [1, 1]},
    {"text": "dog", "boxes": [BOX], "box_labels": [1]},
    {"text": "cat", "boxes": [BOX, {"x0": 0, "y0": 0, "x1": 20, "y1": 40}], "box_labels": [1, 0]},
]
_OVERLAPPING = texts("specimen:overlapping", "specimen:nested", "specimen:parts", "specimen:hole")
_VISUAL = {"prompts": [{"points": CLICKS[:1]}, {"points": CLICKS}, {"points": CLICKS, "box": center_box(**BOX)}]}


def concept(prompts: list[Json], **fields: Any) -> Asked:
    return Asked("concept_segment", {"image": JPEG, **fields, "prompts": prompts})


def visual(prompts: Any, **fields: Any) -> Asked:
    return Asked("visual_segment", {"image": JPEG, **fields, "prompts": prompts})


def _of_image(image: Json) -> Iterator[Asked]:
    yield concept(texts("specimen:parts"), image=image, format="rle")
    yield visual([{"points": CLICKS}], image=image, format="rle")


HOLE = concept(texts("specimen:hole"))
REQUESTS: dict[str, Asked] = {
    "concept polygons": concept(_MANY, output_prob_thresh=0.2),
    "concept run lengths": concept(_MANY, output_prob_thresh=0.2, format="rle"),
    "concept nms": concept(_OVERLAPPING, format="rle", nms_iou_threshold=0.3),
    "concept nms 1": concept(texts("specimen:hole", "specimen:hole"), format="rle", nms_iou_threshold=1),
    "concept defaults": concept(texts("specimen:overlapping", "specimen:confidences", "cat")),
    "concept exemplars": concept(_EXEMPLARS, format="rle"),
    "visual polygons": visual(_VISUAL),
    "visual run lengths": visual(_VISUAL, format="rle"),
    "visual archive": visual(_VISUAL, format="binary"),
    "visual single": visual({"box": center_box(**BOX)}, format="rle", multimask_output=False),
    "embed": Asked("embed_image", {"image": JPEG, "image_id": "first"}),
    "visual by id": visual([{"points": CLICKS}], image=as_base64(picture("RGB", "PNG")), image_id="second"),
    "visual by known id": visual([{"points": CLICKS}], image=URL, image_id="first"),
    **{
        f"{one.operation} {name}": one
        for name, image in {
            "PNG": as_base64(picture("RGB", "PNG")),
            "grey": as_base64(picture("L", "PNG")),
            "alpha": as_base64(picture("RGBA", "PNG")),
            "URL": URL,
            "data URI": as_base64(f"data:image/jpeg;base64,{picture()}"),
            "sideways": as_base64(picture(orientation=6)),
            "large": as_base64(picture(width=1200, height=90)),
        }.items()
        for one in _of_image(image)
    },
    "no image": Asked("concept_segment", {"prompts": texts("dog")}),
    "no such image": concept(texts("dog"), image=as_base64("aGVsbG8=")),
    "no prompts": concept([]),
    "sixteen": concept(texts(*map(str, range(16)))),
    "seventeen": concept(texts(*map(str, range(17)))),
    "unknown format": concept(texts("dog"), format="yaml"),
    "bad threshold": concept(texts("dog"), output_prob_thresh="high"),
    "unequal labels": concept([{"text": "dog", "boxes": [BOX], "box_labels": [1, 1]}]),
    "no JSON": Asked("concept_segment", b'{"image": '),
    "no key": Asked("concept_segment", HOLE.body, headers={}),
    "refused key": Asked("concept_segment", HOLE.body, headers={}, query=f"?api_key={REFUSED_KEY}"),
    "key in query": Asked("concept_segment", HOLE.body, headers={}, query=f"?api_key={KEY}"),
    "comma": concept(texts("dog, or a cat")),
    "nothing packed": Asked("concept_segment", HOLE.body, headers={**BEARER, "Accept-Encoding": "identity"}),
    "GET": Asked("concept_segment", None, method="GET"),
}
