"""Error rates of groups and of years, against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.evaluation import groups
from recognition.evaluation.report import people_report
from recognition.evaluation.samples import Sample
from tests.evaluation.test_searches import crowd

SIDES = {"side": {f"p{n}": "left" if n < 20 else "right" for n in range(60)}}


@pytest.fixture
def sample() -> Sample:
    embeddings, labels = crowd(60, 3, noise=0.3)
    names = [f"p{label}/{n}.jpg" for n, label in enumerate(labels)]
    dates = {name: 2000.0 + 3 * (n % 3) for n, name in enumerate(names)}
    return Sample(names, embeddings, labels, SIDES, dates)


def test_groups_are_told_apart(sample):
    sides = people_report(sample, references=1, strangers=None)[0]["groups"]["side"]
    assert sides["left"]["fnmr"]["trials"] == 60
    assert sides["right"]["fmr"]["trials"] == 40 * 39 / 2 * 9
    assert sides["left"]["fnir"]["trials"] + sides["right"]["fnir"]["trials"] == 60
    assert sides["left"]["fnmr"]["errors"] == 0


def test_a_group_that_is_missed_more_is_seen(sample):
    sample.embeddings[::6] = crowd(30, 1)[
        0
    ]  # half of the people have a photograph of somebody else
    worse = {"odd": {f"p{n}": str(n % 2) for n in range(60)}}
    report, found, _ = people_report(sample, references=1, strangers=None)
    odd = groups.by_group(worse, sample.person_of, found)["odd"]
    assert odd["0"]["fnmr"]["rate"] > 0.5 > odd["1"]["fnmr"]["rate"]


def test_years_are_told_apart(sample):
    years = people_report(sample, references=1, strangers=None)[0]["years"]
    assert [row["fnmr"]["trials"] for row in years] == [0, 0, 120, 60, 0]
    assert "refused" in years[0]["fnmr"]


def test_a_rate_under_what_few_trials_tell_is_not_given():
    assert "refused" in groups.told(np.zeros(29, bool))
    assert groups.told(np.zeros(30, bool))["rate"] == 0
    assert "refused" in groups.told(np.zeros(2999, bool), least=1e-3)
