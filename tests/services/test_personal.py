"""Everything that is held on one person, as a ZIP; nothing of anybody else."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from recognition import services, vault
from recognition.findings import Finding, ReviewStep
from recognition.models import Event, Reference, Subject, from_bytes
from tests.conftest import TESTER


@pytest.fixture
def export(register, gallery):
    """Return a function that exports Barack: ``export()["subject.json"]``."""
    register("barack", "obama", "obama2", display_name="Barack Obama", metadata={"floor": 3})
    register("joe", "biden")

    def read() -> dict:
        raw = services.export_person(gallery, "barack", actor=TESTER)
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            assert archive.testzip() is None
            files = {name: archive.read(name) for name in archive.namelist()}
        return {n: json.loads(data) if n.endswith(".json") else data for n, data in files.items()}

    return read


def test_it_holds_who_they_are_and_their_template(export, gallery):
    changes = {"lawful_basis": "consent", "consent_version": "v1"}
    services.update_user(gallery, "barack", changes, actor=TESTER)
    subject, stored = export()["subject.json"], Subject.objects.get(user_id="barack")
    assert (subject["display_name"], subject["metadata"]) == ("Barack Obama", {"floor": 3})
    assert (subject["lawful_basis"], subject["consent_version"]) == ("consent", "v1")
    assert subject["consent_given"] == stored.consent_given.isoformat()
    vector = from_bytes(stored.template.vector)
    np.testing.assert_array_equal(np.float32(subject["template"]["embedding"]), vector)


def test_it_holds_each_reference_with_embedding_crop_and_context(export):
    exported = export()
    assert len(exported["references.json"]) == 2
    for shown in exported["references.json"]:
        reference = Reference.objects.get(pk=shown["id"])
        embedding = np.float32(shown["embeddings"][reference.embedder])
        np.testing.assert_array_equal(embedding, from_bytes(reference.embedding))
        assert exported[f"crops/{reference.pk}.jpg"] == reference.crop
        assert exported[f"contexts/{reference.pk}.jpg"].startswith(b"\xff\xd8")


def test_it_holds_events_and_sightings_without_other_people(export, gallery, photos):
    services.identify(gallery, photos.upload("obama3"), candidates=5, actor=TESTER)
    exported, other = export(), Subject.objects.get(user_id="joe")
    acts = [event["act"] for event in exported["events.json"]]
    assert acts == ["register", "identify"] and len(exported["sightings.json"]) == 1
    assert str(other.number) not in json.dumps(exported["events.json"])
    assert str(other.number) in str(Event.objects.get(act="identify").decision)


def test_it_holds_nothing_of_other_faces_in_the_picture(export, gallery):
    own, other = (Subject.objects.get(user_id=name).number for name in ("barack", "joe"))
    of = {number: [{"subject": number, "similarity": 0.9}] for number in (own, other)}
    seen = [{"box": [1], "candidates": of[own] + of[other]}, {"box": [2], "candidates": of[other]}]
    decision = {"faces": [*seen, {"box": [3], "candidates": []}]}
    Event.objects.create(act="identify", gallery=gallery.name, outcome="match", decision=decision)
    [event] = [e for e in export()["events.json"] if e["act"] == "identify"]
    assert event["decision"] == {"faces": [{"box": [1], "candidates": of[own]}]}


def test_it_holds_searches_that_only_came_near(export, gallery, photos):
    services.identify(gallery, photos.upload("biden"), candidates=5, actor=TESTER)
    exported = export()
    assert [event["act"] for event in exported["events.json"]] == ["register", "identify"]
    assert not exported["sightings.json"]


def test_it_holds_findings_without_the_other_person(export, gallery):
    barack, joe = Subject.objects.order_by("user_id")
    own, others = str(barack.references.first().pk), str(joe.references.get().pk)
    Finding.objects.create(
        gallery=gallery, key="k", kind="confusable", place=0, person=joe.number,
        other=barack.number, references=[others, own],
    )  # fmt: skip
    [finding] = export()["findings.json"]
    assert (finding["kind"], finding["references"]) == ("confusable", [own])


def test_it_holds_what_reviewers_did_with_their_references(export, gallery):
    barack, joe = Subject.objects.order_by("user_id")
    own, others = str(barack.references.first().pk), str(joe.references.get().pk)
    for name, owner in ((own, joe), (others, barack)):
        before = {"references": {name: [owner.number, True]}, "active": {str(joe.number): True}}
        ReviewStep.objects.create(gallery=gallery, actor="user:eve", act="move", before=before)
    [step] = export()["steps.json"]
    assert (step["act"], step["aside_before"], step["active_before"]) == ("move", {own: True}, None)
    assert str(joe.number) not in json.dumps(step)


def test_that_it_was_asked_for_is_written_down(export):
    export()
    event = Event.objects.get(act="export")
    assert event.subject_number == Subject.objects.get(user_id="barack").number


def test_somebody_whose_key_is_gone_is_told_without_a_face(export):
    vault.keys().destroy([Subject.objects.get(user_id="barack").number])
    exported = export()
    assert exported["subject.json"]["template"]["embedding"] is None
    assert "embeddings" not in exported["references.json"][0]
