"""The live service behind an address of this machine, where calls are counted and the key is put in.

Tests see an address and a key that stands for the real one, the same as with the mock: no failure message can show the
real key, and no retry loop can spend more than the budget.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

import requests
from werkzeug.wrappers import Request, Response

from sam3_contract.errors import TransportError
from sam3_contract.pytest_plugin.server import STAND_IN
from sam3_contract.redaction import without_key
from sam3_contract.transport import Session, cause_of

_HOP: Final = frozenset({"connection", "content-encoding", "content-length", "host", "keep-alive", "transfer-encoding"})
_NO_ANSWER: Final = 599  # no status of the service: nobody must take it for the service's
_TIMEOUT: Final = 120.0


class Budget:
    """Calls that all processes of one run may make together.

    Args:
        folder: Common to all processes of the run; a call is a file in it, which only one process can make.
        calls: How many.
    """

    def __init__(self, folder: Path, *, calls: int) -> None:
        self.calls = calls
        self._folder = folder

    @property
    def used(self) -> int:
        """Calls that were made so far."""
        return sum(1 for _ in self._folder.iterdir()) if self._folder.is_dir() else 0

    def take(self) -> bool:
        """Take a call; tell whether one was left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in range(self.used, self.calls):
            try:
                os.close(os.open(self._folder / str(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:  # another process took it
                continue
            return True
        return False


class LiveGateway:
    """A WSGI application that passes requests on to the live service.

    Args:
        target: The service's URL.
        key: The real key, put in the place of *stand_in*.
        stand_in: The key that tests see.
        budget: Calls that may be made.

    Attributes:
        refused: How many calls the budget was too small for.
    """

    def __init__(self, target: str, *, key: str, stand_in: str, budget: Budget) -> None:
        self.refused = 0
        self._target = target.rstrip("/")
        self._key = key
        self._stand_in = stand_in
        self._budget = budget

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request as the service does."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if not self._budget.take():
            self.refused += 1
            return _own(f"the budget of {self._budget.calls} calls is used up (--sam3-max-calls)")
        query = [(name, self._real(value)) for name, value in request.args.items(multi=True)]
        headers = {name: self._real(value) for name, value in request.headers if name.lower() not in _HOP}
        try:
            found = Session().request(
                request.method,
                self._target + request.path,
                params=query,
                headers=headers,
                data=self._with_key(request.get_data()),
                timeout=_TIMEOUT,
            )
        except (requests.RequestException, TransportError) as error:
            return _own(f"{self._target} does not answer: {without_key(cause_of(error), self._key)}")
        kept = [(name, self._masked(value)) for name, value in found.headers.items() if name.lower() not in _HOP]
        content = found.content.replace(self._key.encode(), self._stand_in.encode())
        return Response(content, found.status_code, kept)

    def _with_key(self, content: bytes) -> bytes:
        """Put the real key into a body that holds the one that stands for it."""
        if b'"api_key"' not in content:
            return content
        try:
            body = json.loads(content)
        except ValueError:
            return content
        if not isinstance(body, dict) or body.get("api_key") != self._stand_in:
            return content
        return json.dumps({**body, "api_key": self._key}).encode()

    def _real(self, value: str) -> str:
        return value.replace(self._stand_in, self._key)

    def _masked(self, value: str) -> str:
        return value.replace(self._key, self._stand_in)


class LiveService:
    """The live service.

    Attributes:
        url: Where it is: an address of this machine, from which calls are passed on and counted.
        api_key: A key that stands for the real one; there, it is put in its place.
        live: True; the mock has the same attribute.
    """

    live: Literal[True] = True

    def __init__(self, url: str, *, target: str, key: str, budget: Budget) -> None:
        self.url = url
        self.api_key = STAND_IN
        self.gateway = LiveGateway(target, key=key, stand_in=STAND_IN, budget=budget)
        self._budget = budget

    @property
    def calls_left(self) -> int:
        """Calls that this run may still make, all its processes together."""
        return self._budget.calls - self._budget.used


def _own(message: str) -> Response:
    return Response(json.dumps({"message": f"sam3-contract: {message}"}), _NO_ANSWER, content_type="application/json")
