"""A watch as SARIF 2.1.0, which code scanning shows and remembers."""

from __future__ import annotations

from typing import Any, Final

from sam3_contract.drift.drifts import Drift, Watch

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_FILE: Final = "openapi/sam3.yaml"  # code scanning wants a file; the contract is in this one


def as_sarif(watch: Watch, *, version: str) -> dict[str, Any]:
    """Write a watch for programs that read SARIF.

    Args:
        watch: What came out.
        version: Of this package.
    """
    rules = {_rule(drift): drift for drift in watch.drifts}
    driver = {"name": "sam3-contract", "version": version, "rules": [{"id": name} for name in rules]}
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


def _result(drift: Drift, number: int, *, new: bool) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": _FILE}, "region": {"startLine": 1}}
    named = [{"fullyQualifiedName": drift.place}] if drift.place else []
    return {
        "ruleId": _rule(drift),
        "ruleIndex": number,
        "level": "error" if drift.counts else "note",
        "message": {"text": f"{drift.title}\n{drift.detail}".strip()},
        "locations": [{"physicalLocation": place, "logicalLocations": named}],
        "partialFingerprints": {"drift/v1": drift.key},
        "baselineState": "new" if new else "unchanged",
    }
