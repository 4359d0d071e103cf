"""The review queue in the console."""

from __future__ import annotations

import pytest

from recognition.findings import Finding, ReviewStep
from recognition.models import Reference, Subject
from recognition.services.auditing import audit
from tests.conftest import TESTER

REVIEW = "/console/review"


@pytest.fixture
def pair(gallery, register) -> Finding:
    """Register one person under two ids, audit, and return the finding."""
    for user_id, photograph in (("barack", "obama"), ("barry", "obama2"), ("joe", "biden")):
        register(user_id, photograph)
    audit(gallery, lambda rows: None, actor=TESTER)
    return Finding.objects.get(kind="same_person")


def test_it_shows_what_was_found(operator, pair):
    text = operator.get(REVIEW).content.decode()
    assert "look like one person" in text and 'value="merge"' in text


def test_references_are_called_by_the_numbers_of_their_pictures(operator, pair):
    reference = Reference.objects.get(subject__user_id="barack")
    kept, person = str(reference.pk), reference.subject.number
    Finding.objects.create(
        gallery=pair.gallery, key="x", kind="outlier", place=0, person=person,
        references=[kept], own=0.5,
    )  # fmt: skip
    text = operator.get(REVIEW).content.decode()
    assert "Reference 1 is unlike the others of barack (similarity 0.500)." in text
    assert f">{kept}" not in text and f" {kept}" not in text


def test_an_operator_merges_and_undoes(operator, pair):
    sent = {"act": "merge", "id": pair.pk, "keep": "barack"}
    assert operator.post(REVIEW, sent, follow=True).status_code == 200
    assert not Subject.objects.get(user_id="barry").active
    step = ReviewStep.objects.get()
    assert step.actor == "user:operator"
    operator.post(REVIEW, {"act": "undo", "id": step.pk})
    assert Subject.objects.get(user_id="barry").active


def test_not_the_same_leaves_the_queue(operator, pair):
    operator.post(REVIEW, {"act": "not_same", "id": pair.pk})
    assert pair not in [one.finding for one, _ in operator.get(REVIEW).context["found"]]


def test_what_cannot_be_done_is_told(operator, pair):
    sent = {"act": "merge", "id": pair.pk, "keep": "joe"}
    text = operator.post(REVIEW, sent, follow=True).content.decode()
    assert "none of the two people" in text
    assert operator.post(REVIEW, {"act": "merge", "id": "x"}).status_code == 400


def test_an_empty_queue_says_how_to_fill_it(operator):
    assert "audit_gallery" in operator.get(REVIEW).content.decode()
