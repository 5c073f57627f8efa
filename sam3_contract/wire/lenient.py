"""The bodies that the real server accepts, which are more than the document allows.

They are validated without ``strict``, which makes the rest of deviation ``lenient_types``: numeric strings are numbers,
``"yes"`` is true. Field order and messages are the server's.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, Tag, ValidationError, ValidationInfo, field_validator

from sam3_contract.wire.requests import (
    CONCEPT_MODEL,
    DEFAULT_THRESHOLD,
    CenterBox,
    CornerBox,
    Point,
    Request,
    RequestPart,
    TopLeftBox,
    asking,
    entry_of,
    labels_match_boxes,
    prompts_within_batch,
    unit_interval,
    visual_has_boxes,
)

__all__ = [
    "LenientConceptPrompt",
    "LenientConceptSegmentRequest",
    "LenientEmbedImageRequest",
    "LenientImage",
    "LenientRequest",
    "LenientVisualPrompt",
    "LenientVisualPromptSet",
    "LenientVisualSegmentRequest",
]

_LENIENT = ConfigDict(extra="ignore", allow_inf_nan=True)


class LenientImage(RequestPart):
    """An image of any declared type; what cannot be loaded is refused later, with another status."""

    server_name: ClassVar[str] = "InferenceRequestImage"
    model_config = _LENIENT

    type: str
    value: Any = None


class LenientTopLeftBox(TopLeftBox):
    """A box with any further keys."""

    model_config = _LENIENT


class LenientCornerBox(CornerBox):
    """A box with any further keys."""

    model_config = _LENIENT


class LenientCenterBox(CenterBox):
    """A box with any further keys."""

    model_config = _LENIENT


class LenientPoint(Point):
    """A click with any further keys."""

    model_config = _LENIENT


LenientExemplarBox = Annotated[LenientTopLeftBox, Tag("Box")] | Annotated[LenientCornerBox, Tag("BoxXYXY")]


class LenientConceptPrompt(RequestPart):
    """One concept, of any declared type, even without text and boxes."""

    server_name: ClassVar[str] = "Sam3Prompt"
    model_config = _LENIENT

    type: str | None = "text"
    text: str | None = None
    output_prob_thresh: float | None = None
    boxes: list[LenientExemplarBox] | None = Field(default=None, validate_default=True)
    box_labels: list[int | bool] | None = None

    _threshold_in_range = field_validator("output_prob_thresh")(unit_interval)
    _visual_has_boxes = field_validator("boxes")(visual_has_boxes)
    _labels_match_boxes = field_validator("box_labels")(labels_match_boxes)


class LenientRequest(Request):
    """What every operation's body may hold, and anything else."""

    model_config = _LENIENT

    stream_pipeline_context_id: str | None = None
    disable_model_monitoring: bool | None = False


class LenientConceptSegmentRequest(LenientRequest):
    """Body of ``concept_segment``."""

    server_name: ClassVar[str] = "Sam3SegmentationRequest"

    model_id: str | None = CONCEPT_MODEL
    format: str | None = "polygon"
    image: LenientImage
    image_id: str | None = None
    output_prob_thresh: float | None = DEFAULT_THRESHOLD
    prompts: list[LenientConceptPrompt] = Field(min_length=1)
    nms_iou_threshold: float | None = None

    _prompts_within_batch = field_validator("prompts")(prompts_within_batch)
    _nms_in_range = field_validator("nms_iou_threshold")(unit_interval)


class LenientVisualPrompt(RequestPart):
    """One object; other keys, such as a text, are ignored."""

    server_name: ClassVar[str] = "Sam2Prompt"
    model_config = _LENIENT

    box: LenientCenterBox | None = None
    points: list[LenientPoint] | None = None


class LenientVisualPromptSet(RequestPart):
    """The nested form of visual prompts, to which the others are brought."""

    server_name: ClassVar[str] = "Sam2PromptSet"
    model_config = _LENIENT

    prompts: list[LenientVisualPrompt] | None = None


def _as_prompt_set(value: object, _: ValidationInfo) -> object:
    """Bring a bare list or a single prompt into the nested form; a single one that cannot be read is none."""
    if isinstance(value, dict) and "prompts" not in value:
        try:
            return LenientVisualPromptSet(prompts=[LenientVisualPrompt.model_validate(value)])
        except ValidationError:
            return LenientVisualPromptSet()
    if not isinstance(value, list):
        return value
    return LenientVisualPromptSet(prompts=[LenientVisualPrompt.model_validate(entry_of(one)) for one in value])


class LenientVisualSegmentRequest(LenientRequest):
    """Body of ``visual_segment``."""

    server_name: ClassVar[str] = "Sam2SegmentationRequest"

    sam2_version_id: str | None = "hiera_large"
    model_id: str | None = None
    format: str | None = "json"
    image: LenientImage
    image_id: str | None = None
    prompts: Annotated[LenientVisualPromptSet | None, BeforeValidator(_as_prompt_set)] = None
    multimask_output: bool = True
    save_logits_to_cache: bool = False
    load_logits_from_cache: bool = False

    @property
    def asked(self) -> list[LenientVisualPrompt]:
        """The prompts that get an answer, at least one."""
        return asking((self.prompts.prompts or []) if self.prompts else []) or [LenientVisualPrompt()]


class LenientEmbedImageRequest(LenientRequest):
    """Body of ``embed_image``; without an image, the server fails later."""

    server_name: ClassVar[str] = "Sam2EmbeddingRequest"

    sam2_version_id: str | None = "hiera_large"
    model_id: str | None = None
    image: LenientImage | None = None
    image_id: str | None = None
