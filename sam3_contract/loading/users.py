"""The users of a load test.

Importing this imports Locust, which patches the standard library for its greenlets: only for a process of Locust's own.
"""

from __future__ import annotations

import os
import random
import sys
from argparse import Namespace
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import gevent  # type: ignore[import-untyped]
from locust import FastHttpUser, constant_pacing, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from sam3_contract.errors import USAGE, UsageError
from sam3_contract.exchanges.exchange import Case
from sam3_contract.images.scenes import built_in_scenes
from sam3_contract.loading.budget import Budget, refuse_without_budget
from sam3_contract.loading.judging import failures_of
from sam3_contract.loading.mix import cases
from sam3_contract.spec import load
from sam3_contract.targets import KEY_VARIABLES
from sam3_contract.terminal import say

__all__ = ["ContractUser"]

_MOCK_KEY: Final = "sam3-contract-load"
_CONTRACT: Final = load()
_SPENT: Final = "sam3-contract-budget-spent"


class ContractUser(FastHttpUser):
    """Asks as clients do: concepts, clicks, boxes, embeddings; a sample of the answers is held to the laws of masks.

    What breaks a law is a failure of its request, under the law's name. Options of the command line: ``--budget``,
    ``--sample``. A class of your own may set ``wait_time`` and the other attributes of Locust's users.
    """

    abstract = True
    wait_time = constant_pacing(0.2)
    _numbers = count()
    _budget: Budget | None = None
    _n_under_way = 0
    _has_told = False

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        options = _options_of(environment)
        worker = getattr(environment.runner, "worker_index", 0) or 0
        number = next(ContractUser._numbers)
        self._cases = cases(1_000_000 * worker + number)
        self._dice = random.Random(number)  # noqa: S311 - chooses whom to look at
        self._sample = options.sample
        self._contract = _CONTRACT
        self._key = next((key for name in KEY_VARIABLES if (key := os.environ.get(name))), _MOCK_KEY)
        if ContractUser._budget is None:
            n_workers = max(1, getattr(options, "expect_workers", 1) or 1)
            n_processes = n_workers if isinstance(environment.runner, WorkerRunner) else 1
            ContractUser._budget = Budget(options.budget, n_processes=n_processes, place=worker)

    @task
    def ask(self) -> None:
        """Send the next request."""
        assert ContractUser._budget is not None
        if not ContractUser._budget.take():
            self._tell_that_all_is_spent()
            raise StopUser
        case = next(self._cases)
        ContractUser._n_under_way += 1
        try:
            self._send(case)
        finally:
            ContractUser._n_under_way -= 1

    def _send(self, case: Case) -> None:
        operation = self._contract.operation(case.operation)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        name = f"{case.operation} {case.id.partition('/')[0]}"
        with self.client.post(
            operation.path, data=case.content.decode(), headers=headers, name=name, catch_response=True
        ) as answer:
            if answer.status_code != 0 and self._dice.random() < self._sample:
                self._look_at(case, answer)

    def _tell_that_all_is_spent(self) -> None:
        """End the run when the last answer is there: the user who got it is the last to be refused."""
        if ContractUser._n_under_way or ContractUser._has_told:
            return
        ContractUser._has_told = True
        runner = self.environment.runner
        if isinstance(runner, WorkerRunner):
            _report_all(runner)
            runner.send_message(_SPENT)
        elif runner is not None:
            gevent.spawn(runner.quit)

    def _look_at(self, case: Case, answer: Any) -> None:
        broken = failures_of(
            case,
            self._contract,
            status=answer.status_code,
            headers=dict((answer.headers or {}).items()),
            body=answer.content or b"",
        )
        if broken:
            answer.failure("; ".join(broken))
        elif answer.status_code in case.expected:
            answer.success()


def _report_all(runner: WorkerRunner) -> None:
    """Send the master what it was not sent yet: when it ends the run it waits half a second for that, and no longer."""
    data: dict[str, Any] = {}
    runner.environment.events.report_to_master.fire(client_id=runner.client_id, data=data)  # type: ignore[no-untyped-call]
    runner.send_message("stats", data)


def _options_of(environment: Environment) -> Any:
    """Return the options of the command line, with ours among them even if nobody parsed one."""
    return environment.parsed_options or Namespace(budget=0, sample=0.1, expect_workers=1)


def _add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--budget", type=int, default=0, help="Calls that may be made; has to be given for a live host."
    )
    parser.add_argument("--sample", type=float, default=0.1, help="Share of the answers that is held to the contract.")


def _get_ready(environment: Environment, **_: object) -> None:
    options = _options_of(environment)
    host = environment.host or next((user.host for user in environment.user_classes if user.host), None) or ""
    try:
        refuse_without_budget(host, options.budget)
    except UsageError as error:
        say(f"sam3-contract: {error}", err=True)
        sys.exit(USAGE)
    for scene in () if isinstance(environment.runner, MasterRunner) else built_in_scenes():
        scene.content  # noqa: B018 - painted now, and not while requests are timed
    _end_when_all_is_spent(environment)
    # The event loop's clock stands since it was made, before everything was imported: a run would end early by as much.
    gevent.get_hub().loop.update_now()


def _end_when_all_is_spent(environment: Environment) -> None:
    """Let a master end the run when each of its workers has said that its share is spent."""
    runner = environment.runner
    if not isinstance(runner, MasterRunner):
        return
    spent = set()

    def note(msg: Any, **_: object) -> None:
        spent.add(msg.node_id)
        if len(spent) >= runner.worker_count:
            gevent.spawn(runner.quit)

    runner.register_message(_SPENT, note)


def _keep_within_budget(environment: Environment, **_: object) -> None:
    """Shares of a budget are those of the workers that were expected: with more of them it would be overdrawn."""
    runner, options = environment.runner, _options_of(environment)
    try:
        refuse_without_budget(environment.host or "", options.budget)  # the page may have named another host
    except UsageError as error:
        say(f"sam3-contract: {error}", err=True)
        environment.process_exit_code = USAGE
        if runner is not None:
            runner.quit()
        return
    if isinstance(runner, MasterRunner) and options.budget > 0 and runner.worker_count > options.expect_workers:
        say(
            f"sam3-contract: {runner.worker_count} workers share a budget of {options.expect_workers}: "
            f"pass --expect-workers {runner.worker_count}",
            err=True,
        )
        environment.process_exit_code = USAGE
        runner.quit()


_HOOKS: Final[list[tuple[Any, Callable[..., None]]]] = [
    (events.init_command_line_parser, _add_options),
    (events.init, _get_ready),
    (events.test_start, _keep_within_budget),
]
for _hook, _listener in _HOOKS:
    _hook.add_listener(_listener)
