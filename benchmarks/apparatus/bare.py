"""The floor that the mock is measured against: Flask that reads JSON and answers a canned string, under granian.

    python -m benchmarks.apparatus.bare PORT

It imports nothing else, so that its start and its memory are Flask's and granian's.
"""

from __future__ import annotations

import json
import sys

import flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

__all__ = ["bare_app"]


def bare_app() -> flask.Flask:
    """Make the application."""
    app = flask.Flask("bare")

    @app.post("/sam3/concept_segment")
    def answer() -> str:
        json.loads(flask.request.get_data())
        return '{"time": 0.1, "prompt_results": []}'

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    return app


if __name__ == "__main__":
    server = Granian(
        "app",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        blocking_threads=8,
        backpressure=256,
        log_level=LogLevels.error,
    )
    server.serve(target_loader=bare_app, wrap_loader=False)
