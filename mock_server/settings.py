"""How a mock behaves, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mock_server.engines.protocol import Engine
from mock_server.http.access_log import LogFormat
from mock_server.http.protocol import Profile


@dataclass(frozen=True, slots=True)
class Settings:
    """How a mock behaves.

    Attributes:
        api_keys: The keys it accepts; ``None`` for every key that is not empty.
        refused_keys: Keys that are known but refused, each with how: ``"401"`` (of another workspace), ``"402"``,
            ``"403"`` or ``"423"``.
        auth: Whether a key is asked for at all.
        engine: Where masks come from: ``synthetic``, ``pixels``, the name of somebody's as ``MODULE:FACTORY``, or an
            engine, see :mod:`mock_server.engines.protocol`. Known images and specimens have their masks whatever it is.
        seed: Another seed gives other masks of the same images.
        url_images: A folder or a JSON file whose images stand for URLs; by default a URL stands for a virtual
            photograph.
        fetch_urls: Whether images by URL are really fetched, from public hosts only.
        coco: A COCO annotation file; the images it tells of get their true masks.
        coco_images: The folder of its images.
        coco_strict: Whether the file is refused if an entry of it is not sound. By default such entries are left out,
            and a line on standard error says so.
        scenes: Whether the project's own drawn scenes get their true masks too.
        latency: Whether an answer takes as long as its ``time`` claims.
        faults: Named faults that are on for every request, as ``name`` or ``name:parameter``; see
            :mod:`mock_server.faults`.
        profile: ``documented`` plays the documentation's side of every deviation, ``observed`` the server's.
        control: Whether the routes under ``/_mock`` are there.
        allowed_hosts: Names besides those of loopback under which these routes may be asked for.
        control_token: What requests to these routes have to show in the header ``X-Mock-Token``; ``None`` for nothing.
        journal: Whether the requests that come are kept.
        journal_requests: How many of them; the oldest go first.
        journal_bytes: How much memory they may take, about.
        journal_thumbnails: Whether images are kept small; costs a decoding of each image.
        scenarios: A YAML, JSON or TOML file of scenarios to start with; every session does.
        sessions: How many sessions there may be besides the default one; the one that was not used for longest goes.
        session_idle: Seconds after which a session ends that nobody uses.
        store: Where what outlasts a request is kept, so that several processes and machines are one mock:
            ``redis://HOST:PORT``, ``sqlite:PATH``; ``None`` for this process's own memory.
        metrics: Whether ``/metrics`` tells Prometheus what was asked; takes the extra ``metrics``.
        access_log: How each request is logged on standard error: as ``text``, as ``json`` or not at all (``none``).
    """

    api_keys: frozenset[str] | None = None
    refused_keys: Mapping[str, str] = field(default_factory=dict)
    auth: bool = True
    engine: str | Engine = "synthetic"
    seed: int = 0
    url_images: Path | None = None
    fetch_urls: bool = False
    coco: Path | None = None
    coco_images: Path | None = None
    coco_strict: bool = False
    scenes: bool = True
    latency: bool = False
    faults: tuple[str, ...] = ()
    profile: Profile = "documented"
    control: bool = True
    allowed_hosts: frozenset[str] = frozenset()
    control_token: str | None = None
    journal: bool = True
    journal_requests: int = 1000
    journal_bytes: int = 16 * 1024 * 1024
    journal_thumbnails: bool = False
    scenarios: Path | None = None
    sessions: int = 500
    session_idle: float = 600.0
    store: str | None = field(default=None, repr=False)  # may hold a password
    metrics: bool = False
    access_log: LogFormat = "none"
