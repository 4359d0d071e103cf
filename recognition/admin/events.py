"""Events: what was done, by whom, with what outcome; to be read only."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from recognition import labels
from recognition.models import Event
from recognition.web.base import gallery_names
from recognition.web.events import best_similarity


class ValueFilter(admin.SimpleListFilter):
    """By a value that is known beforehand: Django's own filter reads all events for theirs."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        chosen = self.value()
        return queryset.filter(**{str(self.parameter_name): chosen}) if chosen else queryset


class ActFilter(ValueFilter):
    title, parameter_name = _("what was done"), "act"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return list(labels.ACTS.items())


class OutcomeFilter(ValueFilter):
    title, parameter_name = _("outcome"), "outcome"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return labels.outcomes()


class GalleryFilter(ValueFilter):
    title, parameter_name = _("gallery"), "gallery"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [(name, name) for name in gallery_names()]


class EventAdmin(admin.ModelAdmin):
    list_display = (
        "time", "what", "came_out", "similarity", "threshold", "person", "actor", "gallery",
        "request_id",
    )  # fmt: skip
    # No date_hierarchy: it, too, reads all events for which days there are.
    list_filter = ("time", ActFilter, OutcomeFilter, GalleryFilter)
    search_fields = ("actor", "request_id", "subject_number__exact")
    search_help_text = _("Actor, request id, or a person's number")
    show_full_result_count = False
    fields = readonly_fields = (
        "time", "what", "came_out", "actor", "gallery", "subject_number", "request_id",
        "explanation",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False

    @admin.display(description=_("act"), ordering="act")
    def what(self, event: Event) -> str:
        return labels.label(labels.ACTS, event.act)

    @admin.display(description=_("outcome"), ordering="outcome")
    def came_out(self, event: Event) -> str:
        return labels.outcome_label(event.outcome)

    @admin.display(description=_("person"), ordering="subject_number")
    def person(self, event: Event) -> SafeString | str:
        """Show the number, leading to the person as long as there is one."""
        if event.subject_number is None:
            return "-"
        people = reverse("admin:recognition_subject_changelist")
        return format_html('<a href="{}?number={}">{}</a>', people, *[event.subject_number] * 2)

    @admin.display(description=_("best similarity"))
    def similarity(self, event: Event) -> str:
        best = best_similarity(event)
        return "-" if best is None else f"{best:.3f}"

    @admin.display(description=_("threshold"))
    def threshold(self, event: Event) -> str:
        limit = event.decision.get("threshold")
        return "-" if limit is None else f"{limit:.3f}"

    @admin.display(description=_("decision"))
    def explanation(self, event: Event) -> SafeString:
        """Show what the decision rested on."""
        return format_html("<pre>{}</pre>", json.dumps(event.decision, indent=2))
