"""``sam3-contract serve``."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Literal

import click

from sam3_contract.errors import UsageError

__all__ = ["serve"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9001, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free port.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option(
    "--api-key",
    "api_keys",
    multiple=True,
    metavar="KEY",
    help="Accept only this key; may be given more than once. By default every key is good, and none is a 401.",
)
@click.option(
    "--refuse-key",
    "refused_keys",
    multiple=True,
    metavar="KEY=STATUS",
    help="Refuse this key with 401 (another workspace's), 402 (no credits), 403 (no scope) or 423 (paused).",
)
@click.option("--no-auth", is_flag=True, help="Ask for no key at all.")
@click.option(
    "--profile",
    type=click.Choice(["documented", "observed"]),
    default="documented",
    show_default=True,
    help="Where documentation and server differ, play this side.",
)
@click.option(
    "--url-images",
    type=click.Path(path_type=Path),
    metavar="FOLDER|MAP.json",
    help="Let these files stand for images by URL: by file name, or as a JSON object of URLs and paths.",
)
@click.option(
    "--latency",
    type=click.Choice(["none", "real"]),
    default="none",
    show_default=True,
    help="real: an answer takes as long as its `time` claims.",
)
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write the URL into this file once it answers.")
@click.option("--seed", default=0, show_default=True, help="Another seed gives other masks of the same images.")
@click.option("--spec", "document", type=click.Path(), help="Serve this OpenAPI document instead of the project's own.")
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
    latency: str,
    ready_file: Path | None,
    seed: int,
    document: str | None,
) -> None:
    """Serve a fake SAM 3 API.

    Masks are synthetic: they follow the image, the prompts, the thresholds and the format, not what is in the
    picture. The same request always gets the same bytes. Nothing is fetched: an image given by URL is stood for by a
    virtual photograph.

    \b
    Point a client at it by its base URL, with any API key:
      curl -s "http://127.0.0.1:9001/sam3/concept_segment?api_key=any" \\
        -H "Content-Type: application/json" \\
        -d '{"image": {"type": "url", "value": "https://example.com/dog.jpg"},
             "prompts": [{"type": "text", "text": "dog"}]}'
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    # Only here: no other command waits for Flask and granian to be imported.
    from mock_server.auth import REFUSALS  # noqa: PLC0415
    from mock_server.serving import serve as serve_mock  # noqa: PLC0415
    from mock_server.settings import Settings  # noqa: PLC0415

    refused = dict(entry.rpartition("=")[::2] for entry in refused_keys)
    for key, status in refused.items():
        if not key or status not in REFUSALS:
            raise UsageError(f"--refuse-key takes KEY=STATUS with a status of {', '.join(REFUSALS)}, not {status!r}")
    settings = Settings(
        api_keys=frozenset(api_keys) or None,
        refused_keys=refused,
        auth=not no_auth,
        seed=seed,
        url_images=url_images,
        latency=latency == "real",
        profile=profile,
    )
    ready = partial(_announce, ready_file)
    serve_mock(settings, host=host, port=port, workers=workers, document=document, ready=ready)


def _announce(ready_file: Path | None, url: str) -> None:
    if ready_file is not None:
        # Put in place whole: whoever waits for the file never reads half a URL.
        draft = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        draft.write_text(f"{url}\n", encoding="utf-8")
        draft.replace(ready_file)
    click.echo(f"SAM 3 mock at {url} (Ctrl-C stops it)")
