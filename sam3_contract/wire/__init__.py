"""What is on the wire, as pydantic models: requests with the server's defaults and rules, answers, errors.

The models and ``openapi/sam3.yaml`` say the same; :func:`disagreements` tells where they do not, and the tests
hold it empty. Validate with ``strict=True`` for what the document allows; without it for the server's coercions
(numeric strings, ``"yes"`` for true).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sam3_contract.facade import facade
from sam3_contract.wire.requests import (
    CenterBox,
    ConceptPrompt,
    ConceptSegmentRequest,
    CornerBox,
    EmbedImageRequest,
    Image,
    Point,
    Request,
    TopLeftBox,
    VisualPrompt,
    VisualPromptSet,
    VisualSegmentRequest,
    parse_request,
)

if TYPE_CHECKING:
    from sam3_contract.wire.agreement import MODELS, disagreements
    from sam3_contract.wire.answers import (
        ConceptSegmentResponse,
        Echo,
        EmbedImageResponse,
        PolygonPrediction,
        PromptResult,
        ResolvedModel,
        Rle,
        RlePrediction,
        VisualSegmentResponse,
    )
    from sam3_contract.wire.lenient import (
        LenientConceptPrompt,
        LenientConceptSegmentRequest,
        LenientEmbedImageRequest,
        LenientImage,
        LenientVisualPrompt,
        LenientVisualSegmentRequest,
    )

__all__ = [
    "MODELS",
    "CenterBox",
    "ConceptPrompt",
    "ConceptSegmentRequest",
    "ConceptSegmentResponse",
    "CornerBox",
    "Echo",
    "EmbedImageRequest",
    "EmbedImageResponse",
    "Image",
    "LenientConceptPrompt",
    "LenientConceptSegmentRequest",
    "LenientEmbedImageRequest",
    "LenientImage",
    "LenientVisualPrompt",
    "LenientVisualSegmentRequest",
    "Point",
    "PolygonPrediction",
    "PromptResult",
    "Request",
    "ResolvedModel",
    "Rle",
    "RlePrediction",
    "TopLeftBox",
    "VisualPrompt",
    "VisualPromptSet",
    "VisualSegmentRequest",
    "VisualSegmentResponse",
    "disagreements",
    "parse_request",
]

# On demand: building models takes time, and a mock at its start needs those of strict requests alone.
_HOMES: Final = {
    "MODELS": "sam3_contract.wire.agreement",
    "disagreements": "sam3_contract.wire.agreement",
    "ConceptSegmentResponse": "sam3_contract.wire.answers",
    "Echo": "sam3_contract.wire.answers",
    "EmbedImageResponse": "sam3_contract.wire.answers",
    "PolygonPrediction": "sam3_contract.wire.answers",
    "PromptResult": "sam3_contract.wire.answers",
    "ResolvedModel": "sam3_contract.wire.answers",
    "Rle": "sam3_contract.wire.answers",
    "RlePrediction": "sam3_contract.wire.answers",
    "VisualSegmentResponse": "sam3_contract.wire.answers",
    "LenientConceptPrompt": "sam3_contract.wire.lenient",
    "LenientConceptSegmentRequest": "sam3_contract.wire.lenient",
    "LenientEmbedImageRequest": "sam3_contract.wire.lenient",
    "LenientImage": "sam3_contract.wire.lenient",
    "LenientVisualPrompt": "sam3_contract.wire.lenient",
    "LenientVisualSegmentRequest": "sam3_contract.wire.lenient",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = facade(__name__, _HOMES)
