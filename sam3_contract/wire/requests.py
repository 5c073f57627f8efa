"""The bodies that clients send.

Field order is the order in which the server reports errors. Messages of the rules across fields are the server's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, Protocol, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from sam3_contract.wire.integers import integral

__all__ = [
    "CenterBox",
    "ConceptPrompt",
    "ConceptSegmentRequest",
    "CornerBox",
    "EmbedImageRequest",
    "Image",
    "Point",
    "Request",
    "TopLeftBox",
    "VisualPrompt",
    "VisualPromptSet",
    "VisualSegmentRequest",
    "parse_request",
]

MAX_PROMPTS: Final = 16
CONCEPT_MODEL: Final = "sam3/sam3_final"
"""The model of ``concept_segment`` where a request names none."""
DEFAULT_THRESHOLD: Final = 0.5
"""``output_prob_thresh`` where a request has none."""


class RequestPart(BaseModel):
    """Anything inside a request: closed, so that a misspelt field is refused instead of ignored."""

    # The server's name of the class, which its error messages and locations show to clients.
    server_name: ClassVar[str] = ""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Image(RequestPart):
    """The image to segment, by URL or as base64."""

    server_name: ClassVar[str] = "InferenceRequestImage"

    type: Literal["url", "base64"]
    value: str


class TopLeftBox(RequestPart):
    """A box in pixels, anchored at its top-left corner."""

    server_name: ClassVar[str] = "Box"

    x: float
    y: float
    width: float
    height: float


class CornerBox(RequestPart):
    """A box in pixels, told by two opposite corners."""

    server_name: ClassVar[str] = "BoxXYXY"

    x0: float
    y0: float
    x1: float
    y1: float


class CenterBox(RequestPart):
    """A box in pixels, anchored at its centre."""

    server_name: ClassVar[str] = "Box"

    x: float
    y: float
    width: float
    height: float


class Point(RequestPart):
    """A click in pixels, on the object or beside it."""

    server_name: ClassVar[str] = "Point"

    x: float
    y: float
    positive: bool


# The rules that the document's models and the lenient ones share, in the server's words.


def unit_interval(value: float | None, info: ValidationInfo) -> float | None:
    """Refuse a number outside 0..1; written so that NaN passes, as it does in the server."""
    if value is not None and (value < 0.0 or value > 1.0):
        raise ValueError(f"{info.field_name} must be between 0.0 and 1.0")
    return value


def visual_has_boxes(value: list[Any] | None, info: ValidationInfo) -> list[Any] | None:
    """Refuse a visual prompt without boxes."""
    if info.data.get("type") == "visual" and not value:
        raise ValueError("Visual prompt requires at least one box")
    return value


def labels_match_boxes(value: list[Any] | None, info: ValidationInfo) -> list[Any] | None:
    """Refuse labels that are more or fewer than the boxes; boxes that were refused themselves count as none."""
    boxes = info.data.get("boxes")
    if value is not None and (boxes is None or len(boxes) != len(value)):
        raise ValueError("box_labels must match boxes length when provided")
    return value


def prompts_within_batch(value: list[Any]) -> list[Any]:
    """Refuse more prompts than the server takes at once."""
    if len(value) > MAX_PROMPTS:
        raise ValueError(f"Exceeded SAM3_MAX_PROMPT_BATCH_SIZE={MAX_PROMPTS}: got {len(value)}")
    return value


ExemplarBox = Annotated[TopLeftBox, Tag("Box")] | Annotated[CornerBox, Tag("BoxXYXY")]
BoxLabel = Annotated[Literal[0, 1], BeforeValidator(integral)]


class ConceptPrompt(RequestPart):
    """One concept: a text, exemplar boxes, or both."""

    server_name: ClassVar[str] = "Sam3Prompt"

    type: Literal["text", "visual"] = "text"
    text: str | None = None
    output_prob_thresh: Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})] | None = None
    boxes: list[ExemplarBox] | None = Field(default=None, validate_default=True)
    box_labels: list[BoxLabel] | None = None

    _threshold_in_range = field_validator("output_prob_thresh")(unit_interval)
    _visual_has_boxes = field_validator("boxes")(visual_has_boxes)
    _labels_match_boxes = field_validator("box_labels")(labels_match_boxes)

    @model_validator(mode="after")
    def _boxes_have_labels(self) -> Self:
        if self.boxes and self.box_labels is None:
            raise ValueError("box_labels is required when boxes are given")
        return self

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.text is None and not self.boxes:
            raise ValueError("a prompt needs a text or at least one box")
        return self


class Request(RequestPart):
    """What every operation's body may hold."""

    id: str = Field(default_factory=str)  # the server makes one up; nobody ever sees it
    api_key: str | None = None
    usage_billable: bool = True
    start: float | None = None
    source: str | None = None
    source_info: str | None = None


