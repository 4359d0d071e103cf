"""How a process's indexes follow the change log, so that no two processes contradict each other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recognition.errors import RecognitionError
from recognition.gallery.exact import ExactIndex
from recognition.gallery.workers import work_alone
from recognition.pipeline.types import Floats

log = logging.getLogger(__name__)

PORTION = 5_000  # changes applied at once; what is waiting to be applied takes no more memory
MANY = 100_000  # changes from which on loading everybody anew is quicker than applying them
DAY = 24 * 60 * 60.0  # seconds
RETRY_AFTER = 2  # seconds a client should wait while people are being loaded
SAID_EVERY = 2.0  # seconds between two lines of the log that tell of the progress


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

    def people(self) -> int:
        """Return about how many templates there are, quickly."""

    def changes(self, *, after: int, upto: int) -> list[Change]:
        """Return the changes with ids in (after, upto], oldest first."""

    def templates(self, numbers: Iterable[int]) -> Iterator[Templates]:
        """Return the templates as they are now of those who may be matched."""

    def all_templates(self) -> Iterator[Templates]:
        """Return every template that may be matched, in blocks by ascending slot."""


class CopyLostError(Exception):
    """A copy of the templates turned out not to be whole while it was read."""


def changed_over(embedder: str) -> RecognitionError:
    """Return the error for a request that began before its gallery took another embedder."""
    said = f"The gallery has just changed over to {embedder}."
    return RecognitionError("not_ready", said, hint="Send the request again.")


class Cache(Protocol):
    """A copy of the templates that is quicker to read than the source."""

    def load(self) -> tuple[int, Iterator[Templates]] | None:
        """Return a version and all templates as of then, or None when there is no copy.

        The iterator raises ``CopyLostError`` where the copy is not what was written.
        """

    def follow(self, source: Source) -> None:
        """Bring the copy to the head of the log."""


@dataclass(frozen=True, slots=True)
class State:
    """What a process holds: an index for each gallery, at one version of the log."""

    version: int
    indexes: dict[int, ExactIndex]

    @property
    def people(self) -> int:
        return sum(len(index) for index in self.indexes.values())


@dataclass(slots=True)
class Progress:
    """How far loading is, told in the log now and then."""

    total: int
    loaded: int = 0
    _said: float = field(default_factory=time.monotonic)

    def add(self, people: int) -> None:
        self.loaded += people
        if time.monotonic() - self._said > SAID_EVERY:
            self._said = time.monotonic()
            log.info("index: %s of %s people loaded", f"{self.loaded:,}", f"{self.total:,}")

    @property
    def share(self) -> float:
        return min(1.0, self.loaded / self.total) if self.total else 0.0


def here(act: Callable[[], None]) -> None:
    """Run ``act`` in the thread that asks for it."""
    act()


class Follower:
    """The indexes of all galleries in this process, brought to the log's head on each request.

    ``start`` runs the loading, in a server in a thread of its own: who asks meanwhile waits for
    ``patience`` seconds at most and is told ``not_ready``.
    """

    def __init__(
        self,
        source: Source,
        cache: Cache | None = None,
        *,
        start: Callable[[Callable[[], None]], None] = here,
        patience: float = DAY,
    ) -> None:
        self._source, self._cache = source, cache
        self._start, self._patience = start, patience
        self._lock = threading.Lock()  # of whoever loads or applies changes
        self._state: State | None = None
        self._progress = Progress(0)

    @property
    def version(self) -> int:
        """The newest change that the indexes hold, -1 while nothing is loaded."""
        state = self._state  # once: loading anew takes it away
        return state.version if state else -1

    @property
    def share(self) -> float:
        """How much is loaded, 0 to 1."""
        return 1.0 if self._state else self._progress.share

    @property
    def people(self) -> int:
        """How many people all indexes of this process hold."""
        state = self._state
        return state.people if state else 0

    def load(self) -> None:
        """Begin to load everybody, unless somebody does so already."""
        if not self._lock.acquire(blocking=False):
            return
        begun = threading.Event()

        def load() -> None:
            begun.set()
            self._load()

        try:
            self._start(load)
        except RuntimeError:  # no thread is to be had: the next request tries again
            if not begun.is_set():  # or the lock is given back already
                self._lock.release()
            raise

    def caught_up(self, gallery: int, dimension: int, embedder: str = "") -> ExactIndex:
        """Return the index of ``gallery``, holding every change committed before this call.

        Raises ``not_ready`` where that takes longer than ``patience``, or where the gallery has
        just changed over to another embedder than ``embedder``.
        """
        state = self._state
        if state is None or state.version != self._source.head():
            state = self._catch_up()
            if self._cache:
                self._cache.follow(self._source)
        index = state.indexes.get(gallery)
        if index is not None and embedder and index.embedder not in ("", embedder):
            raise changed_over(index.embedder)
        if index is None or index.dimension != dimension:
            return ExactIndex(dimension)  # nobody of this embedder is registered there
        return index

    def _catch_up(self) -> State:
        deadline = time.monotonic() + self._patience
        for attempt in range(2):
            if attempt:
                self.load()
            with self._turn(deadline):
                if self._state and not self._is_near(self._state):
                    self._state = None
                if self._state is not None:
                    return self._apply_changes(self._state, deadline)
        raise self._not_ready()  # loading failed: the log says why, the next request begins anew

    def _is_near(self, state: State) -> bool:
        """Say whether the log leads on from ``state``: not where a database was set back."""
        return 0 <= self._source.head() - state.version <= MANY

    @contextmanager
    def _turn(self, deadline: float) -> Iterator[None]:
        """Hold the lock, for which others are waited for until ``deadline``."""
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise self._not_ready()
        try:
            yield
        finally:
            self._lock.release()

    def _not_ready(self) -> RecognitionError:
        return RecognitionError(
            "not_ready",
            f"The people are being loaded: {self.share:.0%} are there.",
            hint="Send the request again in a few seconds.",
            extra={"retry_after": RETRY_AFTER},
        )

    def _load(self) -> None:
        """Load everybody; ``load`` took the lock for it, maybe in another thread."""
        try:
            self._state = None
            self._state = self._read()
            log.info("index: ready, %s people at version %d", f"{self.people:,}", self.version)
        finally:
            self._lock.release()
        if self._cache:
            self._cache.follow(self._source)

    def _read(self) -> State:
        """Return everybody from the copy, or from the source where there is no whole copy."""
        copy = self._cache.load() if self._cache else None
        if copy and copy[0] <= self._source.head():
            log.info("index: reading the copy of version %d", copy[0])
            try:
                return State(copy[0], self._gather(_settled(copy[1])))
            except CopyLostError as lost:
                log.warning("index: the copy is not used: %s", lost)
        # The head is read before the templates: a change in between is applied twice, never lost.
        version = self._source.head()
        log.info("index: reading the database at version %d", version)
        # To read and open them keeps a core busy: a second thread that codes would be in its way.
        return State(version, self._gather(self._source.all_templates(), work_alone))

    def _gather(
        self, blocks: Iterable[Templates], begin: Callable[[], None] | None = None
    ) -> dict[int, ExactIndex]:
        """Return the indexes, made in a thread that begins with ``begin``."""
        self._progress = Progress(self._source.people())
        indexes: dict[int, ExactIndex] = {}
        # One block is put while the next one is read.
        with ThreadPoolExecutor(1, initializer=begin) as beside:
            last: Future[None] | None = None
            for block in blocks:
                if last:
                    last.result()
                last = beside.submit(put, indexes, block)
                self._progress.add(len(block.numbers))
            if last:
                last.result()
        return indexes

    def _apply_changes(self, state: State, deadline: float) -> State:
        """Apply what came since ``state``; a long way is gone in portions, over several calls."""
        # Asked again: another thread may have been quicker and brought newer changes.
        head = self._source.head()
        while state.version < head:
            state = self._state = self._changed(state, min(head, state.version + PORTION))
            if state.version < head and time.monotonic() > deadline:
                raise self._not_ready()
        return state

    def _changed(self, state: State, upto: int) -> State:
        changes = self._source.changes(after=state.version, upto=upto)
        numbers = {change.subject_number for change in changes}
        indexes = dict(state.indexes)
        for block in self._source.templates(numbers):
            put(indexes, block)
            numbers.difference_update(block.numbers.tolist())
        if numbers:
            for index in indexes.values():
                index.remove(numbers)
        # A gallery that was deleted leaves memory too.
        return State(upto, {gallery: index for gallery, index in indexes.items() if len(index)})


def _settled(blocks: Iterable[Templates]) -> Iterator[Templates]:
    """Yield the blocks of a copy. Raises CopyLostError where a gallery has two embedders' people.

    Such a copy was written half-way through a changeover. One index holds one embedder's people,
    and those who changed over already are in no change that is still to come.
    """
    embedders: dict[int, str] = {}
    for block in blocks:
        for gallery in np.unique(block.galleries).tolist():
            if embedders.setdefault(gallery, block.embedder) != block.embedder:
                raise CopyLostError("it is half-way from one embedder to another")
        yield block


def _is_of(index: ExactIndex, block: Templates) -> bool:
    return (index.dimension, index.embedder) == (block.vectors.shape[1], block.embedder)


def put(indexes: dict[int, ExactIndex], block: Templates) -> None:
    """Put templates into the indexes of their galleries."""
    for gallery in np.unique(block.galleries).tolist():
        rows = block.galleries == gallery
        index = indexes.get(gallery)
        if index is None or not _is_of(index, block):
            # Whoever searches the former index keeps it, with the embeddings of their embedder.
            index = indexes[gallery] = ExactIndex(block.vectors.shape[1])
            index.embedder = block.embedder
        index.put(block.numbers[rows], block.vectors[rows])
