"""How often: one count per key, per member of staff, and per address for everybody else.

Calls are counted each by itself; those of staff, and of a key with a rate of its own, together.

Every request counts, whatever its answer: also one that is refused, as wrong or as ``overloaded``.
So who asks again and again where all places are taken is limited, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from rest_framework.request import Request

from recognition.errors import RecognitionError
from recognition.models import ApiKey

Method = TypeVar("Method", bound=Callable[..., Any])


def limited(method: Method) -> Method:
    """Count each call of a view's method, and refuse those over the limit.

    On the method and not on ``dispatch``: only behind authentication is it known who asks.
    """

    @wraps(method)
    def counted(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        count(request, view)
        return method(view, request, *args, **kwargs)

    counted.limited = True  # type: ignore[attr-defined]  # a test looks for it on every call
    return cast(Method, counted)


def count(request: Request, view: Any) -> None:
    """Count ``request``, or raise ``rate_limited`` where its limit is used up."""
    _count(request._request, *_account(request, view))


def count_session(request: HttpRequest) -> None:
    """Count what a member of staff sends to a page, together with their calls of the API."""
    _count(request, *_session(request.user.pk))


def _count(request: HttpRequest, group: str, rate: str, who: Any) -> None:
    if not rate:
        return
    usage = get_usage(request, group=group, key=who, rate=rate, increment=True)
    if usage is None or not usage["should_limit"]:
        return
    # The last second of a window still belongs to it.
    wait = max(1, usage["time_left"] + 1)
    raise RecognitionError(
        "rate_limited",
        f"The limit is {rate}, and it is used up for {wait} s.",
        limit=rate,
        extra={"retry_after": wait},
    )


def _account(request: Request, view: Any) -> tuple[str, str, Any]:
    """Return what is counted together, at which rate, and for whom."""
    name, rate = f"{type(view).__name__}.{request.method}", getattr(settings, view.rate)
    if isinstance(request.auth, ApiKey):
        key, who = request.auth, f"key:{request.auth.prefix}"
        group, rate = ("key", key.rate) if key.rate else (name, rate)
        return group, rate, lambda _group, _request: who
    if request.user and request.user.is_staff:
        return _session(request.user.pk)
    return name, rate, "ip"  # which TrustedProxies has put right


def _session(number: int) -> tuple[str, str, Any]:
    return "session", settings.RATE_SESSION, lambda _group, _request: f"user:{number}"
