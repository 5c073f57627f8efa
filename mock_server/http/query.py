"""The parameters of a request's URL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import parse_qsl

from werkzeug import Request


def parameters(request: Request) -> Mapping[str, str]:
    """Read a query as the service does: of a parameter that comes twice the last one counts."""
    return _read(request.query_string)


@lru_cache(maxsize=16)  # a request is asked for its parameters several times, and most clients have one query
def _read(query: bytes) -> Mapping[str, str]:
    return MappingProxyType(dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)))
