"""A piece of an index: its people stay where they are in memory when others are added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from recognition.gallery.codebook import Bounds, Codebook, Written, written
from recognition.gallery.codes import Codes
from recognition.gallery.places import Numbers, Rows
from recognition.gallery.workers import shared_out
from recognition.pipeline.types import Floats

products_of_rows: Any = vars(faiss)["fvec_inner_products_by_idx"]  # faiss's types leave it out
MOST = 4  # to compare more than a quarter of all takes longer than to compare all
PART = 1024  # people coded at a time: what is made of them stays in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Whom a search compared: numbers and similarities (K,), in no order.

    Of the others nobody who is wanted is more similar than ``unseen``: a scan leaves out only those
    who are not among the ``limit`` best.
    """

    numbers: Numbers
    similarities: Floats
    unseen: float = -np.inf


class Segment:
    """Up to ``capacity`` people, ``count`` of them, from the first row on.

    numbers: (capacity,) int64; templates: (capacity, D) float32; codes: by codebook, the shortest
    first. The system gives memory only to the rows that were written.
    """

    def __init__(self, capacity: int, dimension: int) -> None:
        self.capacity, self.count = capacity, 0
        self.numbers = np.empty(capacity, np.int64)
        self.templates = np.empty((capacity, dimension), np.float32)
        self.books: Sequence[Codebook] = ()
        self.codes: list[Codes] = []

    def encode(self, books: Sequence[Codebook]) -> None:
        """Keep codes from now on, of those who are here too."""
        self.books, self.codes = books, [Codes(book, self.capacity) for book in books]
        rows = np.arange(self.count)
        parts = [rows[first : first + PART] for first in range(0, self.count, PART)]
        self._pack(parts, shared_out(lambda part: written(self.books, self.templates[part]), parts))

    def write(self, rows: Rows, numbers: Numbers, templates: Floats) -> None:
        """Put people into rows, each row at most once."""
        self.numbers[rows] = numbers
        places = [slice(first, first + PART) for first in range(0, len(rows), PART)]

        def write(place: slice) -> list[Written]:
            self.templates[rows[place]] = templates[place]
            return written(self.books, templates[place])

        self._pack([rows[place] for place in places], shared_out(write, places))

    def _pack(self, parts: list[Rows], written: Iterable[list[Written]]) -> None:
        for rows, each in zip(parts, written, strict=True):
            for codes, (digits, unfit) in zip(self.codes, each, strict=True):
                codes.write(rows, digits, unfit)

    def wipe(self, rows: Rows) -> None:
        """Overwrite whoever was in rows."""
        self.numbers[rows], self.templates[rows] = 0, 0.0
        for codes in self.codes:
            codes.wipe(rows)

    def scan(self, probes: Floats, limit: int) -> list[Look]:
        """Compare each of the (P, D) probes with everybody; return its ``limit`` best."""
        similarities = probes @ self.templates[: self.count].T  # (P, N)
        if limit >= self.count:
            return [Look(self.numbers[: self.count].copy(), each) for each in similarities]
        best = np.argpartition(similarities, -limit, axis=1)[:, -limit:]
        found = np.take_along_axis(similarities, best, axis=1)
        return [Look(self.numbers[b], f) for b, f in zip(best, found, strict=True)]

    def look(
        self, level: int, bounds: Bounds, probes: Floats, floors: Floats, *, limit: int, k: int
    ) -> list[Look]:
        """Compare each probe with those of the ``k`` highest bounds who may reach its floor.

        The ``limit`` highest are compared in any case.
        """
        unfit = self.codes[level].unfit(self.count)
        if k + len(unfit) > self.count // MOST:
            return self.scan(probes, limit)
        highest, rows = self.codes[level].highest(bounds, self.count, k)
        reaching = np.maximum((highest >= floors[:, None]).sum(axis=1), limit)
        looks = []
        for n, compared in enumerate(reaching.tolist()):
            unseen = float(highest[n, min(compared, k - 1)]) if bounds.sure[n] else np.inf
            some = rows[n, :compared]
            some = np.union1d(some, unfit) if len(unfit) else some
            products = self._products(probes[n], some)
            looks.append(Look(self.numbers[some], products, unseen))
        return looks

    def _products(self, probe: Floats, rows: NDArray[np.int64]) -> Floats:
        """Return the similarities of rows, without copying them."""
        products = np.empty(len(rows), np.float32)
        rows = np.ascontiguousarray(rows)
        pointers = [faiss.swig_ptr(a) for a in (products, probe, self.templates, rows)]
        products_of_rows(*pointers, len(probe), 1, len(rows))
        return products
