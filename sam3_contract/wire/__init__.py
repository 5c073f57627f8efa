"""What is on the wire, as pydantic models: requests with the server's defaults and rules, answers, errors.

The models and ``openapi/sam3.yaml`` say the same; :func:`disagreements` tells where they do not, and the tests
hold it empty. Validate with ``strict=True`` for what the document allows; without it for the server's coercions
(numeric strings, ``"yes"`` for true).
"""

from __future__ import annotations

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
