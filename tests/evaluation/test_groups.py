"""Error rates of groups and of years, against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.evaluation import groups
from recognition.evaluation.report import people_report
from recognition.evaluation.samples import Sample
from tests.evaluation.test_searches import crowd

SIDES = {"side": {f"p{n}": "left" if n < 80 else "right" for n in range(200)}}


@pytest.fixture
def sample() -> Sample:
    embeddings, labels = crowd(200, 3, noise=0.3)
    names = [f"p{label}/{n}.jpg" for n, label in enumerate(labels)]
    dates = {name: 2000.0 + 3 * (n % 3) for n, name in enumerate(names)}
    return Sample(names, embeddings, labels, SIDES, dates)


def test_groups_are_told_apart(sample):
    sides = people_report(sample, references=1, strangers=None)[0]["groups"]["side"]
    assert sides["left"]["fnmr"]["trials"] == 240
    assert sides["right"]["fmr"]["trials"] == 120 * 119 / 2 * 9
    assert sides["left"]["fnir"]["trials"] + sides["right"]["fnir"]["trials"] == 200
    assert sides["left"]["fnmr"]["rate"] < 0.1


def test_a_group_that_is_missed_more_is_seen(sample):
    # Half of the people have a photograph of somebody else.
    sample.embeddings[::6] = crowd(100, 1)[0]
    worse = {"odd": {f"p{n}": str(n % 2) for n in range(200)}}
    report, found, _ = people_report(sample, references=1, strangers=None)
    odd = groups.by_group(worse, sample.person_of, found)["odd"]
    assert odd["0"]["fnmr"]["rate"] > 0.5 > odd["1"]["fnmr"]["rate"]


def test_years_are_told_apart(sample):
    years = people_report(sample, references=1, strangers=None)[0]["years"]
    assert [row["fnmr"]["trials"] for row in years] == [0, 0, 400, 200, 0]
    assert "refused" in years[0]["fnmr"]


def test_a_rate_under_what_few_people_tell_is_not_given():
    right, of_one = np.zeros(3000, bool), np.zeros(3000, np.int64)
    assert "refused" in groups.told(right[:29], np.arange(29))
    assert "1 people cannot tell" in groups.told(right, of_one)["refused"]
    assert groups.told(right[:30], np.arange(30))["rate"] == 0
    assert "refused" in groups.told(right[:2999], np.arange(2999), least=1e-3)


def test_people_who_err_together_widen_the_interval():
    errors = np.repeat([True] + [False] * 39, 25)
    alone = groups.told(errors, np.arange(1000))["bootstrap_95"]
    together = groups.told(errors, np.repeat(np.arange(40), 25))["bootstrap_95"]
    assert together[0] == 0 and together[1] > 2 * alone[1] > 0


def test_a_groups_pairs_of_people_decide_whether_its_fmr_is_told(sample):
    few = {"side": {f"p{n}": "few" if n < 20 else "rest" for n in range(200)}}
    report, found, _ = people_report(sample, references=1, strangers=None)
    row = groups.by_group(few, sample.person_of, found)["side"]["few"]
    assert row["fmr"]["trials"] == 190 * 9 and "190 pairs of people" in row["fmr"]["refused"]
