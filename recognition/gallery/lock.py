"""A lock that any number of readers share and a writer has to itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadWriteLock:
    """Readers and writers take turns: neither keeps the other waiting for ever. Not reentrant.

    A writer waits for the readers that are inside; readers that come meanwhile wait for it, and
    as many as have waited go in before the next writer does.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = self._readers_waiting = self._readers_due = 0
        self._writers_waiting, self._writing = 0, False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Share the lock with other readers."""
        with self._changed:
            self._readers_waiting += 1
            self._changed.wait_for(self._readers_may_enter)
            self._readers_waiting -= 1
            self._readers_due = max(0, self._readers_due - 1)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    def _readers_may_enter(self) -> bool:
        return not self._writing and (self._readers_due > 0 or not self._writers_waiting)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Have the lock alone."""
        with self._changed:
            self._writers_waiting += 1
            self._changed.wait_for(self._a_writer_may_enter)
            self._writers_waiting -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._readers_due = self._readers_waiting
                self._changed.notify_all()

    def _a_writer_may_enter(self) -> bool:
        return not (self._writing or self._readers or self._readers_due)
