"""The parameters of a request's URL."""

from __future__ import annotations

from urllib.parse import parse_qsl

from werkzeug import Request


def parameters(request: Request) -> dict[str, str]:
    """Read a query as the service does: of a parameter that comes twice the last one counts."""
    return dict(parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True))
