"""Contract tests for the SAM 3 API: the contract as a file, and checks that hold any server to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sam3_contract.interception import intercept

__all__ = ["intercept"]


def __getattr__(name: str) -> Any:
    # On demand: it brings the mock and four HTTP libraries, which no other part of the package waits for.
    if name == "intercept":
        from sam3_contract.interception import intercept  # noqa: PLC0415

        return intercept
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
