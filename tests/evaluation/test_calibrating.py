"""Galleries whose people have different numbers of references."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.evaluation import calibrating
from recognition.evaluation.calibrating import Mixture
from tests.evaluation.test_searches import crowd


def test_nobody_is_asked_by_a_photograph_that_is_registered():
    embeddings, labels = crowd(60, 4)
    drawn = calibrating.draw_mixture(embeddings, labels, 40, seed=1)
    assert drawn.counts.tolist() == [3] * 40
    assert drawn.known.shape == (40, 40) and drawn.strangers.shape == (20, 40)
    assert drawn.known.max() < 0.9999


def test_who_has_two_photographs_is_registered_from_one():
    embeddings, labels = crowd(30, 2)
    drawn = calibrating.draw_mixture(embeddings, labels, 30, seed=1)
    assert set(drawn.counts.tolist()) == {1} and len(drawn.known) == 30


def test_a_handicap_is_taken_from_who_has_so_many_references():
    known = np.array([[0.9, 0.1], [0.1, 0.9]], np.float32)
    drawn = [Mixture(np.array([1, 3]), known, np.full((100, 2), 0.5, np.float32))]
    plain = calibrating._mixed(drawn, {1: 0.0, 3: 0.0})
    assert plain == {"fnir": 0.0, "fnir_by_references": {1: 0.0, 3: 0.0}}
    handicapped = calibrating._mixed(drawn, {1: 0.0, 3: 0.7})
    assert handicapped["fnir_by_references"] == {1: 0.0, 3: 1.0}
    assert handicapped["fnir"] == pytest.approx(0.5)
