"""Every difference between the database and Milvus: found, looked at again, and mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from recognition.gallery.engine import Engine
from recognition.gallery.milvus import BLOCK, Collection, Rows

# How far two machines' float32 products of one template and one matrix may lie apart, per value.
TOLERANCE = 1e-5

MISSING, UNKNOWN, INACTIVE = "missing in Milvus", "not in the database", "not to be matched"
MISPLACED, OTHER, TWICE = "in the wrong gallery", "with another template", "more than once"
KINDS = (MISSING, UNKNOWN, INACTIVE, MISPLACED, OTHER, TWICE)


def sync(
    engine: Engine,
    *,
    gallery: int | None = None,
    dry_run: bool = False,
    said: Callable[[int], object] = int,
) -> Counter[str]:
    """Mend every difference, or with ``dry_run`` only count them; return how many of each kind.

    Reads both sides by the numbers, a block at a time. What differs there is read again under
    the lock before it counts: the service may just have changed it. ``said`` is told how many
    rows were read on both sides together.
    """
    epoch = engine.catch_up().epoch
    found: Counter[str] = Counter()
    for embedder, collection in engine.milvus.collections(epoch).items():
        ours = _turned(engine, embedder, collection, gallery, said)
        theirs = _told(collection.in_order(gallery), said)
        for numbers in differing(ours, theirs):
            for first in range(0, len(numbers), BLOCK):
                some = numbers[first : first + BLOCK]
                found += settle(engine, embedder, some, dry_run=dry_run)
    return found


def hidden(engine: Engine, gallery: int | None = None) -> int:
    """Return how many rows more Milvus counts than there are people, fewer if it is negative.

    After ``sync`` there is none, unless somebody else put one number in several times: Milvus
    counts all such rows and shows one. Source: issue 33774 of github.com/milvus-io/milvus.
    """
    with engine.truth.locked():
        collections = engine.milvus.collections(engine.catch_up().epoch)
        return sum(
            collection.count(gallery) - engine.truth.count(embedder, gallery)
            for embedder, collection in collections.items()
        )


def _turned(
    engine: Engine,
    embedder: str,
    collection: Collection,
    gallery: int | None,
    said: Callable[[int], object],
) -> Iterator[Rows]:
    for block in engine.truth.in_order(embedder, gallery):
        yield Rows(block.numbers, block.galleries, collection.turn(block.vectors))
        said(len(block.numbers))


def _told(blocks: Iterator[Rows], said: Callable[[int], object]) -> Iterator[Rows]:
    for block in blocks:
        yield block
        said(len(block.numbers))


def differing(ours: Iterator[Rows], theirs: Iterator[Rows]) -> Iterator[list[int]]:
    """Yield the numbers whose rows differ; both sides come in the order of the numbers."""
    left, right = next(ours, None), next(theirs, None)
    while left is not None or right is not None:
        # Up to here both sides are known.
        end = min(int(side.numbers[-1]) for side in (left, right) if side is not None)
        one, left = _cut(left, end)
        other, right = _cut(right, end)
        if numbers := _compared(one, other):
            yield numbers
        left = left if left is not None else next(ours, None)
        right = right if right is not None else next(theirs, None)


def _cut(rows: Rows | None, end: int) -> tuple[Rows | None, Rows | None]:
    """Return the rows up to the number ``end``, and those after it; None for none."""
    if rows is None:
        return None, None
    place = int(np.searchsorted(rows.numbers, end, side="right"))
    return _part(rows, slice(place)), _part(rows, slice(place, None))


def _part(rows: Rows, part: slice | NDArray[np.intp]) -> Rows | None:
    numbers = rows.numbers[part]
    return Rows(numbers, rows.galleries[part], rows.turned[part]) if len(numbers) else None


def _compared(ours: Rows | None, theirs: Rows | None) -> list[int]:
    if ours is None or theirs is None:
        only = ours or theirs
        return [] if only is None else sorted(set(only.numbers.tolist()))
    both, mine, there = np.intersect1d(ours.numbers, theirs.numbers, return_indices=True)
    apart = np.abs(ours.turned[mine] - theirs.turned[there]).max(axis=1) > TOLERANCE
    apart |= ours.galleries[mine] != theirs.galleries[there]
    alone = np.setxor1d(ours.numbers, theirs.numbers)
    values, counts = np.unique(theirs.numbers, return_counts=True)
    different: list[int] = np.concatenate([both[apart], alone, values[counts > 1]]).tolist()
    return sorted(set(different))


def settle(
    engine: Engine, embedder: str, numbers: list[int], *, dry_run: bool = False
) -> Counter[str]:
    """Look at some people again, with everybody else kept from writing, and mend what differs."""
    with engine.truth.locked():
        collection = engine.milvus.collection(engine.catch_up().epoch, embedder)
        kinds = _kinds(engine, embedder, collection, numbers)
        if kinds and not dry_run:
            collection.remove([n for n, kind in kinds.items() if kind != MISSING])
            _put(engine, embedder, collection, list(kinds))
    return Counter(kinds.values())


def _kinds(
    engine: Engine, embedder: str, collection: Collection, numbers: list[int]
) -> dict[int, str]:
    """Return what is the matter with those of ``numbers`` whose rows are not as they should be."""
    theirs = collection.rows(numbers)
    galleries = dict(zip(theirs.numbers.tolist(), theirs.galleries.tolist(), strict=True))
    turned = dict(zip(theirs.numbers.tolist(), theirs.turned, strict=True))
    counts = Counter(theirs.numbers.tolist())
    kinds = dict.fromkeys(counts, INACTIVE)
    kinds |= dict.fromkeys(set(counts) - engine.truth.known(numbers), UNKNOWN)
    for block in engine.templates(embedder, numbers):
        rows = zip(
            block.numbers.tolist(),
            block.galleries.tolist(),
            collection.turn(block.vectors),
            strict=True,
        )
        for number, gallery, template in rows:
            kinds.pop(number, None)
            if number not in counts:
                kinds[number] = MISSING
            elif galleries[number] != gallery:
                kinds[number] = MISPLACED
            elif np.abs(turned[number] - template).max() > TOLERANCE:
                kinds[number] = OTHER
            elif counts[number] > 1:
                kinds[number] = TWICE
    return kinds


def _put(engine: Engine, embedder: str, collection: Collection, numbers: list[int]) -> None:
    for block in engine.templates(embedder, numbers):
        collection.put(block.numbers, block.galleries, block.vectors)
