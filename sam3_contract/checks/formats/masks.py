"""M: every mask of an answer, judged by the catalogue of ``sam3_contract.masks``, against the image's true size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sam3_contract.checks.check import Breach, Check, Severity, each, shown
from sam3_contract.exchanges.exchange import Exchange, kept
from sam3_contract.exchanges.measuring import predictions_of
from sam3_contract.masks import Finding, find_defects_in_many, find_defects_in_npz
from sam3_contract.spec import Contract

_SIZE: Final = ("RLE01", "RLE02", "RLE03", "RLE04", "RLE05")
_OUTSIDE: Final = ("POL07", "POL08", "POL09", "POL10", "POL11", "POL12", "POL13")
_CLOSED: Final = "ring_closed"
FORMATS: Final = frozenset({"polygon", "rle"})
CHANNELS: Final = 3
MAX_BREACHES: Final = 8  # of one answer and one check


@kept
def _findings(exchange: Exchange) -> list[Finding] | None:
    """Find the defects of every mask; ``None`` if there is no mask to judge."""
    size = exchange.case.image.size if exchange.case.image else None
    given = [one for one in predictions_of(exchange) if "masks" in one.value]
    declared = [one.value.get("format") for one in given]
    found = find_defects_in_many(
        (f"{one.path}.masks", one.value["masks"], name if isinstance(name, str) else None, size)
        for one, name in zip(given, declared, strict=True)
    )
    return [finding for findings in found for finding in findings] if given else None


def _judge(belongs: Callable[[Finding], bool]) -> Callable[[Exchange, Contract], list[Breach] | None]:
    def judge(exchange: Exchange, _: Contract) -> list[Breach] | None:
        found = _findings(exchange)
        flat = exchange.case.image is not None and exchange.case.image.height == CHANNELS
        return None if found is None else list(_breaches(filter(belongs, found), flat=flat))

    return judge


def _breaches(findings: Iterator[Finding], *, flat: bool = False) -> Iterator[Breach]:
    """Bring findings to breaches.

    Args:
        findings: Of one answer.
        flat: Whether the image is as high as there are channels, which the server takes for the channels' axis.
    """
    for found, _ in zip(findings, range(MAX_BREACHES), strict=False):
        why = f"{found.code} {found.name}" + (f": {found.diagnosis}" if found.diagnosis else "")
        deviation = "flat_images_are_transposed" if flat and found.name in {"axes_swapped", "size_swapped"} else ""
        yield Breach(found.path, found.found, found.expected, why, deviation=deviation)


def _error_of(family: str, *, besides: tuple[str, ...] = ()) -> Callable[[Finding], bool]:
    return lambda found: found.code.startswith(family) and found.severity == "error" and found.code not in besides


def _archive_is_sound(exchange: Exchange, _: Contract) -> list[Breach] | None:
    if exchange.status != 200 or exchange.media_type != "application/octet-stream":
        return None
    size = exchange.case.image.size if exchange.case.image else None
    return list(_breaches(iter(find_defects_in_npz(exchange.body, image_size=size))))


def _check(
    code: str, name: str, law: str, mend: str, belongs: Callable[[Finding], bool], *, severity: Severity = "error"
) -> Check:
    return Check(
        code=code,
        name=name,
        law=law,
        source="server",
        rule="#/components/schemas/Prediction",
        mend=mend,
        judge=each(_judge(belongs)),
        severity=severity,
    )


def _format_is_the_one_asked(exchange: Exchange, _: Contract) -> list[Breach] | None:
    asked = str(exchange.case.sent.get("format") or "polygon")
    wanted = {"json": "polygon"}.get(asked, asked)
    found = [one for one in predictions_of(exchange) if "format" in one.value]
    if not found or wanted not in FORMATS:
        return None
    others = [one for one in found if one.value["format"] != wanted][:MAX_BREACHES]
    return [Breach(f"{one.path}.format", shown(one.value["format"]), f"{wanted!r}, as asked") for one in others]


CHECKS = (
    _check(
        "M01",
        "masks_are_what_format_says",
        "A prediction's `masks` are of the kind its `format` names.",
        "Set `format` where the mask is encoded, not where it is asked for.",
        _error_of("MSK"),
    ),
    _check(
        "M02",
        "rle_is_sound",
        "The run lengths are canonical COCO RLE and fill the mask exactly.",
        "Encode with pycocotools.mask.encode of a Fortran-ordered uint8 array, and decode its bytes as ASCII.",
        _error_of("RLE", besides=_SIZE),
    ),
    _check(
        "M03",
        "rle_size_is_the_images",
        "`size` is [height, width] of the image, after EXIF orientation.",
        "Take the shape of the decoded, turned image; numpy's shape and COCO's size have the same order.",
        lambda found: found.code in _SIZE,
    ),
    _check(
        "M04",
        "polygons_are_sound",
        "Polygons are lists of rings of [x, y] pairs of integers.",
        "Reshape each contour to (-1, 2) and cast to int; an empty mask is [[]].",
        _error_of("POL", besides=_OUTSIDE),
    ),
    _check(
        "M05",
        "polygons_are_inside_the_image",
        "Every point lies in the image: 0 <= x < width and 0 <= y < height, in pixels.",
        "Scale from the model's frame to the image's, x by the width and y by the height, and round to pixels.",
        lambda found: found.code in _OUTSIDE,
    ),
    _check(
        "M06",
        "polygons_are_outer_contours",
        "Rings are as OpenCV's findContours gives them (RETR_EXTERNAL, CHAIN_APPROX_SIMPLE).",
        "Polygons that were simplified, closed, re-ordered or joined still draw, but no longer give the mask back.",
        lambda found: found.code.startswith("POL") and found.severity == "warning" and found.name != _CLOSED,
        severity="warning",
    ),
    _check(
        "M09",
        "rings_are_open",
        "No ring is closed by repeating its first point at its end.",
        "findContours closes none; shapely, GeoJSON and most drawing libraries do: cut the last point off.",
        lambda found: found.name == _CLOSED,
    ),
    Check(
        code="M07",
        name="archive_is_sound",
        law="The answer to `format: binary` is an npz of finite `masks` of the image's size, and of `low_res_masks`.",
        source="docs and server",
        rule="#/components/schemas/MaskArchive",
        mend="numpy.savez_compressed(masks=..., low_res_masks=...) of float arrays, one plane for each prediction.",
        judge=each(_archive_is_sound),
        needs="an answer to `format: binary`",
    ),
    Check(
        code="M08",
        name="masks_are_in_the_format_asked",
        law="Predictions come in the format that the request asked for: polygons unless it said otherwise.",
        source="docs",
        rule="#/components/schemas/Prediction/properties/format",
        mend="Look whether `format` is read, and whether a default takes its place.",
        judge=each(_format_is_the_one_asked),
        needs="a prediction",
    ),
)
