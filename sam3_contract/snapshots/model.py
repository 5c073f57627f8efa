"""What a snapshot keeps of a request and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam3_contract.masks import (
    area_of_run_lengths,
    box_of_run_lengths,
    rle_from_run_lengths,
    run_lengths_from_counts,
)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image that was sent, without its bytes.

    Attributes:
        name: What it was called.
        sha256: Digest of the file, hexadecimal.
        n_bytes: Length of the file.
        format: JPEG, PNG, WEBP, GIF, BMP or TIFF.
        size: ``(height, width)`` in pixels, after EXIF orientation: the frame of the masks.
    """

    name: str
    sha256: str
    n_bytes: int
    format: str
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """What was asked.

    Attributes:
        operation: The ``operationId``.
        body: The JSON body without the image's bytes and without any key; None if only the answer is known.
        image: The image it sent as base64; None if it sent none, or a URL, which stays in the body.
    """

    operation: str
    body: Mapping[str, Any] | None
    image: ImageReference | None


@dataclass(frozen=True)
class Instance:
    """One prediction.

    Attributes:
        counts: Its mask, as COCO's compressed counts.
        size: ``(height, width)`` of the mask in pixels.
        confidence: In 0..1; None in a binary answer, which has none.
        format: How the service sent it: ``polygon``, ``rle`` or ``binary``.
    """

    counts: str
    size: tuple[int, int]
    confidence: float | None
    format: str

    @classmethod
    def from_run_lengths(
        cls,
        run_lengths: NDArray[np.int64],
        *,
        size: tuple[int, int],
        confidence: float | None,
        format: str,  # noqa: A002 - the word of the API
    ) -> Instance:
        """Make an instance of the runs of its mask, shape ``(n_runs,)``."""
        return cls(rle_from_run_lengths(run_lengths, size=size)["counts"], size, confidence, format)

    @cached_property
    def run_lengths(self) -> NDArray[np.int64]:
        """Runs of the mask, down the columns, background first, shape ``(n_runs,)``."""
        return run_lengths_from_counts(self.counts, size=self.size)

    @property
    def rle(self) -> dict[str, Any]:
        """The mask as the service writes RLEs."""
        return {"counts": self.counts, "size": list(self.size)}

    @cached_property
    def area(self) -> int:
        """Pixels of the mask."""
        return area_of_run_lengths(self.run_lengths)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """``(x, y, width, height)`` of the mask, anchored at its top left pixel."""
        return box_of_run_lengths(self.run_lengths, height=self.size[0])


@dataclass(frozen=True, slots=True)
class PromptInstances:
    """What one prompt found.

    Attributes:
        echo: The text that the answer repeats; None for visual prompts.
        instances: In the order of the answer.
    """

    echo: str | None
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered.

    Attributes:
        fields: The names of all fields, as paths such as ``$.predictions[].format``, with their types.
        breaches: Where the answer did not fit the contract: place and keyword of the schema.
        model: ``resolved_model`` as it came; None if there is none.
        prompts: The predictions, prompt by prompt.
        refusal: What the service said if it refused the request; empty if it did not.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    breaches: tuple[str, ...] = ()
    model: Mapping[str, Any] | None = None
    prompts: tuple[PromptInstances, ...] = ()
    refusal: str = ""

    @property
    def n_instances(self) -> int:
        """Predictions of all prompts."""
        return sum(len(prompt.instances) for prompt in self.prompts)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A request and what is kept of its answer.

    Attributes:
        name: What to call it: of a request, or of the test that takes it.
        request: What was asked.
        status: HTTP status of the answer.
        answer: What was answered.
        created_by: The tool and version that took it.
    """

    name: str
    request: KeptRequest
    status: int
    answer: KeptAnswer
    created_by: str
