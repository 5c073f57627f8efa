"""What one session owns, and how a new one is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mock_server.faults import FaultMemories, parse
from mock_server.journal.journal import Journal
from mock_server.operations.backends import Backends, Engines
from mock_server.scenarios.plan import Plan
from mock_server.scenarios.player import Scenarios
from mock_server.settings import Settings
from mock_server.store.memory import MemoryStore
from mock_server.store.protocol import Store
from sam3_contract.errors import UsageError


@dataclass(frozen=True, slots=True)
class Session:
    """A mock to itself. Everything may be used from any thread.

    Attributes:
        id: Its id; ``None`` for the default one, that of requests that name none.
        journal: The requests that it saw.
        scenarios: What it answers otherwise, and the faults that are on for every request.
        fault_memories: What its faults remember.
        backends: What its operations know and remember.
    """

    id: str | None
    journal: Journal
    scenarios: Scenarios
    fault_memories: FaultMemories
    backends: Backends

    @property
    def memory(self) -> int:
        """What it takes in this process, in bytes, about."""
        kept = self.journal.memory + self.backends.memory
        return kept + self.scenarios.memory + self.fault_memories.memory

    def put_faults_on(self, texts: Sequence[str]) -> None:
        """Put faults on every request, in the place of those that are on; those that are counted begin anew.

        Raises:
            UsageError: If one of them is unknown.
        """
        self.scenarios.put_faults_on(tuple(parse(text).text for text in texts))
        self.fault_memories.forget()

    def reset(self) -> None:
        """Begin anew: an empty journal, no remembered image, scenarios and faults as at the start."""
        self.journal.clear()
        self.backends.forget()
        self.scenarios.restore()
        self.fault_memories.forget()


@dataclass(frozen=True, slots=True)
class MakeSession:
    """Makes the sessions of one mock.

    Attributes:
        settings: How the mock behaves.
        operations: The ``operationId`` of every operation.
        engines: What the operations of all sessions share.
        store: Where sessions are kept.
        at_start: What each begins with.
    """

    settings: Settings
    operations: Sequence[str]
    engines: Engines
    store: Store
    at_start: Plan

    def __call__(self, name: str | None) -> Session:
        """Make the session of that id, or take what there is of it in the store."""
        settings, key = self.settings, key_of(name)
        # Without control routes nobody changes a plan or reads a journal from outside: the store is not asked for them.
        controlled = self.store if settings.control else MemoryStore()
        journal = Journal(
            self.operations,
            on=settings.journal,
            most_requests=settings.journal_requests,
            most_bytes=settings.journal_bytes,
            store=controlled,
            session=key,
        )
        scenarios = Scenarios(
            self.operations,
            check_fault=refuse_early_fault,
            store=self.store,
            plans=controlled,
            session=key,
            at_start=self.at_start,
        )
        backends = Backends(self.engines, self.store, key)
        return Session(name, journal, scenarios, FaultMemories(self.store, key), backends)


def key_of(name: str | None) -> str:
    """Return what a store calls a session: its id, and nothing for the default one, as no id is empty."""
    return name or ""


def refuse_early_fault(text: str) -> None:
    """Refuse an unknown fault, and one that comes too late in a scenario.

    Raises:
        UsageError: If it is one of them.
    """
    hooks = parse(text).fault.hooks
    if hooks.arrive is not None or hooks.admits is not None:
        raise UsageError(
            f"fault {text!r} sits before the check of the key, where no scenario has looked at the request yet; "
            "put it on every request, or on one by its header X-Mock-Fault"
        )


Make = Callable[[str | None], Session]
"""Makes the session of an id; of none the default one."""
