"""A watch as SARIF 2.1.0, which code scanning shows and remembers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sam3_contract.drift.drifts import Drift, Kind, Watch

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_FILE: Final = "openapi/sam3.yaml"  # code scanning wants a file; the contract is in this one
_WHAT: Final[Mapping[Kind, str]] = {
    "contract": "An answer breaks the contract",
    "document": "The served OpenAPI document has changed",
    "deviation": "A known deviation came or went",
    "snapshot": "An answer is not as it was kept",
    "page": "The public page has changed",
}


def as_sarif(watch: Watch, *, version: str) -> dict[str, Any]:
    """Write a watch for programs that read SARIF.

    Args:
        watch: What came out.
        version: Of this package.
    """
    rules = {_rule(drift): drift for drift in watch.drifts}
    driver = {"name": "sam3-contract", "version": version, "rules": [_told(rule, one) for rule, one in rules.items()]}
    unseen = [{"level": "warning", "message": {"text": sentence}} for sentence in watch.unseen]
    invocation = {"executionSuccessful": not watch.unseen, "toolExecutionNotifications": unseen}
    numbers = {name: number for number, name in enumerate(rules)}
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": [_result(drift, numbers[_rule(drift)], new=watch.is_new(drift)) for drift in watch.drifts],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(drift: Drift) -> str:
    return f"{drift.kind}/{drift.rule}"


def _told(rule: str, drift: Drift) -> dict[str, Any]:
    """Describe a rule: code scanning shows what it is above each of its results."""
    mend = f"`sam3-contract checks explain {drift.rule}` says more. " if drift.kind == "contract" else ""
    return {
        "id": rule,
        "shortDescription": {"text": f"{_WHAT[drift.kind]}: {drift.rule}"},
        "fullDescription": {"text": f"{_WHAT[drift.kind]} ({drift.rule}), since clients were written to the service."},
        "help": {"text": f"{mend}Look whether your client still copes; `sam3-contract watch` tells when it has gone."},
    }


def _result(drift: Drift, number: int, *, new: bool) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": _FILE}, "region": {"startLine": 1}}
    named = [{"fullyQualifiedName": drift.place}] if drift.place else []
    return {
        "ruleId": _rule(drift),
        "ruleIndex": number,
        "level": "error" if drift.counts else "note",
        "message": {"text": f"{drift.title}\n{drift.detail}".strip()},
        "locations": [{"physicalLocation": place, "logicalLocations": named}],
        # By the second one code scanning knows a result again; it would make one of the file's line, the same for all.
        "partialFingerprints": {"drift/v1": drift.key, "primaryLocationLineHash": f"{drift.key}:1"},
        "baselineState": "new" if new else "unchanged",
    }
