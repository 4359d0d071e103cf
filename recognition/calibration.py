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

from recognition.pipeline.types import Floats

RATES = (0.5, 0.3, 0.1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)
# What is left to the fitted tail: galleries of up to a million people at FPIR 1 %.
FITTED_RATES = (3e-7, 1e-7, 3e-8, 1e-8)
TAIL = 1e-4  # the share of impostor comparisons that the tail is fitted to,
FEWEST_IN_TAIL = 100  # or as many as hold this number
REFERENCES = (1, 2, 3, 5)  # photographs of a person that thresholds are measured for
DRAWS = 20  # times that references are chosen at random,
MOST_DRAWN = 30_000_000  # as long as there are no more comparisons than these
RULE_OF_THREE = 3.0  # 3 / n: the least rate that n comparisons without an error support at 95 %

Labels = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Similarities (N,) with weights (N,) that sum to 1, sorted from the greatest down."""

    similarities: Doubles
    weights: Doubles

    @classmethod
    def of(cls, similarities: Floats, weights: Doubles) -> Scores:
        order = np.argsort(-similarities, kind="stable")
        shares = weights[order] / weights.sum()
        return cls(similarities[order].astype(np.float64), shares)

    def threshold_at(self, rate: float) -> float:
        """Return the least threshold that at most a share ``rate`` reaches."""
        reached = np.cumsum(self.weights)
        within = int(np.searchsorted(reached, rate, side="right"))
        if within >= len(self.similarities):
            return float(self.similarities[-1])
        # Just above the first score that would be too many.
        return float(np.nextafter(np.float32(self.similarities[within]), np.float32(2)))

    def share_reaching(self, threshold: float) -> float:
        """Return the share of scores at or above ``threshold``."""
        return float(self.weights[self.similarities >= threshold].sum())


def person_weights(labels: Labels) -> Doubles:
    """Return (N,) weights that give every person one vote over all their photographs."""
    _, person, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return 1.0 / counts[person]


def pair_scores(embeddings: Floats, labels: Labels) -> tuple[Scores, Scores]:
    """Return the (genuine, impostor) scores of all pairs of photographs.

    A pair of people has one vote over all pairs of their photographs, and so has each person with
    several photographs among the genuine ones.
    """
    rows, columns = np.triu_indices(len(labels), k=1)
    similarities = (embeddings @ embeddings.T)[rows, columns]
    same = labels[rows] == labels[columns]
    weights = person_weights(labels)
    weights = weights[rows] * weights[columns]
    _, person, counts = np.unique(labels[rows[same]], return_inverse=True, return_counts=True)
    genuine = Scores.of(similarities[same], 1.0 / counts[person])
    return genuine, Scores.of(similarities[~same], weights[~same])


def template_scores(
    embeddings: Floats, labels: Labels, *, references: int, seed: int
) -> tuple[Scores, Scores, int]:
    """Return the (genuine, impostor) scores of templates of ``references`` photographs.

    Everybody who has so many is compared with one photograph of everybody else, and with one more
    of their own; again and again with others chosen at random. Also returns how many have them.
    """
    generator = np.random.default_rng(seed)
    people, counts = np.unique(labels, return_counts=True)
    owners = people[counts >= references]
    draws = max(1, min(DRAWS, MOST_DRAWN // (len(owners) * len(people))))
    genuine, impostors = [], []
    for _ in range(draws):
        shuffled = generator.permutation(len(labels))
        of = np.split(shuffled[np.argsort(labels[shuffled], kind="stable")], np.cumsum(counts)[:-1])
        chosen = dict(zip(people.tolist(), of, strict=True))
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
    rightful, wrong = np.array(genuine, np.float32), np.concatenate(impostors)
    scores = [Scores.of(part, np.ones(len(part))) for part in (rightful, wrong)]
    return scores[0], scores[1], len(owners)


def unit(vectors: Floats) -> Floats:
    """Bring rows to length 1."""
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


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
        rate = max(TAIL, supported, FEWEST_IN_TAIL / len(scores.similarities))
        start = scores.threshold_at(rate)
        above = scores.similarities >= start
        excess = scores.similarities[above][::-1] - start  # ascending
        weights = scores.weights[above][::-1] / scores.weights[above].sum()
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
    """A search measured: ``people`` registered from up to ``references`` photographs each."""

    people: int
    references: int
    threshold: float
    fpir: float
    fnir: float
    strangers: int
    probes: int


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """One gallery drawn from the photographs, and what its probes scored.

    known, best, second: (P,) whether the best is the right person, the similarities of the best
    and of the second; strangers: (S,) the best similarity of each stranger.
    """

    right: NDArray[np.bool_]
    best: Floats
    second: Floats
    strangers: Floats


def draw_search(
    embeddings: Floats,
    labels: Labels,
    *,
    people: int,
    references: int,
    seed: int,
    handicap: Callable[[int], float] = lambda references: 0.0,
) -> Search:
    """Register ``people`` at random, probe with one more photograph of whoever has one.

    ``handicap``: what is taken from the similarities of who has so many references, so that one
    threshold serves for all.

    Whoever has more than ``references`` photographs is registered first, so that there are
    probes; the others are registered from what they have. One photograph of everybody who is
    not registered is a stranger.
    """
    generator = np.random.default_rng(seed)
    everybody = generator.permutation(np.unique(labels))
    shuffled = generator.permutation(len(labels))
    of = {p: shuffled[labels[shuffled] == p] for p in everybody}
    mated = [p for p in everybody if len(of[p]) > references]
    others = [p for p in everybody if len(of[p]) <= references]
    # Half of those with photographs to spare stay strangers, so that both kinds are met with.
    known = mated[: max(1, len(mated) // 2)][:people]
    registered = (known + others + mated[len(known) :])[:people]
    rest = np.setdiff1d(everybody, registered)
    templates = unit(np.stack([embeddings[of[p][:references]].mean(axis=0) for p in registered]))
    handicaps = [handicap(len(of[p][:references])) for p in registered]
    taken = np.array(handicaps, np.float32)
    probes = embeddings[[of[p][references] for p in known]] @ templates.T - taken
    order = np.argsort(-probes, axis=1)[:, :2]
    top = np.take_along_axis(probes, order, axis=1)
    strangers = embeddings[[of[p][0] for p in rest]] @ templates.T - taken
    return Search(order[:, 0] == np.arange(len(known)), top[:, 0], top[:, 1], strangers.max(axis=1))


def open_set(
    searches: Sequence[Search], *, people: int, references: int, threshold: float
) -> OpenSet:
    """Return the error rates of searches at a threshold."""
    right = np.concatenate([s.right & (s.best >= threshold) for s in searches])
    named = np.concatenate([s.strangers >= threshold for s in searches])
    return OpenSet(
        people,
        references,
        round(threshold, 5),
        round(float(named.mean()), 5),
        round(1.0 - float(right.mean()), 5),
        len(named),
        len(right),
    )


def threshold_for_fpir(searches: Sequence[Search], fpir: float) -> float:
    """Return the threshold that a share ``fpir`` of the strangers reaches."""
    strangers = np.concatenate([s.strangers for s in searches])
    return Scores.of(strangers, np.ones(len(strangers))).threshold_at(fpir)


def ambiguity_margin(searches: Sequence[Search], share: float = 0.01) -> float:
    """Return the lead that all but ``share`` of the right answers have over the second person."""
    leads = np.concatenate([(s.best - s.second)[s.right] for s in searches])
    return float(np.quantile(leads, share))


def pair_accuracy(similarities: Floats, same: NDArray[np.bool_], folds: int = 10) -> float:
    """Return the share of pairs told right, each fold by the best threshold of the others.

    A pair with a face that was not found has similarity NaN and counts as an error. Source: LFW's
    protocol for View 2, with its pairs in order dealt out to the folds.
    """
    fold = np.arange(len(similarities)) % folds
    right = 0
    for held_out in range(folds):
        training = (fold != held_out) & ~np.isnan(similarities)
        threshold = _best_threshold(similarities[training], same[training])
        tested = fold == held_out
        found = ~np.isnan(similarities[tested])
        right += int((found & ((similarities[tested] >= threshold) == same[tested])).sum())
    return right / len(similarities)


def _best_threshold(similarities: Floats, same: NDArray[np.bool_]) -> float:
    """Return the threshold that tells most pairs right, the middle one where several do."""
    order = np.argsort(-similarities)
    gained = np.cumsum(np.where(same[order], 1, -1))
    return float(np.median(similarities[order][gained == gained.max()]))
