"""Templates as rows in blocks: what the copy in Redis holds, each block sealed as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.gallery.follow import Templates

LAYOUT = 4  # raised whenever rows, blocks or their seal change: other copies are not read
# Rows; 2 MB at 512 dimensions. Larger ones would keep Redis, and whoever waits for it, too long.
# Not 1024: with the 16 bytes before each vector that is a little more than the 2 MiB (512 KiB at
# 128 dimensions) of a size class of jemalloc, Redis's allocator, whose next one is a quarter more.
BLOCK = 992

Rows = NDArray[np.void]


def row_type(dimension: int) -> np.dtype[Any]:
    """Return the layout of one row; ``number`` 0 says that the place is empty."""
    vector = ("vector", "<f4", (dimension,))
    return np.dtype([("number", "<i8"), ("gallery", "<i8"), vector])


def filled(pages: Iterable[Templates]) -> Iterator[tuple[str, int, Rows]]:
    """Yield embedder, number and all rows of each block that ``pages``, by ascending slot, fill."""
    open_blocks: dict[str, tuple[int, Rows]] = {}
    for page in pages:
        for block in np.unique(page.slots // BLOCK).tolist():
            known = open_blocks.get(page.embedder)
            if known and known[0] != block:
                yield page.embedder, *known
            if not known or known[0] != block:
                known = open_blocks[page.embedder] = block, empty(page.vectors.shape[1])
            put(known[1], page, page.slots // BLOCK == block)
    for embedder, (block, rows) in open_blocks.items():
        yield embedder, block, rows


def empty(dimension: int) -> Rows:
    """Return the rows of a block that nobody is in."""
    return np.zeros(BLOCK, row_type(dimension))


def put(rows: Rows, templates: Templates, chosen: NDArray[np.bool_]) -> None:
    """Write those of ``templates`` that are ``chosen`` into their places in ``rows``."""
    places = templates.slots[chosen] % BLOCK
    rows["number"][places] = templates.numbers[chosen]
    rows["gallery"][places] = templates.galleries[chosen]
    rows["vector"][places] = templates.vectors[chosen]


def parse(raw: bytes, dimension: int) -> Rows:
    """Return the rows in ``raw``. Raises ValueError where it is no whole block."""
    rows = np.frombuffer(raw, row_type(dimension))
    if len(rows) != BLOCK:
        raise ValueError(f"a block has {BLOCK} rows and not {len(rows)}")
    return rows


def unpack(embedder: str, blocks: list[int], found: list[Rows]) -> Templates:
    """Return the people in ``found``, which are the rows of ``blocks``, empty ones left out."""
    taken = [np.flatnonzero(rows["number"]) for rows in found]
    slots = [block * BLOCK + places for block, places in zip(blocks, taken, strict=True)]
    # A whole block is not copied here: a million people would be copied twice.
    people = [
        rows if len(places) == len(rows) else rows[places]
        for rows, places in zip(found, taken, strict=True)
    ]
    return Templates(
        embedder,
        np.concatenate(slots).astype(np.int64),
        _joined("gallery", people),
        _joined("number", people),
        _joined("vector", people),
    )


def _joined(name: str, blocks: list[Rows]) -> NDArray[Any]:
    joined: NDArray[Any] = np.concatenate([rows[name] for rows in blocks])
    return joined.astype(joined.dtype.newbyteorder("="), copy=False)
