"""The thresholds in force, applied to each person by the number of their references."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.decisions import Policy
from recognition.evaluation import forced, searches
from recognition.evaluation.samples import Sample
from recognition.models import Gallery
from recognition.runtime import DLIB
from tests.evaluation.test_searches import crowd


def policy_for(people: int) -> Policy:
    return Policy.for_identify(DLIB, people=people, gallery=Gallery())


@pytest.fixture
def sample() -> Sample:
    """Return 240 people, every second of whom has four photographs, the others two."""
    embeddings, labels = crowd(240, 4, noise=0.2)
    kept = (labels % 2 == 0) | (np.arange(960) % 4 < 2)
    return Sample([f"p{n}" for n in labels[kept]], embeddings[kept], labels[kept])


def test_a_gallerys_rates_are_those_of_a_loop(sample):
    found = forced.of_gallery(sample, None, policy_for)
    policy, missed = policy_for(240), 0
    _, raw = searches.leave_one_out(sample.embeddings, sample.labels)
    for own, rank, whose in zip(raw.own, raw.ranks, raw.probes_of, strict=True):
        others = int((sample.labels == whose).sum()) - 1
        missed += not (rank == 1 and own >= policy.threshold_for(others))
    assert found["fnir"]["errors"] == pytest.approx(missed, abs=2)
    assert found["promised"]["fpir"] == pytest.approx(0.01)


def test_who_has_more_references_needs_a_higher_similarity(sample):
    taken = forced.handicap_of(policy_for(1000))(np.array([1, 2, 3]))
    assert taken[0] == 0 and 0 < taken[1] < taken[2] < 0.02


def test_few_strangers_tell_no_rate(sample):
    found = forced.of_people(sample, crowd(300, 1), 1, policy_for)
    assert found["fpir"]["trials"] == 300 and "refused" not in found["fpir"]
    assert "refused" in forced.of_people(sample, None, 1, policy_for)["fpir"]  # of half of them


def test_who_has_more_references_is_expected_to_be_missed_less(sample):
    one, three = (forced.of_people(sample, None, n, policy_for)["promised"] for n in (1, 3))
    assert three["fnir"] < one["fnir"] == pytest.approx(policy_for(120).expected()["fnir"])


def test_more_references_than_the_calibration_knows_are_warned_of():
    embeddings, labels = crowd(40, 8, noise=0.2)
    sample = Sample([f"p{n}" for n in labels], embeddings, labels)
    known = forced.of_people(sample, None, 5, policy_for)["warning"]
    beyond = forced.of_people(sample, None, 6, policy_for)["warning"]
    assert known is None and "6 references of one person are more than" in beyond
    assert "8 references" in forced.of_gallery(sample, None, policy_for)["warning"]


def test_photographs_of_few_strangers_tell_no_fpir(sample):
    few = sample.part(sample.labels < 4)
    rows = np.repeat(np.arange(len(few.labels)), 100)
    found = forced.of_people(sample, (few.embeddings[rows], few.labels[rows]), 1, policy_for)
    assert "4 strangers cannot tell" in found["fpir"]["refused"]
    assert found["fnir"]["bootstrap_95"][1] > 0
