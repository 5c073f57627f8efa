"""``sam3-contract doctor``."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Final, Literal

import click
from packaging.requirements import Requirement

from sam3_contract.errors import HELD, UNJUDGED, Sam3ContractError
from sam3_contract.terminal import say

LIVE: Final = "https://serverless.roboflow.com"
_EXTRAS: Final = (
    *("httpx", "aiohttp", "fuzz", "redis", "metrics", "load"),
    *("parquet", "zstd", "brotli", "remote", "dask", "mcp"),
)
_SECONDS: Final = 10.0

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one look came to.

    Attributes:
        subject: What was looked at.
        state: ``ok``; ``note`` for what some commands lack; ``wrong`` for what keeps commands from working.
        says: What there is, or what to do about it.
    """

    subject: str
    state: State
    says: str


@click.command()
@click.option("--url", default=LIVE, show_default=True, metavar="URL", help="The server that the looks are about.")
@click.option(
    "--network", is_flag=True, help="Also ask the server for its landing page: without a key, free of charge."
)
@click.pass_context
def doctor(context: click.Context, *, url: str, network: bool) -> None:
    """Look whether everything is in place: packages, key, proxy, certificates.

    Nothing is sent unless --network asks for it.

    \b
      sam3-contract doctor
      sam3-contract doctor --network --url http://127.0.0.1:9001

    Exit status: 0 nothing is wrong, 3 something would keep commands from working.
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    diagnoses = []
    for diagnosis in (*_packages(), *_extras(), _document(), _key(), *_way_to(url, network=network)):
        diagnoses.append(diagnosis)
        say(f"{diagnosis.state:5}  {diagnosis.subject:14}  {diagnosis.says}")
    context.exit(UNJUDGED if any(one.state == "wrong" for one in diagnoses) else HELD)


def _packages() -> Iterator[Diagnosis]:
    yield Diagnosis("python", "ok", f"{platform.python_version()}, {platform.platform(terse=True)}")
    yield Diagnosis("sam3-contract", "ok", metadata.version("sam3-contract"))
    unmet = [text for one in _requirements(None) if (text := _unmet(one))]
    for text in unmet:
        yield Diagnosis("packages", "wrong", text)
    if not unmet:
        yield Diagnosis("packages", "ok", f"all {len(_requirements(None))} that are required")


def _extras() -> Iterator[Diagnosis]:
    for extra in _EXTRAS:
        required = _requirements(extra)
        lacking = any(_unmet(one) for one in required)
        says = f"not installed: pip install 'sam3-contract[{extra}]'" if lacking else "installed"
        if not required:  # the sources are newer than what was installed of them
            says = "not known to this installation; install sam3-contract again"
        yield Diagnosis(f"extra {extra}", "note" if lacking or not required else "ok", says)


def _requirements(extra: str | None) -> list[Requirement]:
    """List what the package requires by itself, or for an extra, on this machine."""
    every = [Requirement(text) for text in metadata.requires("sam3-contract") or ()]
    always = [one for one in every if one.marker is None or one.marker.evaluate({"extra": ""})]
    if extra is None:
        return always
    return [one for one in every if one not in always and one.marker and one.marker.evaluate({"extra": extra})]


def _unmet(requirement: Requirement) -> str:
    """Say what is wrong with what a requirement finds installed; nothing if it is met."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} is {version}, it has to be {requirement.specifier}"


def _document() -> Diagnosis:
    from sam3_contract.spec import load  # noqa: PLC0415 - what is wrong with it is to be told below the rest

    try:
        contract = load()
    except Sam3ContractError as error:
        return Diagnosis("document", "wrong", str(error))
    return Diagnosis("document", "ok", f"version {contract.version}, {len(contract.operations)} operations")


def _key() -> Diagnosis:
    from sam3_contract.targets import KEY_VARIABLES  # noqa: PLC0415 - brings the HTTP libraries

    name = next((name for name in KEY_VARIABLES if os.environ.get(name)), None)
    if name is None:
        return Diagnosis("key", "note", f"none in {' or '.join(KEY_VARIABLES)}; the live service takes one")
    key = os.environ[name]
    if not key.isprintable() or key != key.strip():
        return Diagnosis("key", "wrong", f"{name} holds spaces, line ends or control characters around or in the key")
    return Diagnosis("key", "ok", f"{name} is set, {len(key)} characters")


def _way_to(url: str, *, network: bool) -> Iterator[Diagnosis]:
    """Look at what stands between this machine and a server."""
    from sam3_contract.spec import load  # noqa: PLC0415 - as above
    from sam3_contract.transport.base_url import base_url  # noqa: PLC0415 - as above
    from sam3_contract.transport.surroundings import proxies_for, shown_proxy, tls_context  # noqa: PLC0415 - as above

    try:
        base = base_url(url, load())
        proxies = proxies_for(base)
        yield Diagnosis("proxy", "ok", shown_proxy(proxies) if proxies else "none")
        tls_context()
        yield Diagnosis("certificates", "ok", "can be read")
    except Sam3ContractError as error:
        yield Diagnosis("way to server", "wrong", str(error))
        return
    if network:
        yield _answer_of(base)


def _answer_of(url: str) -> Diagnosis:
    from sam3_contract.transport.session import landing_page  # noqa: PLC0415 - brings the HTTP libraries

    try:
        answer = landing_page(url, timeout=_SECONDS)
    except Sam3ContractError as error:
        return Diagnosis("server", "wrong", str(error))
    seconds = answer.elapsed.total_seconds()
    return Diagnosis("server", "ok", f"{url} answers with status {answer.status_code} in {seconds:.2f} s")
