"""What the tests of the mock share: a client that has a key, image files of a few bytes, and masks as bitmaps."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from werkzeug.test import TestResponse

from mock_server import Settings, create_app
from mock_server.engines.protocol import Engine
from sam3_contract import masks
from sam3_contract.images.bounds import MAX_TRIED

KEY = "a-key-for-tests"

Json = dict[str, Any]
Bitmap = NDArray[np.bool_]


class Client:
    """A client of a mock of its own.

    Args:
        settings: How the mock behaves.
        engine: Where its masks come from.
    """

    def __init__(self, settings: Settings | None = None, *, engine: Engine | None = None) -> None:
        self.http = create_app(settings, engine=engine).test_client()

    def post(self, operation: str, body: Json) -> TestResponse:
        return self.http.post(f"/sam3/{operation}", json=body, headers={"Authorization": f"Bearer {KEY}"})

    def send(self, operation: str, content: bytes, content_type: str | None = "application/json") -> TestResponse:
        """Post a body as it is."""
        headers = {"Authorization": f"Bearer {KEY}"}
        return self.http.post(f"/sam3/{operation}", data=content, content_type=content_type, headers=headers)

    def ask(self, operation: str, body: Json) -> Any:
        """Post a good request; return the decoded answer."""
        answer = self.post(operation, body)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    def concept(self, prompts: list[Json], **fields: Any) -> list[Json]:
        """Return the results of concept prompts; all that is found, as run lengths, unless told otherwise."""
        body = {"image": IMAGE, "format": "rle", "output_prob_thresh": 0, **fields, "prompts": prompts}
        results: list[Json] = self.ask("concept_segment", body)["prompt_results"]
        return results

    def visual(self, prompts: Any, **fields: Any) -> list[Json]:
        """Return the predictions of visual prompts; as run lengths unless told otherwise."""
        predictions: list[Json] = self.ask(
            "visual_segment", {"image": IMAGE, "format": "rle", **fields, "prompts": prompts}
        )["predictions"]
        return predictions

    def arrays(self, prompts: Any, **fields: Any) -> dict[str, NDArray[Any]]:
        """Return the arrays of a binary answer."""
        answer = self.post("visual_segment", {"image": IMAGE, "format": "binary", **fields, "prompts": prompts})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        with np.load(io.BytesIO(answer.get_data()), allow_pickle=False) as archive:
            return dict(archive)


def png(width: int, height: int, content: str = "") -> bytes:
    """Write a black PNG; other content is another image. One that is too large to be decoded holds no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    words = b"Comment\0" + content.encode("latin-1", "replace")
    chunks = ((b"IHDR", header), (b"tEXt", words), (b"IDAT", black(width, height)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


@cache
def black(width: int, height: int) -> bytes:
    return zlib.compress(bytes(height * (1 + (width + 7) // 8))) if width * height <= MAX_TRIED else b""


def image(width: int, height: int, content: str = "") -> Json:
    """Make the `image` of a request."""
    return {"type": "base64", "value": base64.b64encode(png(width, height, content)).decode()}


IMAGE = image(64, 48)


def bitmap_of(prediction: Json) -> Bitmap:
    """Decode a prediction's run lengths, with another codec than the one that wrote them."""
    return masks.bitmap_from_rle(prediction["masks"])


def bitmaps_of(predictions: list[Json]) -> list[Bitmap]:
    return [bitmap_of(prediction) for prediction in predictions]


def center_box(x: float, y: float, width: float, height: float) -> Json:
    return {"x": x, "y": y, "width": width, "height": height}


def click(x: float, y: float, *, positive: bool = True) -> Json:
    return {"x": x, "y": y, "positive": positive}
