"""``serve --record`` and ``serve --replay``: a recording in the place of the mock, or before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sam3_contract.errors import UsageError
from sam3_contract.terminal import say

if TYPE_CHECKING:
    from sam3_contract.recording import ReplayApp
    from sam3_contract.recording.wsgi import WsgiApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is to be recorded and replayed; called with the mock, it makes what is served.

    Attributes:
        record: The server that requests are passed on to.
        to: The recording.
        replay: The recording that answers.
        on_miss: What becomes of requests that are not in it.
        budget: How many requests are passed on, and for how many seconds.
        document: Path of the OpenAPI document; the project's own by default.

    Raises:
        UsageError: If the options do not go together.
    """

    record: str | None
    to: Path | None
    replay: Path | None
    on_miss: Literal["refuse", "mock", "record"]
    budget: tuple[int, float | None]
    document: str | None

    def __post_init__(self) -> None:
        if self.replay is None and (self.record is None or self.to is None):
            raise UsageError("--record takes the URL of a server, and --to the file: one goes with the other")
        if self.replay is not None and self.to is not None:
            raise UsageError("--replay with --on-miss record records into the same file; --to is for --record alone")
        if self.replay is not None and (self.on_miss == "record") != (self.record is not None):
            raise UsageError("--replay with --on-miss record takes the server in --record, and nothing else does")
        if self.replay is None and self.on_miss != "refuse":
            raise UsageError(f"--on-miss {self.on_miss} is for --replay; --record passes everything on")

    @property
    def title(self) -> str:
        """What is served, in a few words."""
        return f"Recording of {self.record}" if self.replay is None else f"Replay of {self.replay}"

    def __call__(self, mock: WsgiApp) -> ReplayApp:
        """Make what is served."""
        # Only here: a mock that records nothing waits for none of it.
        from sam3_contract import spec  # noqa: PLC0415
        from sam3_contract.recording import Budget, PassThrough, ReplayApp, Session, Upstream  # noqa: PLC0415

        contract = spec.load(self.document)
        path = self.replay or self.to
        assert path is not None, "said by the options"
        upstream = Upstream(self.record or "")
        mode: Literal["none", "new", "all"] = "new" if self.record else "none"
        session = Session(
            path,
            mode=mode if self.replay else "all",
            upstream=upstream,
            budget=Budget(*self.budget),
            contract=contract,
            repeats=True,
            announce=_announce,
            instead="the mock" if self.on_miss == "mock" else "",
        )
        beside = mock if self.replay else PassThrough(upstream)
        return ReplayApp(session, beside, on_miss=self.on_miss == "mock", contract=contract)


def _announce(sentence: str) -> None:
    say(f"sam3-contract: {sentence}", err=True)
