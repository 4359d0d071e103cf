"""Leave a service that failed alone for a while, so that not every request pays its time-out."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Open (``closed`` is False) for ``rest`` seconds after each failure."""

    def __init__(self, rest: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._clock = clock
        self._open_until = 0.0

    @property
    def closed(self) -> bool:
        return self._clock() >= self._open_until

    def failed(self) -> None:
        self._open_until = self._clock() + self._rest
