"""What is suspicious in a gallery: arithmetic on its references, block by block.

Evidence is counted in powers of ten: that a rightful reference would be so far from its person's
others, or that somebody of all the people would be so near by chance.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recognition.evaluation.choosing import SEED, Labels
from recognition.evaluation.searches import templates_of, without_itself
from recognition.pipeline.types import Floats

BLOCK = 1_000  # rows compared at once with everybody: 400 MB at 100,000 people
MOST_PAIRS = 1_000  # of people who look alike that are kept
COHORT, HIGHEST = 2_000, 5  # people in the sample; of them, the most similar count
DRAWN = 200_000  # pairs of photographs that tell how similar strangers are
CLEAR = 0.5  # powers of ten: below it nothing is said
MOST = 6.0  # powers of ten that one similarity may count for
LEAST_CHANCE = 10.0**-MOST

Said = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something to look at.

    ``person``, ``other``: labels; ``references``: rows, the most suspect first. ``own``: how near
    that one is to the person's others, None where there are none; ``near``: to the other person,
    None where there is none.
    """

    kind: str
    score: float
    person: int
    other: int | None
    references: tuple[int, ...]
    own: float | None
    near: float | None


@dataclass(frozen=True, slots=True)
class Chances:
    """How likely similarities are: normal distributions by this gallery's median and spread.

    No calibration is asked: what stands out in these photographs is sought.
    """

    impostor: tuple[float, float]
    genuine: tuple[float, float]

    @classmethod
    def of(cls, impostors: Floats, genuine: Floats) -> Self:
        return cls(_middle(impostors), _middle(genuine))

    def impostor_reaches(self, similarity: float) -> float:
        """Return the share of strangers who are at least so similar."""
        return _normal_above((similarity - self.impostor[0]) / self.impostor[1])

    def genuine_below(self, similarity: float) -> float:
        """Return the share of rightful photographs that are at most so similar."""
        return _normal_above((self.genuine[0] - similarity) / self.genuine[1])


def _middle(values: Floats) -> tuple[float, float]:
    """Return the median, and the deviation that a normal distribution of that spread has."""
    if not len(values):
        return 1.0, 1.0
    median = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - median)))
    return median, max(spread, 1e-6)


def _normal_above(deviations: float) -> float:
    return 0.5 * erfc(deviations / sqrt(2))


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Each reference (R,): to its person's others (NaN without any), the nearest other person."""

    own: Floats
    near: Floats
    nearest: Labels


def compare(embeddings: Floats, labels: Labels, said: Said) -> tuple[Compared, Floats, Labels]:
    """Return how each reference stands, the person templates (N, D) and whose they are (N,)."""
    templates, people = templates_of(embeddings, labels)
    column = np.searchsorted(people, labels)
    near, nearest = np.empty(len(labels), np.float32), np.empty(len(labels), np.int64)
    for rows in _blocks(len(labels)):
        similarities = embeddings[rows] @ templates.T
        similarities[np.arange(len(rows)), column[rows]] = -np.inf
        nearest[rows] = people[similarities.argmax(axis=1)]
        near[rows] = similarities.max(axis=1)
        said(len(rows))
    return Compared(without_itself(embeddings, column), near, nearest), templates, people


def _blocks(count: int) -> Iterator[NDArray[np.intp]]:
    for first in range(0, count, BLOCK):
        yield np.arange(first, min(first + BLOCK, count))


def suspicious_references(found: Compared, labels: Labels, chances: Chances) -> list[Suspicion]:
    """Return references that are far from their own person, or nearer to another, worst first.

    Of two references that differ neither is more suspect: they are one finding, the one that is
    nearer to somebody else first.
    """
    counts = dict(
        zip(*(part.tolist() for part in np.unique(labels, return_counts=True)), strict=True)
    )
    people = len(counts)
    cases: dict[int, Suspicion] = {}
    rows = np.flatnonzero(~np.isnan(found.own))
    for row in rows.tolist():
        one = _reference(row, found, labels, counts, chances, people)
        if one is None:
            continue
        key = one.person if counts[one.person] == 2 else -1 - row
        cases[key] = _together(cases[key], one) if key in cases else one
    return sorted(cases.values(), key=lambda case: -case.score)


