"""Who was named is written down with the event, and goes with it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from recognition import services
from recognition.models import Event, Gallery, Sighting, Subject
from recognition.services import people
from recognition.services.results import Selection
from recognition.services.sightings import days, events_of
from recognition.services.stamps import stamped
from tests.conftest import TESTER


@pytest.fixture
def barack(register) -> Subject:
    register("barack", "obama")
    return Subject.objects.get()


def identify(gallery, photos, name: str) -> None:
    services.identify(gallery, photos.upload(name), actor=TESTER)


def verify(gallery, photos, name: str) -> None:
    services.verify(gallery, "barack", photos.upload(name), selection=Selection(), actor=TESTER)


def test_a_match_is_a_sighting_of_its_event(gallery, photos, barack):
    identify(gallery, photos, "obama2")
    [seen], event = Sighting.objects.all(), Event.objects.get(act="identify")
    best = event.decision["faces"][0]["candidates"][0]["similarity"]
    assert (seen.event, seen.time, seen.act) == (event, event.time, "identify")
    assert (seen.gallery, seen.subject_number) == ("default", barack.number)
    assert seen.similarity == pytest.approx(best, abs=1e-5)


def test_a_verified_claim_is_a_sighting_and_a_refused_one_is_none(gallery, photos, barack):
    verify(gallery, photos, "obama2")
    verify(gallery, photos, "biden")
    assert [seen.event.outcome for seen in Sighting.objects.all()] == ["verified"]


def test_two_who_cannot_be_told_apart_were_not_seen(gallery, photos, barack, register):
    register("barry", "obama")
    identify(gallery, photos, "obama2")
    assert Event.objects.get(act="identify").outcome == "ambiguous"
    assert not Sighting.objects.exists()


def test_nothing_more_is_written_where_nobody_is_named(gallery, photos, barack):
    identify(gallery, photos, "astronaut")  # an engine, where there is one, has caught up since
    with CaptureQueriesContext(connection) as sent:
        identify(gallery, photos, "astronaut")
    written = [one["sql"] for one in sent if one["sql"].startswith(("INSERT", "SAVEPOINT"))]
    assert len(written) == 1 and not Sighting.objects.exists()


def test_the_event_keeps_no_second_copy_of_who_was_named(gallery, photos, barack):
    identify(gallery, photos, "obama2")
    assert "named" not in Event.objects.get(act="identify").decision


def test_old_sightings_go_with_their_events(gallery, photos, barack, settings):
    identify(gallery, photos, "obama2")
    old = timezone.now() - timedelta(days=settings.EVENTS_KEEP + 1)
    for event in Event.objects.all():  # its stamp is of its time
        event.time = old
        stamped(event).save()
    Sighting.objects.update(time=old)
    people.forget_old_events(date(2000, 1, 1))
    assert not Event.objects.exists() and not Sighting.objects.exists()


def test_the_events_of_a_person_are_those_about_and_those_naming_them(gallery, photos, barack):
    identify(gallery, photos, "obama2")
    identify(gallery, photos, "astronaut")
    verify(gallery, photos, "obama2")
    assert [event.act for event in events_of(barack, limit=9)] == ["verify", "identify", "register"]
    assert [event.act for event in events_of(barack, limit=1)] == ["verify"]


def test_days_tell_first_and_last_and_how_often(gallery):
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for hours in (-26, -2, 0, 3):
        sighting(time=noon + timedelta(hours=hours))
    sighting(time=noon, gallery="other", subject_number=8)
    found = list(days(noon.date() - timedelta(days=3), noon.date(), gallery="default"))
    assert [(row["day"], row["times"]) for row in found] == [
        (noon.date(), 3),
        (noon.date() - timedelta(days=1), 1),
    ]
    assert found[0]["first"] == noon - timedelta(hours=2)
    assert found[0]["last"] == noon + timedelta(hours=3)


def sighting(**fields) -> None:
    values = {"act": "identify", "gallery": "default", "subject_number": 7, **fields}
    event = Event.objects.create(act=values["act"], time=values["time"], actor="key:x")
    Sighting.objects.create(event=event, similarity=0.97, **values)


def test_two_faces_of_one_event_are_one_time(gallery: Gallery):
    sighting(time=timezone.now())
    twin = Sighting.objects.get()
    twin.pk = None
    twin.save()
    [row] = days(date(2000, 1, 1), date.max)
    assert row["times"] == 1
