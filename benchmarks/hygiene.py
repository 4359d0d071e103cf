"""``python -m benchmarks.hygiene``: what an audit finds of what was planted in LFW's View 1.

40 references are given to other people, and 40 other people are split under two ids; told is how
many stand among the first ROWS rows of ``manage.py audit_gallery``, which lists both in turn.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import view_1
from recognition.pipeline.types import Floats

ROWS, PLANTED, TRIALS = 100, 40, 4

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Planted:
    """Labels (N,) with errors: the rows moved, and the pairs of ids that are one person."""

    labels: Labels
    moved: list[int]
    split: list[frozenset[int]]


def planted(truth: Labels, *, seed: int) -> Planted:
    """Return the labels with errors in them; every second seed moves to people of several
    photographs only, the others to anybody."""
    generator = np.random.default_rng(seed)
    labels = truth.astype(np.int64)
    owners = np.flatnonzero(np.bincount(truth) >= 2)
    takers = owners if seed % 2 else np.unique(truth)
    moved = []
    for person in generator.permutation(owners)[:PLANTED].tolist():
        row = int(generator.choice(np.flatnonzero(truth == person)))
        labels[row] = generator.choice(takers[takers != person])
        moved.append(row)
    touched = {*labels[moved].tolist(), *truth[moved].tolist()}
    free = [p for p in generator.permutation(owners).tolist() if p not in touched][:PLANTED]
    split = []
    for number, person in enumerate(free, int(truth.max()) + 1):
        rows = generator.permutation(np.flatnonzero(labels == person))
        labels[rows[: len(rows) // 2]] = number
        split.append(frozenset((person, number)))
    return Planted(labels, moved, split)


def found(embeddings: Floats, errors: Planted) -> tuple[int, int]:
    """Return how many moved references and how many split people stand among the first rows."""
    from recognition.evaluation import hygiene

    labels = errors.labels
    compared, templates, people = hygiene.compare(embeddings, labels, lambda rows: None)
    chances = hygiene.chances_of(embeddings, labels, compared)
    references = hygiene.suspicious_references(compared, labels, chances)[: ROWS // 2]
    pairs = hygiene.alike(templates, people, lambda rows: None)[: ROWS // 2]
    rows = {row for one in references for row in one.references}
    alike = {frozenset((one.person, one.other)) for one in pairs}
    return len(rows & set(errors.moved)), sum(pair in alike for pair in errors.split)


def main() -> int:
    """Plant and search, several times."""
    kept = view_1.embeddings()
    if kept is None:
        print(view_1.ABSENT, file=sys.stderr)
        return 1
    for seed in range(TRIALS):
        moved, split = found(kept[0], planted(kept[1], seed=seed))
        print(f"of {PLANTED} moved references {moved}, of {PLANTED} split people {split}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
