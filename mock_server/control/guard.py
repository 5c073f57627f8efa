"""Who may use the mock's own routes: whoever sits at this machine, and no web page that is open on it.

A page of another origin can send requests to a server on loopback, and by a name that it points there (DNS rebinding)
even read the answers. So these routes look at the host that was asked for and at the origin that asks, and take only
content types that no page can send without asking first. Bound beyond loopback they want a token.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from werkzeug.wrappers import Request

from sam3_contract.loopback import is_loopback_host

TOKEN: Final = "X-Mock-Token"  # noqa: S105 - the name of the header
_TYPES: Final = ("application/json", "application/yaml", "application/x-yaml", "text/yaml", "application/toml")
_OWN_SITE: Final = frozenset({"", "same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Guard:
    """Decides who may use the control routes.

    Attributes:
        hosts: Names besides those of loopback that requests may ask for.
        token: What a request has to show; ``None`` if it need not.
    """

    hosts: Collection[str] = ()
    token: str | None = None

    def objection(self, request: Request) -> tuple[int, str] | None:
        """Say why a request may not, as a status and a sentence; ``None`` if it may."""
        host = _name_of(request.host)
        if not is_loopback_host(host) and host not in self.hosts:
            return (
                403,
                f"the control routes answer to this machine, not to {host[:100]!r}; --allow-host adds a name",
            )
        origin = request.headers.get("Origin")
        if origin is not None and origin != request.host_url.rstrip("/"):
            return 403, f"the control routes are not for pages of another origin, {origin[:100]!r}"
        if request.headers.get("Sec-Fetch-Site", "") not in _OWN_SITE:
            return 403, "the control routes are not for pages of another site"
        if self.token is not None and not _same(request.headers.get(TOKEN, ""), self.token):
            return 401, f"the control routes want the token that serve was given or printed, in the header {TOKEN}"
        has_body = request.content_length or "Transfer-Encoding" in request.headers
        if has_body and request.mimetype not in _TYPES:
            return 415, f"the content type is {request.mimetype[:60]!r}, has to be one of {', '.join(_TYPES)}"
        return None


def _name_of(host: str) -> str:
    """Take the port off."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return host


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
