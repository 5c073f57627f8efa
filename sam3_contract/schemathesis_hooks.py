"""What schemathesis needs to test a SAM 3 server for real: images that are images, and checks that see masks.

Use it with schemathesis' own command line::

    SCHEMATHESIS_HOOKS=sam3_contract.schemathesis_hooks schemathesis run "$(sam3-contract spec show --path)" ...

or import it before loading a schema in Python. It registers strategies for the string formats of the document, the
checks of this package that judge a single exchange and that every answer has to pass (as ``sam3_`` and the check's
name), a reader for npz archives, and brings ``box_labels`` to the number of boxes, the one rule of the document that no
schema can express.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

try:
    import schemathesis
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "the hooks take schemathesis: pip install 'sam3-contract[fuzz]'", name="schemathesis"
    ) from error

from sam3_contract.cases import strategies
from sam3_contract.checks import CHECKS, Check
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.masks import masks_from_npz
from sam3_contract.redaction import without_key
from sam3_contract.spec import load

AnyCase = schemathesis.Case[Any]

# schemathesis judges statuses and schemas itself; relations need more than one exchange.
_ITS_OWN: Final = frozenset({"S01", "S02", "S03", "S04"})

schemathesis.openapi.format("sam3-image-base64", strategies.base64_images())
schemathesis.openapi.format("sam3-image-url", strategies.image_urls())
schemathesis.openapi.format("sam3-model-id", strategies.model_ids())


def exchange_of(case: AnyCase, response: schemathesis.Response) -> Exchange:
    """Bring what schemathesis sent and received to the currency of this package."""
    headers = {name.lower(): values[0] for name, values in response.headers.items() if values}
    return Exchange(case_of(case), response.status_code, headers, response.content, response.elapsed, _key(response))


def case_of(case: AnyCase) -> Case:
    """Bring what schemathesis asks to the currency of this package."""
    body = case.body if isinstance(case.body, dict) else None
    return Case.from_body(str(case.operation.definition.raw["operationId"]), body, name=case.operation.label)


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: AnyCase, _kwargs: dict[str, Any]) -> None:
    """Give every box of a valid request one label; what schemathesis broke on purpose stays broken."""
    if case.meta is None or case.meta.generation.mode.is_positive:
        for prompt in _prompts(case.body):
            boxes, labels = prompt.get("boxes"), prompt.get("box_labels")
            if isinstance(boxes, list) and isinstance(labels, list):
                prompt["box_labels"] = [labels[index] if index < len(labels) else 1 for index in range(len(boxes))]


@schemathesis.deserializer("application/octet-stream")
def read_archive(_context: object, response: schemathesis.Response) -> str:
    """Read a mask archive, so that its answers are not skipped; what is wrong in it is for the checks to say."""
    masks_from_npz(response.content)
    return "npz"


def _prompts(body: object) -> list[dict[str, Any]]:
    prompts = body.get("prompts") if isinstance(body, dict) else None
    return [prompt for prompt in prompts if isinstance(prompt, dict)] if isinstance(prompts, list) else []


def _key(response: schemathesis.Response) -> str | None:
    """Take the key from the header that was sent; what schemathesis generates for the query is no secret."""
    scheme, _, credentials = str(response.request.headers.get("Authorization", "")).partition(" ")
    return credentials.strip() or None if scheme.lower() == "bearer" else None


def _as_schemathesis_check(check: Check) -> Callable[..., None]:
    def judge(_context: object, response: schemathesis.Response, case: AnyCase) -> None:
        exchange = exchange_of(case, response)
        for breach in check.judge([exchange], load()).breaches:
            if breach.deviation:
                continue
            lines = (
                f"{check.code} {check.name} at {breach.at}",
                f"found {breach.found}",
                f"expected {breach.expected}",
            )
            raise AssertionError(without_key("\n".join((*lines, breach.why, check.law)), exchange.key))

    judge.__name__ = f"sam3_{check.name}"
    judge.__doc__ = check.law
    return judge


def _judges_any_answer(check: Check) -> bool:
    """A model may miss a statistical check now and then: what is asked at random tells nothing of its rate."""
    return check.kind == "hard" and check.severity == "error" and not check.code.startswith("R")


for _check in CHECKS:
    if _judges_any_answer(_check) and _check.code not in _ITS_OWN:
        schemathesis.check(_as_schemathesis_check(_check))
