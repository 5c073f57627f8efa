"""What ``verify`` would say of one answer by itself; laws about several answers take several."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field

from sam3_contract.checks import judge, named
from sam3_contract.errors import UsageError
from sam3_contract.har.entry import Entry, Unusable
from sam3_contract.har.reading import exchange_of
from sam3_contract.recording.entries import node_of
from sam3_contract.recording.messages import Answer, Request
from sam3_contract.spec import Contract

MOST: Final = 50  # findings that are told
_KEY: Final = ("Authorization", "Bearer playground")  # the page knows no key; that one was sent is what counts


class Asked(BaseModel):
    """What the page asked, and what came back.

    Attributes:
        operation: The ``operationId``.
        body: The JSON body that was sent.
        status: HTTP status of the answer.
        headers: Headers of the answer.
        answer: Its body.
        is_base64: Whether the body is written so, as it is no text.
    """

    model_config = ConfigDict(extra="forbid")
    operation: str
    body: dict[str, Any]
    status: int = Field(ge=100, le=999)
    headers: dict[str, str]
    answer: str
    is_base64: bool = False

    @property
    def content(self) -> bytes:
        """The bytes of the answer's body.

        Raises:
            UsageError: If it is not the base64 that it is said to be.
        """
        if not self.is_base64:
            return self.answer.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(self.answer, validate=True)
        except ValueError as error:
            raise UsageError("answer is said to be base64, and is not") from error


def findings_of(asked: Asked, contract: Contract) -> list[dict[str, str]]:
    """Judge an answer by itself.

    Args:
        asked: The exchange.
        contract: What it is held to.

    Returns:
        What is wrong, each with the check's code and name, the place, what was found and expected, and why.

    Raises:
        SpecError: If the contract has no such operation.
    """
    operation = contract.operation(asked.operation)
    headers = tuple((name, value) for name, value in asked.headers.items())
    url = f"http://playground{operation.path}"
    sent = (("Content-Type", "application/json"), _KEY)
    request = Request(operation.method, url, sent, orjson.dumps(asked.body))
    answer = Answer(asked.status, headers, asked.content)
    node = node_of(request, answer, seconds=0.0, ended=datetime.now(UTC))
    try:
        exchange = exchange_of(Entry(Path("playground"), 0, node), operation.id, contract)
    except Unusable:
        return []
    found = [
        {
            "code": code,
            "name": named(code).name,
            "place": breach.at,
            "found": breach.found,
            "expected": breach.expected,
            "because": breach.why,
        }
        for code, judgement in judge([exchange], contract).items()
        for breach in judgement.breaches
        if not breach.deviation
    ]
    return found[:MOST]
