"""Which credentials are enough for an operation.

A key in the query is declared as a security scheme by one document and as a parameter by another: a required parameter
of the scheme's name counts as demanded credentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sam3_contract.spec_diff.differences import Change, stated
from sam3_contract.spec_diff.document import Document, UnresolvedError
from sam3_contract.spec_diff.operations import Operation
from sam3_contract.spec_diff.parameters import Parameters
from sam3_contract.spec_diff.values import fields_of, shortened

__all__ = ["credentials_compared", "key_places"]

Credentials = frozenset[str]


def key_places(document: Document) -> set[tuple[str, str]]:
    """Tell where the document's schemes put API keys: ``(in, name)`` of each."""
    schemes = _schemes(document).values()
    return {(str(scheme.get("in")), str(scheme.get("name"))) for scheme in schemes if scheme.get("type") == "apiKey"}


def credentials_compared(
    was: tuple[Operation, Parameters, Document], now: tuple[Operation, Parameters, Document], keys: set[tuple[str, str]]
) -> Iterator[Change]:
    """Compare which credentials are enough; ``keys`` are the places of keys in either document."""
    before, after = (_enough(*side, keys) for side in (was, now))
    texts = {"was": _text(before), "now": _text(after)}
    if frozenset() in after:
        if frozenset() not in before:
            yield stated("security", "request", "credentials_undeclared", **texts)
        return
    for refused in before:
        if not any(accepted <= refused for accepted in after):
            yield stated("security", "request", "credentials_refused", was=_one(refused), now=_text(after))
    if any(not any(known <= accepted for known in before) for accepted in after):
        yield stated("security", "request", "credentials_added", **texts)


def _enough(
    operation: Operation, parameters: Parameters, document: Document, keys: set[tuple[str, str]]
) -> list[Credentials]:
    """List the sets of credentials any one of which is enough; the empty set where none is needed."""
    demanded = {
        f"{where} {name}"
        for (where, name), parameter in parameters.items()
        if (where, name) in keys and parameter.get("required") is True
    }
    return list(dict.fromkeys(each | demanded for each in _alternatives(operation, document)))


def _alternatives(operation: Operation, document: Document) -> list[Credentials]:
    declared = operation.node.get("security", fields_of(document.root).get("security"))
    schemes = _schemes(document)
    alternatives = [
        frozenset(_scheme_text(name, schemes.get(name)) for name in fields_of(requirement))
        for requirement in (declared if isinstance(declared, list) else [])
    ]
    return alternatives or [frozenset()]


def _schemes(document: Document) -> dict[str, dict[str, Any]]:
    components = fields_of(fields_of(document.root).get("components"))
    schemes: dict[str, dict[str, Any]] = {}
    for name, entry in fields_of(components.get("securitySchemes")).items():
        try:
            schemes[name] = fields_of(document.resolve(entry))
        except UnresolvedError:
            continue
    return schemes


def _scheme_text(name: str, scheme: dict[str, Any] | None) -> str:
    if scheme is None:
        return shortened(f"an undefined scheme {name!r}")
    if scheme.get("type") == "apiKey":
        return shortened(f"{scheme.get('in')} {scheme.get('name')}")
    if scheme.get("type") == "http":
        return shortened(f"header Authorization: {str(scheme.get('scheme')).lower()}")
    return shortened(f"{scheme.get('type')} {name}")


def _text(alternatives: list[Credentials]) -> str:
    return shortened(" or ".join(_one(each) for each in alternatives))


def _one(credentials: Credentials) -> str:
    return " and ".join(sorted(credentials)) or "none"
