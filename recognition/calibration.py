"""How error rates are measured from embeddings of known people: arithmetic alone, no networks.

FMR: share of impostor comparisons at or above a threshold. FNMR: share of genuine ones below it.
FPIR: share of strangers who are named. FNIR: share of known people who are not. Source: ISO/IEC
19795-1. Every person counts alike, however many photographs there are of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.evaluation.choosing import SEED, Labels, by_person, thinned
from recognition.evaluation.drawing import draw
from recognition.pipeline.embed import unit
from recognition.pipeline.types import Floats

RATES = (0.5, 0.3, 0.1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)
# What is left to the fitted tail: galleries of up to a million people at FPIR 1 %.
FITTED_RATES = (3e-7, 1e-7, 3e-8, 1e-8)
TAIL = 1e-4  # the share of impostor comparisons that the tail is fitted to,
FEWEST_IN_TAIL = 100  # or as many as hold this number
REFERENCES = (1, 2, 3, 5)  # photographs of a person that thresholds are measured for
DRAWS = 20  # times that references are chosen at random,
MOST_DRAWN = 30_000_000  # as long as there are no more comparisons than these
MOST_COMPARED = 7_500  # photographs of which all pairs are compared: 28 million
RULE_OF_THREE = 3.0  # 3 / n: the least rate that n comparisons without an error support at 95 %
RESAMPLES = 1_000  # of people, for an interval
BLOCK = 256  # photographs compared at once with all others

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Similarities (N,) float32 from the greatest down, and the share (N,) that each has been
    reached with: 1 at the last."""

    similarities: Floats
    reached: Doubles

    @classmethod
    def of(cls, similarities: Floats, weights: Floats | Doubles | None = None) -> Scores:
        """Return the scores in order; all count alike without ``weights``."""
        if weights is None:
            count = len(similarities)
            return cls(np.sort(similarities)[::-1], np.arange(1, count + 1) / max(1, count))
        order = np.argsort(-similarities, kind="stable")
        reached = np.cumsum(weights[order], dtype=np.float64)
        reached /= reached[-1]
        return cls(similarities[order], reached)

    def threshold_at(self, rate: float) -> float:
        """Return the least threshold that at most a share ``rate`` reaches."""
        # Sums of shares are right to some 12 digits.
        within = int(np.searchsorted(self.reached, rate * (1 + 1e-9), side="right"))
        if within >= len(self.similarities):
            return float(self.similarities[-1])
        # Just above the first score that would be too many.
        return float(np.nextafter(np.float32(self.similarities[within]), np.float32(2)))

    def share_reaching(self, threshold: float) -> float:
        """Return the share of scores at or above ``threshold``."""
        count = self.count_reaching(threshold)
        return float(self.reached[count - 1]) if count else 0.0

    def count_reaching(self, threshold: float) -> int:
        """Return how many scores are at or above ``threshold``."""
        rising = self.similarities[::-1]
        return len(rising) - int(np.searchsorted(rising, np.float32(threshold)))


def pair_scores(embeddings: Floats, labels: Labels) -> tuple[Scores, Scores]:
    """Return the (genuine, impostor) scores of all pairs of photographs.

    A pair of people has one vote over all pairs of their photographs, and so has each person with
    several photographs among the genuine ones. Of more photographs than MOST_COMPARED some are
    left out of the impostor scores, of those people first who have most.
    """
    kept = thinned(labels, most=MOST_COMPARED)
    return _genuine(embeddings, labels), _impostors(embeddings[kept], labels[kept])


def _genuine(embeddings: Floats, labels: Labels) -> Scores:
    similarities, weights = [], []
    for rows in by_person(labels, np.arange(len(labels))).values():
        own = embeddings[rows] @ embeddings[rows].T
        scores = own[np.triu_indices(len(rows), k=1)]
        similarities.append(scores)
        weights.append(np.full(len(scores), 1.0 / max(1, len(scores))))
    return Scores.of(np.concatenate(similarities), np.concatenate(weights))


def _impostors(embeddings: Floats, labels: Labels) -> Scores:
    """Compare block by block: an (N, N) table and the places of its cells would be many GB."""
    _, person, counts = np.unique(labels, return_inverse=True, return_counts=True)
    total = (len(labels) ** 2 - int((counts**2).sum())) // 2
    similarities, weights = np.empty(total, np.float32), np.empty(total, np.float32)
    votes, filled = (1.0 / counts[person]).astype(np.float32), 0
    for first in range(0, len(labels), BLOCK):
        rows = slice(first, first + BLOCK)
        block = embeddings[rows] @ embeddings[first:].T
        others = np.triu(person[rows, None] != person[None, first:])
        part = slice(filled, filled + int(others.sum()))
        similarities[part] = block[others]
        weights[part] = np.outer(votes[rows], votes[first:])[others]
        filled = part.stop
    return Scores.of(similarities, weights)


