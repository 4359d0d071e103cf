"""The database as the source of templates: who is read, in which pages."""

from __future__ import annotations

import numpy as np
import pytest

from recognition import changelog
from recognition.changelog import Database
from recognition.models import Gallery, PersonTemplate, Subject, to_bytes
from recognition.vault import keys, made_keys

DIMENSIONS = {"dlib-resnet-v1": 128, "facenet-vggface2": 512}


@pytest.fixture
def people(db) -> list[Subject]:
    """Return nine people, by turns in two galleries of different embedders."""
    galleries = [Gallery.objects.create(name=name, embedder=name) for name in DIMENSIONS]
    people = [
        Subject.objects.create(gallery=galleries[nth % 2], user_id=f"person-{nth}")
        for nth in range(9)
    ]
    for nth, subject in enumerate(people):
        row = np.eye(DIMENSIONS[subject.gallery.embedder], dtype=np.float32)[nth]
        key = made_keys([subject.number])[subject.number]
        embedder = subject.gallery.embedder
        PersonTemplate.sealed_for(subject, embedder, to_bytes(row), key).save()
    return people


def read(source: Database) -> dict[int, tuple[str, int, int]]:
    """Return of each number: embedder, slot, and where its template points."""
    return {
        number: (block.embedder, slot, int(row.argmax()))
        for block in source.all_templates()
        for number, slot, row in zip(
            block.numbers.tolist(), block.slots.tolist(), block.vectors, strict=True
        )
    }


@pytest.mark.parametrize("page", [1, 4, 9, 100])
def test_everybody_is_read_whatever_the_pages(people, monkeypatch, page):
    monkeypatch.setattr("recognition.changelog.PAGE", page)
    sent: list[int] = []
    fetched = changelog._fetched
    monkeypatch.setattr(changelog, "_fetched", lambda rows: sent.append(1) or fetched(rows))
    found = read(Database())
    assert found == {s.number: (s.gallery.embedder, s.pk, n) for n, s in enumerate(people)}
    assert len(sent) == -(-9 // page) + 1  # each page a query of its own, and one finds nobody


def test_slots_ascend(people, monkeypatch):
    monkeypatch.setattr("recognition.changelog.PAGE", 4)
    slots = [block.slots for block in Database().all_templates() if len(block.slots) > 1]
    assert slots and all((np.diff(each) > 0).all() for each in slots)


def test_who_may_not_be_matched_is_not_read(people):
    Subject.objects.filter(pk=people[3].pk).update(active=False)
    PersonTemplate.objects.filter(subject=people[5]).delete()
    assert set(read(Database())) == {s.number for s in people if s not in (people[3], people[5])}


def test_whose_key_is_destroyed_is_not_read(people):
    keys().destroy([people[2].number])
    assert set(read(Database())) == {s.number for s in people if s is not people[2]}


def test_an_altered_template_is_left_out_and_told(people, caplog):
    PersonTemplate.objects.filter(subject=people[2]).update(sealed=bytes(540))
    assert people[2].number not in read(Database())
    assert "1 templates were altered" in caplog.text


def test_a_template_of_another_person_is_not_taken(people):
    stolen = PersonTemplate.objects.get(subject=people[0]).sealed
    PersonTemplate.objects.filter(subject=people[2]).update(sealed=stolen)
    assert people[2].number not in read(Database())


def test_people_are_counted_in_one_query(people, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert Database().people() == 9
