"""Exact 1:N search: nobody who is similar enough is missed, and similarities are float32's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from recognition.gallery.codebook import Codebook, Flags, codebooks
from recognition.gallery.hunt import Hunt
from recognition.gallery.lock import ReadWriteLock
from recognition.gallery.places import Numbers, Places, Rows
from recognition.gallery.segment import Look, Segment
from recognition.gallery.workers import shared_out
from recognition.pipeline.types import Floats

FIRST, GROWTH, LARGEST = 1024, 7, 131_072  # people in a segment; GROWTH times those there are
CODED = 16_384  # people from which on codes are kept: fewer are compared as quickly without
SAMPLE = 8192  # people that codebooks are made from
ALL = -1.0  # no similarity is lower
AT_ONCE = 32  # probes that are searched for together: of a crowd all would take gigabytes


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
        self.embedder = ""  # whose embeddings these are, where that is known
        self._places = Places()  # rows are counted through all segments
        self._segments: list[Segment] = []
        self._starts: list[int] = []  # the row that each segment begins with
        self._books: Sequence[Codebook] = ()
        self._lock = ReadWriteLock()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, number: int) -> bool:
        with self._lock.reading():
            return bool(self._places.rows(np.array([number]))[0] >= 0)

    def put(self, numbers: Numbers, templates: Floats) -> None:
        """Add people, or replace the templates of those who are here already."""
        numbers = np.ascontiguousarray(numbers, np.int64)
        templates = np.ascontiguousarray(templates, np.float32)
        templates = templates.reshape(len(numbers), self.dimension)
        once, last = np.unique(numbers[::-1], return_index=True)
        if len(once) < len(numbers):  # whoever comes several times has the last template
            numbers, templates = once, templates[::-1][last]
        with self._lock.writing():
            rows = self._places.rows(numbers)
            old, new = rows >= 0, rows < 0
            self._write(rows[old], numbers[old], templates[old])
            self._append(numbers[new], templates[new])
            if not self._books and len(self) >= CODED:
                # From people all over the index; whom these books do not suit is compared always.
                rows = np.linspace(0, len(self) - 1, SAMPLE).astype(np.intp)
                self._books = codebooks(self._read(rows))
                for segment in self._segments:
                    segment.encode(self._books)

    def _write(self, rows: Rows, numbers: Numbers, templates: Floats) -> None:
        """Put people into rows that are taken."""
        for segment, here, inside in self._located(rows):
            segment.write(inside, numbers[here], templates[here])

    def _located(self, rows: Rows) -> list[tuple[Segment, Flags, Rows]]:
        """Return the segments that hold ``rows``, which of them, and where inside."""
        at = np.searchsorted(self._starts, rows, side="right") - 1
        return [
            (self._segments[n], at == n, rows[at == n] - self._starts[n])
            for n in np.unique(at).tolist()
        ]

    def _append(self, numbers: Numbers, templates: Floats) -> None:
        done = 0
        while done < len(numbers):
            segment = self._segment_with_room()
            some = slice(done, done + segment.capacity - segment.count)
            inside = np.arange(len(numbers[some])) + segment.count
            segment.write(inside, numbers[some], templates[some])
            self._places.put(numbers[some], inside + self._starts[-1])
            segment.count += len(inside)
            done += len(inside)

    def _segment_with_room(self) -> Segment:
        if not self._segments or self._segments[-1].count == self._segments[-1].capacity:
            people = len(self)
            segment = Segment(max(FIRST, min(GROWTH * people, LARGEST)), self.dimension)
            segment.encode(self._books)
            self._segments.append(segment)
            self._starts.append(people)
        return self._segments[-1]

    def _read(self, rows: Rows) -> Floats:
        """Return copies of the templates in rows."""
        templates = np.empty((len(rows), self.dimension), np.float32)
        for segment, here, inside in self._located(rows):
            templates[here] = segment.templates[inside]
        return templates

    def remove(self, numbers: Iterable[int]) -> None:
        """Forget people; their templates and codes are overwritten, not just hidden."""
        asked = np.unique(np.fromiter(numbers, np.int64))
        with self._lock.reading():
            if not (self._places.rows(asked) >= 0).any():
                return  # and nobody waits for the searches that are made here
        with self._lock.writing():
            gone = self._places.remove(asked)
            left = len(self)
            tail = np.arange(left, left + len(gone))
            self._move(np.setdiff1d(tail, gone), gone[gone < left])
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
            self._places.put(numbers, into)

    def search(
        self, probes: Floats, *, limit: int, floor: float = ALL, near: float = 0.0
    ) -> list[list[Candidate]]:
        """Return for each of the (P, D) probes its ``limit`` most similar people, best first.

        Whoever is as similar as ``floor`` is found. Where nobody is, the nearest person is found
        who is at most ``near`` below it. Others are found by chance. Without a floor everybody is
        compared.
        """
        probes = np.ascontiguousarray(probes, np.float32)
        with self._lock.reading():
            limit = min(limit, len(self))
            if not limit:
                return [[] for _ in probes]
            parts = [probes[first : first + AT_ONCE] for first in range(0, len(probes), AT_ONCE)]
            looks = (self._looks(part, limit, floor, near) for part in parts)
            return [_best(each, limit) for part in looks for each in part]

    def _looks(
        self, probes: Floats, limit: int, floor: float, near: float
    ) -> Iterable[Sequence[Look]]:
        """Return for each probe whom it was compared with, segment by segment."""
        if self._books and floor - near > ALL:
            return Hunt(self._segments, probes, limit=limit, floor=floor, near=near).run()

        def scan(segment: Segment) -> list[Look]:
            return segment.scan(probes, limit)

        # Among few people other threads take longer to wake up than the scan.
        few = not self._books
        scans = map(scan, self._segments) if few else shared_out(scan, self._segments)
        return zip(*scans, strict=True)


def _best(looks: Sequence[Look], limit: int) -> list[Candidate]:
    """Return the ``limit`` most similar of all that were looked at, best first."""
    numbers = np.concatenate([look.numbers for look in looks])
    similarities = np.concatenate([look.similarities for look in looks])
    best = np.argsort(-similarities, kind="stable")[:limit]
    pairs = zip(numbers[best].tolist(), similarities[best].tolist(), strict=True)
    return [Candidate(number, similarity) for number, similarity in pairs]
