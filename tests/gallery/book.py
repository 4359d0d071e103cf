"""A source in memory, for the tests of what follows one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from recognition.gallery.cache import TemplateCache
from recognition.gallery.follow import Change, Follower, Templates

EMBEDDER, D = "dlib-resnet-v1", 4


class Book:
    """A source in memory: who is there, and the log."""

    def __init__(self) -> None:
        self.there: dict[int, tuple[int, np.ndarray]] = {}
        self.log: list[Change] = []
        self.reads = 0

    def put(self, number: int, vector: list[float], gallery: int = 1) -> None:
        self.there[number] = gallery, np.array(vector, np.float32)
        self.log.append(Change(number, number))

    def remove(self, number: int) -> None:
        del self.there[number]
        self.log.append(Change(number, number))

    def head(self) -> int:
        return len(self.log)

    def people(self) -> int:
        return len(self.there)

    def changes(self, *, after: int, upto: int) -> list[Change]:
        return self.log[after:upto]

    def templates(self, numbers: Iterable[int]) -> Iterator[Templates]:
        self.reads += 1
        for number in sorted(set(numbers) & set(self.there)):
            gallery, vector = self.there[number]
            one = np.array([number], np.int64)
            yield Templates(EMBEDDER, one, np.array([gallery], np.int64), one, vector[None])

    def all_templates(self) -> Iterator[Templates]:
        return self.templates(self.there)


def numbers(cache: TemplateCache) -> set[int]:
    """Return who is in the copy."""
    loaded = cache.load()
    assert loaded is not None
    return {n for block in loaded[1] for n in block.numbers.tolist()}


def best(follower: Follower, probe: list[float], gallery: int = 1) -> list[int]:
    index = follower.caught_up(gallery, D)
    return [c.subject_number for c in index.search(np.array([probe], np.float32), limit=1)[0]]
