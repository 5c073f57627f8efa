"""Every exception of the package.

Two families that never mix: what *we* could not do, and what the *server* got wrong::

    Sam3ContractError            we could not do what was asked
      UsageError                 the arguments make no sense together
      SpecError                  the OpenAPI document cannot be used
      ImageError                 these bytes are no image a server would decode
      MaskError                  this payload describes no mask
        RleError
        PolygonError
        BinaryMaskError
      TransportError             no answer to judge
    ContractViolation            the server answered and broke the contract (an AssertionError)

Messages say what is wrong with which value against what was expected, then the next step if there is one.
"""

from __future__ import annotations

__all__ = [
    "BinaryMaskError",
    "ContractViolation",
    "ImageError",
    "MaskError",
    "PolygonError",
    "RleError",
    "Sam3ContractError",
    "SpecError",
    "TransportError",
    "UsageError",
]


class Sam3ContractError(Exception):
    """What was asked could not be done; the message says why and what to do next."""


class UsageError(Sam3ContractError):
    """The arguments are off: an unknown name, or options that exclude each other."""


class SpecError(Sam3ContractError):
    """The OpenAPI document cannot be read, resolved or served."""


class ImageError(Sam3ContractError):
    """These bytes are no image that the service would decode."""


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


class TransportError(Sam3ContractError):
    """No answer came that could be judged: refused, timed out, or not HTTP."""


class ContractViolation(AssertionError):  # noqa: N818 - a failed assertion, named as one
    """The server answered and broke the contract."""
