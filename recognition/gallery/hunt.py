"""One search by codes: segments are looked through until nobody can have been missed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import faiss
import numpy as np

from recognition.gallery.codebook import Bounds, Codebook
from recognition.gallery.segment import Look, Rows, Segment
from recognition.pipeline.types import Floats

#: The parts of a segment whose bounds are asked for, one after the other while it was too little.
SHARES = (64, 8, 1)
FEWEST = 256


class Hunt:
    """The (P, D) ``probes`` and what has been found of them so far."""

    def __init__(
        self, segments: Sequence[Segment], probes: Floats, *, limit: int, floor: float
    ) -> None:
        self._probes, self._limit = probes, limit
        self._floors = np.full(len(probes), floor, np.float32)
        self._bounds: dict[Codebook | None, Bounds] = {
            book: book.bounds(probes) for book in {segment.book for segment in segments} if book
        }
        everybody = np.arange(len(probes))
        # Those that take longest come first.
        self._todo = dict.fromkeys(sorted(segments, key=lambda s: -s.count), everybody)
        self.found: list[dict[Segment, Look]] = [{} for _ in probes]

    def run(self) -> list[list[Look]]:
        """Return the looks at all segments of each probe."""
        for share in SHARES:
            self._look(share)
            self._raise_floors()
            left = {segment: self._missing(segment) for segment in self._todo}
            self._todo = {segment: probes for segment, probes in left.items() if len(probes)}
            if not self._todo:
                break
        return [list(looks.values()) for looks in self.found]

    def _look(self, share: int) -> None:
        def look(segment: Segment) -> list[Look]:
            probes = self._todo[segment]
            return segment.look(
                self._probes[probes],
                self._bounds[segment.book].of(probes),
                self._floors[probes],
                limit=self._limit,
                k=max(segment.count // share, self._limit + 1, FEWEST),
            )

        for segment, looks in zip(self._todo, workers().map(look, self._todo), strict=True):
            for probe, seen in zip(self._todo[segment].tolist(), looks, strict=True):
                self.found[probe][segment] = seen

    def _raise_floors(self) -> None:
        """Once there are enough people, only those closer than the last of them matter."""
        for probe, looks in enumerate(self.found):
            similarities = np.concatenate([look.similarities for look in looks.values()])
            if len(similarities) >= self._limit:
                last = np.partition(similarities, -self._limit)[-self._limit]
                self._floors[probe] = max(self._floors[probe], last)

    def _missing(self, segment: Segment) -> Rows:
        """Return the probes that somebody in ``segment`` may be close to who was not compared."""
        unseen = np.array([looks[segment].unseen for looks in self.found])
        return np.flatnonzero(unseen >= self._floors)


@cache
def workers() -> ThreadPoolExecutor:
    """Return the threads that look through segments; made anew in a process that was forked."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    # Segments are shared out; within one, faiss's own threads would only be in the way.
    return ThreadPoolExecutor(count, "search", lambda: faiss.omp_set_num_threads(1))


os.register_at_fork(after_in_child=workers.cache_clear)
