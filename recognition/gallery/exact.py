"""Exact 1:N search: nobody who is similar enough is missed, and similarities are float32's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.gallery.codebook import Codebook
from recognition.gallery.hunt import Hunt
from recognition.gallery.lock import ReadWriteLock
from recognition.gallery.segment import Look, Rows, Segment
from recognition.pipeline.types import Floats

FIRST, GROWTH, LARGEST = 1024, 3, 131_072  # people in a segment; GROWTH times those there are
CODED = 16_384  # people from which on codes are kept: fewer are compared as quickly without
SAMPLE = 8192  # people that a codebook is made from
RENEWED = 4  # times as many people: segments that are begun then get a codebook of their own
ALL = -1.0  # no similarity is lower


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person as the search found them; ``similarity`` is the cosine, -1 to 1."""

    subject_number: int
    similarity: float


class ExactIndex:
    """Exact 1:N search over one gallery.

    Safe for many threads: searches run side by side, and never see a change half done.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._rows: dict[int, int] = {}  # number -> row, counted through all segments
        self._segments: list[Segment] = []
        self._starts: list[int] = []  # the row that each segment begins with
        self._book: Codebook | None = None
        self._book_people = 0
        self._lock = ReadWriteLock()

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, number: int) -> bool:
        return number in self._rows

    def put(self, numbers: NDArray[np.int64], templates: Floats) -> None:
        """Add people, or replace the templates of those who are here already."""
        templates = np.ascontiguousarray(templates, np.float32)
        templates = templates.reshape(len(numbers), self.dimension)
        last = dict(zip(numbers.tolist(), range(len(numbers)), strict=True))  # of each number
        chosen = np.fromiter(last.values(), np.intp, len(last))
        with self._lock.writing():
            rows = np.fromiter((self._rows.get(n, -1) for n in last), np.intp, len(last))
            old, new = chosen[rows >= 0], chosen[rows < 0]
            self._write(rows[rows >= 0], numbers[old], templates[old])
            self._append(numbers[new], templates[new])
            if self._book is None and len(self) >= CODED:
                book = self._renewed_book()
                for segment in self._segments:
                    segment.encode(book)

    def _write(self, rows: Rows, numbers: NDArray[np.int64], templates: Floats) -> None:
        """Put people into rows that are taken."""
        for segment, here, inside in self._located(rows):
            segment.write(inside, numbers[here], templates[here])

    def _located(self, rows: Rows) -> list[tuple[Segment, NDArray[np.bool_], Rows]]:
        """Return the segments that hold ``rows``, which of them, and where inside."""
        at = np.searchsorted(self._starts, rows, side="right") - 1
        return [
            (self._segments[n], at == n, rows[at == n] - self._starts[n])
            for n in np.unique(at).tolist()
        ]

    def _append(self, numbers: NDArray[np.int64], templates: Floats) -> None:
        done = 0
        while done < len(numbers):
            segment = self._segment_with_room()
            some = slice(done, done + segment.capacity - segment.count)
            added = len(numbers[some])
            rows = np.arange(segment.count, segment.count + added)
            segment.write(rows, numbers[some], templates[some])
            first = len(self._rows)
            self._rows.update(zip(numbers[some].tolist(), range(first, first + added), strict=True))
            segment.count += added
            done += added

    def _segment_with_room(self) -> Segment:
        count = len(self._rows)
        if not self._segments or self._segments[-1].count == self._segments[-1].capacity:
            segment = Segment(max(FIRST, min(GROWTH * count, LARGEST)), self.dimension)
            if self._book is not None:
                renew = count >= RENEWED * self._book_people
                segment.encode(self._renewed_book() if renew else self._book)
            self._segments.append(segment)
            self._starts.append(count)
        return self._segments[-1]

    def _renewed_book(self) -> Codebook:
        """Return a codebook made from people from all over the index."""
        rows = np.linspace(0, len(self._rows) - 1, SAMPLE).astype(np.intp)
        self._book, self._book_people = Codebook(self._read(rows)), len(self._rows)
        return self._book

    def _read(self, rows: Rows) -> Floats:
        """Return copies of the templates of rows."""
        templates = np.empty((len(rows), self.dimension), np.float32)
        for segment, here, inside in self._located(rows):
            templates[here] = segment.templates[inside]
        return templates

    def remove(self, numbers: Iterable[int]) -> None:
        """Forget people; their templates and codes are overwritten, not just hidden."""
        with self._lock.writing():
            gone = [self._rows.pop(n) for n in numbers if n in self._rows]
            left = len(self._rows)
            holes = np.array([row for row in gone if row < left], np.intp)
            tail = np.arange(left, left + len(gone))
            self._move(np.setdiff1d(tail, gone), holes)
            for segment, _, inside in self._located(tail):
                segment.wipe(inside)
                segment.count -= len(inside)
            while self._segments and not self._segments[-1].count:
                self._segments.pop()
                self._starts.pop()

    def _move(self, rows: Rows, holes: Rows) -> None:
        """Put whoever is in ``rows`` into as many ``holes``."""
        for first in range(0, len(rows), SAMPLE):
            some, into = rows[first : first + SAMPLE], holes[first : first + SAMPLE]
            numbers = np.empty(len(some), np.int64)
            for segment, here, inside in self._located(some):
                numbers[here] = segment.numbers[inside]
            self._write(into, numbers, self._read(some))
            self._rows.update(zip(numbers.tolist(), into.tolist(), strict=True))

    def search(self, probes: Floats, *, limit: int, floor: float = ALL) -> list[list[Candidate]]:
        """Return for each of the (P, D) probes its ``limit`` most similar people, best first.

        Whoever is as similar as ``floor`` is found; of those below it, some that are near.
        Without a floor everybody is compared.
        """
        probes = np.ascontiguousarray(probes, np.float32)
        with self._lock.reading():
            limit = min(limit, len(self._rows))
            if not limit or not len(probes):
                return [[] for _ in probes]
            if self._book is None or floor <= ALL:
                scans = [segment.scan(probes, limit) for segment in self._segments]
                looks: Iterable[Sequence[Look]] = zip(*scans, strict=True)
            else:
                looks = Hunt(self._segments, probes, limit=limit, floor=floor).run()
            return [_best(each, limit) for each in looks]


def _best(looks: Sequence[Look], limit: int) -> list[Candidate]:
    """Return the ``limit`` most similar of all that were looked at, best first."""
    numbers = np.concatenate([look.numbers for look in looks])
    similarities = np.concatenate([look.similarities for look in looks])
    best = np.argsort(-similarities, kind="stable")[:limit]
    pairs = zip(numbers[best].tolist(), similarities[best].tolist(), strict=True)
    return [Candidate(number, similarity) for number, similarity in pairs]
