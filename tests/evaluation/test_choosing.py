"""Which photographs are left out where there are too many."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.evaluation.choosing import by_person, place_among_own, thinned

FAMOUS = np.r_[np.zeros(500, np.int64), np.repeat(np.arange(1, 51), 2), np.arange(51, 101)]


def test_where_all_fit_all_are_kept():
    assert thinned(FAMOUS, most=650).all()


def test_who_has_very_many_photographs_loses_some_first():
    counts = np.bincount(FAMOUS[thinned(FAMOUS, most=200)])
    assert counts.tolist() == [50, *[2] * 50, *[1] * 50]


def test_no_more_of_a_person_are_kept_than_are_wanted():
    counts = np.bincount(FAMOUS[thinned(FAMOUS, most=10_000, each=25)])
    assert counts.max() == 25 and len(counts) == 101


def test_who_has_one_photograph_is_left_out_before_others():
    kept = FAMOUS[thinned(FAMOUS, most=120)]
    assert np.bincount(kept)[:51].tolist() == [2] * 51 and len(kept) == 120


def test_people_of_several_photographs_are_left_out_last():
    counts = np.bincount(FAMOUS[thinned(FAMOUS, most=60)])
    assert counts.sum() == 60 and set(counts.tolist()) <= {0, 2}


def test_photographs_are_counted_in_the_order_given():
    labels = np.array([4, 7, 4, 4])
    assert place_among_own(labels).tolist() == [0, 0, 1, 2]
    assert place_among_own(labels, np.array([3, 2, 1, 0])).tolist() == [2, 0, 1, 0]
    rows = by_person(labels, np.array([3, 1, 0, 2]))
    assert {person: own.tolist() for person, own in rows.items()} == {4: [3, 0, 2], 7: [1]}


@pytest.mark.parametrize("most", [0, 1])
def test_of_nobody_nothing_is_kept(most):
    assert not thinned(np.empty(0, np.int64), most=most).any()
