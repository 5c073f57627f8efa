"""schemathesis without this project's hooks, on the same document and with as many calls."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.checks import ignored_auth
from schemathesis.config import SchemathesisConfig

from benchmarks.verify.finding import CONTRACT, KEY, MAX_CALLS, Counted, Found, Profile, Shown, mock, reachable
from sam3_contract.cases import strategies

schemathesis.openapi.format("sam3-image-base64", strategies.base64_images())
schemathesis.openapi.format("sam3-image-url", strategies.image_urls())
schemathesis.openapi.format("sam3-model-id", strategies.model_ids())


class Alone:
    """schemathesis, with the same requests for every mock.

    Args:
        profile: Of the faultless mock, whose failures are false alarms.
        seed: Of that mock.
    """

    def __init__(self, profile: Profile, seed: int) -> None:
        document = copy.deepcopy(CONTRACT.document)
        self._schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig())
        self._cases = self._made(MAX_CALLS)
        with reachable(mock(profile=profile, seed=seed), None) as (_, where):
            failures = self._replayed(where, lambda: True, told=(AssertionError, BaseExceptionGroup))
        self.false_alarms = {(number, title) for number, title, _ in failures}

    def judge(self, app: Counted, shown: Shown) -> Found:
        """Send the requests until the calls are used up; tell what failed that does not fail without a fault."""
        with reachable(app, shown.timeout) as (_, where):
            told = [
                (title, calls)
                for number, title, calls in self._replayed(where, lambda: app.calls < shown.calls, lambda: app.calls)
                if (number, title) not in self.false_alarms
            ]
        return Found(tuple(dict.fromkeys(title for title, _ in told)), app.calls, told[0][1] if told else None)

    def _made(self, number: int) -> list[tuple[Any, dict[str, Any]]]:
        """Make cases, each with where it has the key: examples first, then the other sources in turns."""
        examples: list[Any] = []
        sources: list[list[Any]] = []
        for operation in CONTRACT.operations:
            node = self._schema[operation.path][operation.method]
            examples += [case for source in self._schema.get_strategies_from_examples(node) for case in drawn(source)]
            kinds = [drawn(node.as_strategy(generation_mode=mode), number // 12) for mode in GenerationMode]
            sources += [self._covering(node), [case for pair in zip(*kinds, strict=True) for case in pair]]
        turns = [case for turn in itertools.zip_longest(*sources) for case in turn if case is not None]
        bearer, query = {"headers": {"Authorization": f"Bearer {KEY}"}}, {"params": {"api_key": KEY}}
        return [*((case, bearer) for case in examples), *((case, query) for case in turns)][:number]

    def _covering(self, node: Any) -> list[Any]:
        """Choose the first case of each scenario of the phase coverage, of whose cases there are hundreds."""
        generation = self._schema.config.generation_for(operation=node, phase="coverage")
        modes = list(GenerationMode)
        made: Iterable[Any] = self._schema.iter_coverage_cases(
            node, generation_modes=modes, generation_config=generation
        )
        chosen: dict[object, Any] = {}
        for case in made:
            phase = case.meta.phase.data
            chosen.setdefault((phase.scenario, phase.parameter_location, case.meta.generation.mode), case)
        return list(chosen.values())

    def _replayed(
        self,
        where: dict[str, Any],
        goes_on: Callable[[], bool],
        calls: Callable[[], int] = lambda: 0,
        *,
        told: tuple[type[BaseException], ...] = (Exception, BaseExceptionGroup),
    ) -> list[tuple[int, str, int]]:
        """List each failure: the number of its case, its title, and the calls until then.

        What schemathesis itself runs into, such as a broken connection, its user sees as well.
        """
        self._schema.app = where.get("app")
        found, confirmed = [], set[str]()
        for number, (case, key) in enumerate(self._cases):
            if not goes_on():
                break
            arguments = {**where, **key}
            excluded = [ignored_auth] if case.operation.label in confirmed else []
            try:
                response = case.call(**arguments)
                if response.status_code == 200:
                    confirmed.add(case.operation.label)
                case.validate_response(
                    response, headers=key.get("headers"), transport_kwargs=arguments, excluded_checks=excluded
                )
            except told as failure:
                found += [(number, title, calls()) for title in titles(failure)]
        return found


def titles(failure: BaseException) -> Iterator[str]:
    """Name the failures in one or in a group."""
    if isinstance(failure, BaseExceptionGroup):
        for inner in failure.exceptions:
            yield from titles(inner)
    else:
        yield str(getattr(failure, "title", "") or type(failure).__name__)


def drawn(strategy: Any, number: int = 1) -> list[Any]:
    """Draw from a strategy, always the same."""
    made: list[Any] = []
    options = hypothesis.settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    hypothesis.seed(0)(options(hypothesis.given(case=strategy)(lambda case: made.append(case))))()
    return made
