"""Bodies that grow as long as somebody reads them, without a thread that waits for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator


class Growing(ABC):
    """A body whose next part may be long in coming.

    A server that knows of it asks now and then, and keeps no thread meanwhile; to any other, and where too many of them
    are under way, it is an iterable of what there is now. Its reader comes again wherever it ends, and says what came.
    """

    @abstractmethod
    def more(self) -> bytes | None:
        """Take what is new: nothing, perhaps; ``None`` if no more is to come. Called from one thread at a time."""

    @abstractmethod
    def __iter__(self) -> Iterator[bytes]:
        """Take what there is now."""
