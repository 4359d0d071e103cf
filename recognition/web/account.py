"""Signing in and out, and what is shown to whoever tried too often."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import views
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from recognition.errors import RecognitionError
from recognition.web.base import refused


class SignIn(views.LoginView):
    """Let staff in; others are told that their account is not one of staff."""

    template_name = "console/sign_in.html"
    authentication_form = AdminAuthenticationForm
    next_page = "console:home"


class SignOut(views.LogoutView):
    next_page = "console:sign_in"

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Lead on who comes by the address alone: nobody is signed out by a link."""
        return HttpResponseRedirect(reverse("console:home"))


def locked_out(request: HttpRequest, *_rest: Any) -> HttpResponse:
    """Say that nobody is let in from this address for a while (``AXES_LOCKOUT_CALLABLE``)."""
    wait = settings.AXES_COOLOFF_TIME
    minutes = round(wait.total_seconds() / 60)
    hint = ngettext(
        "Wait a minute, then sign in again. Whoever is signed in already stays so.",
        "Wait %(minutes)d minutes, then sign in again. Whoever is signed in already stays so.",
        minutes,
    ) % {"minutes": minutes}
    error = RecognitionError(
        "rate_limited",
        _("Too many failed sign-ins from your address"),
        hint=hint,
        extra={"retry_after": round(wait.total_seconds())},
    )
    return refused(request, error)
