"""Contract tests for the SAM 3 API: the contract as a file, and checks that hold any server to it.

What most users need is here, imported when it is first used:

* :func:`create_mock`: a mock of the service in this process;
* :func:`intercept`: the same in the place of the hosted service, for code with a hard-coded URL;
* :func:`verify`: a server or an application held to the contract;
* :func:`find_defects`, :func:`assert_masks_equal`: what is wrong with a mask, and how two masks differ;
* :class:`Contract`: the OpenAPI document, for programs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sam3_contract.interception import create_mock, intercept
    from sam3_contract.masks import find_defects
    from sam3_contract.spec import Contract
    from sam3_contract.testing import assert_masks_equal
    from sam3_contract.verifying import verify

    __version__: str

__all__ = ["Contract", "__version__", "assert_masks_equal", "create_mock", "find_defects", "intercept", "verify"]

# Imported on demand: they bring the mock, OpenCV and HTTP libraries, for which no other part of the package waits.
_HOMES: Final = {
    "Contract": "sam3_contract.spec",
    "assert_masks_equal": "sam3_contract.testing",
    "create_mock": "sam3_contract.interception",
    "find_defects": "sam3_contract.masks",
    "intercept": "sam3_contract.interception",
    "verify": "sam3_contract.verifying",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = import_module("importlib.metadata").version("sam3-contract")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value  # the next time it is simply there
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
