"""People: looked at, altered and erased; what is done is done by ``services``."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import DateField, Exists, JSONField, OuterRef, QuerySet
from django.forms import BaseModelFormSet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from recognition import services
from recognition.admin.acts import counts, named
from recognition.admin.photographs import RegistersPhotographs
from recognition.consent import CONSENT_FIELDS
from recognition.models import Reference, Subject
from recognition.web.base import actor_of
from recognition.web.consent import as_shown, date_input
from recognition.web.person import PrettyJson


class ReferenceInline(admin.TabularInline):
    """The photographs of a person: looked at and erased here, added on a page of their own.

    Whoever may see or erase the person may see or erase these, as in the API.
    """

    model = Reference
    fields = readonly_fields = ("thumbnail", "measured", "embedder", "created")
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reference]:
        return (
            super()
            .get_queryset(request)
            .select_related("subject")
            .defer("sealed_embedding", "sealed_context", "landmarks")
        )

    def has_view_permission(self, request: HttpRequest, obj: Subject | None = None) -> bool:
        may = request.user.has_perm
        return may("recognition.view_subject") or may("recognition.change_subject")

    def has_add_permission(self, request: HttpRequest, obj: Subject | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Subject | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Subject | None = None) -> bool:
        return request.user.has_perm("recognition.delete_subject")

    @admin.display(description=_("crop"))
    def thumbnail(self, reference: Reference) -> SafeString | str:
        crop = reference.crop
        if not crop:
            return gettext("not kept")
        data = base64.b64encode(crop).decode()
        return format_html('<img src="data:image/jpeg;base64,{}" alt="" height="96">', data)

    @admin.display(description=_("quality"))
    def measured(self, reference: Reference) -> str:
        return ", ".join(f"{name} {value:.4g}" for name, value in reference.quality.items())


class ReferencesFilter(admin.SimpleListFilter):
    """With references, or without any: whoever has none is never matched."""

    title, parameter_name = _("references"), "references"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("yes", gettext("with references")), ("no", gettext("without any"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subject]) -> QuerySet[Subject]:
        some = Exists(Reference.objects.filter(subject=OuterRef("pk")))
        chosen = {"yes": some, "no": ~some}.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


class SubjectAdmin(RegistersPhotographs):
    list_display = (
        "picture", "user_id", "display_name", "gallery", "active", "references", "created",
        "updated",
    )  # fmt: skip
    list_display_links = ("user_id",)
    list_per_page = 50
    list_filter = (
        "gallery", "active", "lawful_basis", ReferencesFilter, "created", "updated", "retain_until",
    )  # fmt: skip
    actions = ("activate", "deactivate")
    list_select_related = ("gallery",)
    search_fields = ("user_id", "display_name", "number__exact")
    search_help_text = _("User id, name, or the number that events give")
    show_full_result_count = False
    fields = (
        "gallery", "user_id", "number", "display_name", "metadata", "active", *CONSENT_FIELDS,
        "created", "updated",
    )  # fmt: skip
    formfield_overrides: ClassVar = {
        DateField: {"widget": date_input()},
        JSONField: {"form_class": PrettyJson},
    }
    readonly_fields = ("gallery", "user_id", "number", "created", "updated")
    inlines = (ReferenceInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subject]:
        return super().get_queryset(request).select_related("gallery").with_counts()

    def view_on_site(self, obj: Subject) -> str:
        """Return the person's page in the console."""
        return reverse("console:user", args=[obj.gallery.name, obj.user_id])

    @admin.display(description=_("picture"))
    def picture(self, subject: Subject) -> SafeString:
        thumbnail = reverse("console:thumbnail", args=[subject.gallery.name, subject.user_id])
        return format_html('<img src="{}" alt="" loading="lazy">', thumbnail)

    @admin.action(permissions=["change"], description=_("Let selected people be matched"))
    def activate(self, request: HttpRequest, queryset: QuerySet[Subject]) -> None:
        self._set_active(request, queryset, True)

    @admin.action(permissions=["change"], description=_("Let selected people not be matched"))
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Subject]) -> None:
        self._set_active(request, queryset, False)

    def _set_active(self, request: HttpRequest, queryset: QuerySet[Subject], active: bool) -> None:
        changed = list(queryset.exclude(active=active))
        for subject in changed:
            changes = {"active": active}
            services.update_user(subject.gallery, subject.user_id, changes, actor=actor_of(request))
        said = gettext("People changed: %(count)d.") % {"count": len(changed)}
        messages.success(request, said)

    @admin.display(description=_("references"), ordering="reference_count")
    def references(self, subject: Subject) -> int:
        return subject.reference_count

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        may = {"may_add_photographs": self.has_add_permission(request)}
        seen = self.get_object(request, object_id) if request.method == "GET" else None
        if seen is not None and self.has_view_or_change_permission(request, seen):
            services.view_user(seen.gallery, seen.user_id, actor=actor_of(request))
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **may})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Lead to the events about a person."""
        subject = self.get_object(request, object_id)
        if subject is None:
            raise Http404
        if not self.has_view_or_change_permission(request, subject):
            raise PermissionDenied
        events = reverse("admin:recognition_event_changelist")
        return HttpResponseRedirect(f"{events}?subject_number={subject.number}")

    def save_model(self, request: HttpRequest, obj: Subject, form: Any, change: bool) -> None:
        """Store what was changed in the form."""
        sent = {**form.cleaned_data, "metadata": form.cleaned_data["metadata"] or {}}
        changes = {name: value for name, value in sent.items() if value != form.initial[name]}
        if changes := as_shown(changes, sent):
            services.update_user(obj.gallery, obj.user_id, changes, actor=actor_of(request))

    def save_formset(
        self, request: HttpRequest, form: Any, formset: BaseModelFormSet, change: bool
    ) -> None:
        """Erase the references that were ticked."""
        formset.save(commit=False)
        doomed = [reference.pk for reference in formset.deleted_objects]
        if doomed:
            references = Reference.objects.filter(pk__in=doomed)
            services.erase_references(references, actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Subject) -> None:
        services.unregister(obj.gallery, obj.user_id, actor=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Subject]) -> None:
        services.erase_subjects(queryset, actor=actor_of(request))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """Return names and counts; the references go with their person."""
        pks = objs.values("pk") if isinstance(objs, QuerySet) else [one.pk for one in objs]
        sums = counts(Subject.objects.filter(pk__in=pks))
        lacking = set() if self.has_delete_permission(request) else {"people"}
        return named(objs, sums["people"]), sums, lacking, []
