"""A whole verification in one call, for a notebook, a script or a test of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from os import PathLike, fspath
from pathlib import Path
from typing import Final, TypeVar

from markupsafe import escape

from sam3_contract import cases, report
from sam3_contract.checks import selected
from sam3_contract.errors import BROKEN, ContractViolation, TransportError, UsageError
from sam3_contract.report import words
from sam3_contract.spec import Contract, load
from sam3_contract.targets import transport_to_any
from sam3_contract.verification import runner
from sam3_contract.verification.baseline import Baseline
from sam3_contract.wire.requests import MAX_PROMPTS

WsgiApp = Callable[..., Iterable[bytes]]
_T = TypeVar("_T", str, str | PathLike[str])

_FRAME: Final = '<iframe sandbox srcdoc="{}" style="width: 100%; height: 42em; border: 1px solid #8888"></iframe>'


@dataclass(frozen=True, slots=True, repr=False)
class Verification(runner.Run):
    """What :func:`verify` found: a :class:`~sam3_contract.verification.runner.Run` that can show and assert itself.

    In a notebook it shows as the report with its pictures; ``print(run)`` shows it as ``sam3-contract verify`` does.

    Attributes:
        contract: The document that the answers were held to.
    """

    contract: Contract = field(default_factory=load)

    def assert_held(self) -> None:
        """Fail unless everything that was judged held, and something was.

        Raises:
            ContractViolation: An ``AssertionError``, if the contract was broken; it holds the whole report.
            TransportError: If it could not be judged, because no server answered or nothing was there to judge.
        """
        __tracebackhide__ = True  # pytest ends its traceback at the test's own line
        if self.exit_status == BROKEN:
            raise ContractViolation(f"{self.target} breaks the contract\n\n{self}")
        if self.exit_status:
            raise TransportError(self.unanswered or f"{self.target} gave no check anything to judge")

    def write_report(self, folder: str | PathLike[str]) -> list[Path]:
        """Write the report as HTML, JSON, JUnit XML and HAR; see :func:`sam3_contract.report.write`.

        Args:
            folder: Where to; made if need be.

        Returns:
            The files that were written.

        Raises:
            ReportError: If they cannot be.
        """
        return list(report.write(self, self.contract, Path(folder)))

    def __repr__(self) -> str:
        broken = [outcome.check.code for outcome in self.outcomes if outcome.verdict == "broken"]
        names = f" ({', '.join(broken)})" if broken else ""
        calls, checks = (words.count_of(len(self.exchanges), "call"), words.count_of(len(self.outcomes), "check"))
        return f"<Verification of {words.clean(self.target, self)}: {calls}, {checks}, {words.conclusion(self)}{names}>"

    def __str__(self) -> str:
        return report.as_text(self, self.contract)

    def _repr_html_(self) -> str:
        # In a frame, so that the notebook's styles and the page's leave each other alone.
        return _FRAME.format(escape(report.as_html(self, self.contract)))


def verify(
    target: str | WsgiApp,
    *,
    api_key: str | None = None,
    images: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    texts: str | Sequence[str] = (),
    points: Sequence[tuple[float, float]] = (),
    operations: str | Sequence[str] = (),
    select: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    max_calls: int = runner.DEFAULT_CALLS,
    timeout: float = 60.0,
    time_limit: float | None = None,
    baseline: str | PathLike[str] | None = None,
    exact: bool = False,
) -> Verification:
    """Hold a server, or an application in this process, to the contract.

    Calls of the live service cost credits: *max_calls* bounds them.

    Args:
        target: Where the paths begin, such as ``http://127.0.0.1:9001``; a WSGI application, such as a Flask one or
            what :func:`sam3_contract.create_mock` returns; or ``"mock"`` for the built-in mock.
        api_key: The key to send; by default that in ``ROBOFLOW_API_KEY`` or ``API_KEY``.
        images: Photographs to send; by default built-in scenes, whose masks are known.
        texts: Concepts to ask for, up to 16.
        points: Pixels to click, ``(x, y)``.
        operations: Only these operations, such as ``concept_segment``.
        select: Only these checks: codes, prefixes or names.
        ignore: Not these checks.
        max_calls: Requests to send at most, the most telling first.
        timeout: Seconds to wait for each answer.
        time_limit: Seconds after which nothing more is sent.
        baseline: A file of findings that are accepted, as ``sam3-contract verify --write-baseline`` writes it.
        exact: Allow none of the misses that a model may have, as a mock of this package is allowed none.

    Raises:
        UsageError: If the target or another argument is not what it has to be.
        SpecError: If there is no such operation.
        ImageError: If a file is no image.
        BaselineError: If the baseline cannot be read.

    Example:
        >>> run = verify("mock", operations=["embed_image"])
        >>> run.exit_status, run.violations
        (0, ())
        >>> run.assert_held()
        >>> from sam3_contract import create_mock
        >>> verify(create_mock(faults=["size_swapped"]), select=["M03"], max_calls=20)
        <Verification of LocalMock (in process): 20 calls, 1 check, 1 broken (M03)>
    """
    contract = load()
    checks = selected(_listed(select), _listed(ignore))
    accepted = None if baseline is None else Baseline.load(Path(baseline))
    plan = _plan(_listed(images), _listed(texts), points, _listed(operations), contract)
    for name, number in (("max_calls", max_calls), ("timeout", timeout), ("time_limit", time_limit)):
        if number is not None and number <= 0:
            raise UsageError(f"{name} has to be more than 0, got {number!r}")
    transport = transport_to_any(target, contract, api_key=api_key, timeout=timeout, exact=exact)
    budget = runner.Budget(max_calls, seconds=time_limit)
    run = runner.verify(transport, plan, contract, checks=checks, budget=budget, baseline=accepted)
    return Verification(**{one.name: getattr(run, one.name) for one in fields(runner.Run)}, contract=contract)


def _listed(given: _T | Sequence[_T]) -> list[_T]:
    """Take a single thing for a list of it: a text is a sequence too, of letters that nobody means."""
    if isinstance(given, str | PathLike):
        return [given]
    return list(given)


def _plan(
    images: Sequence[str | PathLike[str]],
    texts: Sequence[str],
    points: Sequence[tuple[float, float]],
    operations: Sequence[str],
    contract: Contract,
) -> cases.Plan:
    if len(texts) > MAX_PROMPTS:
        raise UsageError(f"{len(texts)} texts: one request takes at most {MAX_PROMPTS} concepts")
    for operation in operations:
        contract.operation(operation)  # says now that there is none of that name
    photographs = tuple(cases.photograph_from_file(fspath(image)) for image in images) or cases.built_in_images()
    return cases.plan(photographs, texts=texts, points=points).of_operations(operations)
