"""One search by codes: segments are looked through until nobody can have been missed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from recognition.gallery.codebook import Bounds
from recognition.gallery.places import Rows
from recognition.gallery.segment import Look, Segment
from recognition.gallery.workers import on_one_core, shared_out
from recognition.pipeline.types import Floats

FEWEST = 1 / 512  # the least share of a segment whose bounds are asked for
MARGIN = 2.0  # times as many bounds as are expected to reach a probe's floor
MORE = 8  # times as many where that was not enough
FLOAT = 4  # bytes
FETCH = 3  # times as long for a byte of some rows as for one of all rows


class Hunt:
    """The (P, D) ``probes`` and what has been found of them so far.

    Whoever reaches a probe's floor must be compared. The floor rises with what is found: to
    ``floor`` once somebody is that similar, on to the last of the ``limit`` best once there are
    so many; before that, from ``near`` below it to whoever is nearest. The first segment tells how
    much there is to compare, and which codes to read.
    """

    def __init__(
        self, segments: Sequence[Segment], probes: Floats, *, limit: int, floor: float, near: float
    ) -> None:
        self._probes, self._limit, self._floor = probes, limit, floor
        # The first one is not the least: the last one may hold a few people, who tell nothing.
        self._pilot, *others = segments
        self._others = sorted(others, key=lambda segment: segment.count)
        self._floors = np.full(len(probes), floor - near, np.float32)
        #: By codebook: what is added up, and the bounds (P, S) in the first segment.
        self._bounds: list[Bounds] = []
        self._sounded: list[Floats] = []
        self._changing = threading.Lock()
        self.found: list[dict[Segment, Look]] = [{} for _ in probes]

    def run(self) -> list[list[Look]]:
        """Return the looks at all segments of each probe."""
        on_one_core()
        self._sound_out(self._pilot)
        todo = dict.fromkeys(self._others, np.arange(len(self._probes)))
        times = 1
        while todo:
            looking = [(segment, probes, times) for segment, probes in todo.items()]
            shared_out(lambda each: self._look(*each), looking)
            left = {segment: self._missing(segment) for segment in todo}
            todo = {segment: probes for segment, probes in left.items() if len(probes)}
            times *= MORE
        return [list(looks.values()) for looks in self.found]

    def _sound_out(self, segment: Segment) -> None:
        """Compare everybody in a segment, and see how much its bounds tell."""
        for probe, look in enumerate(segment.scan(self._probes, self._limit)):
            self._see(probe, segment, look)
        for book, codes in zip(segment.books, segment.codes, strict=True):
            self._bounds.append(book.bounds(self._probes))
            self._sounded.append(codes.highest(self._bounds[-1], segment.count, segment.count)[0])

    def _look(self, segment: Segment, probes: Rows, times: int) -> None:
        """Look at as many of a segment's people as are likely to reach a floor, ``times`` over."""
        level, share = self._cheapest(probes)
        looks = segment.look(
            level,
            self._bounds[level].of(probes),
            self._probes[probes],
            self._floors[probes],
            limit=self._limit,
            k=int(segment.count * (MARGIN * share + FEWEST) * times) + self._limit + 1,
        )
        for probe, look in zip(probes.tolist(), looks, strict=True):
            self._see(probe, segment, look)

    def _cheapest(self, probes: Rows) -> tuple[int, float]:
        """Return which codes are read in the least time, and what share reaches a floor there."""
        template = self._probes.shape[1] * FLOAT * FETCH
        choices = []
        for level, codes in enumerate(self._pilot.codes):
            reaching = self._sounded[level][probes] >= self._floors[probes, None]
            share = float(reaching.mean(axis=1).max())
            choices.append((codes.bytes + share * template, level, share))
        _, level, share = min(choices)
        return level, share

    def _see(self, probe: int, segment: Segment, look: Look) -> None:
        """Keep a look, and raise the probe's floor to what has been found."""
        with self._changing:
            self.found[probe][segment] = look  # in place of an earlier one that saw too little
            best = np.concatenate([each.similarities for each in self.found[probe].values()])
            rises = [self._floors[probe], min(best.max(initial=-np.inf), self._floor)]
            if len(best) >= self._limit:
                rises.append(np.partition(best, -self._limit)[-self._limit])
            self._floors[probe] = max(rises)

    def _missing(self, segment: Segment) -> Rows:
        """Return the probes that somebody in ``segment`` may be close to who was not compared."""
        unseen = np.array([looks[segment].unseen for looks in self.found])
        return np.flatnonzero(unseen >= self._floors)
