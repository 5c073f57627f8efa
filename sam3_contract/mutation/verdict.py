"""What a run under a fault says of the client."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal

from sam3_contract.mutation.retries import forbidden_retry
from sam3_contract.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sam3_contract.interception.trial import Answered

__all__ = ["End", "Verdict", "end_of", "verdict_on"]


class Verdict(StrEnum):
    """What a client did about a fault, from the worst to what no client has to do anything about."""

    RETRIED = "retried what may not be"
    HANG = "hang"
    CRASH = "crash"
    SILENT = "silently wrong"
    NOTICED = "noticed"
    RECOVERED = "recovered"
    UNREAD = "never read"
    UNFELT = "not felt"

    @property
    def meaning(self) -> str:
        """One sentence."""
        return _MEANINGS[self]

    @property
    def counts(self) -> bool:
        """Whether the client could have felt the fault at all."""
        return self not in {Verdict.UNREAD, Verdict.UNFELT}

    @property
    def is_good(self) -> bool:
        """Whether the client did what it should."""
        return self in {Verdict.NOTICED, Verdict.RECOVERED}


_MEANINGS: Final = {
    Verdict.RETRIED: "The same request was sent again behind a refusal that asking again cannot mend.",
    Verdict.HANG: "It was not over when its time was.",
    Verdict.CRASH: "It ended in an exception that says nothing of the service, such as KeyError.",
    Verdict.SILENT: "It went on as if nothing were wrong.",
    Verdict.NOTICED: "A test failed, or an error came that says what is wrong.",
    Verdict.RECOVERED: "The right result came by asking again, where that is allowed.",
    Verdict.UNREAD: "The fault changes what the client never reads: it comes to the same without.",
    Verdict.UNFELT: "No status and no body of an answer changed.",
}


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended.

    Attributes:
        kind: ``passed``, where nothing is known of what came out; ``same`` or ``changed`` where it is; ``failed`` by
            an assertion or an error that was meant; ``crashed`` by one that was not; ``hung`` if it was stopped.
        says: The error, in one line.
    """

    kind: Literal["passed", "same", "changed", "failed", "crashed", "hung"]
    says: str = ""


_ENDINGS: Final = {
    "crashed": Verdict.CRASH,
    "failed": Verdict.NOTICED,
    "changed": Verdict.SILENT,
}
_MEANT: Final = (AssertionError, OSError, NotImplementedError, SystemExit)
"""Of Python's own exceptions, those that tell what is the matter: connections, time-outs, files."""
_UNMEANT_HOMES: Final = ("builtins", "json", "numpy", "cv2", "binascii", "struct", "zlib", "PIL", "zipfile", "_pickle")


def end_of(error: BaseException | None) -> End:
    """Judge what came out of the code under test.

    Errors that a client defines itself, and those of HTTP libraries, say something of the service: they are meant. What
    Python and libraries of arrays and images raise by themselves, when they are given nonsense, is not.
    """
    if error is None:
        return End("passed")
    home = type(error).__module__.partition(".")[0]
    unmeant = home in _UNMEANT_HOMES and not isinstance(error, _MEANT)
    return End("crashed" if unmeant else "failed", _told(error))


def _told(error: BaseException) -> str:
    """Write an error in one line, as it can be shown anywhere; what it says may be made from what a server has sent."""
    name = type(error).__name__
    try:
        text = f"{name}: {error}"
    except Exception as failure:  # its text is the client's own code, too
        text = f"{name}, whose text ends in {type(failure).__name__}"
    return plain(text).splitlines()[0][:300]


def verdict_on(end: End, clean: Sequence[Answered], answers: Sequence[Answered]) -> Verdict:
    """Judge a run.

    Args:
        end: How it ended.
        clean: What the client asked, and got, without the fault.
        answers: The same under it.

    Returns:
        The verdict; of a client that went on, :attr:`Verdict.SILENT` stands for all that is not known to be harmless.
    """
    if forbidden_retry(clean, answers) is not None:
        return Verdict.RETRIED
    if end.kind == "hung":
        return Verdict.HANG  # the answer that it waited for may never have come
    if not any(one.faulty for one in answers):
        return Verdict.UNFELT
    if end.kind in _ENDINGS:
        return _ENDINGS[end.kind]
    if Counter(map(_exchange, answers)) == Counter(map(_exchange, clean)) or not any(map(_is_good, clean)):
        return Verdict.UNFELT  # also if the run is about refusals: which of them it gets is not for it to notice
    if _last_of_each(clean) == _last_of_each(answers):
        return Verdict.RECOVERED
    return Verdict.UNREAD if end.kind == "same" else Verdict.SILENT


def _is_good(one: Answered) -> bool:
    return one.status == HTTPStatus.OK and not one.faulty and not one.is_cut


def _exchange(one: Answered) -> tuple[object, object]:
    return one.request, one.answer


def _last_of_each(answers: Sequence[Answered]) -> dict[tuple[str, bytes], tuple[int, bytes, bool]]:
    """What each request got in the end."""
    return {one.request: one.answer for one in answers}
