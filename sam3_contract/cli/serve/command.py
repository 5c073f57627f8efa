"""``sam3-contract serve``."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Literal

import click

from sam3_contract.cli.options import FiniteRange
from sam3_contract.cli.serve.config import OptionOrVariable, from_environment, read_config, warn_of_variables
from sam3_contract.cli.serve.ready_file import ReadyFile
from sam3_contract.cli.serve.record import Recording
from sam3_contract.errors import UsageError
from sam3_contract.terminal import say

__all__ = ["serve"]

_PREFIX: Final = "SAM3_MOCK"


option = partial(click.option, cls=OptionOrVariable)


@from_environment(_PREFIX)
@click.command()
@option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    is_eager=True,
    expose_value=False,
    callback=read_config,
    help='Take options from this file: `port = 9001`, `api-key = ["good-key"]`, `no-auth = true`.',
)
@option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Name or address to listen on.")
@option(
    "--port",
    metavar="PORT",
    default=9001,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0 takes a free port.",
)
@option("--workers", metavar="N", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@option(
    "--api-key",
    "api_keys",
    multiple=True,
    metavar="KEY",
    help="Accept only this key; may be given more than once. By default every key is good, and none is a 401.",
)
@option(
    "--refuse-key",
    "refused_keys",
    multiple=True,
    metavar="KEY=STATUS",
    help="Refuse this key with 401 (another workspace's), 402 (no credits), 403 (no scope) or 423 (paused).",
)
@option("--no-auth", is_flag=True, help="Ask for no key at all.")
@option(
    "--profile",
    type=click.Choice(["documented", "observed"]),
    default="documented",
    show_default=True,
    help="Where documentation and server differ, play this side.",
)
@option(
    "--url-images",
    type=click.Path(path_type=Path),
    metavar="DIR|MAP.json",
    help="Let these files stand for images by URL: by file name, or as a JSON object of URLs and paths.",
)
@option(
    "--fetch-urls",
    is_flag=True,
    help="Really fetch images by URL, from public hosts only; else nothing is ever fetched.",
)
@option(
    "--coco",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Answer with the true masks for the images of this COCO annotation file; needs --images.",
)
@option("--images", type=click.Path(path_type=Path), metavar="DIR", help="Where the images of --coco are.")
@option("--strict", is_flag=True, help="Refuse a --coco file that is not sound, instead of leaving out what is not.")
@option("--no-scenes", is_flag=True, help="Know nothing of the project's own drawn scenes either.")
@option(
    "--latency",
    type=click.Choice(["none", "real"]),
    default="none",
    show_default=True,
    help="real: an answer takes as long as its `time` claims.",
)
@option(
    "--scenario",
    "scenarios",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Play the scenarios of this YAML, JSON or TOML file.",
)
@option("--no-control", is_flag=True, help="Leave out the routes under /_mock.")
@option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Let the routes under /_mock be asked for by this host name too; else only by those of loopback.",
)
@option(
    "--control-token",
    metavar="TOKEN",
    help="What requests to /_mock show in the header X-Mock-Token. Beyond loopback one is made up unless it is given.",
)
@option(
    "--store",
    metavar="redis://HOST:PORT|sqlite:PATH",
    help="Keep scenarios, faults, journal and images here, so that several servers are one mock; see docs/scale.md.",
)
@option("--metrics", is_flag=True, help="Tell Prometheus at /metrics what was asked, and how it was answered.")
@option(
    "--sessions",
    default=500,
    show_default=True,
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="How many sessions (X-Mock-Session: ID, or http://host/s/ID) there may be; the longest unused goes first.",
)
@option(
    "--session-idle",
    default=600.0,
    show_default=True,
    type=FiniteRange(1, 86_400),
    metavar="SECONDS",
    help="When a session ends that nobody uses.",
)
@option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:PARAMETER]",
    help="Break the contract in this way, see `sam3-contract faults`; may be given more than once.",
)
@option(
    "--access-log",
    type=click.Choice(["auto", "text", "json", "none"]),
    default="auto",
    show_default=True,
    help="Log each request as one line on stderr, keys masked. auto: as text on a terminal, else not at all.",
)
@option(
    "--read-timeout",
    type=FiniteRange(0.1, 600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a client may take to send the head of a request, and then its body.",
)
@option(
    "--ready-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the URL into this file once it answers.",
)
@option(
    "--engine",
    default="synthetic",
    show_default=True,
    metavar="synthetic|pixels|MODULE:FACTORY",
    help="Where masks come from. pixels: they follow colours and edges of the picture. MODULE:FACTORY: your own.",
)
@option("--seed", metavar="N", default=0, show_default=True, help="Another seed gives other masks of the same images.")
@option("--record", metavar="URL", help="Pass requests on to this server, and keep them and its answers; needs --to.")
@option("--to", type=click.Path(path_type=Path), metavar="FILE.har", help="The recording of --record.")
@option("--replay", type=click.Path(path_type=Path), metavar="FILE.har", help="Answer from this recording.")
@option(
    "--on-miss",
    type=click.Choice(["refuse", "mock", "record"]),
    default="refuse",
    show_default=True,
    help="What --replay does with a request that is not in it: refuse it with 599, let the mock answer, or record it.",
)
@option(
    "--max-calls",
    metavar="N",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="Requests passed on by --record.",
)
@option("--time-limit", type=FiniteRange(1), metavar="SECONDS", help="How long --record passes them on.")
@option(
    "--spec",
    "document",
    metavar="FILE",
    type=click.Path(),
    help="Serve this OpenAPI document instead of the project's own.",
)
def serve(
    *,
    host: str,
    port: int,
    workers: int,
    api_keys: tuple[str, ...],
    refused_keys: tuple[str, ...],
    no_auth: bool,
    profile: Literal["documented", "observed"],
    url_images: Path | None,
    fetch_urls: bool,
    coco: Path | None,
    images: Path | None,
    strict: bool,
    no_scenes: bool,
    latency: str,
    scenarios: Path | None,
    no_control: bool,
    allowed_hosts: tuple[str, ...],
    control_token: str | None,
    store: str | None,
    metrics: bool,
    sessions: int,
    session_idle: float,
    faults: tuple[str, ...],
    access_log: Literal["auto", "text", "json", "none"],
    read_timeout: float,
    ready_file: Path | None,
    engine: str,
    seed: int,
    record: str | None,
    to: Path | None,
    replay: Path | None,
    on_miss: Literal["refuse", "mock", "record"],
    max_calls: int,
    time_limit: float | None,
    document: str | None,
) -> None:
    """Serve a fake SAM 3 API.

    Masks are synthetic: they follow the image, the prompts, the thresholds and the format, not what is in the
    picture, unless --engine looks at it or --coco says what it is. The same request always gets the same bytes. Nothing
    is fetched: an image given by URL is stood for by a virtual photograph, unless --fetch-urls or --url-images say
    otherwise.

    Each option may also stand in the environment, as SAM3_MOCK_<OPTION> (SAM3_MOCK_PORT=9001; spaces between several
    values), or in the TOML file of --config. A flag wins over the environment, the environment over the file.

    With --record, it stands before a real server instead: calls are passed on, and kept as a HAR file without keys,
    images beside it, each answer held to the contract. --replay answers from such a file, or from one that a browser or
    proxy saved, by what is asked and not by its bytes.

    \b
    Point a client at it by its base URL, with any API key:
      curl http://127.0.0.1:9001/sam3/concept_segment \\
        -H "Authorization: Bearer any" -H "Content-Type: application/json" \\
        -d '{"image": {"type": "url", "value": "https://example.com/dog.jpg"},
             "prompts": [{"type": "text", "text": "dog"}]}'

    \b
      sam3-contract serve
      sam3-contract serve --engine pixels --port 0 --ready-file mock.url
      sam3-contract serve --fault status:503:2
      sam3-contract serve --record https://serverless.roboflow.com --to traffic.har
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    warn_of_variables(_PREFIX, click.get_current_context().command)
    _calm_libraries()
    # Only here: no other command waits for Flask and uvicorn to be imported.
    from mock_server.serving.server import Page, address_of  # noqa: PLC0415
    from mock_server.serving.server import serve as serve_mock  # noqa: PLC0415
    from mock_server.settings import Settings  # noqa: PLC0415
    from sam3_contract.loopback import is_loopback_host  # noqa: PLC0415
    from sam3_contract.playground import serving as playground  # noqa: PLC0415

    address = address_of(host)
    if fetch_urls and not api_keys and not is_loopback_host(address):
        told = "fetch images from public hosts; --api-key tells who may"
        say(f"--fetch-urls with --host {host}: whoever reaches this server can make it {told}", err=True)
    if control_token is None and not no_control and not is_loopback_host(address):
        control_token = secrets.token_urlsafe(16)
        say(f"/_mock on {host} wants the header X-Mock-Token: {control_token}", err=True)
    if access_log == "auto":  # a pipe that nobody reads fills up, and then holds up the server
        access_log = "text" if sys.stderr.isatty() else "none"
    if ":" in engine and "" not in sys.path:
        sys.path.insert(0, "")  # a module of one's own is mostly in the folder at hand
    settings = Settings(
        api_keys=frozenset(api_keys) or None,
        refused_keys=_statuses_of(refused_keys),
        auth=not no_auth,
        engine=engine,
        seed=seed,
        url_images=url_images,
        fetch_urls=fetch_urls,
        coco=coco,
        coco_images=images,
        coco_strict=strict,
        scenes=not no_scenes,
        latency=latency == "real",
        faults=faults,
        profile=profile,
        scenarios=scenarios,
        control=not no_control,
        allowed_hosts=frozenset(allowed_hosts),
        control_token=control_token,
        store=store,
        metrics=metrics,
        sessions=sessions,
        session_idle=session_idle,
        access_log=access_log,
    )
    around = None
    if record or to or replay:
        if workers > 1:
            raise UsageError(f"a recording is of one process, not of {workers} workers")
        budget = (max_calls, time_limit)
        around = Recording(record=record, to=to, replay=replay, on_miss=on_miss, budget=budget, document=document)
    file = ReadyFile(ready_file)
    file.prepare()
    serve_mock(
        settings,
        host=address,
        port=port,
        workers=workers,
        document=document,
        read_timeout=read_timeout,
        ready=partial(_announce, file, around.title if around else "SAM 3 mock"),
        ended=file.remove,
        around=around,
        page=Page(playground.PREFIX, playground.beside_mock),
    )


def _calm_libraries() -> None:
    """Set what OpenBLAS and OpenCV read once, when they are imported."""
    # Nothing here is linear algebra; the threads for it take time at the start, and memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # what it cannot decode is answered, and is nothing to log


def _statuses_of(refused_keys: Sequence[str]) -> dict[str, str]:
    """Read ``KEY=STATUS``, as often as it was given.

    Raises:
        UsageError: If a key is empty, or refused by no such status.
    """
    from mock_server.http.auth import REFUSALS  # noqa: PLC0415 - imports Flask

    statuses = dict(entry.rpartition("=")[::2] for entry in refused_keys)
    if not all(key and status in REFUSALS for key, status in statuses.items()):
        # What was given is not repeated: it holds a key.
        raise UsageError(f"--refuse-key takes KEY=STATUS, with a status of {', '.join(REFUSALS)}")
    return statuses


def _announce(file: ReadyFile, title: str, url: str) -> None:
    file.write(url)
    with suppress(OSError):  # nobody reads it, or the device is full: the mock answers nevertheless
        say(f"{title} at {url} (Ctrl-C stops it)")
