"""Who was seen when: what verifications and identifications say of a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone

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
    """Return the newest events about a person or naming them, newest first; no mere looks."""
    # Two queries with an index each: one with both conditions would read every event.
    about = Event.objects.filter(subject_number=subject.number).exclude(act="view")[:limit]
    seen = Sighting.objects.filter(subject_number=subject.number).order_by("-time")
    naming = [sighting.event for sighting in seen.select_related("event")[:limit]]
    found = {event.pk: event for event in [*about, *naming]}
    return sorted(found.values(), key=lambda event: -event.pk)[:limit]


def days(since: date, until: date, *, gallery: str = "") -> Iterator[dict[str, Any]]:
    """Yield for each day and person ``first`` and ``last`` seen, and how often (``times``).

    From ``until`` back to ``since``, both included, in the time zone in force. A query a day:
    whoever looks at the newest rows alone does not pay for the rest.
    """
    oldest = Sighting.objects.order_by("time").values_list("time", flat=True).first()
    if oldest is None:
        return
    since = max(since, timezone.localdate(oldest))
    day = min(until, timezone.localdate())
    while day >= since:
        for row in _of_day(day, gallery):
            yield {"day": day, **row}
        day -= timedelta(days=1)


def _of_day(day: date, gallery: str) -> QuerySet[Any, Any]:
    seen = Sighting.objects.filter(
        time__gte=start_of(day), time__lt=start_of(day + timedelta(days=1))
    )
    if gallery:
        seen = seen.filter(gallery=gallery)
    return (
        seen.order_by()
        .values("gallery", "subject_number")
        .annotate(first=Min("time"), last=Max("time"), times=Count("event", distinct=True))
        .order_by("first", "subject_number")
    )


def start_of(day: date) -> datetime:
    """Return the first moment of a day in the time zone in force."""
    return timezone.make_aware(datetime.combine(day, time.min))
