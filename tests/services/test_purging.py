"""Retention: whose time is over is listed, then erased with receipts; daily, by one worker."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from recognition import consent, services, worker
from recognition.errors import RecognitionError
from recognition.import_models import DailyJob, Worker
from recognition.models import Erasure, Event, Sighting, Subject, Suppression
from recognition.retention import unmatched
from recognition.services import purging
from recognition.services.purging import due, purge
from tests.conftest import TESTER

DAY = timedelta(days=1)


@pytest.fixture
def person(gallery):
    """Return a function that makes somebody who was registered so many days ago."""

    def make(user_id: str, days: int = 0, **fields) -> Subject:
        one = Subject.objects.create(user_id=user_id, **{"gallery": gallery, **fields})
        Subject.objects.filter(pk=one.pk).update(created=timezone.now() - days * DAY)
        return one

    return make


def matched(subject: Subject, days: int) -> None:
    time = timezone.now() - days * DAY
    event = Event.objects.create(act="identify", time=time, actor="key:x")
    about = {"subject_number": subject.number, "similarity": 0.9, "gallery": "default"}
    Sighting.objects.create(event=event, time=time, act="identify", **about)


def found() -> list[tuple[str, str]]:
    return sorted((subject.user_id, reason) for reason, subject in due())


def test_somebody_is_kept_on_the_last_day_and_due_after_it(person, monkeypatch):
    last = date(2026, 6, 15)
    person("ada", retain_until=last)
    monkeypatch.setattr(consent, "today", lambda: last)
    assert found() == []
    monkeypatch.setattr(consent, "today", lambda: last + DAY)
    assert found() == [("ada", "retain_until")]


def test_who_was_not_matched_for_so_long_is_due(person, settings):
    settings.RETENTION_UNMATCHED_DAYS = 30
    matched(person("seen", 60), days=29)
    matched(person("long-ago", 60), days=31)
    person("never", 31)
    person("new", 29)
    assert found() == [("long-ago", "unmatched"), ("never", "unmatched")]


def test_who_has_a_date_of_their_own_is_kept_until_then(person, settings):
    settings.RETENTION_UNMATCHED_DAYS = 30
    person("ada", 60, retain_until=timezone.localdate() + DAY)
    assert found() == []


def test_a_gallery_has_a_retention_of_its_own(person, gallery, settings):
    settings.RETENTION_UNMATCHED_DAYS = 60
    person("long", 70)
    person("short", 40)
    assert found() == [("long", "unmatched")]
    services.set_retention(gallery, 30, actor=TESTER)
    assert found() == [("long", "unmatched"), ("short", "unmatched")]
    services.set_retention(gallery, 0, actor=TESTER)
    assert found() == []


def test_a_gallery_s_retention_concerns_no_other_gallery(person, settings):
    other = services.create_gallery("door", actor=TESTER)
    person("here", 40)
    person("there", 40, gallery=other)
    services.set_retention(other, 30, actor=TESTER)
    assert found() == [("there", "unmatched")]
    assert Event.objects.get(act="set_retention").decision == {"unmatched_days": 30}


def test_a_retention_longer_than_events_are_kept_is_refused(gallery, settings):
    settings.EVENTS_KEEP = 90
    with pytest.raises(RecognitionError, match="0 to 90 days"):
        services.set_retention(gallery, 91, actor=TESTER)
    services.set_retention(gallery, 90, actor=TESTER)
    settings.EVENTS_KEEP = 80
    with pytest.raises(RecognitionError, match="forgotten"):
        unmatched()


def test_matches_may_count_for_as_long_as_events_are_kept(person, settings):
    settings.RETENTION_UNMATCHED_DAYS = settings.EVENTS_KEEP = 90
    person("ada", 91)
    assert found() == [("ada", "unmatched")]


def test_without_the_setting_nobody_is_due_for_want_of_matches(person):
    person("ada", 9999)
    assert found() == []


def test_matches_that_are_forgotten_before_they_count_are_refused(db, settings):
    settings.RETENTION_UNMATCHED_DAYS, settings.EVENTS_KEEP = 91, 90
    with pytest.raises(RecognitionError) as refusal:
        unmatched()
    assert refusal.value.code == "not_ready"


def test_a_purge_erases_with_receipts_and_is_written_down(person, register):
    register("barack", "obama", consent={"retain_until": timezone.localdate() - DAY})
    person("joe")
    receipts = purge(TESTER)
    assert [receipt.counts["references"] for receipt in receipts["retain_until"]] == [1]
    assert [one.user_id for one in Subject.objects.all()] == ["joe"]
    assert Erasure.objects.count() == Suppression.objects.count() == 1
    event = Event.objects.get(act="purge")
    assert event.decision == {"retain_until": 1, "unmatched": 0}


def test_who_got_a_later_date_meanwhile_is_not_erased(person, monkeypatch):
    person("ada", retain_until=timezone.localdate() - DAY)
    erase = purging.erase_subjects

    def erase_later(people, **options):
        Subject.objects.update(retain_until=timezone.localdate() + DAY)
        return erase(people, **options)

    monkeypatch.setattr(purging, "erase_subjects", erase_later)
    assert purge(TESTER) == {"retain_until": [], "unmatched": []}
    assert Subject.objects.get().user_id == "ada"


def test_a_purge_of_nobody_writes_nothing(person):
    person("joe")
    assert purge(TESTER) == {"retain_until": [], "unmatched": []}
    assert not Event.objects.exists()


def test_the_worker_purges_once_a_day_and_says_so(person, caplog):
    caplog.set_level("INFO")
    for number in range(2):
        Worker.objects.create(id=f"w{number}")
    for number in (0, 0, 1):
        person(f"p{Subject.objects.count()}", retain_until=timezone.localdate() - DAY)
        worker.purge_daily(f"w{number}")
    assert Subject.objects.count() == 2
    assert [r.getMessage() for r in caplog.records if "purge" in r.getMessage()] == [
        "Daily purge: 1 people are erased, whose time was over"
    ]


def test_the_next_day_has_its_own_purge(db):
    Worker.objects.create(id="w")
    worker.purge_daily("w")
    DailyJob.objects.update(day=timezone.localdate() - DAY)
    assert DailyJob.objects.claim(worker.PURGE, timezone.localdate(), "w")


def test_a_purge_whose_worker_died_is_done_by_another(db):
    for name in ("dead", "other"):
        Worker.objects.create(id=name)
    assert DailyJob.objects.claim(worker.PURGE, timezone.localdate(), "dead")
    assert not DailyJob.objects.claim(worker.PURGE, timezone.localdate(), "other")
    Worker.objects.filter(id="dead").delete()
    assert DailyJob.objects.claim(worker.PURGE, timezone.localdate(), "other")


def test_a_refused_purge_is_told_and_ends_no_worker(db, settings, caplog):
    settings.RETENTION_UNMATCHED_DAYS, settings.EVENTS_KEEP = 91, 90
    Worker.objects.create(id="w")
    worker.purge_daily("w")
    assert "RETENTION_UNMATCHED_DAYS" in caplog.text
