"""What was done and decided, and who was seen on which day: as tables and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any, ClassVar

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from recognition.labels import ACTS, outcomes
from recognition.models import Event, Gallery, Sighting, Subject
from recognition.services.people import events_in
from recognition.services.sightings import days, start_of
from recognition.web.base import ConsolePage, gallery_names
from recognition.web.consent import date_input
from recognition.web.events import lines, people_by_number
from recognition.web.exports import csv_answer

PAGE_SIZE = 50
BATCH = 1000  # rows read at once for CSV
MOST_DAYS = 500  # rows of the attendance list on its page; CSV has them all
DEFAULT_DAYS = 7
LARGEST = 2**63 - 1  # what a number of a person, or an event's id, can be
SOME_DAY = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2200, 1, 1))]


def day(label: Any) -> forms.DateField:
    return forms.DateField(required=False, label=label, widget=date_input(), validators=SOME_DAY)


def text(label: Any, **attrs: str) -> forms.CharField:
    return forms.CharField(required=False, label=label, widget=forms.TextInput(attrs=attrs))


def one_of(label: Any, choices: Callable[[], list[tuple[str, Any]]]) -> forms.ChoiceField:
    """Return a field for one of ``choices``, or none of them."""
    return forms.ChoiceField(
        required=False, label=label, choices=lambda: [("", _("all")), *choices()]
    )


class DaysForm(forms.Form):
    since = day(_("From"))
    until = day(_("To"))
    gallery = text(_("Gallery"), list="galleries")

    def asked(self) -> dict[str, Any]:
        """Return what is asked for and makes sense; fields that do not say so themselves."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class EventsForm(DaysForm):
    act = one_of(_("What"), lambda: list(ACTS.items()))
    outcome = one_of(_("Outcome"), outcomes)
    actor = text(_("Who asked"), placeholder="key:… user:…")
    person = text(_("Person"), placeholder="user_id")

    field_order: ClassVar = ["act", "outcome", "person", "actor", "gallery", "since", "until"]


def matching(request: HttpRequest, asked: dict[str, Any]) -> QuerySet[Event]:
    """Return the events that the filters leave, newest first.

    Whoever may not see people asks for them by number alone, or would learn whose number it is.
    """
    events = in_gallery(asked["gallery"]) if "gallery" in asked else Event.objects.all()
    events = events.filter(**{name: asked[name] for name in ("act", "outcome") if name in asked})
    if actor := asked.get("actor"):
        events = events.filter(actor__startswith=actor)
    if since := asked.get("since"):
        events = events.filter(time__gte=start_of(since))
    if until := asked.get("until"):
        events = events.filter(time__lt=start_of(until + timedelta(days=1)))
    if person := asked.get("person"):
        by_name = request.user.has_perm("recognition.view_subject")
        numbers = [*(numbers_of(person) if by_name else ()), *_number(person)]
        naming = Sighting.objects.filter(subject_number__in=numbers).values("event")
        events = events.filter(Q(subject_number__in=numbers) | Q(pk__in=naming))
    return events.order_by("-id")


def in_gallery(name: str) -> QuerySet[Event]:
    """Return the events that name a gallery so, and those of today's under its former names."""
    named = Event.objects.filter(gallery=name)
    gallery = Gallery.objects.filter(name=name).first()
    return named if gallery is None else named | events_in(gallery)


def numbers_of(user_id: str) -> QuerySet[Subject, int]:
    """Return the numbers of those of that ``user_id`` in any gallery."""
    return Subject.objects.filter(user_id=user_id).values_list("number", flat=True)


def _number(text: str | None) -> list[int]:
    """Return a list with the number that ``text`` is, empty where it is none."""
    digits = text and text.isascii() and text.isdigit() and len(text) < 20
    return [int(text)] if digits and int(text) <= LARGEST else []


class ActivityPage(ConsolePage):
    """The events, filtered, in pages that are found by id: nothing is counted or skipped over."""

    permissions: ClassVar = {"GET": "view_event"}
    section = "activity"

    def get(self, request: HttpRequest) -> HttpResponse:
        form = EventsForm(request.GET)
        events, newer, older = page_of(matching(request, form.asked()), request.GET)
        return self.show(
            "activity.html",
            form=form,
            lines=lines(events),
            newer=newer,
            older=older,
            offered={"galleries": gallery_names()},
            narrowed=bool(form.asked()),
            address=without_page(request.GET),
        )


