"""The bodies that the service answers with. Open, because the service may add fields."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sam3_contract.wire.integers import integral

__all__ = [
    "ConceptSegmentResponse",
    "Echo",
    "EmbedImageResponse",
    "PolygonPrediction",
    "Polygons",
    "Prediction",
    "PromptResult",
    "ResolvedModel",
    "Rle",
    "RlePrediction",
    "VisualSegmentResponse",
]

Confidence = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0), BeforeValidator(integral)]
Coordinate = Count
Length = Annotated[int, Field(ge=1), BeforeValidator(integral)]
Ring = list[Annotated[list[Coordinate], Field(min_length=2, max_length=2)]]
Polygons = Annotated[list[Ring], Field(min_length=1)]


class AnswerPart(BaseModel):
    """Anything inside an answer."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class Rle(AnswerPart):
    """A mask as compressed COCO run lengths; ``size`` is ``[height, width]``."""

    size: list[Length] = Field(min_length=2, max_length=2)
    counts: str = Field(pattern="^[0-o]+$")


class PolygonPrediction(AnswerPart):
    """One instance, its mask as outer contours."""

    masks: Polygons
    confidence: Confidence
    format: Literal["polygon"]


class RlePrediction(AnswerPart):
    """One instance, its mask as run lengths."""

    masks: Rle
    confidence: Confidence
    format: Literal["rle"]


Prediction = Annotated[PolygonPrediction | RlePrediction, Field(discriminator="format")]


class Echo(AnswerPart):
    """What the service understood of a concept prompt."""

    prompt_index: Count
    type: Literal["text", "visual"]
    text: str | None
    num_boxes: Count


class PromptResult(AnswerPart):
    """Every instance that one concept prompt found."""

    prompt_index: Count
    echo: Echo
    predictions: list[Prediction]


class ResolvedModel(AnswerPart):
    """What answered."""

    model_id: str
    model_package_id: str | None = None
    backend: str | None = None
    quantization: str | None = None


class Answer(AnswerPart):
    """What every successful JSON answer holds."""

    inference_id: str | None = None
    frame_id: Annotated[int, BeforeValidator(integral)] | None = None
    time: float = Field(ge=0)
    resolved_model: ResolvedModel | None = None


class ConceptSegmentResponse(Answer):
    """Answer of ``concept_segment``."""

    prompt_results: list[PromptResult]


class VisualSegmentResponse(Answer):
    """Answer of ``visual_segment``."""

    predictions: list[Prediction] = Field(min_length=1)


class EmbedImageResponse(Answer):
    """Answer of ``embed_image``."""

    image_id: str
