"""Frames of a video: the same decision is written down once in a while, and counted."""

from __future__ import annotations

import pytest

from recognition import services
from recognition.models import Event, Sighting
from recognition.services import recognition
from recognition.services.repeats import MOST, Repeats
from recognition.services.results import Actor
from tests.conftest import TESTER


@pytest.fixture
def look(gallery, register, photos, monkeypatch):
    """Return a function that looks at a frame in a gallery where Obama is known."""
    monkeypatch.setattr(recognition, "repeats", Repeats())
    register("barack", "obama")
    Event.objects.all().delete()
    return lambda name, actor=TESTER, where=gallery: services.identify(
        where, photos.upload(name), live=True, actor=actor
    )


def test_the_same_decision_is_written_down_once(look):
    first, second = look("obama2"), look("obama2")
    assert first.decision_id == second.decision_id
    assert Event.objects.count() == Sighting.objects.count() == 1


def test_another_decision_is_written_down_too(look):
    look("obama2"), look("biden"), look("obama2"), look("biden")
    assert sorted(Event.objects.values_list("outcome", flat=True)) == ["match", "unknown"]


def test_what_another_one_saw_or_saw_elsewhere_is_written_down_too(look):
    door = services.create_gallery("door", actor=TESTER)
    look("biden"), look("biden", actor=Actor("key:x")), look("biden", where=door)
    assert Event.objects.filter(act="identify").count() == 3


def test_after_a_while_it_is_written_down_again_with_its_count(look, monkeypatch):
    look("obama2"), look("obama2"), look("obama2")
    monkeypatch.setattr("recognition.services.repeats.SECONDS", -1.0)
    look("obama2")
    assert [event.decision["repeats"] for event in Event.objects.order_by("id")] == [0, 2]


def test_pictures_that_are_no_frames_are_all_written_down(gallery, register, photos):
    register("barack", "obama")
    for _ in range(2):
        services.identify(gallery, photos.upload("obama2"), actor=TESTER)
    assert Event.objects.filter(act="identify").count() == 2


def test_so_many_decisions_are_remembered_and_no_more():
    repeats = Repeats()
    for number in range(MOST + 1):
        repeats.written(number, number + 1)
    assert repeats.event_of(0) is None
    assert repeats.event_of(MOST) == MOST + 1
