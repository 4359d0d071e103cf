"""The digits of many templates, as faiss's fast scan adds them up: 32 templates at a time.

Source: André, Kermarrec and Le Scouarnec 2015, "Cache locality is not enough", PVLDB 9(4).
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from recognition.gallery.codebook import MOST, Bounds, Codebook, Digits, Flags
from recognition.pipeline.types import Floats

BLOCK = 32  # templates that faiss interleaves
BITS = 4


class Codes:
    """The digits of up to ``capacity`` templates, in rows."""

    def __init__(self, book: Codebook, capacity: int) -> None:
        columns, blocks = book.columns, -(-capacity // BLOCK)
        metric = faiss.METRIC_INNER_PRODUCT
        index: Any = faiss.IndexPQFastScan(columns * MOST, columns, BITS, metric, BLOCK)
        faiss.copy_array_to_vector(book.centroids.ravel(), index.pq.centroids)
        index.is_trained = True
        size = blocks * BLOCK * columns // 2
        index.codes.resize(size)
        self._index = index  # the memory of ``_packed`` is the index's own
        packed: Digits = faiss.rev_swig_ptr(index.codes.get(), size)
        in_large_pages(packed)
        self._packed = packed.reshape(blocks, columns // 2, 2, BLOCK // 2)
        self._unfit = np.zeros(capacity, np.bool_)
        self.bytes = columns // 2  # of a template

    def write(self, rows: NDArray[np.intp], digits: Digits, unfit: Flags) -> None:
        """Write the digits (N, columns) of templates into rows, each row at most once."""
        self._unfit[rows] = unfit
        self._pack(rows, digits)

    def wipe(self, rows: NDArray[np.intp]) -> None:
        """Overwrite rows."""
        self._unfit[rows] = False
        self._pack(rows, np.zeros((len(rows), self._index.M), np.uint8))

    def _pack(self, rows: NDArray[np.intp], digits: Digits) -> None:
        """Put digits into their places: a byte holds those of two templates, 16 rows apart."""
        pairs = digits.reshape(len(rows), -1, 2)
        block, row = np.divmod(rows, BLOCK)
        half, row = np.divmod(row, BLOCK // 2)
        place = row % 8 * 2 + row // 8
        for kept, shift, some in ((0xF0, 0, half == 0), (0x0F, BITS, half == 1)):
            where = (block[some], slice(None), slice(None), place[some])
            self._packed[where] = self._packed[where] & kept | pairs[some] << shift

    def highest(self, bounds: Bounds, count: int, k: int) -> tuple[Floats, NDArray[np.int64]]:
        """Return the ``k`` highest bounds among the first ``count`` rows, and whose they are.

        (P, k), highest first; ``k`` is at most ``count``.
        """
        # Searches side by side all set the same: while they read nobody is added.
        self._index.ntotal, self._index.ntotal2 = count, -(-count // BLOCK) * BLOCK
        sums, rows = self._index.search(bounds.vectors, k)
        return sums + bounds.base[:, None], rows

    def unfit(self, count: int) -> NDArray[np.intp]:
        """Return those of the first ``count`` rows whose bounds are not to be believed."""
        return np.flatnonzero(self._unfit[:count])


def in_large_pages(memory: NDArray[Any]) -> None:
    """Ask the system for large pages: reading from one end to the other then takes less time.

    numpy does so for its own arrays. Where the system has no such thing, nothing happens. The
    memory is nothing but zeros: it is given back, and comes again, page by page, when written to.
    """
    if hasattr(mmap, "MADV_HUGEPAGE"):
        first = -(-memory.ctypes.data // mmap.PAGESIZE) * mmap.PAGESIZE
        size = memory.ctypes.data + memory.nbytes - first
        size = max(size, 0) // mmap.PAGESIZE * mmap.PAGESIZE
        advise = ctypes.CDLL(None).madvise
        for advice in (mmap.MADV_HUGEPAGE, mmap.MADV_DONTNEED):
            advise(ctypes.c_void_p(first), ctypes.c_size_t(size), advice)
