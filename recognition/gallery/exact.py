"""Exact 1:N search: every template is compared with every probe."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.pipeline.types import Floats

FIRST_CAPACITY = 256


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person as the search found them; ``similarity`` is the cosine, -1 to 1."""

    subject_number: int
    similarity: float


class ExactIndex:
    """Exact 1:N search over one gallery.

    numbers: (N,) int64; templates: (N, D) float32, rows of length 1. Safe for many
    threads: a change and a search never see each other half done.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._numbers: NDArray[np.int64] = np.empty(FIRST_CAPACITY, np.int64)
        self._templates: Floats = np.empty((FIRST_CAPACITY, dimension), np.float32)
        self._rows: dict[int, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, number: int) -> bool:
        return number in self._rows

    def put(self, numbers: NDArray[np.int64], templates: Floats) -> None:
        """Add people, or replace the templates of those who are here already."""
        with self._lock:
            new = [row for row, n in enumerate(numbers.tolist()) if n not in self._rows]
            old = [row for row, n in enumerate(numbers.tolist()) if n in self._rows]
            places = [self._rows[n] for n in numbers[old].tolist()]
            self._templates[places] = templates[old]
            self._append(numbers[new], templates[new])

    def _append(self, numbers: NDArray[np.int64], templates: Floats) -> None:
        first, last = len(self._rows), len(self._rows) + len(numbers)
        if last > len(self._numbers):
            self._grow(max(last, len(self._numbers) * 3 // 2))
        self._numbers[first:last] = numbers
        self._templates[first:last] = templates
        self._rows.update(zip(numbers.tolist(), range(first, last), strict=True))

    def _grow(self, capacity: int) -> None:
        count = len(self._rows)
        numbers = np.empty(capacity, np.int64)
        numbers[:count] = self._numbers[:count]
        templates = np.empty((capacity, self.dimension), np.float32)
        templates[:count] = self._templates[:count]
        self._numbers, self._templates = numbers, templates

    def remove(self, numbers: Iterable[int]) -> None:
        """Forget people; their templates are overwritten, not just hidden."""
        with self._lock:
            for number in numbers:
                row = self._rows.pop(number, None)
                if row is None:
                    continue
                last = len(self._rows)
                if row != last:
                    moved = int(self._numbers[last])
                    self._numbers[row], self._templates[row] = moved, self._templates[last]
                    self._rows[moved] = row
                self._numbers[last], self._templates[last] = 0, 0.0

    def search(self, probes: Floats, *, limit: int) -> list[list[Candidate]]:
        """Return for each of the (P, D) probes its ``limit`` most similar people, best first."""
        with self._lock:
            count = len(self._rows)
            if count == 0 or len(probes) == 0:
                return [[] for _ in probes]
            similarities = probes @ self._templates[:count].T  # (P, N)
            best = _best(similarities, min(limit, count))
            numbers = self._numbers[best]  # a copy: the rows may move once the lock is gone
        rows = np.take_along_axis(similarities, best, axis=1)
        return [
            [Candidate(int(n), float(s)) for n, s in zip(*pair, strict=True)]
            for pair in zip(numbers, rows, strict=True)
        ]


def _best(similarities: Floats, limit: int) -> NDArray[np.intp]:
    """Return the columns of the ``limit`` greatest values of each row, greatest first."""
    best = np.argpartition(similarities, -limit, axis=1)[:, -limit:]
    order = np.argsort(-np.take_along_axis(similarities, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)
