"""The frames of a video: what was decided a moment ago already is counted, not written down again.

A camera asks several times a second who is there. An event for each frame would bury all others and
fill the database; one that says how often the same was decided since tells as much.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass

SECONDS = 30.0  # in which the same decision is not written down again
MOST = 1000  # decisions remembered; the oldest are forgotten, and written down again


@dataclass(slots=True)
class Last:
    """When a decision was written down, in which event, and how often it was made since."""

    time: float
    event: int
    count: int = 0


class Repeats:
    """What was decided lately, by who asked and what came out; one process remembers for itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[Hashable, Last] = {}

    def event_of(self, decision: Hashable) -> int | None:
        """Return the event that ``decision`` stands in, and count it there; None: it is due."""
        with self._lock:
            last = self._last.get(decision)
            if last is None or time.monotonic() - last.time > SECONDS:
                return None
            last.count += 1
            return last.event

    def count(self, decision: Hashable) -> int:
        """Return how often ``decision`` was made since it was written down last."""
        with self._lock:
            last = self._last.get(decision)
            return last.count if last else 0

    def written(self, decision: Hashable, event: int) -> None:
        """Say that ``decision`` now stands in ``event``."""
        with self._lock:
            self._last.pop(decision, None)
            self._last[decision] = Last(time.monotonic(), event)
            while len(self._last) > MOST:
                del self._last[next(iter(self._last))]
