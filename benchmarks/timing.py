"""Times of contestants that take turns, so that what else the machine does hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

#: Seconds between turns: thread pools spin after their work, PyTorch's for 100 ms, and would take a
#: core from whoever comes next.
PAUSE = 0.2
SLOW = 1.0  # seconds of a turn from which two of warming up have to do


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: ``rounds``, or fewer where they would take more than ``seconds``.

    ``fewest`` are done however slow a contestant is; ``warm_up`` do not count.
    """

    rounds: int
    seconds: float
    fewest: int = 3
    warm_up: int = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """One run: milliseconds of each stage in ``laps``, and what was found, to be compared."""

    laps: dict[str, float]
    found: Any

    @property
    def total(self) -> float:
        return sum(self.laps.values())


@dataclass(slots=True)
class Clock:
    """Takes the laps of one run."""

    laps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def lap(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.laps[stage] = (time.perf_counter() - start) * 1000


@dataclass(frozen=True, slots=True)
class Measure:
    """Repeated measurements of one thing."""

    unit: str
    median: float
    least: float
    p95: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float], unit: str = "ms") -> Measure:
        return cls(
            unit,
            round(statistics.median(values), 4),
            round(min(values), 4),
            round(percentile(values, 95), 4),
            len(values),
        )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` per cent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(share) // 100) - 1)]


def interleaved(
    contestants: Mapping[str, Callable[[int], Sequence[Turn]]], effort: Effort
) -> dict[str, list[Turn]]:
    """Let each contestant have its turn in every round: A B C, B C A, C A B, ...

    A contestant is called with the round's number; the first rounds warm up and do not count.
    """
    for act in contestants.values():
        _warm_up(act, effort.warm_up)
    turns: dict[str, list[Turn]] = {name: [] for name in contestants}
    names, started = list(contestants), time.perf_counter()
    for round_ in range(effort.rounds):
        if round_ >= effort.fewest and time.perf_counter() - started > effort.seconds:
            break
        first = round_ % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(PAUSE)
            turns[name] += contestants[name](round_)
    return turns


def _warm_up(act: Callable[[int], object], times: int) -> None:
    act(0)  # loads what the others find loaded, however long it takes
    for _ in range(1, times):
        started = time.perf_counter()
        act(0)
        if time.perf_counter() - started > SLOW:
            return


def lap_measures(turns: Sequence[Turn]) -> dict[str, Measure]:
    """Return the measure of each stage."""
    return {stage: Measure.of([turn.laps[stage] for turn in turns]) for stage in turns[0].laps}


def total(turns: Sequence[Turn]) -> Measure:
    """Return the measure of the whole."""
    return Measure.of([turn.total for turn in turns])