def _reference(
    row: int, found: Compared, labels: Labels, counts: dict[int, int], chances: Chances, people: int
) -> Suspicion | None:
    person, other = int(labels[row]), int(found.nearest[row])
    own, near = float(found.own[row]), float(found.near[row])
    alien = powers(chances.genuine_below(own))
    familiar = powers(people * chances.impostor_reaches(near))
    nearer = near > own and familiar > CLEAR
    score = alien + (familiar if nearer else 0.0)
    if alien < 1 and not nearer:
        return None
    # Far beyond what was measured, the similarity itself tells the more suspect one.
    score += (1 - own) / 100
    kind = "nearer_to_other" if nearer else "outlier"
    return Suspicion(kind, score, person, other if nearer else None, (row,), own, near)


def _together(first: Suspicion, second: Suspicion) -> Suspicion:
    """Return one finding of both references of a person."""
    worse, other = sorted((first, second), key=lambda one: (-one.score, -(one.near or 0.0)))
    return Suspicion(
        worse.kind, worse.score, worse.person, worse.other,
        (*worse.references, *other.references), worse.own, worse.near,
    )  # fmt: skip


def powers(chance: float) -> float:
    """Return how many powers of ten speak against a chance, 0 to MOST."""
    return min(MOST, max(0.0, -float(np.log10(max(chance, LEAST_CHANCE)))))


def alike(templates: Floats, people: Labels, said: Said) -> list[Suspicion]:
    """Return the pairs of people who look most alike, the most suspect first.

    The score is by how much a pair is nearer than each of them is to a sample of all the others:
    some faces are near to everybody's. Source: adaptive symmetric normalisation, Matejka and
    others 2017.
    """
    sample = np.random.default_rng(SEED).permutation(len(people))[:COHORT]
    usual = np.empty(len(people), np.float32)
    for rows in _blocks(len(people)):
        similarities = templates[rows] @ templates[sample].T
        similarities[rows[:, None] == sample] = -np.inf  # oneself
        usual[rows] = _mean_of_highest(similarities)
    best: list[tuple[float, int, int, float]] = []
    for rows in _blocks(len(people)):
        similarities = templates[rows] @ templates[rows[0] :].T
        similarities[np.tril_indices(len(rows), m=similarities.shape[1])] = -np.inf  # pairs once
        scores = similarities - (usual[rows][:, None] + usual[rows[0] :]) / 2
        floor = best[0][0] if len(best) >= MOST_PAIRS else -np.inf
        for row, column in zip(*_highest(scores, floor), strict=True):
            pair = (int(people[rows[row]]), int(people[rows[0] + column]))
            _keep(best, (float(scores[row, column]), *pair, float(similarities[row, column])))
        said(len(rows))
    return [
        Suspicion("alike", score, first, second, (), None, near)
        for score, first, second, near in sorted(best, reverse=True)
    ]


def _mean_of_highest(similarities: Floats) -> Floats:
    """Return (R,) the mean of each row's HIGHEST highest."""
    count = min(HIGHEST, similarities.shape[1])
    top = np.partition(similarities, -count, axis=1)[:, -count:]
    top[~np.isfinite(top)] = 0.0  # there were not so many
    mean: Floats = top.mean(axis=1)
    return mean


def _highest(scores: Floats, floor: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the MOST_PAIRS highest are that are above ``floor``."""
    flat = scores.ravel()
    if len(flat) > MOST_PAIRS:
        floor = max(floor, float(np.partition(flat, -MOST_PAIRS)[-MOST_PAIRS]))
    rows, columns = np.nonzero((scores >= floor) & np.isfinite(scores))
    return rows, columns


def _keep(best: list[tuple[float, int, int, float]], one: tuple[float, int, int, float]) -> None:
    if len(best) < MOST_PAIRS:
        heapq.heappush(best, one)
    else:
        heapq.heappushpop(best, one)


def chances_of(embeddings: Floats, labels: Labels, found: Compared) -> Chances:
    """Return how likely similarities are, by pairs of photographs drawn at random."""
    generator = np.random.default_rng(SEED)
    one, other = generator.integers(len(labels), size=(2, DRAWN))
    apart = labels[one] != labels[other]
    impostors = np.einsum("nd,nd->n", embeddings[one[apart]], embeddings[other[apart]])
    return Chances.of(impostors, found.own[~np.isnan(found.own)])
