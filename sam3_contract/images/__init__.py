"""Images as the service takes them: size, orientation, completeness, and whether their pixels can be decoded."""

from sam3_contract.images.base64 import bytes_from_base64
from sam3_contract.images.decoding import decode
from sam3_contract.images.header import TooLargeError, examine, read_header
from sam3_contract.images.image_header import ImageHeader
from sam3_contract.images.soundness import is_sound

__all__ = ["ImageHeader", "TooLargeError", "bytes_from_base64", "decode", "examine", "is_sound", "read_header"]
