"""Who signed in, and who tried: events like all others. Django tells of it by signals alone."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest


def watch() -> None:
    """Write an event of each sign-in from now on."""
    user_logged_in.connect(_signed_in, dispatch_uid="facesite")
    user_logged_out.connect(_signed_out, dispatch_uid="facesite")
    user_login_failed.connect(_failed, dispatch_uid="facesite")


def _signed_in(request: HttpRequest | None, user: Any, **_: Any) -> None:
    _record("sign_in", f"user:{user.get_username()}", request, "ok")


def _signed_out(request: HttpRequest | None, user: Any, **_: Any) -> None:
    if user is not None:
        _record("sign_out", f"user:{user.get_username()}", request, "ok")


def _failed(request: HttpRequest | None = None, **_: Any) -> None:
    # The name that was tried is not kept: it may be a password in the wrong field.
    _record("sign_in", "-", request, "refused")


def _record(act: str, who: str, request: HttpRequest | None, outcome: str) -> None:
    from recognition.services.people import record_act
    from recognition.services.results import Actor

    request_id = getattr(request, "id", "")
    if request_id:  # else it came by no request, and nobody has signed in
        record_act(act, Actor(who, request_id), outcome=outcome)
