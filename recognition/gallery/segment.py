"""A piece of an index: its people stay where they are in memory when others are added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from recognition.gallery.codebook import Bounds, Codebook
from recognition.gallery.codes import Codes
from recognition.pipeline.types import Floats

Rows = NDArray[np.intp]
products_of_rows: Any = vars(faiss)["fvec_inner_products_by_idx"]  # faiss's types leave it out
PART = 4096  # people whose codes are written at a time


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Whom a search compared: numbers and similarities (K,), in no order.

    Nobody else is more similar than ``unseen``.
    """

    numbers: NDArray[np.int64]
    similarities: Floats
    unseen: float = -np.inf


class Segment:
    """Up to ``capacity`` people, ``count`` of them, from the first row on.

    numbers: (capacity,) int64; templates: (capacity, D) float32. The system gives memory only
    to the rows that were written.
    """

    def __init__(self, capacity: int, dimension: int) -> None:
        self.capacity, self.count = capacity, 0
        self.numbers = np.empty(capacity, np.int64)
        self.templates = np.empty((capacity, dimension), np.float32)
        self.book: Codebook | None = None
        self.codes: Codes | None = None

    def encode(self, book: Codebook) -> None:
        """Keep codes from now on, of those who are here too."""
        self.book, self.codes = book, Codes(book, self.capacity)
        for first in range(0, self.count, PART):
            rows = np.arange(first, min(first + PART, self.count))
            self.codes.write(rows, self.templates[rows])

    def write(self, rows: Rows, numbers: NDArray[np.int64], templates: Floats) -> None:
        """Put people into rows, each row at most once."""
        self.numbers[rows], self.templates[rows] = numbers, templates
        if self.codes:
            self.codes.write(rows, templates)

    def wipe(self, rows: Rows) -> None:
        """Overwrite whoever was in rows."""
        self.numbers[rows], self.templates[rows] = 0, 0.0
        if self.codes:
            self.codes.wipe(rows)

    def scan(self, probes: Floats, limit: int) -> list[Look]:
        """Compare each of the (P, D) probes with everybody; return its ``limit`` best."""
        similarities = probes @ self.templates[: self.count].T  # (P, N)
        if limit >= self.count:
            return [Look(self.numbers[: self.count].copy(), each) for each in similarities]
        best = np.argpartition(similarities, -limit, axis=1)[:, -limit:]
        found = np.take_along_axis(similarities, best, axis=1)
        return [Look(self.numbers[b], f) for b, f in zip(best, found, strict=True)]

    def look(
        self, probes: Floats, bounds: Bounds, floors: Floats, *, limit: int, k: int
    ) -> list[Look]:
        """Compare each probe with those of the ``k`` highest bounds who may reach its floor.

        The ``limit`` highest are compared in any case.
        """
        if self.codes is None or k >= self.count:
            return self.scan(probes, limit)
        unfit = self.codes.unfit(self.count)
        if len(unfit) > k:
            return self.scan(probes, limit)
        highest, rows = self.codes.highest(bounds, self.count, k)
        reaching = np.maximum((highest >= floors[:, None]).sum(axis=1), limit)
        looks = []
        for n, compared in enumerate(reaching.tolist()):
            unseen = float(highest[n, min(compared, k - 1)]) if bounds.sure[n] else np.inf
            some = rows[n, :compared]
            some = np.union1d(some, unfit) if len(unfit) else some
            looks.append(Look(self.numbers[some], self._products(probes[n], some), unseen))
        return looks

    def _products(self, probe: Floats, rows: Rows) -> Floats:
        """Return the similarities of rows, without copying them."""
        products = np.empty(len(rows), np.float32)
        rows = np.ascontiguousarray(rows)
        pointers = [faiss.swig_ptr(a) for a in (products, probe, self.templates, rows)]
        products_of_rows(*pointers, len(probe), 1, len(rows))
        return products
