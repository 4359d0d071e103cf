"""The arithmetic of error rates, on scores whose rates are known."""

from __future__ import annotations

import numpy as np
import pytest

from recognition import calibration
from recognition.calibration import Scores, Tail
from recognition.pipeline.embed import unit

GENERATOR = np.random.default_rng(1)


def uniform(count: int = 10_000) -> Scores:
    """Return scores 0, 1/n, 2/n ... of equal weight: a share 1 - t reaches any threshold t."""
    return Scores.of(np.arange(count, dtype=np.float32) / count, np.ones(count))


def crowd(people: int, photographs: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings (N, 32) and labels (N,) of made-up people."""
    centres = np.repeat(GENERATOR.normal(size=(people, 32)), photographs, axis=0)
    vectors = centres + noise * GENERATOR.normal(size=centres.shape)
    return unit(vectors.astype(np.float32)), np.repeat(np.arange(people), photographs)


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.01, 0.001])
def test_threshold_at_lets_no_more_than_the_rate_through(rate):
    threshold = uniform().threshold_at(rate)
    assert uniform().share_reaching(threshold) == pytest.approx(rate, abs=1.5e-4)
    assert uniform().share_reaching(threshold) <= rate + 1e-9


def test_every_pair_of_people_has_one_vote():
    embeddings, labels = crowd(4, 3, noise=0.5)
    kept = np.array([0, 1, 2, 3, 4, 6, 9])  # three, two, one and one photographs
    genuine, impostors = calibration.pair_scores(embeddings[kept], labels[kept])
    votes = np.diff(impostors.reached, prepend=0.0)
    assert sorted(set(votes.round(6))) == pytest.approx([1 / 36, 1 / 18, 1 / 12, 1 / 6], abs=1e-6)
    assert np.diff(genuine.reached, prepend=0.0).max() == pytest.approx(1 / 2)


def test_of_many_photographs_all_genuine_pairs_are_compared(monkeypatch):
    monkeypatch.setattr(calibration, "MOST_COMPARED", 40)
    genuine, impostors = calibration.pair_scores(*crowd(20, 3, noise=0.01))
    assert (len(genuine.similarities), len(impostors.similarities)) == (60, 40 * 39 / 2 - 20)


@pytest.mark.parametrize("block", [1, 7])
def test_blocks_of_pairs_make_no_difference(monkeypatch, block):
    embeddings, labels = crowd(10, 3, noise=0.5)
    whole = calibration.pair_scores(embeddings, labels)[1]
    monkeypatch.setattr(calibration, "BLOCK", block)
    parts = calibration.pair_scores(embeddings, labels)[1]
    assert parts.similarities == pytest.approx(whole.similarities, abs=1e-6)
    assert parts.reached == pytest.approx(whole.reached, abs=1e-6)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.99])
def test_of_tied_scores_no_more_than_the_rate_reach_the_threshold(rate):
    tied = Scores.of(np.float32([0.9, 0.8, 0.8, 0.8, 0.1]), np.array([1, 2, 3, 2, 2]))
    limit = tied.threshold_at(rate)
    assert tied.share_reaching(limit) <= rate
    assert tied.share_reaching(float(np.nextafter(np.float32(limit), np.float32(-1)))) > rate


def test_people_drawn_again_widen_an_interval():
    errors = np.repeat([True, False], [50, 950])
    alone = calibration.interval_by_people(errors, np.arange(1000))
    together = calibration.interval_by_people(errors, np.arange(1000) // 25)
    assert 0.03 < alone[0] < 0.05 < alone[1] < 0.07 and together[1] > alone[1]


def test_where_nobody_errs_the_rule_of_three_bounds_the_interval():
    none = np.zeros(100, bool)
    assert calibration.interval_by_people(none, np.arange(100) // 10) == [0, pytest.approx(0.3)]
    assert calibration.interval_by_people(~none, np.arange(100)) == [pytest.approx(0.97), 1]


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
