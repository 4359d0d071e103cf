"""The first page: who is known, how the service is, what it decided lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, TruncHour
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from recognition import runtime
from recognition.api.health import OFF, OK, readiness
from recognition.decisions import MATCH, UNKNOWN, Policy
from recognition.models import Event, Gallery, Reference, StoredCalibration, Subject
from recognition.networks.catalogue import CATALOGUE
from recognition.services.explaining import ACTS as DECISIONS
from recognition.web.base import ConsolePage

HOURS = 24
RECENT = 8
READ = 1000  # newest events that are looked through for when each gallery was last used
GOOD = (MATCH, "verified")
BAD = (UNKNOWN, "refused")


class HomePage(ConsolePage):
    permissions: ClassVar = {"GET": "view_subject"}
    section = "home"

    def get(self, request: HttpRequest) -> HttpResponse:
        context: dict[str, Any] = {"health": health()}
        last = None
        if request.user.has_perm("recognition.view_event"):
            last = last_activity()
            recent = Event.objects.filter(act__in=DECISIONS)[:RECENT]
            context |= {"recent": recent, "bars": bars(timezone.now()), "hours": HOURS}
        return self.show("home.html", galleries=galleries(last or {}), last=last, **context)


@dataclass(frozen=True, slots=True)
class Overview:
    """A gallery with what is decided by in it."""

    gallery: Gallery
    people: int
    references: int
    embedder: str
    commercial_use: str
    verify: Policy
    identify: Policy
    last: datetime | None = None


def last_activity() -> dict[str, datetime]:
    """Return by gallery when something was done last, as far as the newest events tell.

    Not by gallery in SQL: a gallery where nothing was done would have all events read.
    """
    newest = Event.objects.order_by("-id").values_list("gallery", "time")[:READ]
    return dict(list(newest)[::-1])


def galleries(last: Mapping[str, datetime] = MappingProxyType({})) -> list[Overview]:
    """Return every gallery with its counts and its policies, and when it was last used."""
    active = dict(StoredCalibration.objects.filter(active=True).values_list("embedder", "pk"))
    found = list(with_counts(Gallery.objects.all()))
    for gallery in found:  # a new one shows what it will be decided by; nothing is saved
        gallery.embedder = runtime.embedder_of(gallery)
        gallery.active_calibration = active.get(gallery.embedder)
    return [replace(overview(gallery), last=last.get(gallery.name)) for gallery in found]


def with_counts(galleries: QuerySet[Gallery]) -> QuerySet[Gallery]:
    """Annotate galleries with ``people`` and ``reference_count``; joins would multiply them."""
    people = Subject.objects.filter(gallery=OuterRef("pk")).order_by().values("gallery")
    references = Reference.objects.filter(subject__gallery=OuterRef("pk")).order_by()
    references = references.values("subject__gallery")
    counts = {"people": people, "reference_count": references}
    return galleries.annotate(
        **{
            name: Coalesce(Subquery(rows.annotate(count=Count("pk")).values("count")), 0)
            for name, rows in counts.items()
        }
    )


def overview(gallery: Gallery) -> Overview:
    embedder = runtime.embedder_of(gallery)
    return Overview(
        gallery,
        gallery.people,
        gallery.reference_count,
        embedder,
        CATALOGUE[embedder].terms.commercial_use,
        Policy.for_verify(embedder, gallery=gallery),
        Policy.for_identify(embedder, people=gallery.people, gallery=gallery),
    )


def health() -> list[tuple[str, str, str]]:
    """Return the parts that answering needs: name, state, and how to mark it."""
    marks = {OK: "good", OFF: ""}
    return [(name, state, marks.get(state, "bad")) for name, state in readiness().items()]


@dataclass(frozen=True, slots=True)
class Bar:
    """What was asked in one hour, stacked: heights and places in pixels of the plot."""

    hour: datetime
    total: int
    x: int
    parts: list[tuple[str, int, int]]  # kind, top, height


WIDTH, HEIGHT = 30, 120  # pixels of an hour, and of the highest bar


def bars(now: datetime) -> list[Bar]:
    """Return the last 24 hours, each with its matches, its unknown faces and all else."""
    first = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(
        hours=HOURS - 1
    )
    decided = Q(act__in=DECISIONS)  # a sign-in may be refused, too
    rows = (
        Event.objects.filter(time__gte=first)
        .annotate(hour=TruncHour("time", tzinfo=UTC))
        .order_by()
        .values("hour")
        .annotate(
            all=Count("pk"),
            match=Count("pk", filter=decided & Q(outcome__in=GOOD)),
            unknown=Count("pk", filter=decided & Q(outcome__in=BAD)),
        )
    )
    found = {row["hour"]: row for row in rows}
    most = max((row["all"] for row in found.values()), default=0) or 1
    hours = [first + timedelta(hours=number) for number in range(HOURS)]
    return [_bar(hour, found.get(hour), number, most) for number, hour in enumerate(hours)]


def _bar(hour: datetime, row: dict[str, Any] | None, number: int, most: int) -> Bar:
    counts = {"match": 0, "unknown": 0, "other": 0}
    if row:
        rest = row["all"] - row["match"] - row["unknown"]
        counts = {"match": row["match"], "unknown": row["unknown"], "other": rest}
    parts, top = [], HEIGHT
    for kind, count in counts.items():
        height = round(count * HEIGHT / most)
        top -= height
        parts.append((kind, top, height))
    return Bar(hour, sum(counts.values()), number * WIDTH, parts)
