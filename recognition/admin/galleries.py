"""Galleries: made, given rules of their own and erased by ``services``; renamed in the console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from recognition import services
from recognition.admin.acts import FaceAdmin, counts, named
from recognition.models import DEFAULT_GALLERY, Gallery, Subject
from recognition.services.results import Actor
from recognition.web.base import actor_of
from recognition.web.home import with_counts


class GalleryForm(forms.ModelForm):
    threshold = forms.FloatField(
        min_value=-1, max_value=1, required=False, help_text=Gallery.threshold.field.help_text
    )

    class Meta:
        model = Gallery
        fields = ("name", "threshold", "target_fmr", "target_fpir", "retention_unmatched_days")

    def clean_retention_unmatched_days(self) -> int | None:
        """Refuse more days than it is known who was matched."""
        days: int | None = self.cleaned_data["retention_unmatched_days"]
        if days is not None and days > settings.EVENTS_KEEP:
            said = _("At most %(days)d days (EVENTS_KEEP).")
            raise forms.ValidationError(said % {"days": settings.EVENTS_KEEP})
        return days

    def store(self, actor: Actor) -> None:
        """Store the rules that were changed in the form."""
        gallery, changed = self.instance, set(self.changed_data)
        if "threshold" in changed:
            services.set_threshold(gallery, gallery.threshold, actor=actor)
        if {"target_fmr", "target_fpir"} & changed:
            fmr, fpir = gallery.target_fmr, gallery.target_fpir
            services.set_targets(gallery, fmr=fmr, fpir=fpir, actor=actor)
        if "retention_unmatched_days" in changed:
            days = gallery.retention_unmatched_days
            services.set_retention(gallery, days, actor=actor)


class GalleryAdmin(FaceAdmin):
    form = GalleryForm
    list_display = ("name", "people", "references", "embedder", "threshold", "created")
    list_filter = (("threshold", admin.EmptyFieldListFilter),)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gallery]:
        return with_counts(super().get_queryset(request))

    def view_on_site(self, obj: Gallery) -> str:
        """Return the gallery's page in the console, where it is renamed and emptied as well."""
        return reverse("console:gallery", args=[obj.name])

    @admin.display(description=_lazy("people"), ordering="people")
    def people(self, gallery: Gallery) -> int:
        return gallery.people

    @admin.display(description=_lazy("references"), ordering="reference_count")
    def references(self, gallery: Gallery) -> int:
        return gallery.reference_count

    def get_readonly_fields(
        self, request: HttpRequest, obj: Gallery | None = None
    ) -> Sequence[str]:
        # Keys name their galleries: a gallery that takes another's name would take its keys too.
        return ("name", "embedder", "people", "references", "created") if obj else ()

    def save_model(self, request: HttpRequest, obj: Gallery, form: Any, change: bool) -> None:
        """Make a gallery, or change its rules."""
        if not change:
            obj.pk = services.create_gallery(obj.name, actor=actor_of(request)).pk
        form.store(actor_of(request))

    def has_delete_permission(self, request: HttpRequest, obj: Gallery | None = None) -> bool:
        kept = obj is not None and obj.name == DEFAULT_GALLERY
        return not kept and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Gallery) -> None:
        services.delete_gallery(obj.name, force=True, actor=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Gallery]) -> None:
        for gallery in queryset:
            self.delete_model(request, gallery)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """Return names, counts, and what stands against deleting: lacking permissions, default."""
        doomed = list(objs)
        people = Subject.objects.filter(gallery__in=doomed)
        sums = {"galleries": len(doomed), **counts(people)}
        allowed = request.user.has_perm("recognition.delete_subject")
        kept = [
            _("%(name)s: it can be emptied, not deleted") % {"name": g}
            for g in doomed
            if g.name == DEFAULT_GALLERY
        ]
        lacking = set() if allowed or not sums["people"] else {"people"}
        return named(doomed, len(doomed)), sums, lacking, kept
