"""Galleries drawn at random: who is registered from what, who asks, who is a stranger."""

from __future__ import annotations

import numpy as np

from recognition.evaluation.drawing import draw, draw_alike, draw_mixture


def test_no_stranger_is_registered_and_each_probe_is_of_its_place():
    labels = np.repeat(np.arange(50), 4)
    drawn = draw(labels, people=30, references=3, seed=1)
    registered = [set(labels[rows].tolist()) for rows in drawn.registered]
    assert len(registered) == 30 and all(len(one) == 1 for one in registered)
    assert not set.union(*registered) & set(labels[drawn.strangers].tolist())
    for own, probe in zip(drawn.registered, drawn.probes, strict=False):
        assert labels[probe] == labels[own[0]] and probe not in own


def test_everybody_has_as_many_references_and_who_has_one_more_asks():
    labels = np.concatenate(
        [np.repeat(np.arange(20), 3), np.repeat(np.arange(20, 50), 4), [50, 51]]
    )
    drawn = draw_alike(labels, people=100, references=3, seed=1)
    assert [len(rows) for rows in drawn.registered] == [3] * 50 and len(drawn.probes) == 30
    assert sorted(labels[drawn.strangers]) == [50, 51]
    for own, probe in zip(drawn.registered, drawn.probes, strict=False):
        assert labels[probe] == labels[own[0]] and probe not in own


def test_in_a_mixture_everybody_keeps_one_photograph_back():
    labels = np.repeat(np.arange(40), np.tile([1, 2, 3, 5], 10))
    drawn = draw_mixture(labels, people=30, references=3, seed=1)
    own = np.bincount(labels)[[labels[rows[0]] for rows in drawn.registered]]
    assert drawn.counts.tolist() == np.clip(own - 1, 1, 3).tolist()
    assert len(drawn.probes) == (own > 1).sum() and len(drawn.strangers) == 10
    for rows, probe in zip(drawn.registered, drawn.probes, strict=False):
        assert labels[probe] == labels[rows[0]] and probe not in rows


def test_the_same_seed_draws_the_same():
    labels = np.repeat(np.arange(50), 4)
    one, other = (draw(labels, people=30, references=2, seed=7) for _ in range(2))
    assert (one.probes == other.probes).all() and (one.strangers == other.strangers).all()
