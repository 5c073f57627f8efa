"""What is kept from one request to another, and under which name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from benchmarks.mutants.server import Call, Json, edited


def cached_without(call: Call, simplify: Callable[[Json], Json]) -> Response:
    """Answer from a cache whose key lacks something of the request; only what was answered 200 is kept."""
    key = (call.operation, json.dumps(simplify(json.loads(json.dumps(call.body))), sort_keys=True))
    if key in call.state.kept:
        response = call.ask()  # whose headers are this request's own
        if response.status_code == 200:
            body, content_type = call.state.kept[key]
            response.set_data(body)
            response.headers["content-type"] = content_type
        return response
    response = call.ask()
    if response.status_code == 200:
        call.state.kept[key] = (response.get_data(), response.headers["content-type"])
    return response


def renamed(call: Call, rename: Callable[[str], str | None], **changes: Any) -> Response:
    """Ask under another name of the image, and answer the one that was sent."""
    name = call.body.get("image_id")
    if not isinstance(name, str):
        return call.ask()

    def restored(body: Json) -> None:
        if "image_id" in body:
            body["image_id"] = name

    return edited(call.ask(image_id=rename(name), **changes), restored)
