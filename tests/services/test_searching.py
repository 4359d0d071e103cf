"""Whom a search brings along: nobody's place is taken by who cannot be named."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from recognition import runtime
from recognition.decisions import Policy, decide
from recognition.gallery.exact import ALL
from recognition.models import Gallery, GalleryChange, PersonTemplate, Subject, to_bytes
from recognition.runtime import DLIB
from recognition.services.searching import nearest
from recognition.vault import made_keys

SHOWN = (1, 0)


@pytest.fixture
def crowd(gallery: Gallery) -> Policy:
    """Register 20 people of 5 references under their threshold, and one of 1 just above theirs."""
    Gallery.objects.update(embedder=DLIB)
    gallery.refresh_from_db()
    policy = Policy.for_identify(DLIB, people=21, gallery=gallery)
    low, high = policy.threshold_for(1), policy.threshold_for(5)
    for place in range(20):
        add(gallery, f"far-{place}", high - 0.0005 - place / 100_000, references=5)
    add(gallery, "near", low + 0.0005, references=1)
    return policy


def add(gallery: Gallery, user_id: str, similarity: float, *, references: int) -> None:
    """Add somebody made up, at this similarity to the probe."""
    subject = Subject.objects.create(gallery=gallery, user_id=user_id)
    key = made_keys([subject.number])[subject.number]
    row = np.zeros(128, np.float32)
    row[:2] = similarity, np.sqrt(1 - similarity**2)
    template = PersonTemplate.sealed_for(subject, DLIB, to_bytes(row), key)
    template.references = references
    template.save()
    GalleryChange.append("put", [subject])


class Asked:
    """An index that keeps down to which similarity it was asked, and knows nobody."""

    def search(self, probes, *, floor, **_):
        self.floor = floor
        return [[] for _ in probes]


@pytest.mark.parametrize(("candidates", "floor"), [(0, 0.9), (3, ALL)])
def test_everybody_is_compared_only_where_candidates_are_asked_for(gallery, candidates, floor):
    index, probe = Asked(), SimpleNamespace(embedding=np.eye(128, dtype=np.float32)[0])
    policy = Policy(threshold=0.9, source="request", margin=0.0)
    nearest(index, [probe], gallery, policy, (1, candidates))
    assert index.floor == floor


def searched(gallery: Gallery, policy: Policy):
    probe = SimpleNamespace(embedding=np.eye(128, dtype=np.float32)[0])
    return nearest(runtime.index(gallery), [probe], gallery, policy, SHOWN)


def test_who_does_not_reach_the_own_threshold_takes_nobodys_place(gallery, crowd):
    [found], who = searched(gallery, crowd)
    counts = {number: person.references for number, person in who.items()}
    decision = decide(found, crowd, limit=1, references=counts)
    assert [who[c.subject_number].user_id for c in decision.matches] == ["near"]
    assert "Nearer, at" in decision.reason


def test_who_may_not_be_named_takes_nobodys_place(gallery, crowd, settings):
    Subject.objects.filter(user_id="near").update(
        lawful_basis="consent", consent_given="2026-01-01"
    )
    settings.CONSENT_REQUIRED = True
    [found], who = searched(gallery, crowd)
    assert [who[c.subject_number].user_id for c in found] == ["near"]
