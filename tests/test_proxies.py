"""Forwarded addresses and schemes are believed from TRUSTED_PROXIES alone."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from facesite.middleware import TrustedProxies

PROXIES = ["10.0.0.0/8", "2001:db8::/32"]


def seen(settings, peer: str, forwarded: str = "", scheme: str = "") -> tuple[str, str]:
    """Return the address and the scheme as views see them."""
    settings.TRUSTED_PROXIES = PROXIES
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": scheme}
    request = RequestFactory().get("/", headers={k: v for k, v in headers.items() if v})
    request.META["REMOTE_ADDR"] = peer
    TrustedProxies(lambda _: HttpResponse())(request)
    return request.META["REMOTE_ADDR"], request.scheme


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.7", "203.0.113.5"),  # not a proxy of ours
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),  # two proxies of ours
        ("10.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),  # the client lied
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.1", "[2001:db9::1]:4711", "2001:db9::1"),
        ("2001:db8::1", "2001:db9::1", "2001:db9::1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.9", "10.0.0.9"),  # a client within the network of the proxies
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:203.0.113.5", "", "203.0.113.5"),
        ("", "", "127.0.0.1"),  # a Unix socket
    ],
)
def test_the_address_is_that_before_our_own_proxies(settings, peer, forwarded, client):
    assert seen(settings, peer, forwarded)[0] == client


@pytest.mark.parametrize(
    ("peer", "scheme", "believed"),
    [
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", "http", "http"),
        ("203.0.113.5", "https", "http"),
    ],
)
def test_the_scheme_is_believed_from_proxies_alone(settings, peer, scheme, believed):
    assert seen(settings, peer, scheme=scheme)[1] == believed
