"""How Milvus follows the change log, so that a search never contradicts the database.

The database says what is true and how far Milvus was written (``State``). Whoever writes to
Milvus holds the database's lock from reading the truth to noting the new position, so no older
write overtakes a newer one, and writing the same changes twice does no harm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Protocol, TypeVar

import numpy as np

from recognition.gallery.exact import Candidate
from recognition.gallery.follow import Source, Templates, changed_over
from recognition.gallery.milvus import (
    Collection,
    CollectionLost,
    EngineUnavailable,
    Milvus,
)
from recognition.pipeline.types import Floats

log = logging.getLogger(__name__)
T = TypeVar("T")

SLICE = 1000  # changes written under one lock
PATIENCE = 10.0  # seconds a request catches up before it gives up; the next one goes on from there
FEW = 10_000  # people whom a request writes into a new Milvus; more are `sync_gallery`'s work
SPARE = 4  # candidates fetched for each one wanted: an approximate index orders them roughly
LEAST = 20  # candidates fetched at the least
DEAR = 0.5  # seconds; a count that takes longer is kept
KEPT = 60.0  # seconds
GALLERIES = 20  # so many are compared one by one; of more than those only the sum is
LEAST_KEPT, SHARE = 1.0, 20.0  # seconds, and times what it took, that a comparison is kept


@dataclass(frozen=True, slots=True)
class State:
    """How far Milvus was written: ``version`` is the change that the collections of ``epoch`` hold.

    ``epoch`` is empty before the first writing. ``key``: fingerprint of what turned the templates.
    """

    epoch: str = ""
    version: int = 0
    key: str = ""


class Truth(Source, Protocol):
    """The database: what every source says, people by their numbers, and how far Milvus is."""

    def state(self) -> State:
        """Return how far Milvus was written."""

    def locked(self) -> AbstractContextManager[State]:
        """Keep all other writers of Milvus out, on every machine; give the state as it is then."""

    def write(self, state: State) -> None:
        """Note how far Milvus was written; under the lock."""

    def in_order(self, embedder: str, gallery: int | None = None) -> Iterator[Templates]:
        """Return the templates that may be matched by their numbers, in blocks."""

    def count(self, embedder: str | None = None, gallery: int | None = None) -> int:
        """Return how many people may be matched."""

    def counts(self) -> dict[tuple[str, int], int]:
        """Return how many people may be matched, by embedder and gallery."""

    def known(self, numbers: Iterable[int]) -> set[int]:
        """Return those of ``numbers`` who are there at all."""

    def embedder(self, gallery: int) -> str:
        """Return the embedder of a gallery now, "" where nobody decided or it is gone."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many people may be matched by the database and by Milvus; gallery None: in all."""

    embedder: str
    gallery: int | None
    database: int
    milvus: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of both sides. ``agree``: they differ by no more than was changed meanwhile."""

    counts: list[Count]
    agree: bool


class Engine:
    """What a process knows of Milvus: no template, only how far it was written."""

    def __init__(self, truth: Truth, milvus: Milvus) -> None:
        self.truth = truth
        self.milvus = milvus
        self.version = -1
        self._lost = False
        self._counts: dict[tuple[str, int], tuple[float, int]] = {}  # kept until, people
        self._comparing = threading.Lock()
        self._compared: tuple[float, Comparison] | None = None  # kept until

    def caught_up(self, gallery: int, embedder: str) -> EngineIndex:
        """Return the index of ``gallery``, holding every change committed before this call."""
        return EngineIndex(self, self.catch_up().epoch, embedder, gallery)

    def publish(self) -> None:
        """Bring Milvus to the head of the log, after a commit; what fails now is made up later."""
        try:
            self.catch_up()
        except EngineUnavailable as error:
            log.warning("Milvus was not written, the next request makes up for it: %s", error)

    def catch_up(self) -> State:
        """Bring Milvus to the head of the log. Raises EngineUnavailable."""
        patience = time.monotonic() + PATIENCE
        while True:
            # In this order: a position that is read first is never ahead of the head.
            state, head = self.truth.state(), self.truth.head()
            self.check_key(state)
            if state.epoch and state.version == head and not self._lost:
                self.version = head
                return state
            if time.monotonic() > patience:
                raise EngineUnavailable(f"Milvus is {head - state.version} changes behind.")
            self._step(state)

    def check_key(self, state: State) -> None:
        """Raise where another secret turned what lies in Milvus."""
        if state.epoch and state.key != self.milvus.key:
            raise EngineUnavailable(
                "The templates in Milvus were turned with another MILVUS_TURN_KEY.",
                "Give every machine the same one; `manage.py sync_gallery --rebuild` takes a new.",
            )

    def is_whole(self, state: State) -> bool:
        """Say whether the collections are there."""
        return bool(state.epoch) and self.milvus.has(state.epoch)

    def _step(self, state: State) -> None:
        # Asked before the lock is taken: nobody should wait for somebody who waits for Milvus.
        self.is_whole(state)
        with self.truth.locked() as state:
            if not self.is_whole(state):
                self._begin(state)
                return
            version = min(self.truth.head(), state.version + SLICE)
            self._apply(state.epoch, state.version, version)
            self.truth.write(replace(state, version=version))
        self._lost = False

    def _begin(self, state: State) -> None:
        people = self.truth.count()
        if people > FEW:
            raise EngineUnavailable(
                f"Milvus does not hold the {people} people yet.", "Run `manage.py sync_gallery`."
            )
        self.milvus.drop_others(state.epoch)  # what attempts that failed left half made
        self.rebuild()

    def rebuild(self, said: Callable[[int], object] = int) -> None:
        """Write everybody into new collections and use those from then on.

        ``said`` is told how many people each step wrote. Requests go on with the old ones.
        """
        epoch, version = token_hex(4), self.truth.head()
        self.milvus.make(epoch)
        for embedder, collection in self.milvus.collections(epoch).items():
            for block in self.truth.in_order(embedder):
                collection.put(block.numbers, block.galleries, block.vectors)
                said(len(block.numbers))
        version = self._follow(epoch, version)  # most of it while others may still write
        with self.truth.locked():
            version = self._follow(epoch, version)
            self.truth.write(State(epoch, version, self.milvus.key))
            self.milvus.drop_others(epoch)
        self._lost = False
        log.info("Milvus was written anew at version %d", version)

    def _follow(self, epoch: str, version: int) -> int:
        head = self.truth.head()
        for first in range(version, head, SLICE):
            self._apply(epoch, first, min(first + SLICE, head))
        return head

    def _apply(self, epoch: str, after: int, upto: int) -> None:
        changes = self.truth.changes(after=after, upto=upto)
        numbers = {change.subject_number for change in changes}
        collections = self.milvus.collections(epoch)
        there: dict[str, set[int]] = {embedder: set() for embedder in collections}
        for block in self.truth.templates(numbers):
            if self.milvus.fits(block.embedder, block.vectors):
                collections[block.embedder].put(block.numbers, block.galleries, block.vectors)
                there[block.embedder].update(block.numbers.tolist())
        everywhere = set().union(*there.values())
        for embedder, collection in collections.items():
            # Somebody may have come back with another embedder. Asked first: to delete who is not
            # here would leave a mark in Milvus for each person registered.
            moved = collection.present(sorted(everywhere - there[embedder]))
            collection.remove(sorted(numbers - everywhere) + moved)

    def templates(self, embedder: str, numbers: Iterable[int]) -> Iterator[Templates]:
        """Return the templates of those who may be matched now, of one embedder."""
        for block in self.truth.templates(numbers):
            if block.embedder == embedder and self.milvus.fits(embedder, block.vectors):
                yield block

    def ask(self, epoch: str, embedder: str, act: Callable[[Collection], T]) -> T:
        """Return what ``act`` gets from a collection, from a newer one where it was replaced."""
        try:
            return act(self.milvus.collection(epoch, embedder))
        except CollectionLost:
            self._lost = True
            return act(self.milvus.collection(self.catch_up().epoch, embedder))

    def people(self, epoch: str, embedder: str, gallery: int) -> int:
        """Return how many rows a gallery has; a count that takes long may be a minute old."""
        kept_until, people = self._counts.get((embedder, gallery), (0.0, 0))
        before = time.monotonic()
        if before < kept_until:
            return people
        people = self.ask(epoch, embedder, lambda collection: collection.count(gallery))
        if (now := time.monotonic()) - before > DEAR:
            self._counts[embedder, gallery] = now + KEPT, people
        return people

    def compared(self) -> Comparison:
        """Return the counts of both sides, counted anew now and then.

        At most a twentieth of the time is spent on it: whoever asks for ``/health/ready`` needs
        no key. Nobody waits for another one's counting where there are earlier counts.
        """
        if not self._comparing.acquire(blocking=self._compared is None):
            assert self._compared is not None  # noqa: S101  # for mypy: the lock waited where it is
            return self._compared[1]
        try:
            before = time.monotonic()
            if self._compared is None or before >= self._compared[0]:
                comparison = self._compare()
                after = time.monotonic()
                self._compared = after + max(LEAST_KEPT, SHARE * (after - before)), comparison
            return self._compared[1]
        finally:
            self._comparing.release()

    def _compare(self) -> Comparison:
        state = self.catch_up()
        database = self.truth.counts()
        counts = []
        for embedder, collection in self.milvus.collections(state.epoch).items():
            own = {gallery: n for (name, gallery), n in database.items() if name == embedder}
            counts.append(Count(embedder, None, sum(own.values()), collection.count()))
            if len(own) <= GALLERIES:
                for gallery, people in own.items():
                    counts.append(Count(embedder, gallery, people, collection.count(gallery)))
        # Nothing keeps others from registering people while this counts.
        meanwhile = self.truth.head() - state.version
        agree = all(abs(count.database - count.milvus) <= meanwhile for count in counts)
        return Comparison(counts, agree)


class EngineIndex:
    """The 1:N search over one gallery in Milvus (an ``Index``).

    Milvus proposes candidates; their similarities are computed here, in float32, from the
    templates that the database has now. So they are exact whatever index Milvus uses, and
    whoever was erased or made inactive is not named, whatever Milvus still holds.
    """

    def __init__(self, engine: Engine, epoch: str, embedder: str, gallery: int) -> None:
        self._engine = engine
        self._epoch = epoch
        self._embedder = embedder
        self._gallery = gallery
        self._people: int | None = None

    def __len__(self) -> int:
        if self._people is None:
            self._people = self._engine.people(self._epoch, self._embedder, self._gallery)
        return self._people

    def search(
        self, probes: Floats, *, limit: int, floor: float = -1.0, near: float = 0.0
    ) -> list[list[Candidate]]:
        """Return for each of the (P, D) probes its ``limit`` most similar people, best first.

        Raises ``not_ready`` where the gallery has changed over to another embedder meanwhile.
        """
        if len(probes) == 0:
            return []
        wanted = max(SPARE * limit, LEAST)
        found = self._engine.ask(
            self._epoch,
            self._embedder,
            lambda collection: collection.search(self._gallery, probes, limit=wanted),
        )
        templates = self._templates({number for numbers in found for number in numbers})
        # Asked last: those who changed over before that are no longer where they were sought.
        now = self._engine.truth.embedder(self._gallery)
        if now not in ("", self._embedder):
            raise changed_over(now)
        return [
            _best(probe, numbers, templates, limit=limit)
            for probe, numbers in zip(probes, found, strict=True)
        ]

    def _templates(self, numbers: Iterable[int]) -> dict[int, Floats]:
        """Return the templates of those who may be matched in this gallery now."""
        return {
            number: vector
            for block in self._engine.templates(self._embedder, numbers)
            for number, gallery, vector in zip(
                block.numbers.tolist(), block.galleries.tolist(), block.vectors, strict=True
            )
            if gallery == self._gallery
        }


def _best(
    probe: Floats, numbers: list[int], templates: dict[int, Floats], *, limit: int
) -> list[Candidate]:
    there = [number for number in dict.fromkeys(numbers) if number in templates]
    if not there:
        return []
    similarities = np.stack([templates[number] for number in there]) @ probe
    order = np.argsort(-similarities, kind="stable")[:limit].tolist()
    return [Candidate(there[row], float(similarities[row])) for row in order]
