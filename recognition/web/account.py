"""Signing in and out."""

from __future__ import annotations

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import views


class SignIn(views.LoginView):
    """Let staff in; others are told that their account is not one of staff."""

    template_name = "console/sign_in.html"
    authentication_form = AdminAuthenticationForm
    next_page = "console:home"


class SignOut(views.LogoutView):
    next_page = "console:sign_in"
