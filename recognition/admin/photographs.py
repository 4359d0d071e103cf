"""The pages that register photographs: of a new person, and further ones of a known person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from recognition import runtime, services
from recognition.admin.acts import FaceAdmin
from recognition.admin.forms import PhotographsForm, SubjectForm, WithPhotographs
from recognition.admission import Client
from recognition.errors import RecognitionError
from recognition.models import DEFAULT_GALLERY, Subject
from recognition.services import RegisterOptions
from recognition.services.registration import refusal
from recognition.web.base import actor_of
from recognition.web.files import AnySize

F = TypeVar("F", bound=BaseForm)


class RegistersPhotographs(FaceAdmin):
    """A ``SubjectAdmin`` whose people come with photographs.

    Neither page runs in the admin's transaction: with SQLite that would stop all other writers
    while faces are sought.
    """

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.photographs_view)
        name = "recognition_subject_photographs"
        return [path("<int:pk>/photographs/", view, name=name), *super().get_urls()]

    @method_decorator(csrf_exempt)  # checked in _received, after the upload handler was chosen
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Register a new person."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return _received(request, self.add_person)

    @method_decorator(csrf_exempt)
    def photographs_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Register further photographs of a person."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        subject = self.get_object(request, str(pk))
        if subject is None:
            raise Http404
        return _received(request, lambda request: self.add_photographs(request, subject))

    def add_person(self, request: HttpRequest) -> HttpResponse:
        form = _form(SubjectForm, request, {"gallery": services.find_gallery(DEFAULT_GALLERY)})
        if not form.is_valid():
            return self.page(request, form, None)
        new = form.instance
        options = RegisterOptions(new.display_name, new.metadata or {}, consent=form.consent())
        stored, rejected = self.register(request, form, new, options)
        if not stored:
            form.refuse(rejected)
            return self.page(request, form, None)
        subject = services.find_user(new.gallery, new.user_id)
        if rejected:  # what is stored stays; the refused ones may be replaced at once
            again = _form(PhotographsForm, request)
            again.refuse(rejected)
            return self.page(request, again, subject)
        return self.response_add(request, subject)

    def add_photographs(self, request: HttpRequest, subject: Subject) -> HttpResponse:
        form = _form(PhotographsForm, request)
        if not form.is_valid():
            return self.page(request, form, subject)
        rejected = self.register(request, form, subject, RegisterOptions())[1]
        if rejected:
            form.refuse(rejected)
            return self.page(request, form, subject)
        if not self.has_view_or_change_permission(request, subject):
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(reverse("admin:recognition_subject_change", args=[subject.pk]))

    def register(
        self,
        request: HttpRequest,
        form: WithPhotographs,
        subject: Subject,
        options: RegisterOptions,
    ) -> tuple[bool, list[Mapping[str, Any]]]:
        """Register a form's photographs; return whether any is stored, and those refused."""
        who, actor = (subject.gallery, subject.user_id), actor_of(request)
        try:
            with runtime.places().place(Client.of(request.META)):
                done = services.register(*who, form.uploads(), options, actor)
        except RecognitionError as error:
            whole = {"filename": "", "code": error.code, "detail": error.detail, "hint": error.hint}
            return False, error.extra.get("rejected", [whole])
        count = sum(picture.new for picture in done.accepted)
        said = _("New photographs of %(user)s: %(count)d.")
        messages.success(request, said % {"user": done.user_id, "count": count})
        for match in done.possible_duplicates:
            text = _("This face looks like %(user)s: similarity %(similarity).3f.")
            values = {"user": match.user_id, "similarity": match.similarity}
            messages.warning(request, text % values)
        return True, [refusal(rejected) for rejected in done.rejected]

    def page(self, request: HttpRequest, form: BaseForm, subject: Subject | None) -> HttpResponse:
        """Show a form in the admin's own dress: for a new person, or for ``subject``."""
        new = subject is None
        address = "add" if subject is None else f"{subject.pk}/photographs"
        context = {
            **self.admin_site.each_context(request),
            "title": _("Add a person") if new else _("Add photographs"),
            "subtitle": subject,
            "original": subject,
            "adminform": helpers.AdminForm(form, [(None, {"fields": list(form.fields)})], {}),
            "errors": helpers.AdminErrorList(form, []),
            "inline_admin_formsets": [],
            "media": self.media + form.media,
            "show_delete": False,
            "show_save_and_continue": False,
            "show_save_and_add_another": new,
        }
        form_url = f"{reverse('admin:recognition_subject_changelist')}{address}/"
        return self.render_change_form(
            request, context, add=new, change=not new, form_url=form_url, obj=subject
        )


def _received(request: HttpRequest, view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """Return what ``view`` answers: the request is read, and its CSRF token checked, only here."""
    request.upload_handlers.insert(0, AnySize(request))
    try:
        return csrf_protect(view)(request)
    except RequestDataTooBig as error:
        messages.error(request, f"{error} {_('Send fewer or smaller photographs.')}")
        return HttpResponseRedirect(request.get_full_path())


def _form(kind: type[F], request: HttpRequest, initial: Mapping[str, Any] | None = None) -> F:
    """Return a form with what was sent, or an empty one."""
    if request.method == "POST":
        return kind(request.POST, request.FILES)
    return kind(initial=initial)
