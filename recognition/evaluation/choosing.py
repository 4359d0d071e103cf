"""Which photographs are compared: some of each person's, in an order drawn at random."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

SEED = 19795

Labels = NDArray[np.int64]  # (N,): whose each photograph is
Flags = NDArray[np.bool_]  # (N,)


def place_among_own(labels: Labels, order: Labels | None = None) -> Labels:
    """Return (N,): the how manieth photograph of its person each one is, from 0.

    ``order`` (N,): the photographs in the order in which they are counted, theirs if None.
    """
    order = np.arange(len(labels)) if order is None else order
    order = order[np.argsort(labels[order], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(labels[order]) > 0]) if len(labels) else order
    lengths = np.diff(np.r_[starts, len(labels)])
    place = np.empty(len(labels), np.int64)
    place[order] = np.arange(len(labels)) - np.repeat(starts, lengths)
    return place


def by_person(labels: Labels, order: Labels) -> dict[int, Labels]:
    """Return the photographs of each person, in ``order`` (N,)."""
    people, counts = np.unique(labels, return_counts=True)
    rows = np.split(order[np.argsort(labels[order], kind="stable")], np.cumsum(counts)[:-1])
    return dict(zip(people.tolist(), rows, strict=True))


def thinned(labels: Labels, *, most: int, each: int | None = None) -> Flags:
    """Return (N,) which photographs to keep: ``most`` in all, ``each`` of a person, at random.

    Who has many photographs loses some, down to two; only then people are left out, those who have
    one alone before the others.
    """
    _, person, counts = np.unique(labels, return_inverse=True, return_counts=True)
    generator = np.random.default_rng(SEED)
    highest = int(counts.max(initial=0)) if each is None else each
    fitting = bisect_right(
        range(highest + 1), most, key=lambda cap: int(np.minimum(counts, cap).sum())
    )
    cap = max(2, min(highest, fitting - 1))
    kept: Flags = place_among_own(labels, generator.permutation(len(labels))) < cap
    left = np.minimum(counts, cap)
    if left.sum() > most:
        people = generator.permutation(len(counts))
        people = people[np.argsort(-np.minimum(left[people], 2), kind="stable")]
        some = people[: int(np.searchsorted(np.cumsum(left[people]), most, side="right"))]
        kept &= np.isin(person, some)
    return kept
