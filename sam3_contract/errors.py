"""Every exception of the package, and the exit statuses that programs end with.

Two families that never mix: what *we* could not do, and what the *server* got wrong::

    Sam3ContractError            we could not do what was asked
      UsageError                 the arguments make no sense together
        ScenarioError            this scenario of a mock says nothing that can be done
      SpecError                  the OpenAPI document cannot be used
      ImageError                 these bytes are no image a server would decode
      MaskError                  this payload describes no mask
        RleError
        PolygonError
        BinaryMaskError
      SnapshotError              this snapshot cannot be taken, read or written
      OutputError                a file cannot be written where it was asked for
      HarError                   this file holds no recorded traffic that can be judged
      ProbeError                 a function cannot be tried under faults
      ReportError                a report cannot be written
      StoreError                 what mocks share cannot be reached
      TransportError             no answer to judge
        AskedError               none either, but what was asked may have been worked on, and charged
      NetworkRefusedError        a request to a host that an interception lets nobody reach
    ContractViolation            the server answered and broke the contract (an AssertionError)
      AnswerError                this answer is not what the service promises

Messages say what is wrong with which value against what was expected, then the next step if there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

__all__ = [
    "BROKEN",
    "HELD",
    "UNJUDGED",
    "USAGE",
    "AnswerError",
    "AskedError",
    "BaselineError",
    "BinaryMaskError",
    "ContractViolation",
    "HarError",
    "ImageError",
    "MaskError",
    "NetworkRefusedError",
    "OutputError",
    "PolygonError",
    "ProbeError",
    "ReportError",
    "RleError",
    "Sam3ContractError",
    "ScenarioError",
    "SnapshotError",
    "SpecError",
    "StoreError",
    "TransportError",
    "UsageError",
]


HELD: Final = 0
BROKEN: Final = 1
USAGE: Final = 2
UNJUDGED: Final = 3
"""Exit statuses: all held, the contract was broken, the arguments are off, it could not be judged."""


class Sam3ContractError(Exception):
    """What was asked could not be done; the message says why and what to do next.

    Attributes:
        exit_status: What a program ends with that cannot go on: :data:`USAGE`, or :data:`UNJUDGED` where no change of
            the arguments would do.
    """

    exit_status: ClassVar[int] = USAGE


class UsageError(Sam3ContractError):
    """The arguments are off: an unknown name, or options that exclude each other."""


class ScenarioError(UsageError):
    """A scenario of a mock says nothing that can be done.

    Attributes:
        origin: The file, or what else the scenario came in.
        line: Of the mistake, from 1; ``None`` if it cannot be told.
    """

    def __init__(self, message: str, *, origin: str, line: int | None = None) -> None:
        super().__init__(message)
        self.origin = origin
        self.line = line


class SpecError(Sam3ContractError):
    """The OpenAPI document cannot be read, resolved or served."""


class ImageError(Sam3ContractError):
    """These bytes are no image that the service would decode."""

    exit_status = UNJUDGED


class MaskError(Sam3ContractError):
    """This payload describes no mask.

    Attributes:
        code: The defect's code in the catalogue, such as ``RLE04``; ``None`` outside the catalogue.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class RleError(MaskError):
    """This is no strict COCO RLE."""


class PolygonError(MaskError):
    """These are no rings of integer points, or more of them than the limits allow."""


class BinaryMaskError(MaskError):
    """These bytes are no npz of masks, or a larger one than the limits allow."""


class SnapshotError(Sam3ContractError):
    """A snapshot cannot be taken, read or written."""

    exit_status = UNJUDGED


class BaselineError(Sam3ContractError):
    """This file holds no accepted findings that can be read, or cannot be written."""


class OutputError(Sam3ContractError):
    """A file cannot be written where it was asked for; what was there is still there."""

    exit_status = UNJUDGED


class HarError(Sam3ContractError):
    """A file of recorded traffic cannot be read, is no HTTP archive, or holds nothing of the contract."""

    exit_status = UNJUDGED


class ProbeError(Sam3ContractError):
    """A function cannot be tried under faults: it does not pass, or asks for nothing, without one."""

    exit_status = UNJUDGED


class ReportError(Sam3ContractError):
    """A report cannot be written where it was asked for."""


class StoreError(Sam3ContractError):
    """The store that mocks share cannot be reached, or does not do what it is asked."""


class TransportError(Sam3ContractError):
    """No answer came that could be judged: refused, timed out, or not HTTP."""

    exit_status = UNJUDGED


class AskedError(TransportError):
    """No answer came that could be judged to a request that has left: it is not to be sent again."""


class NetworkRefusedError(Sam3ContractError):
    """A request went to a host that an open interception lets nobody reach.

    Not an :class:`OSError`: HTTP libraries would take it for a network failure, and try again.

    Attributes:
        host: Name or address that was asked for.
        port: The port, if one was named.
    """

    def __init__(self, message: str, *, host: str, port: int | None = None) -> None:
        super().__init__(message)
        self.host = host
        self.port = port


class ContractViolation(AssertionError):  # noqa: N818 - a failed assertion, named as one
    """The server answered and broke the contract."""


class AnswerError(ContractViolation):
    """An answer of the service is not what it promises.

    Attributes:
        findings: Everything that is wrong, each with its place.
    """

    def __init__(self, message: str, *, findings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.findings = list(findings)
