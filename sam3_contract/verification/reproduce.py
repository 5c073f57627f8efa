"""Asking again: the commands that send one request once more, with the request in a file and the key in the shell."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sam3_contract.checks import Violation
from sam3_contract.errors import ImageError, OutputError, UsageError
from sam3_contract.exchanges.exchange import Exchange, KeysSent, keys_sent, scheme_of
from sam3_contract.files.atomic import write_atomically
from sam3_contract.images import bytes_from_base64
from sam3_contract.spec import Contract

_SUFFIXES: Final = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tiff"}


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Writes the requests behind findings into a folder, and the commands that send them.

    Attributes:
        folder: Where requests and their images are saved; made when the first is.
        target: What was verified: a base URL, or ``mock``.
        contract: Tells path and method of each operation.
        key_variable: The environment variable that holds the API key.
        options: Options of the command line that chose what was asked.
    """

    folder: Path
    target: str
    contract: Contract
    key_variable: str = "ROBOFLOW_API_KEY"
    options: tuple[str, ...] = ()

    def commands(self, violation: Violation) -> list[str]:
        """Tell how to show a finding again: by the verification of its case, and by curl where there is a URL.

        Raises:
            UsageError: If the request cannot be saved.
        """
        if violation.breach.again:
            return []  # a generated request, which brings its command along
        again = shlex.join(
            ["sam3-contract", "verify", self.target, *self.options, "--case", violation.exchange.case.id]
        )
        return [again, self.curl(violation.exchange)] if "://" in self.target else [again]

    def curl(self, exchange: Exchange) -> str:
        """Write the curl line of a request; its body, and its image to look at, are saved beside each other."""
        case = exchange.case
        query, header = self._key_of(exchange)
        headers = {"Content-Type": "application/json", **{name.title(): value for name, value in case.headers.items()}}
        url = f"{self.target.rstrip('/')}{self.contract.operation(case.operation).path}{query}"
        parts = ["curl", "-sS", "-X", case.method, f'"{url}"']
        if header:
            parts += ["-H", f'"{header}"']
        if case.content:
            parts += [
                *(word for name, value in headers.items() for word in ("-H", shlex.quote(f"{name}: {value}"))),
                "--data-binary",
                f"@{shlex.quote(str(self._save(exchange)))}",
            ]
        return " ".join(parts)

    def _key_of(self, exchange: Exchange) -> tuple[str, str]:
        place = exchange.case.key_in
        sent = keys_sent(place, f"${self.key_variable}")
        # The saved body holds no key: what would find it there finds it in the query.
        query = sent.body if sent == KeysSent(body=sent.body) else sent.query
        header = "" if sent.bearer is None else f"Authorization: {scheme_of(place)} {sent.bearer}"
        said = [f"{name}={quote(value, safe='')}" for name, value in exchange.case.query.items()]
        said += [] if query is None else [f"api_key={query}"]
        return f"?{'&'.join(said)}" if said else "", header

    def _save(self, exchange: Exchange) -> Path:
        name = re.sub(r"[^\w.-]+", "_", exchange.case.id)
        path = self.folder / f"{name}.json"
        try:
            write_atomically(path, exchange.case.content)
            self._save_image(exchange, name)
        except OutputError as error:
            raise UsageError(f"the request cannot be saved: {error}") from error
        return path

    def _save_image(self, exchange: Exchange, name: str) -> None:
        image, header = exchange.case.sent.get("image"), exchange.case.image
        value = image.get("value") if isinstance(image, dict) and image.get("type") == "base64" else None
        if isinstance(value, str) and header is not None:
            try:
                content = bytes_from_base64(value)
            except ImageError:
                return  # an image that is sent to be refused; the body holds it
            write_atomically(self.folder / f"{name}{_SUFFIXES[header.format]}", content)
