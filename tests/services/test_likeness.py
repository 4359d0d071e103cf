"""What references say about each other."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.models import Subject
from recognition.services.likeness import Judgement, judge, nearest, to_the_others


def judgement_of(user_id: str) -> Judgement:
    subject = Subject.objects.get(user_id=user_id)
    return judge(subject, list(subject.references.all()), people=1)


def test_each_embedding_is_compared_with_the_mean_of_the_others():
    rows = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    rest = rows[1] + rows[2]
    assert to_the_others(rows)[0] == pytest.approx(float(rows[0] @ rest / np.linalg.norm(rest)))


def test_one_embedding_alone_is_compared_with_nothing():
    assert to_the_others(np.eye(1, 4, dtype=np.float32)) == [None]


def test_opposite_embeddings_are_no_division_by_zero():
    rows = np.array([[1, 0], [0, 1], [0, -1]], np.float32)
    assert to_the_others(rows)[0] == 0.0


def test_a_stranger_among_the_references_is_the_weakest_and_at_odds(register):
    register("barack", "obama", "obama2", "biden")
    found = judgement_of("barack")
    assert found.references.index(found.weakest) == 2
    assert found.is_at_odds


def test_references_of_one_person_are_not_at_odds(register):
    register("barack", "obama", "obama2", "obama3")
    found = judgement_of("barack")
    assert found.weakest.others > found.verify.threshold
    assert not found.is_at_odds


def test_a_reference_under_the_limits_of_today_has_a_fault(register, settings):
    register("barack", "obama")
    settings.FACE_MIN_SIZE = 400
    [judged] = judgement_of("barack").references
    assert [fault.code for fault in judged.faults] == ["face_too_small"]


def test_the_nearest_are_the_others_of_the_gallery_best_first(register):
    for user_id, name in (("a", "obama"), ("b", "obama2"), ("c", "biden")):
        register(user_id, name)
    people, among = nearest(Subject.objects.get(user_id="a"), limit=1)
    assert ([near.subject.user_id for near in people], among) == (["b"], 3)


def test_somebody_without_a_template_has_no_nearest(gallery):
    assert nearest(Subject.objects.create(gallery=gallery, user_id="a"), limit=5) == ([], 0)
