"""Templates as raw rows in blocks: how the copy in Redis lays them out, and its checksums."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.gallery.follow import Templates

LAYOUT = 3  # raised whenever rows, blocks or checksums change: other copies are not read
# Rows; 2 MB at 512 dimensions. Larger ones would keep Redis, and whoever waits for it, too long.
# Not 1024: with the 16 bytes before each vector that is a little more than the 2 MiB (512 KiB at
# 128 dimensions) of a size class of jemalloc, Redis's allocator, whose next one is a quarter more.
BLOCK = 992
#: 2 ** 64 over the golden ratio, odd: the constant of Fibonacci hashing (Knuth, TAOCP 3, 6.4).
ODD = 0x9E3779B97F4A7C15

Rows = NDArray[np.void]


def row_type(dimension: int) -> np.dtype[Any]:
    """Return the layout of one row; ``number`` 0 says that the place is empty."""
    vector = ("vector", "<f4", (dimension,))
    return np.dtype([("number", "<i8"), ("gallery", "<i8"), vector])


def checksum(rows: Rows, *, first: int = 0) -> int:
    """Return what ``rows``, of which the first stands in place ``first``, add to their block's.

    The sum modulo 2 ** 64 of all 8-byte words, each times an odd number of its row and one of its
    column: it follows when one row is overwritten, an empty row adds 0, and what changes within
    one word changes it. The dimension must be even.
    """
    columns = rows.dtype.itemsize // 8
    words = rows.view("<u8").reshape(len(rows), columns)
    places = np.arange(first, first + len(rows), dtype=np.uint64) * 2 + 1
    return int((words @ _multipliers(columns) * places).sum(dtype=np.uint64))


@lru_cache
def _multipliers(columns: int) -> NDArray[np.uint64]:
    return np.cumprod(np.full(columns, ODD, np.uint64), dtype=np.uint64)  # powers of ODD, all odd


def pack(templates: Templates) -> Rows:
    """Return the rows of ``templates``, in their order."""
    rows = np.zeros(len(templates.numbers), row_type(templates.vectors.shape[1]))
    rows["number"], rows["gallery"] = templates.numbers, templates.galleries
    rows["vector"] = templates.vectors
    return rows


def spans(templates: Templates) -> Iterator[tuple[int, int, Rows]]:
    """Yield (block, first row, rows) for each block that ``templates`` fall into.

    Slots ascend; places between them that nobody has are written as empty.
    """
    packed = pack(templates)
    blocks = templates.slots // BLOCK
    for block in np.unique(blocks).tolist():
        chosen = blocks == block
        places = templates.slots[chosen] % BLOCK
        rows = np.zeros(places[-1] - places[0] + 1, packed.dtype)
        rows[places - places[0]] = packed[chosen]
        yield block, int(places[0]), rows


def whole(first: int, rows: Rows) -> Rows:
    """Return all rows of a block of which only ``rows`` are taken, from place ``first`` on."""
    block = np.zeros(BLOCK, rows.dtype)
    block[first : first + len(rows)] = rows
    return block


def parse(raw: bytes, dimension: int) -> Rows:
    """Return the whole rows in ``raw``; what is left of a row that was cut off does not count."""
    layout = row_type(dimension)
    return np.frombuffer(raw, layout, count=len(raw) // layout.itemsize)


def unpack(embedder: str, blocks: list[int], found: list[Rows]) -> Templates:
    """Return the people in ``found``, which are the rows of ``blocks``, empty ones left out."""
    taken = [np.flatnonzero(rows["number"]) for rows in found]
    slots = [block * BLOCK + places for block, places in zip(blocks, taken, strict=True)]
    rows = np.concatenate([rows[places] for rows, places in zip(found, taken, strict=True)])
    return Templates(
        embedder,
        np.concatenate(slots).astype(np.int64),
        rows["gallery"].astype(np.int64),
        rows["number"].astype(np.int64),
        rows["vector"].astype(np.float32),
    )