class ConceptSegmentRequest(Request):
    """Body of ``concept_segment``."""

    server_name: ClassVar[str] = "Sam3SegmentationRequest"

    model_id: str = Field(default=CONCEPT_MODEL, min_length=1)
    format: Literal["polygon", "rle"] = "polygon"
    image: Image
    image_id: str | None = None
    output_prob_thresh: float = Field(default=DEFAULT_THRESHOLD, ge=0, le=1)
    prompts: list[ConceptPrompt] = Field(min_length=1, json_schema_extra={"maxItems": MAX_PROMPTS})
    nms_iou_threshold: Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})] | None = None

    _prompts_within_batch = field_validator("prompts")(prompts_within_batch)
    _nms_in_range = field_validator("nms_iou_threshold")(unit_interval)


class VisualPrompt(RequestPart):
    """One object, told by a box, by clicks, or by both."""

    server_name: ClassVar[str] = "Sam2Prompt"

    box: CenterBox | None = None
    points: list[Point] | None = None


class VisualPromptSet(RequestPart):
    """The nested form of visual prompts, to which the others are brought."""

    server_name: ClassVar[str] = "Sam2PromptSet"

    prompts: list[VisualPrompt] | None


class _Asking(Protocol):
    @property
    def box(self) -> object | None: ...
    @property
    def points(self) -> Sequence[object] | None: ...


AnyVisualPrompt = TypeVar("AnyVisualPrompt", bound=_Asking)


def asking(prompts: Sequence[AnyVisualPrompt]) -> list[AnyVisualPrompt]:
    """Leave out what asks nothing: without any points, the prompts that have no box.

    References:
        ``to_sam2_inputs`` in the server's ``core/entities/requests/sam2.py``.
    """
    if any(prompt.points for prompt in prompts):
        return list(prompts)
    return [prompt for prompt in prompts if prompt.box]


def entry_of(value: object) -> object:
    """Refuse what is no prompt, in its turn: the server tells of the first entry that is wrong, and of no other."""
    if not isinstance(value, dict):
        raise ValueError("Invalid prompt entry; expected dict or Sam2Prompt instance")  # noqa: TRY004 - pydantic's
    return value


def _as_prompt_set(value: object, info: ValidationInfo) -> object:
    """Bring a bare list or a single prompt into the nested form.

    As in the server, the entries are validated here, inside the field: so the location of an error in a bare list
    has no index, ``("prompts", "points", 0, "x")``.
    """
    if isinstance(value, dict) and "prompts" not in value:
        value = [value]
    if not isinstance(value, list):
        return value
    strict = bool(info.context and info.context.get("strict"))
    return VisualPromptSet(prompts=[VisualPrompt.model_validate(entry_of(one), strict=strict) for one in value])


class VisualSegmentRequest(Request):
    """Body of ``visual_segment``."""

    server_name: ClassVar[str] = "Sam2SegmentationRequest"

    sam2_version_id: Literal["hiera_tiny", "hiera_small", "hiera_large", "hiera_b_plus"] = "hiera_large"
    model_id: str | None = None
    format: Literal["json", "rle", "binary"] = "json"
    image: Image
    image_id: str | None = None
    prompts: Annotated[VisualPromptSet | None, BeforeValidator(_as_prompt_set)] = None
    multimask_output: bool = True
    save_logits_to_cache: bool = False
    load_logits_from_cache: bool = False

    @property
    def asked(self) -> list[VisualPrompt]:
        """The prompts that get an answer, at least one."""
        return asking((self.prompts.prompts or []) if self.prompts else []) or [VisualPrompt()]


class EmbedImageRequest(Request):
    """Body of ``embed_image``."""

    server_name: ClassVar[str] = "Sam2EmbeddingRequest"

    sam2_version_id: Literal["hiera_tiny", "hiera_small", "hiera_large", "hiera_b_plus"] = "hiera_large"
    model_id: str | None = None
    image: Image
    image_id: str | None = None


AnyRequest = TypeVar("AnyRequest", bound=Request)


def parse_request(model: type[AnyRequest], body: object, *, strict: bool = True) -> AnyRequest:
    """Validate a decoded JSON body.

    Args:
        model: The operation's request model.
        body: Any JSON value.
        strict: Take what the document allows; else coerce as the server does.

    Raises:
        pydantic.ValidationError: With every finding, in the order of the fields.

    Example:
        >>> body = {"image": {"type": "base64", "value": "..."}, "prompts": [{"text": "dog"}]}
        >>> parse_request(ConceptSegmentRequest, body).format
        'polygon'
    """
    return model.model_validate(body, strict=strict, context={"strict": strict})
