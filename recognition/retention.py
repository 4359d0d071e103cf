"""Whose time is over: who is to be erased by now, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from recognition import consent
from recognition.errors import RecognitionError
from recognition.models import Gallery, Sighting, Subject


def overdue() -> QuerySet[Subject]:
    """Return those whose ``retain_until`` is past."""
    return Subject.objects.filter(retain_until__lt=consent.today())


def unmatched() -> QuerySet[Subject]:
    """Return those who were not matched, nor registered, in ``RETENTION_UNMATCHED_DAYS``.

    Or in as many days as their gallery says. Who has a date of their own (``retain_until``) is
    kept until then. Raises ``not_ready`` where matches are forgotten before they would count.
    """
    own = Gallery.objects.values_list("retention_unmatched_days", flat=True)
    rules = {days: Q(gallery__retention_unmatched_days=days) for days in set(own) if days}
    if days := settings.RETENTION_UNMATCHED_DAYS:
        others = Q(gallery__retention_unmatched_days=None)
        rules[days] = rules.get(days, Q(pk__in=())) | others
    found = Q(pk__in=())
    for days, galleries in rules.items():
        found |= galleries & _not_matched_in(days)
    return Subject.objects.filter(found, retain_until=None)


def _not_matched_in(days: int) -> Q:
    if days > settings.EVENTS_KEEP:  # a worker that runs alone has made no system checks
        raise _too_long()
    since = timezone.now() - timedelta(days=days)
    matches = Sighting.objects.filter(subject_number=OuterRef("number"), time__gte=since)
    return Q(created__lt=since) & ~Exists(matches)


def _too_long() -> RecognitionError:
    said = "Who was matched is forgotten after EVENTS_KEEP days, before people are to be erased"
    hint = "Set RETENTION_UNMATCHED_DAYS, also that of a gallery, to EVENTS_KEEP at most."
    return RecognitionError("not_ready", f"{said}.", hint=hint)


#: Why somebody is erased; nobody is found by two of these.
RULES: dict[str, Callable[[], QuerySet[Subject]]] = {
    "retain_until": overdue,
    "unmatched": unmatched,
}


def anybody_due() -> bool:
    """Say whether anybody is to be erased."""
    return any(rule().exists() for rule in RULES.values())
