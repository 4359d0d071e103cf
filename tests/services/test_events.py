"""Events are kept for as long as the setting says."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from recognition.models import Event
from recognition.services import people
from tests.conftest import TESTER


def test_old_events_are_forgotten_once_a_day(gallery, settings):
    settings.EVENTS_KEEP = 10
    for days in (11, 9):
        Event.objects.create(act="old", time=timezone.now() - timedelta(days=days))
    people.forget_old_events.cache_clear()
    people.record("new", gallery, TESTER)
    ages = {(timezone.now() - e.time).days for e in Event.objects.filter(act="old")}
    assert ages == {9}
