"""Galleries: made, renamed, given rules of their own, emptied, deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recognition import services
from recognition.admin.galleries import GalleryForm
from recognition.errors import RecognitionError
from recognition.models import DEFAULT_GALLERY, Gallery, Reference, Subject
from recognition.web.base import ConsolePage, require, told
from recognition.web.home import galleries, overview, with_counts

NAME_HELP = gettext_lazy("1 to 64 characters out of a-z 0-9 - _")


class NameForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=64,
        help_text=NAME_HELP,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def does(self, act: Callable[[str], Any]) -> bool:
        """Say whether ``act`` took the name; what it refused is said at the field."""
        if not self.is_valid():
            return False
        try:
            act(self.cleaned_data["name"])
        except RecognitionError as error:
            if not error.errors:
                raise
            self.add_error("name", error.detail)
            return False
        return True


class RulesForm(GalleryForm):
    class Meta(GalleryForm.Meta):
        fields = ("threshold", "retention_unmatched_days")
        labels: ClassVar = {"retention_unmatched_days": gettext_lazy("Days without a match")}
        help_texts: ClassVar = {
            "retention_unmatched_days": gettext_lazy(
                "People are erased after so many days; 0: never. Empty: RETENTION_UNMATCHED_DAYS."
            )
        }


class GalleriesPage(ConsolePage):
    permissions: ClassVar = {"GET": "view_gallery", "POST": "add_gallery"}
    section = "galleries"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show("galleries.html", galleries=galleries(), form=NameForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NameForm(request.POST)
        if not form.does(lambda name: services.create_gallery(name, actor=self.actor)):
            require(request, "view_gallery")  # the list stands on this page too
            return self.show("galleries.html", galleries=galleries(), form=form, status=400)
        name = form.cleaned_data["name"]
        messages.success(request, _("The gallery %(name)s is there.") % {"name": name})
        return HttpResponseRedirect(reverse("console:gallery", args=[name]))


class OneGalleryPage(ConsolePage):
    """A page about one gallery; each shows the same, with the form that was refused."""

    section = "galleries"

    def page(self, name: str, *, status: int = 200, **refused: forms.BaseForm) -> HttpResponse:
        services.find_gallery(name)
        gallery = with_counts(Gallery.objects.filter(name=name)).get()
        shown = {
            "rules_form": RulesForm(instance=gallery),
            "name_form": NameForm(initial={"name": name}),
            **refused,
        }
        return self.show(
            "gallery.html",
            one=overview(gallery),
            days=unmatched_days(gallery),
            kept=name == DEFAULT_GALLERY,
            status=status,
            **shown,
        )


def unmatched_days(gallery: Gallery) -> int:
    """Return after how many days without a match people are erased; 0: never."""
    own = gallery.retention_unmatched_days
    return int(settings.RETENTION_UNMATCHED_DAYS if own is None else own)


class GalleryPage(OneGalleryPage):
    permissions: ClassVar = {"GET": "view_gallery", "POST": "change_gallery"}

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        return self.page(name)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Give the gallery a threshold and a retention of its own, or none."""
        form = RulesForm(request.POST, instance=services.find_gallery(name))
        if not form.is_valid():
            return self.page(name, rules_form=form, status=400)
        return told(
            request,
            lambda: self._store(form),
            _("The rules are stored.") if form.has_changed() else _("Nothing was changed."),
            to=reverse("console:gallery", args=[name]),
        )

    @transaction.atomic
    def _store(self, form: RulesForm) -> None:
        form.store(self.actor)


class RenamePage(OneGalleryPage):
    permissions: ClassVar = {"GET": "view_gallery", "POST": "change_gallery"}

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Lead who reloads the address of the form back to it."""
        return HttpResponseRedirect(reverse("console:gallery", args=[name]))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        form = NameForm(request.POST)
        if not form.does(lambda new: services.rename_gallery(name, new, actor=self.actor)):
            return self.page(name, name_form=form, status=400)
        new = form.cleaned_data["name"]
        messages.success(request, _("The gallery is called %(name)s now.") % {"name": new})
        return HttpResponseRedirect(reverse("console:gallery", args=[new]))


class ErasePage(ConsolePage):
    """Ask for the gallery's name, then erase the people in it."""

    permissions: ClassVar = {"GET": "delete_gallery", "POST": "delete_gallery"}
    section = "galleries"
    question: ClassVar[str | Promise]
    done: ClassVar[str | Promise]

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        require(request, "delete_subject")
        return self._ask(services.find_gallery(name))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        require(request, "delete_subject")
        gallery = services.find_gallery(name)
        if request.POST.get("typed", "").strip() != name:
            return self._ask(gallery, error=_("This is not its name."))
        done = str(self.done) % {"name": name}
        return told(request, lambda: self.erase(gallery), done, to=reverse("console:galleries"))

    def erase(self, gallery: Gallery) -> Any:
        raise NotImplementedError

    def _ask(self, gallery: Gallery, *, error: str = "") -> HttpResponse:
        return self.show(
            "erase.html",
            gallery=gallery,
            question=str(self.question) % {"name": gallery.name},
            people=people_in(gallery).count(),
            references=Reference.objects.filter(subject__gallery=gallery).count(),
            error=error,
            status=400 if error else 200,
        )


def people_in(gallery: Gallery) -> QuerySet[Subject]:
    return Subject.objects.filter(gallery=gallery)


class EmptyPage(ErasePage):
    question = gettext_lazy("Erase everybody in %(name)s?")
    done = gettext_lazy("The gallery %(name)s is empty.")

    def erase(self, gallery: Gallery) -> Any:
        return services.erase_subjects(people_in(gallery), actor=self.actor)


class DeletePage(ErasePage):
    question = gettext_lazy("Delete %(name)s and everybody in it?")
    done = gettext_lazy("The gallery %(name)s is deleted.")

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        _refuse_default(name)
        return super().get(request, name)

    def erase(self, gallery: Gallery) -> Any:
        _refuse_default(gallery.name)
        return services.delete_gallery(gallery.name, force=True, actor=self.actor)


def _refuse_default(name: str) -> None:
    if name == DEFAULT_GALLERY:
        raise RecognitionError(
            "invalid_request",
            _("The gallery %(name)s can be emptied, not deleted.") % {"name": name},
            hint=_("Empty it instead."),
        )
