"""Who was seen when: what verifications and identifications say of a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from django.db.models.functions import TruncDate

from recognition.gallery.exact import Candidate
from recognition.models import Event, Sighting, Subject


def record_sightings(event: Event, named: Iterable[Candidate]) -> None:
    """Write down whom ``event`` named, by number; nothing where nobody was."""
    Sighting.objects.bulk_create(
        Sighting(
            event=event,
            time=event.time,
            act=event.act,
            gallery=event.gallery,
            subject_number=candidate.subject_number,
            similarity=candidate.similarity,
        )
        for candidate in named
    )


def events_of(subject: Subject, *, limit: int) -> list[Event]:
    """Return the newest events about a person or naming them, newest first."""
    # Two queries with an index each: one with both conditions would read every event.
    about = Event.objects.filter(subject_number=subject.number)[:limit]
    seen = Sighting.objects.filter(subject_number=subject.number).order_by("-time")
    naming = [sighting.event for sighting in seen.select_related("event")[:limit]]
    found = {event.pk: event for event in [*about, *naming]}
    return sorted(found.values(), key=lambda event: -event.pk)[:limit]


def days(since: datetime, until: datetime, *, gallery: str = "") -> QuerySet[Any, Any]:
    """Return for each person and day ``first`` and ``last`` seen, and how often (``times``).

    Newest day first. A day is one of the time zone in force (``TIME_ZONE``).
    """
    seen = Sighting.objects.filter(time__gte=since, time__lt=until)
    if gallery:
        seen = seen.filter(gallery=gallery)
    return (
        seen.annotate(day=TruncDate("time"))
        .order_by()
        .values("day", "gallery", "subject_number")
        .annotate(first=Min("time"), last=Max("time"), times=Count("event", distinct=True))
        .order_by("-day", "first", "subject_number")
    )
