"""Which row holds whom: a hash table in two arrays, a fifth of the memory of a dict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Rows = NDArray[np.intp]

FREE, LEFT = -1, -2  # never taken; taken once, so that a search for others goes on behind it
FIRST = 1024
FULLEST = 0.6  # of all places, those that were left included
#: 2 ** 64 over the golden ratio spreads numbers that follow each other. Source: Knuth 1973,
#: "Sorting and Searching", section 6.4.
SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Places:
    """Rows by number, many at a time."""

    def __init__(self) -> None:
        # Thresholds follow it, and others ask for it while this is written to: never set back.
        self._count = 0
        self._empty(FIRST)

    def _empty(self, size: int) -> None:
        self._numbers = np.zeros(size, np.int64)
        self._rows = np.full(size, FREE, np.int32)
        self._taken = 0  # places, those that were left included

    def __len__(self) -> int:
        return self._count

    def rows(self, numbers: Numbers) -> Rows:
        """Return (N,) rows, -1 for whoever is not here."""
        places = self._find(numbers)
        return np.where(places < 0, -1, self._rows[places]).astype(np.intp)

    def put(self, numbers: Numbers, rows: Rows) -> None:
        """Write down where people are; each number at most once."""
        known = self._find(numbers)
        self._rows[known[known >= 0]] = rows[known >= 0]
        new = known < 0
        self._grow(int(np.count_nonzero(new)))
        self._add(numbers[new], rows[new])
        self._count += int(np.count_nonzero(new))

    def remove(self, numbers: Numbers) -> Rows:
        """Forget people, each number at most once; return the rows of those who were here."""
        places = self._find(numbers)
        places = places[places >= 0]
        rows = self._rows[places].astype(np.intp)
        self._rows[places] = LEFT
        self._count -= len(places)
        return rows

    def _first(self, numbers: Numbers) -> NDArray[np.intp]:
        """Return the place where the search for each number begins."""
        shift = np.uint64(64 - (len(self._rows).bit_length() - 1))
        return (numbers.view(np.uint64) * SPREAD >> shift).astype(np.intp)

    def _find(self, numbers: Numbers) -> NDArray[np.intp]:
        """Return the places of numbers, -1 for those who are not here."""
        numbers = np.ascontiguousarray(numbers, np.int64)
        found = np.full(len(numbers), -1, np.intp)
        sought, place = np.arange(len(numbers)), self._first(numbers)
        while len(sought):
            rows = self._rows[place]
            here = (self._numbers[place] == numbers[sought]) & (rows >= 0)
            found[sought[here]] = place[here]
            on = ~here & (rows != FREE)
            sought, place = sought[on], (place[on] + 1) % len(self._rows)
        return found

    def _add(self, numbers: Numbers, rows: Rows) -> None:
        """Take free places for people who are not here yet."""
        left, place = np.arange(len(numbers)), self._first(numbers)
        while len(left):
            free = self._rows[place] == FREE
            self._numbers[place[free]] = numbers[left[free]]
            # Of several who came to one place the last has it, the others go on.
            mine = free & (self._numbers[place] == numbers[left])
            self._rows[place[mine]] = rows[left[mine]]
            left, place = left[~mine], (place[~mine] + 1) % len(self._rows)
        self._taken += len(numbers)

    def _grow(self, more: int) -> None:
        """Make room for ``more`` people, by moving everybody where there is none."""
        if self._taken + more <= FULLEST * len(self._rows):
            return
        here = self._rows >= 0
        numbers, rows = self._numbers[here], self._rows[here].astype(np.intp)
        size = FIRST
        while self._count + more > size / 2:
            size *= 2
        self._empty(size)
        self._add(numbers, rows)
