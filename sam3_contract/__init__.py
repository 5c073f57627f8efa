"""Contract tests for the SAM 3 API: the contract as a file, and checks that hold any server to it.

What most users need is here, imported when it is first used:

* :func:`create_mock`: a mock of the service in this process;
* :func:`intercept`: the same in the place of the hosted service, for code with a hard-coded URL;
* :func:`verify`: a server or an application held to the contract;
* :func:`find_defects`, :func:`assert_masks_equal`: what is wrong with a mask, and how two masks differ;
* :func:`audit`: what is wrong with the masks of an archive of any size;
* :class:`Contract`: the OpenAPI document, for programs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sam3_contract.facade import facade

if TYPE_CHECKING:
    from sam3_contract.auditing import audit
    from sam3_contract.installed import __version__
    from sam3_contract.interception import create_mock, intercept
    from sam3_contract.masks import find_defects
    from sam3_contract.spec import Contract
    from sam3_contract.testing import assert_masks_equal
    from sam3_contract.verifying import verify

__all__ = [
    "Contract",
    "__version__",
    "assert_masks_equal",
    "audit",
    "create_mock",
    "find_defects",
    "intercept",
    "verify",
]

# On demand: they bring the mock, OpenCV and HTTP libraries, for which no other part of the package waits.
_HOMES: Final = {
    "Contract": "sam3_contract.spec",
    "__version__": "sam3_contract.installed",
    "assert_masks_equal": "sam3_contract.testing",
    "audit": "sam3_contract.auditing",
    "create_mock": "sam3_contract.interception",
    "find_defects": "sam3_contract.masks",
    "intercept": "sam3_contract.interception",
    "verify": "sam3_contract.verifying",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = facade(__name__, _HOMES)
