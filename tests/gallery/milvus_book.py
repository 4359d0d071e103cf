"""A database in memory with what the engine wants of it, for the tests of Milvus itself."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from recognition.gallery.engine import Engine, State
from recognition.gallery.follow import Templates
from recognition.gallery.milvus import Address, Milvus
from tests.gallery.book import EMBEDDER, Book, D
from tests.gallery.milvus_server import MilvusServer

OTHER = "facenet-vggface2"


class EngineBook(Book):
    """``gallery.engine.Truth`` in memory. ``inactive``: registered, and never matched."""

    def __init__(self) -> None:
        super().__init__()
        self.inactive: set[int] = set()
        self.written = State()
        self.lock = threading.RLock()
        self.changing = threading.Lock()

    def put(self, number: int, vector: list[float], gallery: int = 1) -> None:
        with self.changing:
            super().put(number, vector, gallery)

    def remove(self, number: int) -> None:
        with self.changing:
            super().remove(number)

    def templates(self, numbers: Iterable[int]) -> Iterator[Templates]:
        with self.changing:
            blocks = list(super().templates(numbers))
        return iter(blocks)

    def state(self) -> State:
        return self.written

    @contextmanager
    def locked(self) -> Iterator[State]:
        with self.lock:
            yield self.written

    def write(self, state: State) -> None:
        self.written = state

    def in_order(self, embedder: str, gallery: int | None = None) -> Iterator[Templates]:
        if embedder == EMBEDDER:
            for block in self.all_templates():
                if gallery in {None, int(block.galleries[0])}:
                    yield block

    def count(self, embedder: str | None = None, gallery: int | None = None) -> int:
        return sum(len(block.numbers) for block in self.in_order(embedder or EMBEDDER, gallery))

    def counts(self) -> dict[tuple[str, int], int]:
        galleries = Counter(gallery for gallery, _ in list(self.there.values()))
        return {(EMBEDDER, gallery): people for gallery, people in galleries.items()}

    def embedder(self, gallery: int) -> str:
        return EMBEDDER

    def known(self, numbers: Iterable[int]) -> set[int]:
        return set(numbers) & (set(self.there) | self.inactive)


def engine_on(
    server: MilvusServer,
    book: EngineBook,
    prefix: str,
    *,
    turn_key: str = "one",
    dimension: int = D,
    index_type: str = "FLAT",
) -> Engine:
    """Return an engine as a process has it."""
    dimensions = {EMBEDDER: dimension, OTHER: dimension}
    address = Address(server.uri, timeout=2, index_type=index_type)
    return Engine(book, Milvus(address, prefix, turn_key, dimensions))


def best(engine: Engine, probe: list[float], gallery: int = 1) -> list[int]:
    index = engine.caught_up(gallery, EMBEDDER)
    return [c.subject_number for c in index.search(np.array([probe], np.float32), limit=1)[0]]


def rows(engine: Engine) -> dict[int, int]:
    """Return the gallery of each row in Milvus by its number."""
    collection = engine.milvus.collection(engine.truth.state().epoch, EMBEDDER)
    blocks = list(collection.in_order())
    return {
        number: gallery
        for block in blocks
        for number, gallery in zip(block.numbers.tolist(), block.galleries.tolist(), strict=True)
    }
