"""What happens around every request: its id, its line in the log, and where it really came from."""

from __future__ import annotations

import ipaddress
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver

from facesite.logs import request_id
from recognition import metrics

log = logging.getLogger("facesite.request")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
GetResponse = Callable[[HttpRequest], HttpResponse]

#: What this thread answers, for what Django tells of without saying who asked.
current_request: ContextVar[HttpRequest | None] = ContextVar("current_request", default=None)


class RequestLog:
    """Give each request an id, name it in the answer and write one line about both.

    The id is always made here: one that a client chose could repeat or imitate another's.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        request.id = uuid.uuid4().hex
        token, asked = request_id.set(request.id), current_request.set(request)
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request.id
            seconds = time.perf_counter() - started
            self._write(request, response, round(seconds * 1000))
            route = call(request) if request.resolver_match else metrics.OTHER
            code = getattr(response, "code", "-")
            metrics.answered(request.method or "", route, response.status_code, code, seconds)
            return response
        finally:
            request_id.reset(token)
            current_request.reset(asked)

    def _write(self, request: HttpRequest, response: HttpResponse, ms: int) -> None:
        answered = {
            "actor": actor_name(request),
            "call": f"{request.method} {call(request)}",
            "status": response.status_code,
            "code": getattr(response, "code", "-"),
            "ms": ms,
        }
        level = logging.ERROR if response.status_code >= 500 else logging.INFO
        log.log(level, "request", extra={"answered": answered})


def actor_name(request: HttpRequest) -> str:
    """Return who asked as the log and the events name them, ``-`` for nobody we know."""
    if key := getattr(request, "api_key", None):
        return f"key:{key.prefix}"
    # Set once somebody asked for request.user; asking here could fail with the database.
    user = getattr(request, "_cached_user", None)
    return f"user:{user.get_username()}" if user is not None and user.is_authenticated else "-"


def call(request: HttpRequest) -> str:
    """Return the route where there is one, and else what it begins with, if that is ours.

    ``/users/<user_id>`` and not ``/users/ada``: a log would outlive the erasure of that user.
    """
    if request.resolver_match is None:
        first = request.path[1:].partition("/")[0]
        return f"/{first}/..." if first in beginnings() else "/..."
    return "/" + request.resolver_match.route.replace("str:", "")


@cache
def beginnings() -> set[str]:
    """Return the first parts of all addresses that there are."""
    found: list[Any] = list(get_resolver().url_patterns)
    for pattern in found:
        if not str(pattern.pattern):
            found += getattr(pattern, "url_patterns", [])
    return {str(pattern.pattern).partition("/")[0] for pattern in found} - {""}


# What proxies add to a request.
FORWARDED = {
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
}


class TrustedProxies:
    """Believe the forwarded address and scheme where they come from ``TRUSTED_PROXIES`` alone.

    Afterwards ``REMOTE_ADDR`` is the client's address, and nobody need look at the headers.
    ``request.is_local`` says that a program of this machine sent it and no proxy, trusted or not.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.proxies = [ipaddress.ip_network(p, strict=False) for p in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A server on a Unix socket gives no address; whoever reaches that is on this machine.
        peer = address_in(request.META.get("REMOTE_ADDR") or "127.0.0.1")
        request.is_local = is_local(request)
        forwarded = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        if peer is not None and self._trusts(peer):
            peer = self._client(peer, forwarded)
        else:
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        request.META["REMOTE_ADDR"] = str(peer)
        return self.get_response(request)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.proxies)

    def _client(self, peer: Address, forwarded: str) -> Address:
        """Return the last address before the chain of our own proxies began."""
        for hop in self._hops(forwarded):
            peer = hop
            if not self._trusts(hop):
                break
        return peer

    def _hops(self, forwarded: str) -> Iterator[Address]:
        for text in reversed(forwarded.split(",")):
            hop = address_in(text)
            if hop is None:
                return
            yield hop


def is_local(request: HttpRequest) -> bool:
    """Say whether a program of this machine connected itself; not of what a Unix socket brings."""
    peer = address_in(request.META.get("REMOTE_ADDR", ""))
    return peer is not None and peer.is_loopback and FORWARDED.isdisjoint(request.META)


def address_in(text: str) -> Address | None:
    """Return the address in ``text``, which may carry a port; None where there is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # One client has one address, whichever family the socket it came through was of.
    return getattr(address, "ipv4_mapped", None) or address
