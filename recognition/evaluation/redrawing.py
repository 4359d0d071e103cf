"""Intervals by drawing the people again with replacement: photographs of one are not independent.

A comparison counts as often as its people were drawn, so that what one person does to many
comparisons shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recognition.calibration import Doubles, redrawn, span
from recognition.evaluation.choosing import SEED, Labels
from recognition.evaluation.comparing import Comparisons, Places, Scores
from recognition.evaluation.watching import Watch, unwatched

RESAMPLES = 200
HIGHEST = 200_000  # impostor scores that stand for the highest ones in a resample,
WEIGHED = 200_000  # and comparisons by which all are weighed

Spans = dict[float, list[float]]


@dataclass(frozen=True, slots=True, eq=False)
class Top:
    """The highest impostor scores (T,), falling, and who was compared (T, 2), each standing for
    ``step`` of them."""

    scores: Scores
    people: Places
    step: int

    @classmethod
    def of(cls, found: Comparisons, rate: float) -> Top:
        """Return all that can matter to a threshold at which about a share ``rate`` is reached."""
        count = len(found.impostor)
        kept = min(count, max(1000, int(5 * rate * count)))
        least = np.partition(found.impostor, count - kept)[count - kept]
        places = np.flatnonzero(found.impostor >= least)
        places = places[np.argsort(-found.impostor[places], kind="stable")]
        step = -(-len(places) // HIGHEST)
        places = places[step // 2 :: step]
        return cls(found.impostor[places], found.impostor_people[places], step)

    def reached(self, drawn: Labels, total: float) -> Doubles:
        """Return the shares of impostors down to each, people being ``drawn`` so often (P,)."""
        weights = drawn[self.people[:, 0]] * drawn[self.people[:, 1]]
        return np.cumsum(weights) * (self.step / total)


def bootstrap(
    found: Comparisons, fmrs: Sequence[float], eer: float, watch: Watch = unwatched
) -> tuple[Spans, list[float]]:
    """Return the 95 % intervals of FNMR at each of ``fmrs``, and of the EER, which is ``eer``."""
    order = np.argsort(found.genuine, kind="stable")
    genuine, owners = found.genuine[order], found.genuine_people[order]
    tops = {fmr: Top.of(found, fmr) for fmr in fmrs}
    around = Top.of(found, eer)
    # At thresholds just above each of these scores, as for FNMR; ties count together.
    first = np.r_[True, np.diff(around.scores) != 0]
    below = np.searchsorted(genuine, around.scores[first], side="right")
    told: dict[float, list[float]] = {fmr: [] for fmr in fmrs}
    equal: list[float] = []
    generator = np.random.default_rng(SEED)
    some = _some(found, generator)
    for _ in watch(range(RESAMPLES), "draws of people"):
        drawn = redrawn(generator, len(found.people))
        # Of the comparisons of those drawn: where one person has many photographs, how often that
        # one is drawn changes how many comparisons there are.
        total = float((drawn[some[:, 0]] * drawn[some[:, 1]]).mean()) * len(found.impostor)
        votes = np.concatenate([[0], np.cumsum(drawn[owners])])
        if not votes[-1] or not total:
            continue
        for fmr, top in tops.items():
            within = int(np.searchsorted(top.reached(drawn, total), fmr, side="right"))
            limit = top.scores[min(within, len(top.scores) - 1)]
            missed = votes[np.searchsorted(genuine, limit, side="right")]
            told[fmr].append(float(missed / votes[-1]))
        above = np.concatenate([[0.0], around.reached(drawn, total)[:-1]])[first]
        refused = votes[below] / votes[-1]
        at = int(np.argmin(np.abs(above - refused)))
        equal.append(float((above[at] + refused[at]) / 2))
    people = found.owners
    return {fmr: span(shares, people) for fmr, shares in told.items()}, span(equal, people)


def _some(found: Comparisons, generator: np.random.Generator) -> Places:
    """Return the people of so many of the comparisons as suffice to weigh all of them."""
    if len(found.impostor) <= WEIGHED:
        return found.impostor_people
    return found.impostor_people[generator.integers(len(found.impostor), size=WEIGHED)]