def template_scores(
    embeddings: Floats, labels: Labels, *, references: int, seed: int
) -> tuple[Scores, Scores, int]:
    """Return the (genuine, impostor) scores of templates of ``references`` photographs.

    Everybody who has so many is compared with one photograph of everybody else, and with one more
    of their own; again and again with others chosen at random. Also returns how many have them:
    where there are too many to compare, those with one more photograph come first.
    """
    generator = np.random.default_rng(seed)
    people, counts = np.unique(labels, return_counts=True)
    owners = people[counts >= references]
    if len(owners) * len(people) > MOST_DRAWN:
        spare = np.argsort(-np.minimum(counts, references + 1), kind="stable")
        owners = np.sort(people[spare[: MOST_DRAWN // len(people)]])
    draws = max(1, min(DRAWS, MOST_DRAWN // (len(owners) * len(people))))
    genuine, impostors = [], []
    for _ in range(draws):
        chosen = by_person(labels, generator.permutation(len(labels)))
        templates = unit(
            np.stack([embeddings[chosen[p][:references]].mean(axis=0) for p in owners.tolist()])
        )
        others = embeddings[[chosen[p][-1] for p in people.tolist()]] @ templates.T
        impostors.append(others[people[:, None] != owners])
        genuine += [
            float(embeddings[chosen[p][references]] @ template)
            for p, template in zip(owners.tolist(), templates, strict=True)
            if len(chosen[p]) > references
        ]
    wrong = np.concatenate(impostors)
    return Scores.of(np.array(genuine, np.float32)), Scores.of(wrong), len(owners)


@dataclass(frozen=True, slots=True)
class Tail:
    """A generalised Pareto tail above ``start``, which a share ``rate`` of the scores exceeds."""

    start: float
    rate: float
    shape: float
    scale: float

    @classmethod
    def fitted(cls, scores: Scores, *, supported: float = 0.0) -> Tail:
        """Fit by probability-weighted moments. Source: Hosking and Wallis 1987.

        ``supported``: the least rate that is read off the scores themselves, and not off the tail.
        """
        # Comparisons of the same two people are not independent of each other.
        least = max(supported / RULE_OF_THREE, 1 / len(scores.similarities))
        rate = max(TAIL, supported, FEWEST_IN_TAIL * least)
        start = scores.threshold_at(rate)
        above = scores.count_reaching(start)
        excess = scores.similarities[:above][::-1].astype(np.float64) - start  # ascending
        weights = np.diff(scores.reached[:above], prepend=0.0)[::-1] / scores.reached[above - 1]
        exceeding = 1.0 - (np.cumsum(weights) - weights / 2)
        mean = float(np.sum(weights * excess))
        moment = float(np.sum(weights * excess * exceeding))
        shape = 2.0 - mean / (mean - 2.0 * moment)
        scale = 2.0 * mean * moment / (mean - 2.0 * moment)
        return cls(start, rate, shape, scale)

    def threshold_at(self, rate: float) -> float:
        """Return the score that a share ``rate``, smaller than the tail's own, exceeds."""
        ratio = rate / self.rate
        if abs(self.shape) < 1e-9:
            return self.start - self.scale * float(np.log(ratio))
        return self.start + self.scale / self.shape * (ratio**-self.shape - 1.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; ``fitted``: read off the tail, since the data end before."""

    fmr: float
    similarity: float
    fnmr: float
    fitted: bool


def threshold_table(genuine: Scores, impostors: Scores, *, pairs: float) -> list[Row]:
    """Return thresholds for RATES and FITTED_RATES.

    A rate that so many ``pairs`` of people do not support (rule of three) is read off the tail.
    """
    supported = RULE_OF_THREE / pairs
    tail = Tail.fitted(impostors, supported=supported)
    rows: list[Row] = []
    for rate in (*RATES, *FITTED_RATES):
        fitted = rate < supported
        similarity = tail.threshold_at(rate) if fitted else impostors.threshold_at(rate)
        # Fitted and counted rates need not meet; the table must rise all the same.
        similarity = max(min(similarity, 1.0), rows[-1].similarity if rows else -1.0)
        fnmr = 1.0 - genuine.share_reaching(similarity)
        rows.append(Row(rate, round(similarity, 5), round(fnmr, 5), fitted))
    return rows


@dataclass(frozen=True, slots=True)
class OpenSet:
    """A search measured: ``people`` registered from up to ``references`` photographs each.

    ``fpir_95``, ``fnir_95``: intervals, people being drawn again.
    """

    people: int
    references: int
    threshold: float
    fpir: float
    fnir: float
    strangers: int
    probes: int
    fpir_95: list[float]
    fnir_95: list[float]


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """One gallery drawn from the photographs, and what its probes scored.

    right, best, second: (P,) whether the best is the right person, the similarities of the best
    and of the second; strangers: (S,) the best similarity of each stranger; probes_of (P,) and
    strangers_of (S,): whose.
    """

    right: NDArray[np.bool_]
    best: Floats
    second: Floats
    strangers: Floats
    probes_of: Labels
    strangers_of: Labels


def draw_search(
    embeddings: Floats,
    labels: Labels,
    *,
    people: int,
    references: int,
    seed: int,
    handicap: Callable[[int], float] = lambda references: 0.0,
) -> Search:
    """Search a gallery drawn as ``drawing.draw`` says.

    ``handicap``: what is taken from the similarities of who has so many references, so that one
    threshold serves for all.
    """
    drawn = draw(labels, people=people, references=references, seed=seed)
    templates = drawn.templates(embeddings)
    taken = np.array([handicap(count) for count in drawn.counts.tolist()], np.float32)
    probes = embeddings[drawn.probes] @ templates.T - taken
    strangers = embeddings[drawn.strangers] @ templates.T - taken
    order = np.argsort(-probes, axis=1)[:, :2]
    top = np.take_along_axis(probes, order, axis=1)
    right = order[:, 0] == np.arange(len(probes))
    whose = labels[drawn.probes], labels[drawn.strangers]
    return Search(right, top[:, 0], top[:, 1], strangers.max(axis=1), *whose)


def open_set(
    searches: Sequence[Search], *, people: int, references: int, threshold: float
) -> OpenSet:
    """Return the error rates of searches at a threshold."""
    right = np.concatenate([s.right & (s.best >= threshold) for s in searches])
    named = np.concatenate([s.strangers >= threshold for s in searches])
    outside = np.concatenate([s.strangers_of for s in searches])
    known = np.concatenate([s.probes_of for s in searches])
    return OpenSet(
        people,
        references,
        round(threshold, 5),
        round(float(named.mean()), 5),
        round(1.0 - float(right.mean()), 5),
        len(named),
        len(right),
        [round(end, 5) for end in interval_by_people(named, outside)],
        [round(end, 5) for end in interval_by_people(~right, known)],
    )


def interval_by_people(errors: NDArray[np.bool_], whose: Labels) -> list[float]:
    """Return the 95 % interval of the share of ``errors`` (N,), people drawn again with
    replacement; where nobody, or everybody, errs, the rule of three of so many people."""
    people, place = np.unique(whose, return_inverse=True)
    if not len(people):
        return [0.0, 1.0]
    wrong, trials = np.bincount(place, errors), np.bincount(place)
    generator = np.random.default_rng(SEED)
    shares = []
    for _ in range(RESAMPLES):
        drawn = redrawn(generator, len(people))
        shares.append(float(drawn @ wrong) / float(drawn @ trials))
    return span(shares, len(people))


def redrawn(generator: np.random.Generator, count: int) -> Labels:
    """Return how often each of ``count`` was drawn in ``count`` draws with replacement."""
    return np.bincount(generator.integers(count, size=count), minlength=count)


def span(shares: Sequence[float], people: int) -> list[float]:
    """Return the middle 95 % of shares of people drawn again.

    Drawn again, those who never err never err: then the rule of three bounds the rate instead.
    """
    if not len(shares):
        return [0.0, 1.0]
    low, high = np.quantile(shares, [0.025, 0.975]).tolist()
    bound = min(1.0, RULE_OF_THREE / max(1, people))
    if high == 0.0:
        return [0.0, bound]
    return [1.0 - bound, 1.0] if low == 1.0 else [low, high]


def threshold_for_fpir(searches: Sequence[Search], fpir: float) -> float:
    """Return the threshold that a share ``fpir`` of the strangers reaches."""
    strangers = np.concatenate([s.strangers for s in searches])
    return Scores.of(strangers).threshold_at(fpir)


def ambiguity_margin(searches: Sequence[Search], share: float = 0.01) -> float:
    """Return the lead that all but ``share`` of the right answers have over the second person."""
    leads = np.concatenate([(s.best - s.second)[s.right] for s in searches])
    return float(np.quantile(leads, share))
