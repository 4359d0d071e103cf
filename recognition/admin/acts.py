"""What the pages about faces have in common: how refusals are shown, how one erases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from recognition.errors import RecognitionError
from recognition.labels import advised
from recognition.models import Reference, Subject

NAMED = 100  # how many of the doomed are named on the page that asks for confirmation


class FaceAdmin(admin.ModelAdmin):
    """Pages whose acts are done by ``services``, which also write them down (``Event``).

    Nothing goes into Django's own log: it keeps the name of what was deleted, a user_id, for ever.
    """

    delete_selected_confirmation_template = "admin/recognition/delete_selected.html"

    def log_addition(self, request: HttpRequest, obj: Model, message: object) -> None:
        """Leave it to the event that the service wrote."""

    def log_change(self, request: HttpRequest, obj: Model, message: object) -> None:
        """Leave it to the event that the service wrote."""

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> None:
        """Leave it to the events that the service wrote."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        view = super().changeform_view
        return _or_refusal(request, partial(view, request, object_id, form_url, extra_context))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return _or_refusal(request, partial(super().changelist_view, request, extra_context))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        view = super().delete_view
        return _or_refusal(request, partial(view, request, object_id, extra_context))


def _or_refusal(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Return the view's answer; a refusal leads back to the page, where it is shown."""
    try:
        return view()
    except RecognitionError as error:
        messages.error(request, f"{error.detail} {advised(error.hint)}")
        return HttpResponseRedirect(request.get_full_path())


def named(doomed: Sequence[Model] | QuerySet[Any], count: int) -> list[str]:
    """Return the names of those to be erased, the first hundred of them."""
    names = [str(one) for one in doomed[:NAMED]]
    return [*names, _("and %(count)d more") % {"count": count - NAMED}] if count > NAMED else names


def counts(people: QuerySet[Subject]) -> dict[str, int]:
    """Return how much goes when ``people`` are erased."""
    references = Reference.objects.filter(subject__in=people)
    return {
        "people": people.count(),
        "references": references.count(),
        "crops": references.filter(sealed_crop__isnull=False).count(),
    }
