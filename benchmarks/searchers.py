"""Ways to find the most similar of many people; each is asked for one that is among them."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.libraries import BEST
from benchmarks.machine import THREADS
from benchmarks.people import templates
from benchmarks.timing import Clock, Turn
from recognition.pipeline.types import Floats

KEY = "face:%d"
COUNT = 100  # keys a SCAN returns at once


class Searcher:
    """Holds the people; ``find`` is what the contestants differ in."""

    def __init__(self, people: int, dimension: int) -> None:
        self.templates = templates(people, dimension)
        random = np.random.default_rng(people)
        # Somebody known on another photograph: similarity 0.7.
        chosen = random.integers(people, size=64)
        noise = templates(64, dimension)[::-1]
        self._probes = np.float32(0.7) * self.templates[chosen] + np.float32(0.71) * noise
        self._probes /= np.linalg.norm(self._probes, axis=1, keepdims=True)

    def __call__(self, round_: int) -> Turn:
        probe = self._probes[round_ % len(self._probes)]
        clock = Clock()
        with clock.lap("search"):
            best = self.find(probe)
        return Turn(clock.laps, best)

    def find(self, probe: Floats) -> int:
        """Return who is most similar to the (D,) probe."""
        raise NotImplementedError


class ExactSearch(Searcher):
    """Facesite's exact index."""

    def __init__(self, people: int, dimension: int) -> None:
        from recognition.gallery.exact import ExactIndex

        super().__init__(people, dimension)
        self._index = ExactIndex(dimension)
        self._index.put(np.arange(people), self.templates)

    def find(self, probe: Floats) -> int:
        return self._index.search(probe[None], limit=BEST)[0][0].subject_number


class Blas(Searcher):
    """One product of a matrix and a vector, float32, then the best of it."""

    def find(self, probe: Floats) -> int:
        similarities = self.templates @ probe
        best = np.argpartition(similarities, -BEST)[-BEST:]
        return int(best[np.argmax(similarities[best])])


class Faiss(Searcher):
    """faiss's exact index (MIT, Meta)."""

    def __init__(self, people: int, dimension: int) -> None:
        import faiss

        super().__init__(people, dimension)
        faiss.omp_set_num_threads(THREADS)
        self._index = faiss.IndexFlatIP(dimension)
        self._index.add(self.templates)

    def find(self, probe: Floats) -> int:
        return int(self._index.search(probe[None], BEST)[1][0, 0])


class RedisScan(Searcher):
    """The original system's way: every template fetched from Redis by its key for every probe."""

    def __init__(self, people: int, dimension: int, port: int) -> None:
        from redis import Redis

        super().__init__(people, dimension)
        self._redis: Any = Redis(port=port)  # it is typed for asyncio too
        self._redis.flushall()
        with self._redis.pipeline(transaction=False) as pipe:
            for number, template in enumerate(self.templates):
                pipe.set(KEY % number, template.tobytes())
            pipe.execute()

    def find(self, probe: Floats) -> int:
        similarities = {
            key: float(np.frombuffer(self._redis.get(key), np.float32) @ probe)
            for key in self._redis.scan_iter(KEY.replace("%d", "*"), count=COUNT)
        }
        return int(max(similarities, key=similarities.__getitem__).decode().partition(":")[2])
