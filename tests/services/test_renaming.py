"""A gallery that gets another name stays the same one, with all that was done in it."""

from __future__ import annotations

import pytest

from recognition import services
from recognition.errors import RecognitionError
from recognition.models import Event, Gallery, Subject
from recognition.services import RegisterOptions, reembedding
from recognition.services.diagnosing import near_misses
from recognition.services.people import events_in, record
from tests.conftest import TESTER


@pytest.fixture
def guests(db: None) -> Gallery:
    return services.create_gallery("guests", actor=TESTER)


def rename(old: str, new: str) -> Gallery:
    services.rename_gallery(old, new, actor=TESTER)
    return services.find_gallery(new)


def acts_in(name: str) -> list[str]:
    return [event.act for event in events_in(services.find_gallery(name)).order_by("pk")]


def test_events_under_each_earlier_name_are_found(guests):
    record("first", guests, TESTER)
    record("second", rename("guests", "visitors"), TESTER)
    record("third", rename("visitors", "callers"), TESTER)
    renamed = "rename_gallery"
    expected = ["create_gallery", "first", renamed, "second", renamed, "third"]
    assert acts_in("callers") == expected


def test_events_of_others_who_had_one_of_the_names_are_not(guests):
    rename("guests", "visitors")
    record("later", services.create_gallery("guests", actor=TESTER), TESTER)
    assert acts_in("visitors") == ["create_gallery", "rename_gallery"]
    assert acts_in("guests") == ["create_gallery", "later"]
    rename("guests", "people")
    record("swapped", rename("visitors", "guests"), TESTER)
    assert acts_in("people") == ["create_gallery", "later", "rename_gallery"]
    assert acts_in("guests")[-1] == "swapped" and "later" not in acts_in("guests")


def test_events_of_a_gallery_that_was_deleted_are_not_those_of_the_next_of_its_name(guests):
    services.delete_gallery("guests", force=False, actor=TESTER)
    services.create_gallery("guests", actor=TESTER)
    assert acts_in("guests") == ["create_gallery"]


def test_attempts_of_before_are_found(guests):
    ada = Subject.objects.create(gallery=guests, user_id="ada")
    near = {"similarity": 0.9, "threshold": 0.91}
    record("verify", guests, TESTER, subject=ada, decision=near)
    assert [one.similarity for one in near_misses(rename("guests", "visitors"), ada)] == [0.9]


def test_the_way_back_is_known_by_the_event_of_before(guests):
    Gallery.objects.filter(pk=guests.pk).update(embedder="new")
    record("reembed", guests, TESTER, decision={"from": "old", "to": "new"})
    assert reembedding.former_embedder(rename("guests", "visitors")) == "old"


def test_who_is_registered_meanwhile_comes_into_the_gallery_that_was_meant(gallery, guests, photos):
    rename("guests", "visitors")
    services.create_gallery("guests", actor=TESTER)
    uploads = [photos.upload("obama")]
    services.register(guests, "barack", uploads, RegisterOptions(), TESTER)
    assert Subject.objects.get().gallery.name == "visitors"
    assert Event.objects.get(act="register").gallery == "visitors"


def test_a_gallery_that_is_deleted_meanwhile_is_not_found(gallery, guests, photos):
    services.delete_gallery("guests", force=False, actor=TESTER)
    uploads = [photos.upload("obama")]
    with pytest.raises(RecognitionError) as refusal:
        services.register(guests, "barack", uploads, RegisterOptions(), TESTER)
    assert refusal.value.code == "gallery_not_found"
