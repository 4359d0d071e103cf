"""Events are kept for as long as the setting says."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils import timezone

from recognition.models import Event
from recognition.services import people
from recognition.services.stamps import stamped


def test_old_events_are_forgotten(db, settings):
    settings.EVENTS_KEEP = 10
    for days in (11, 9):
        stamped(Event(act="old", time=timezone.now() - timedelta(days=days))).save()
    people.forget_old_events.cache_clear()
    people.forget_old_events(date.today())
    ages = {(timezone.now() - e.time).days for e in Event.objects.filter(act="old")}
    assert ages == {9}
