"""Who signed in, and who tried: events like all others. Django tells of it by signals alone.

How often somebody may try is counted by django-axes, in the database, so that all processes agree.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

IPV6_PREFIX = 64  # one subscriber's network, as django-ratelimit counts it too


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
    locked_out = getattr(request, "axes_locked_out", False)
    if locked_out and getattr(request, "axes_failures_since_start", None) is None:
        return  # it was not even tried: the log tells of it, or anybody could fill the table
    # The name that was tried is not kept: it may be a password in the wrong field.
    _record("sign_in", "-", request, "locked_out" if locked_out else "refused")


def _record(act: str, who: str, request: HttpRequest | None, outcome: str) -> None:
    from recognition.services.people import record_act
    from recognition.services.results import Actor

    request_id = getattr(request, "id", "")
    if request_id:  # else it came by no request, and nobody has signed in
        record_act(act, Actor(who, request_id), outcome=outcome)


def counted_address(request: HttpRequest) -> str | None:
    """Return whose failures are counted together (``AXES_CLIENT_IP_CALLABLE``).

    The client's address, which TrustedProxies has put right; of IPv6 its network.
    """
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return None
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False).network_address)


def no_name(*_: Any) -> str:
    """Return nothing: axes would keep what was typed as a name (``AXES_USERNAME_CALLABLE``)."""
    return ""
