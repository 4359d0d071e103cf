"""The thresholds in force, applied to each person by the number of their references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recognition.decisions import Policy, decide
from recognition.evaluation import forced
from recognition.evaluation.samples import Sample
from recognition.gallery.exact import Candidate
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


def strangers(count: int) -> Sample:
    """Return one photograph of each."""
    return Sample([f"s{n}" for n in range(count)], *crowd(count, 1))


def decided(probe, policy, people: dict[int, np.ndarray]) -> int:
    """Return whom ``decide`` names; ``people``: the references of each."""
    means = {n: rows.mean(axis=0) for n, rows in people.items()}
    found = [Candidate(n, float(probe @ m / np.linalg.norm(m))) for n, m in means.items()]
    found.sort(key=lambda one: -one.similarity)
    counts = {n: len(rows) for n, rows in people.items()}
    decision = decide(found, policy, limit=5, references=counts)
    if decision.status == "match":
        return decision.matches[0].subject_number
    return forced.SEVERAL if decision.status == "ambiguous" else forced.NOBODY


def test_whom_a_reference_names_is_whom_a_search_would_name(sample):
    sample = sample.part(sample.labels < 40)
    policy = replace(policy_for(40), margin=0.02)
    found = forced.leave_one_out(sample.embeddings, sample.labels, policy)
    for n, (probe, whose) in enumerate(zip(sample.embeddings, sample.labels, strict=True)):
        others = np.arange(len(sample.labels)) != n
        people = {p: sample.embeddings[others & (sample.labels == p)] for p in range(40)}
        assert found[0][n] == decided(probe, policy, people)
        assert found[1][n] == decided(probe, policy, {**people, whose: -people[whose]})


def test_an_ambiguous_answer_names_nobody(sample):
    everybody = Policy(threshold=-1.0, source="request", margin=2.0)
    found = forced.of_gallery(sample, None, lambda people: everybody)
    assert found["fpir"]["errors"] == 0
    assert found["fnir"]["rate"] == found["ambiguous"]["rate"] == 1
    assert found["ambiguous_strangers"]["rate"] == 1


def test_who_is_refused_is_missed_and_not_named(sample):
    before = forced.of_people(sample, None, 1, policy_for)
    refused = replace(sample, names=[f"{n}" for n in range(len(sample.labels))])
    refused = replace(refused, refused=dict.fromkeys(refused.names, "low_quality"))
    after = forced.of_people(refused, None, 1, policy_for)
    assert after["fnir"]["rate"] == 1 and after["fpir"]["errors"] == 0
    assert before["fnir"]["rate"] < 1


@pytest.mark.parametrize("of", ["folders", "a gallery"])
def test_a_stranger_who_is_refused_is_asked_for_and_not_named(sample, of):
    everybody = Policy(threshold=-1.0, source="request", margin=0.0)
    outside = strangers(40)
    outside = replace(outside, refused=dict.fromkeys(outside.names[:10], "no_face"))
    if of == "folders":
        found = forced.of_people(sample, outside, 1, lambda people: everybody)
    else:
        found = forced.of_gallery(sample, outside, lambda people: everybody)
    assert (found["fpir"]["errors"], found["fpir"]["trials"]) == (30, 40)


def test_whose_photographs_are_no_references_is_not_enrolled(sample):
    names = [f"{n}" for n in range(len(sample.labels))]
    unfit = replace(sample, names=names, unfit=dict.fromkeys(names, "multiple_faces"))
    found = forced.of_people(unfit, None, 1, policy_for)
    assert found["fnir"]["rate"] == 1 and found["fpir"]["errors"] == 0


def test_who_has_more_references_needs_a_higher_similarity():
    limits = forced.limits_of(policy_for(1000), np.array([1, 2, 3]))
    assert limits[0] < limits[1] < limits[2] < limits[0] + 0.02


def test_the_warning_looks_at_who_has_the_most_references(sample):
    found = forced.of_gallery(sample, None, lambda people: policy_for(1_000_000))
    assert "4 references" in found["warning"]


def test_few_strangers_tell_no_rate(sample):
    found = forced.of_people(sample, strangers(300), 1, policy_for)
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
    many = Sample([few.names[n] for n in rows], few.embeddings[rows], few.labels[rows])
    found = forced.of_people(sample, many, 1, policy_for)
    assert "4 strangers cannot tell" in found["fpir"]["refused"]
    assert found["fnir"]["bootstrap_95"][1] > 0
