"""Ways to find the most similar of many people; each is asked for one that is among them."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.libraries import BEST
from benchmarks.machine import THREADS
from benchmarks.people import NEAR, Crowd
from benchmarks.timing import Clock, Turn
from recognition.pipeline.types import Floats

KEY = "face:%d"
COUNT = 100  # keys a SCAN returns at once
PUT = 5_000  # people put at a time, as a server does that starts


class Searcher:
    """Holds the people; ``find`` is what the contestants differ in."""

    def __init__(self, crowd: Crowd) -> None:
        self._probes: Floats = np.load(crowd.probes)
        self.threshold = crowd.threshold

    def __call__(self, round_: int) -> Turn:
        probe = self._probes[round_ % len(self._probes)]
        clock = Clock()
        with clock.lap("search"):
            number, similarity = self.find(probe)
        # Facesite need not find the nearest person any further from the threshold.
        return Turn(clock.laps, number if similarity >= self.threshold - NEAR else None)

    def find(self, probe: Floats) -> tuple[int, float]:
        """Return who is most similar to the (D,) probe, and how similar."""
        raise NotImplementedError


class ExactSearch(Searcher):
    """Facesite's exact index."""

    def __init__(self, crowd: Crowd) -> None:
        from recognition.gallery.exact import ExactIndex

        super().__init__(crowd)
        templates = np.load(crowd.templates, mmap_mode="r")
        self._index = ExactIndex(templates.shape[1])
        for first in range(0, len(templates), PUT):
            some = templates[first : first + PUT]
            self._index.put(np.arange(first, first + len(some)), some)

    def find(self, probe: Floats) -> tuple[int, float]:
        [found] = self._index.search(probe[None], limit=BEST, floor=self.threshold, near=NEAR)
        return found[0].subject_number, found[0].similarity


class Blas(Searcher):
    """One product of a matrix and a vector, float32, then the best of it."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__(crowd)
        self._templates: Floats = np.load(crowd.templates)

    def find(self, probe: Floats) -> tuple[int, float]:
        similarities = self._templates @ probe
        best = np.argpartition(similarities, -BEST)[-BEST:]
        first = best[np.argmax(similarities[best])]
        return int(first), float(similarities[first])


class Faiss(Searcher):
    """faiss's exact index (MIT, Meta)."""

    def __init__(self, crowd: Crowd) -> None:
        import faiss

        super().__init__(crowd)
        faiss.omp_set_num_threads(THREADS)
        templates = np.load(crowd.templates)
        self._index = faiss.IndexFlatIP(templates.shape[1])
        self._index.add(templates)

    def find(self, probe: Floats) -> tuple[int, float]:
        similarities, numbers = self._index.search(probe[None], BEST)
        return int(numbers[0, 0]), float(similarities[0, 0])


class RedisScan(Searcher):
    """The original system's way: every template fetched from Redis by its key for every probe."""

    def __init__(self, crowd: Crowd, port: int) -> None:
        from redis import Redis

        super().__init__(crowd)
        self._redis: Any = Redis(port=port)  # it is typed for asyncio too
        self._redis.flushall()
        with self._redis.pipeline(transaction=False) as pipe:
            for number, template in enumerate(np.load(crowd.templates)):
                pipe.set(KEY % number, template.tobytes())
            pipe.execute()

    def find(self, probe: Floats) -> tuple[int, float]:
        similarities = {
            key: float(np.frombuffer(self._redis.get(key), np.float32) @ probe)
            for key in self._redis.scan_iter(KEY.replace("%d", "*"), count=COUNT)
        }
        best = max(similarities, key=similarities.__getitem__)
        return int(best.decode().partition(":")[2]), similarities[best]
