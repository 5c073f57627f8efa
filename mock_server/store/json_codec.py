"""Values written as JSON by their own types, for stores that keep bytes."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from mock_server.store.protocol import Codec

T = TypeVar("T")


def json_codec(kind: type[T]) -> Codec[T]:
    """Write values of a dataclass as JSON, and read them again; bytes in them as base64."""
    key: Any = kind
    return Codec(lambda value: _adapter(key).dump_json((value,)), lambda text: _adapter(key).validate_json(text)[0])


@cache
def _adapter(kind: Any) -> Any:
    # Only here: a mock that keeps everything to itself needs none.
    from pydantic import ConfigDict, TypeAdapter  # noqa: PLC0415

    # A tuple of one, as pydantic takes no configuration for a dataclass itself.
    return TypeAdapter(tuple[kind], config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
