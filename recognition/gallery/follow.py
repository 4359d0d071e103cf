"""How a process's indexes follow the change log, so that no two processes contradict each other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recognition.gallery.exact import ExactIndex
from recognition.pipeline.types import Floats

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the log: somebody's template was made, altered or removed."""

    subject_number: int
    slot: int


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """Templates of one embedder: slots, galleries and numbers (N,) int64; vectors (N, D) float32.

    ``slot`` is a row's fixed place in the cache, unique over all galleries.
    """

    embedder: str
    slots: NDArray[np.int64]
    galleries: NDArray[np.int64]
    numbers: NDArray[np.int64]
    vectors: Floats


class Source(Protocol):
    """Where the truth lies: the database."""

    def head(self) -> int:
        """Return the id of the newest change, 0 when there is none."""

    def changes(self, *, after: int, upto: int) -> list[Change]:
        """Return the changes with ids in (after, upto], oldest first."""

    def templates(self, numbers: Iterable[int]) -> Iterator[Templates]:
        """Return the templates as they are now of those who may be matched."""

    def all_templates(self) -> Iterator[Templates]:
        """Return every template that may be matched, in blocks."""


class Cache(Protocol):
    """A copy of the templates that is quicker to read than the source."""

    def load(self) -> tuple[int, list[Templates]] | None:
        """Return a version and all templates as of then, or None when there is no whole copy."""

    def follow(self, source: Source) -> None:
        """Bring the copy to the head of the log."""


class Follower:
    """The indexes of all galleries in this process, brought to the log's head on each request."""

    def __init__(self, source: Source, cache: Cache | None = None) -> None:
        self._source = source
        self._cache = cache
        self._lock = threading.Lock()
        self._indexes: dict[int, ExactIndex] = {}
        self._version = -1  # nothing was loaded yet

    @property
    def version(self) -> int:
        """The newest change that the indexes hold."""
        return self._version

    def caught_up(self, gallery: int, dimension: int) -> ExactIndex:
        """Return the index of ``gallery``, holding every change committed before this call."""
        if self._source.head() != self._version:
            with self._lock:
                # Asked again: another thread may have been quicker and brought newer changes.
                self._catch_up(self._source.head())
        index = self._indexes.get(gallery)
        if index is None or index.dimension != dimension:
            return ExactIndex(dimension)  # nobody of this embedder is registered there
        return index

    def _catch_up(self, head: int) -> None:
        if self._version < 0 or head < self._version:  # first use, or the database was replaced
            self._load()
        if head > self._version:
            self._apply(self._source.changes(after=self._version, upto=head))
            self._version = head
        if self._cache:
            self._cache.follow(self._source)

    def _load(self) -> None:
        copy = self._cache.load() if self._cache else None
        # The head is read before the templates: a change in between is applied twice, never lost.
        version = self._source.head()
        if copy and copy[0] <= version:
            version, blocks = copy[0], iter(copy[1])
        else:
            blocks = self._source.all_templates()
        indexes: dict[int, ExactIndex] = {}
        for block in blocks:
            put(indexes, block)
        # Other threads go on with the old indexes until the new ones are whole.
        self._indexes, self._version = indexes, version
        log.info("index loaded: %d people at version %d", self.people(), version)

    def _apply(self, changes: list[Change]) -> None:
        numbers = {change.subject_number for change in changes}
        for block in self._source.templates(numbers):
            put(self._indexes, block)
            numbers.difference_update(block.numbers.tolist())
        for index in self._indexes.values():
            index.remove(numbers)
        self._indexes = {gallery: index for gallery, index in self._indexes.items() if len(index)}

    def people(self) -> int:
        """Return how many people all indexes of this process hold."""
        return sum(len(index) for index in self._indexes.values())


def put(indexes: dict[int, ExactIndex], block: Templates) -> None:
    """Put templates into the indexes of their galleries."""
    for gallery in np.unique(block.galleries).tolist():
        rows = block.galleries == gallery
        index = indexes.get(gallery)
        if index is None or index.dimension != block.vectors.shape[1]:
            # A gallery changes its embedder only while it is empty.
            index = indexes[gallery] = ExactIndex(block.vectors.shape[1])
        index.put(block.numbers[rows], block.vectors[rows])