def page_of(events: QuerySet[Event], asked: QueryDict) -> tuple[list[Event], int, int]:
    """Return a page of events, and the ids beyond which newer and older ones lie (0: none)."""
    if after := _number(asked.get("after")):
        found = list(events.filter(pk__gt=after[0]).order_by("id")[: PAGE_SIZE + 1])
        shown = found[:PAGE_SIZE][::-1]
        more = (len(found) > PAGE_SIZE, bool(shown))
    else:
        before = _number(asked.get("before"))
        found = list((events.filter(pk__lt=before[0]) if before else events)[: PAGE_SIZE + 1])
        shown = found[:PAGE_SIZE]
        more = (bool(before and shown), len(found) > PAGE_SIZE)
    return shown, shown[0].pk if more[0] else 0, shown[-1].pk if more[1] else 0


def without_page(asked: QueryDict) -> str:
    """Return the filters alone, as the query of an address."""
    kept = asked.copy()
    for name in ("before", "after"):
        kept.pop(name, None)
    return kept.urlencode()


class ActivityCsv(ConsolePage):
    permissions: ClassVar = {"GET": "view_event"}

    def get(self, request: HttpRequest) -> HttpResponse:
        names = name_of if request.user.has_perm("recognition.view_subject") else number_of
        rows = event_rows(matching(request, EventsForm(request.GET).asked()), names)
        return csv_answer("activity.csv", rows)


def name_of(subject: Subject) -> str:
    return subject.user_id


def number_of(subject: Subject) -> str:
    return str(subject.number)


def event_rows(events: QuerySet[Event], name: Callable[[Subject], str]) -> Iterator[list[Any]]:
    """Yield the heads and all events, read by and by: they may be many."""
    yield [
        "id", "time", "actor", "act", "gallery", "outcome", "similarity", "threshold",
        "threshold_source", "people", "numbers", "request_id",
    ]  # fmt: skip
    for batch in batches(events):
        for line in lines(batch):
            event = line.event
            yield [
                event.pk, timezone.localtime(event.time).isoformat(timespec="seconds"),
                event.actor, event.act, event.gallery, event.outcome, line.similarity,
                line.threshold, event.decision.get("threshold_source"),
                " ".join(map(name, line.people)), " ".join(map(str, line.numbers)),
                event.request_id,
            ]  # fmt: skip


def batches(events: QuerySet[Event]) -> Iterator[list[Event]]:
    found = list(events[:BATCH])
    while found:
        yield found
        found = list(events.filter(pk__lt=found[-1].pk)[:BATCH])


class AttendancePage(ConsolePage):
    """Who was first and last seen when, by day."""

    permissions: ClassVar = {"GET": "view_event"}
    section = "activity"

    def get(self, request: HttpRequest) -> HttpResponse:
        form = DaysForm(with_days(request.GET))
        rows = list(islice(attendance(form.asked()), MOST_DAYS + 1))
        return self.show(
            "attendance.html",
            form=form,
            rows=list(with_people(rows[:MOST_DAYS])),
            most=MOST_DAYS if len(rows) > MOST_DAYS else 0,
            offered={"galleries": gallery_names()},
            address=request.GET.urlencode(),
        )


class AttendanceCsv(ConsolePage):
    permissions: ClassVar = {"GET": "view_event"}

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = attendance(DaysForm(with_days(request.GET)).asked())
        named = request.user.has_perm("recognition.view_subject")
        return csv_answer("attendance.csv", attendance_rows(rows, named=named))


def with_days(asked: QueryDict) -> QueryDict:
    """Return what is asked for, of the last week where no day is named."""
    today = timezone.localdate()
    filled = asked.copy()
    filled.setdefault("since", (today - timedelta(days=DEFAULT_DAYS - 1)).isoformat())
    filled.setdefault("until", today.isoformat())
    return filled


def attendance(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    since, until = asked.get("since", SOME_DAY[0].limit_value), asked.get("until", date.max)
    return days(since, until, gallery=asked.get("gallery", ""))


def with_people(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows with the ``person``, None for who is not registered any more."""
    rows = iter(rows)
    while some := list(islice(rows, BATCH)):
        who = people_by_number(row["subject_number"] for row in some)
        for row in some:
            yield {**row, "person": who.get(row["subject_number"])}


def attendance_rows(rows: Iterator[dict[str, Any]], *, named: bool) -> Iterator[list[Any]]:
    yield ["day", "user_id", "display_name", "gallery", "number", "first", "last", "times"]
    for row in with_people(rows):
        person = row["person"] if named else None
        yield [
            row["day"].isoformat(),
            person.user_id if person else "",
            person.display_name if person else "",
            row["gallery"],
            row["subject_number"],
            timezone.localtime(row["first"]).strftime("%H:%M:%S"),
            timezone.localtime(row["last"]).strftime("%H:%M:%S"),
            row["times"],
        ]
