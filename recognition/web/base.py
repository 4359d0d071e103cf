"""What all pages of the console share: who may see them, who acts, how refusals are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.auth.mixins import AccessMixin
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views import View

from recognition.api.problems import DATABASE_AWAY, database_away
from recognition.errors import RecognitionError
from recognition.labels import advised
from recognition.models import DEFAULT_GALLERY, Gallery
from recognition.services import find_gallery
from recognition.services.results import Actor


class ConsolePage(AccessMixin, View):
    """A page for signed-in staff; ``permissions`` names by method what Django must allow.

    A method that is not named lets nobody through, so that a rule cannot be forgotten. An empty
    name lets any member of staff through. ``section`` marks the page's place in the navigation.
    """

    permissions: ClassVar[dict[str, str]] = {}
    section: ClassVar[str] = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:  # who asks is a question to the database, too
            if not request.user.is_authenticated:
                return self.handle_no_permission()
            require(request, self._rule(request))
            response = super().dispatch(request, *args, **kwargs)
        except DATABASE_AWAY as error:
            response = database_away(request, error)
        except (RecognitionError, RequestDataTooBig) as error:
            response = refused(request, error)
        response["Cache-Control"] = "no-store"  # people are nothing that a cache may keep
        return response

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Say in words what Django would leave blank."""
        response = refused(
            request, RecognitionError("method_not_allowed", _("This cannot be done here."))
        )
        response["Allow"] = ", ".join(self._allowed_methods())
        return response

    def _rule(self, request: HttpRequest) -> str | None:
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else str(request.method)
        if method not in self._allowed_methods():
            return ""  # answered by 405
        return self.permissions.get(method)

    @property
    def actor(self) -> Actor:
        return actor_of(self.request)

    def gallery(self) -> Gallery:
        """Return the gallery that the address names, ``default`` where it names none."""
        return find_gallery(self.request.GET.get("gallery") or DEFAULT_GALLERY)

    def show(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Render a template of the console with what every page needs."""
        return render(
            self.request, f"console/{template}", {"section": self.section, **context}, status=status
        )


def actor_of(request: HttpRequest) -> Actor:
    """Return who acts, as events name them."""
    return Actor(f"user:{request.user.get_username()}", request.id)


def gallery_names() -> list[str]:
    """Return what a form offers to choose a gallery from."""
    return list(Gallery.objects.values_list("name", flat=True))


def require(request: HttpRequest, permission: str | None) -> None:
    """Raise PermissionDenied unless the request's user is staff and has ``permission``."""
    user = request.user
    if permission is None or not (user.is_active and user.is_staff):
        raise PermissionDenied
    if permission and not user.has_perm(f"recognition.{permission}"):
        raise PermissionDenied


def refused(request: HttpRequest, error: Exception) -> HttpResponse:
    """Show why something was refused, in words, with its status."""
    status = 413
    said, hint = str(error), _("Send fewer or smaller photographs.")
    if isinstance(error, RecognitionError):
        status, said, hint = error.problem.status, error.detail, advised(error.hint)
    context = {"status": status, "said": said, "hint": hint}
    response = render(request, "console/error.html", context, status=status)
    if wait := getattr(error, "extra", {}).get("retry_after"):
        response["Retry-After"] = str(wait)
    return response


def told(
    request: HttpRequest, act: Callable[[], Any], done: str, *, to: str
) -> HttpResponseRedirect:
    """Do ``act`` and go on to the page ``to``, which shows ``done`` or what was refused."""
    try:
        act()
    except RecognitionError as error:
        messages.error(request, f"{error.detail} {advised(error.hint)}")
    else:
        messages.success(request, done)
    return HttpResponseRedirect(to)
