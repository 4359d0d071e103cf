"""Whose time is over: who is to be erased by now, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from recognition import consent
from recognition.errors import RecognitionError
from recognition.models import Sighting, Subject


def overdue() -> QuerySet[Subject]:
    """Return those whose ``retain_until`` is past."""
    return Subject.objects.filter(retain_until__lt=consent.today())


def unmatched() -> QuerySet[Subject]:
    """Return those who were not matched, nor registered, in ``RETENTION_UNMATCHED_DAYS``.

    Who has a date of their own (``retain_until``) is kept until then. Raises ``not_ready`` where
    matches are forgotten before they would count.
    """
    days = settings.RETENTION_UNMATCHED_DAYS
    if not days:
        return Subject.objects.none()
    if days > settings.EVENTS_KEEP:  # a worker that runs alone has made no system checks
        said = "Who was matched is forgotten after EVENTS_KEEP days, before people are to be erased"
        hint = "Set RETENTION_UNMATCHED_DAYS to EVENTS_KEEP at most."
        raise RecognitionError("not_ready", f"{said}.", hint=hint)
    since = timezone.now() - timedelta(days=days)
    matches = Sighting.objects.filter(subject_number=OuterRef("number"), time__gte=since)
    old = Subject.objects.filter(retain_until=None, created__lt=since)
    return old.filter(~Exists(matches))


#: Why somebody is erased; nobody is found by two of these.
RULES: dict[str, Callable[[], QuerySet[Subject]]] = {
    "retain_until": overdue,
    "unmatched": unmatched,
}


def anybody_due() -> bool:
    """Say whether anybody is to be erased."""
    return any(rule().exists() for rule in RULES.values())
