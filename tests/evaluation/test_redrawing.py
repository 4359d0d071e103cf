"""Intervals by people drawn again, against loops that weigh every comparison."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.calibration import redrawn, span
from recognition.evaluation import searches
from recognition.evaluation.choosing import SEED
from recognition.evaluation.comparing import Comparisons
from recognition.evaluation.redrawing import RESAMPLES, bootstrap
from recognition.evaluation.searches import Searched

PEOPLE = 40


@pytest.fixture
def found() -> Comparisons:
    """Return comparisons of forty people, with ties."""
    generator = np.random.default_rng(9)
    genuine = generator.normal(0.6, 0.2, 150).astype(np.float32).round(2)
    impostor = generator.normal(0.3, 0.2, 900).astype(np.float32).round(2)
    owners = generator.integers(PEOPLE, size=150)
    return Comparisons.of(genuine, impostor, owners, generator.integers(PEOPLE, size=(900, 2)))


def least_threshold(scores: np.ndarray, weights: np.ndarray, share: float) -> np.float32:
    """Return the least threshold that at most a ``share`` of the weight reaches."""
    above = np.nextafter(np.unique(scores), np.float32(2))
    within = [weights[scores >= limit].sum() <= share * weights.sum() + 1e-9 for limit in above]
    return above[within.index(True)]


def test_intervals_of_fnmr_and_eer_are_those_of_a_loop(found):
    generator, shares, equal = np.random.default_rng(SEED), [], []
    first, second = found.impostor_people.T
    for _ in range(RESAMPLES):
        drawn = redrawn(generator, len(found.people))
        wrong, own = drawn[first] * drawn[second], drawn[found.genuine_people]
        limit = least_threshold(found.impostor, wrong, 0.1)
        shares.append(own[found.genuine < limit].sum() / own.sum())
        above = np.nextafter(np.unique(found.impostor)[::-1], np.float32(2))
        fmr = np.array([wrong[found.impostor >= t].sum() for t in above]) / wrong.sum()
        fnmr = np.array([own[found.genuine < t].sum() for t in above]) / own.sum()
        at = np.argmin(np.abs(fmr - fnmr))
        equal.append((fmr[at] + fnmr[at]) / 2)
    spans, of_eer = bootstrap(found, [0.1], 0.2)
    assert spans[0.1] == pytest.approx(span(shares, found.owners), abs=1e-9)
    assert of_eer == pytest.approx(span(equal, found.owners), abs=1e-9)


def test_intervals_of_fnir_are_those_of_a_loop():
    generator = np.random.default_rng(4)
    own = generator.normal(0.6, 0.2, 120).astype(np.float32).round(2)
    outside = generator.normal(0.3, 0.2, 300).astype(np.float32).round(2)
    whose, strangers = generator.integers(PEOPLE, size=120), generator.integers(90, size=300)
    searched = Searched(PEOPLE, generator.choice([1, 3], 120), own, whose, outside, strangers)
    generator, shares = np.random.default_rng(SEED), []
    whose = np.unique(whose, return_inverse=True)[1]
    strangers = np.unique(strangers, return_inverse=True)[1]
    for _ in range(RESAMPLES):
        asked = redrawn(generator, strangers.max() + 1)[strangers]
        known = redrawn(generator, whose.max() + 1)[whose]
        limit = least_threshold(outside, asked, 0.1)
        missed = (searched.ranks > 1) | (own < limit)
        shares.append(known[missed].sum() / known.sum())
    row = searches.identification(searched)["fnir_at_fpir"][0]
    expected = span(shares, int(whose.max()) + 1)
    assert row["fnir"]["bootstrap_95"] == pytest.approx(expected, abs=1e-9)
