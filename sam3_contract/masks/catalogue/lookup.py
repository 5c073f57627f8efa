"""The catalogue of mask defects: every code with its meaning, cause, mending and an example that trips it.

Codes are stable: ``MSK`` any format, ``RLE``, ``POL`` polygons of the service, ``COC`` those of COCO, ``BIN`` the npz
format, ``TXT`` the JSON text around.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sam3_contract.errors import UsageError
from sam3_contract.masks.catalogue.binary import BINARY_DEFECTS, TEXT_DEFECTS
from sam3_contract.masks.catalogue.coco import COCO_DEFECTS
from sam3_contract.masks.catalogue.defect import Defect
from sam3_contract.masks.catalogue.finding import Finding, shown
from sam3_contract.masks.catalogue.polygon import POLYGON_DEFECTS
from sam3_contract.masks.catalogue.rle import MASK_DEFECTS, RLE_DEFECTS
from sam3_contract.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFECTS", "Defect", "defect_named", "finding_of"]

DEFECTS: tuple[Defect, ...] = (
    *MASK_DEFECTS,
    *RLE_DEFECTS,
    *POLYGON_DEFECTS,
    *COCO_DEFECTS,
    *BINARY_DEFECTS,
    *TEXT_DEFECTS,
)
"""Every defect, in the order in which ``explain`` lists them."""

_BY_NAME: Mapping[str, Defect] = {defect.name: defect for defect in DEFECTS}
_BY_CODE: Mapping[str, Defect] = {defect.code: defect for defect in DEFECTS}


def defect_named(code_or_name: str) -> Defect:
    """Look a defect up.

    Args:
        code_or_name: Such as ``RLE13`` (in any case) or ``counts_cut_short``.

    Returns:
        The defect.

    Raises:
        UsageError: If the catalogue has no such code or name; the message names the nearest.

    Example:
        >>> defect_named("rle13").name
        'counts_cut_short'
    """
    defect = _BY_CODE.get(code_or_name.upper()) or _BY_NAME.get(code_or_name.lower())
    if defect is None:
        known = [*_BY_NAME, *map(str.lower, _BY_CODE)]
        hint = did_you_mean(code_or_name.lower(), known, otherwise="`sam3-contract masks explain` lists them")
        raise UsageError(f"no mask defect named {code_or_name!r}; {hint}")
    return defect


def finding_of(
    name: str, *, path: str, expected: str, found: object = None, said: str | None = None, diagnosis: str = ""
) -> Finding:
    """Record that the defect *name* was found.

    Args:
        name: The defect's name in the catalogue.
        path: Where, as a JSON path.
        expected: What should be there.
        found: The offending value, of any size.
        said: What was found in words, where the value itself would tell nothing.
        diagnosis: What probably went wrong.

    Returns:
        The finding, with the value cut short.
    """
    defect = _BY_NAME[name]
    return Finding(
        code=defect.code,
        name=name,
        severity=defect.severity,
        path=path,
        found=shown(found) if said is None else said,
        expected=expected,
        diagnosis=diagnosis,
    )
