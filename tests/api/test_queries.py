"""The number of queries of a call does not grow with people, references or pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from recognition.models import Gallery, GalleryChange, PersonTemplate, Reference, Subject, to_bytes
from recognition.runtime import DLIB
from recognition.vault import made_keys

MANY = 20


def queries(act: Callable[[], object]) -> int:
    """Return how many queries ``act`` sends, once what is done at first use is done."""
    act()
    with CaptureQueriesContext(
        connection,
    ) as sent:
        act()
    return len(sent)


def grow(gallery: Gallery, references: int) -> None:
    """Give everybody more references, and the gallery more people, all made up."""
    for subject in [*Subject.objects.all(), *add_people(gallery)]:
        key = made_keys([subject.number])[subject.number]
        Reference.objects.bulk_create(reference(subject, nth, key) for nth in range(references))


def reference(subject: Subject, nth: int, key: bytes) -> Reference:
    made = Reference(
        subject=subject,
        embedder=DLIB,
        box={"x": 0, "y": 0, "width": 9, "height": 9},
        landmarks={},
        detection_probability=1.0,
        quality={},
        source_sha256=f"{nth:064}",
    )
    made.seal(to_bytes(np.eye(128, dtype=np.float32)[nth]), None, key)
    return made


def add_people(gallery: Gallery) -> list[Subject]:
    people = [Subject(gallery=gallery, user_id=f"person-{nth}") for nth in range(MANY)]
    people = Subject.objects.bulk_create(people)
    rows, keys = np.eye(128, dtype=np.float32), made_keys([person.number for person in people])
    PersonTemplate.objects.bulk_create(
        PersonTemplate.sealed_for(subject, DLIB, to_bytes(row), keys[subject.number])
        for subject, row in zip(people, rows, strict=False)
    )
    GalleryChange.append("put", people)
    return people


@pytest.fixture
def calls(api, pictures) -> dict[str, Callable[[], object]]:
    assert api.post("/register", user_id="barack", file=pictures.obama).status_code == 201
    return {
        "identify": lambda: api.post("/identify", file=pictures.obama2, candidates="20"),
        "verify": lambda: api.post("/verify", user_id="barack", file=pictures.obama2),
        "users": lambda: api.get(f"/users?page_size={MANY}"),
        "user": lambda: api.get("/users/barack"),
        "register": lambda: api.post("/register", user_id="barack", file=pictures.obama),
    }


@pytest.mark.parametrize("call", ["identify", "verify", "users", "user", "register"])
def test_a_call_sends_no_more_queries_with_many_people_and_references(calls, gallery, call):
    before = queries(calls[call])
    grow(gallery, references=MANY)
    assert queries(calls[call]) == before <= 26


def test_registering_three_pictures_sends_as_many_queries_as_registering_one(api, pictures):
    sent = []
    for names in (["biden"], ["astronaut"], ["obama", "obama2", "obama3"]):
        file = [getattr(pictures, name) for name in names]
        user_id = f"user-{len(sent)}"
        with CaptureQueriesContext(connection) as captured:
            assert api.post("/register", user_id=user_id, file=file).status_code == 201
        sent.append(len(captured))
    assert sent[1] == sent[2]  # the first one also loaded the index


def test_erasing_somebody_sends_as_many_queries_whatever_they_have(api, gallery):
    api.get("/users")  # the first use of the key is noted
    sent = []
    for references in (1, MANY):
        Subject.objects.all().delete()
        grow(gallery, references)
        with CaptureQueriesContext(connection) as captured:
            assert api.delete("/unregister/person-0").status_code == 200
        sent.append(len(captured))
    assert sent[0] == sent[1]
