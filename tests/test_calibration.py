"""The arithmetic of error rates, on scores whose rates are known."""

from __future__ import annotations

import numpy as np
import pytest

from recognition import calibration
from recognition.calibration import Scores, Tail

GENERATOR = np.random.default_rng(1)


def uniform(count: int = 10_000) -> Scores:
    """Return scores 0, 1/n, 2/n ... of equal weight: a share 1 - t reaches any threshold t."""
    return Scores.of(np.arange(count, dtype=np.float32) / count, np.ones(count))


def crowd(people: int, photographs: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings (N, 32) and labels (N,) of made-up people."""
    centres = np.repeat(GENERATOR.normal(size=(people, 32)), photographs, axis=0)
    vectors = centres + noise * GENERATOR.normal(size=centres.shape)
    return calibration.unit(vectors.astype(np.float32)), np.repeat(np.arange(people), photographs)


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.01, 0.001])
def test_threshold_at_lets_no_more_than_the_rate_through(rate):
    threshold = uniform().threshold_at(rate)
    assert uniform().share_reaching(threshold) == pytest.approx(rate, abs=1.5e-4)
    assert uniform().share_reaching(threshold) <= rate + 1e-9


def test_every_person_has_one_vote():
    labels = np.array([0, 0, 0, 1])
    assert calibration.person_weights(labels).tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])


def test_pair_scores_tell_genuine_from_impostor_pairs():
    embeddings, labels = crowd(20, 3, noise=0.01)
    genuine, impostors = calibration.pair_scores(embeddings, labels)
    assert (len(genuine.similarities), len(impostors.similarities)) == (60, 1710)
    assert genuine.similarities.min() > 0.99 > impostors.similarities.max()


def test_the_fitted_tail_continues_an_exponential_one():
    scores = Scores.of(GENERATOR.exponential(size=2_000_000).astype(np.float32), np.ones(2_000_000))
    tail = Tail.fitted(scores)
    assert tail.threshold_at(1e-6) == pytest.approx(-np.log(1e-6), rel=0.15)


def test_the_table_rises_and_marks_what_is_fitted():
    embeddings, labels = crowd(60, 2, noise=0.5)
    genuine, impostors = calibration.pair_scores(embeddings, labels)
    table = calibration.threshold_table(genuine, impostors, pairs=60 * 59 / 2)
    similarities = [row.similarity for row in table]
    assert similarities == sorted(similarities)
    assert [row.fmr for row in table if not row.fitted] == [0.5, 0.3, 0.1, 3e-2, 1e-2, 3e-3]


def test_a_search_of_people_who_are_easy_to_tell_makes_no_error():
    embeddings, labels = crowd(100, 3, noise=0.01)
    searches = [
        calibration.draw_search(embeddings, labels, people=60, references=2, seed=s) for s in (1, 2)
    ]
    rates = calibration.open_set(searches, people=60, references=2, threshold=0.98)
    assert (rates.fpir, rates.fnir) == (0, 0)
    assert (rates.strangers, rates.probes) == (80, 100)


def test_the_margin_leaves_one_right_answer_in_a_hundred_ambiguous():
    embeddings, labels = crowd(200, 2, noise=0.7)
    searches = [
        calibration.draw_search(embeddings, labels, people=100, references=1, seed=s)
        for s in range(20)
    ]
    margin = calibration.ambiguity_margin(searches)
    leads = np.concatenate([(s.best - s.second)[s.right] for s in searches])
    assert np.mean(leads < margin) == pytest.approx(0.01, abs=0.005)


def test_pair_accuracy_counts_a_face_not_found_as_an_error():
    similarities = np.array([0.9] * 50 + [0.1] * 50, np.float32)
    same = np.array([True] * 50 + [False] * 50)
    similarities[0] = np.nan
    assert calibration.pair_accuracy(similarities, same) == pytest.approx(0.99)
