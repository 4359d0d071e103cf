"""Refused photographs, counted as the errors that they are to who is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recognition.evaluation import rates, served
from recognition.evaluation.samples import Sample, all_pairs
from tests.evaluation.test_searches import crowd

POOR = "low_quality"


@pytest.fixture
def sample() -> Sample:
    """Return 400 people, three photographs each, who are easy to tell apart."""
    embeddings, labels = crowd(400, 3, noise=0.1)
    return Sample([f"p{label}/{n}" for n, label in enumerate(labels)], embeddings, labels)


def refusing(sample: Sample, rows: range) -> Sample:
    codes = {sample.names[row]: POOR for row in rows}
    return replace(sample, refused=codes, unfit=codes)


def fnmr(sample: Sample, fmr: float = 1e-2) -> float:
    report = served.people_served(sample, references=1, strangers=None)["verification"]
    return next(row["fnmr"]["rate"] for row in report["fnmr_at_fmr"] if row["fmr"] == fmr)


def test_what_nobody_refuses_changes_nothing(sample):
    report = served.people_served(sample, references=1, strangers=None)
    plain = rates.verification(all_pairs(sample)[0])
    assert report["verification"]["fnmr_at_fmr"] == plain["fnmr_at_fmr"]


def test_a_comparison_with_a_refused_photograph_is_missed(sample):
    assert fnmr(sample) == 0
    assert fnmr(refusing(sample, range(0, 1200, 3))) == pytest.approx(2 / 3)  # 2 pairs of 3


def test_why_photographs_are_refused_is_counted():
    found = served.acquisition(["", POOR, "no_face", POOR])
    assert (found["errors"], found["trials"]) == (3, 4)
    assert found["reasons"] == {POOR: 2, "no_face": 1}


def test_who_has_no_reference_that_is_taken_is_not_enrolled(sample):
    poor = refusing(sample, range(0, 30))  # all of ten people
    assert served.enrolment(poor, 1) == {**rates.proportion(10, 400), "reasons": {POOR: 10}}
    assert served.enrolment(refusing(sample, range(0, 1200, 3)), 2)["errors"] == 0


def test_who_is_not_enrolled_or_refused_is_not_found(sample):
    found = served.search(refusing(sample, range(0, 600)), references=1, strangers=None)
    lost = int((found.ranks > found.people).sum())
    assert served.search(sample, references=1, strangers=None).people == 200
    assert len(found.ranks) == 400 and lost == 2 * (200 - found.people) > 0


def test_a_refused_stranger_is_not_named(sample):
    strangers = refusing(sample.part(np.arange(1200) < 300), range(0, 100))
    found = served.search(sample, references=1, strangers=strangers)
    assert len(found.strangers) == 300 and int((found.strangers == -1).sum()) == 100


def test_refused_pairs_of_a_list_are_missed():
    similarities = np.r_[np.full(50, 0.9), np.full(400, 0.1)].astype(np.float32)
    same, refused = similarities > 0.5, np.arange(450) < 5
    people = np.stack([np.arange(450), np.arange(450) + 1], axis=1)
    report = served.pairs_served(similarities, same, refused, people)
    assert report["verification"]["fnmr_at_fmr"][0]["fnmr"]["errors"] == 5
