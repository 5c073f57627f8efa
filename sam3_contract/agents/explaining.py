"""What a code or a name means: of a check, a fault, a defect of a mask, or a known deviation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server.faults import FAULTS
from sam3_contract.checks import CHECKS
from sam3_contract.errors import UsageError
from sam3_contract.masks.catalogue.lookup import DEFECTS
from sam3_contract.spec import load
from sam3_contract.suggestions import did_you_mean


def explained(name: str) -> dict[str, Any]:
    """Explain whatever has a name.

    Args:
        name: A code such as ``M03`` or ``RLE04``, or a name such as ``size_swapped``.

    Returns:
        By what it is (``check``, ``fault``, ``defect``, ``deviation``), what there is to say of it; a name may be of
        several.

    Raises:
        UsageError: If nothing has that name; the nearest ones are told.

    Example:
        >>> sorted(explained("size_swapped"))
        ['defect', 'fault']
    """
    catalogues = _catalogues()
    found = {kind: known[name] for kind, known in catalogues.items() if name in known}
    if not found:
        names = [one for known in catalogues.values() for one in known]
        hint = did_you_mean(name, names, otherwise="list_faults has the names of faults")
        raise UsageError(f"nothing is named {name[:80]!r}; {hint}")
    return found


def _catalogues() -> Mapping[str, Mapping[str, Any]]:
    return {
        "check": {key: _check(one) for one in CHECKS for key in (one.code, one.name)},
        "fault": {name: fault.as_json() for name, fault in FAULTS.items()},
        "defect": {key: _defect(one) for one in DEFECTS for key in (one.code, one.name)},
        "deviation": {one.id: _deviation(one) for one in load().deviations},
    }


def _check(check: Any) -> dict[str, str]:
    return {name: getattr(check, name) for name in ("code", "name", "law", "needs", "source", "mend", "kind")}


def _defect(defect: Any) -> dict[str, str]:
    return {name: getattr(defect, name) for name in ("code", "name", "severity", "meaning", "cause", "mend")}


def _deviation(deviation: Any) -> dict[str, str]:
    return {name: getattr(deviation, name) for name in ("id", "operation", "documented", "observed", "seen")}
