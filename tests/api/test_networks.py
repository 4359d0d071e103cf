"""Keys that are good from some networks alone: the client's address decides, not what it says."""

from __future__ import annotations

import pytest

from recognition.models import ApiKey
from tests.api.conftest import Api, assert_problem

OFFICE = ("203.0.113.0/24", "2001:db8:1::/48")


def answer_to(key: str, peer: str, forwarded: str = ""):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return Api(key, REMOTE_ADDR=peer).get("/users", headers=headers)


@pytest.fixture
def key(make_key, gallery) -> str:
    return make_key("read", networks=OFFICE)


@pytest.mark.parametrize("peer", ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8:1::7"])
def test_a_key_opens_from_its_networks_of_either_family(key, peer):
    assert answer_to(key, peer).status_code == 200


@pytest.mark.parametrize(
    "peer", ["203.0.114.9", "127.0.0.1", "2001:db8:2::7", "::1", "::ffff:10.0.0.1", "nonsense"]
)
def test_a_key_is_refused_from_everywhere_else_and_told_why(key, peer):
    problem = assert_problem(answer_to(key, peer), 403, "address_not_allowed")
    assert "TRUSTED_PROXIES" in problem["hint"]
    assert not [network for network in OFFICE if network in str(problem)]
    assert ApiKey.objects.get().last_used is None


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "203.0.113.9, 203.0.113.9", "203.0.113.9:80"])
def test_a_forged_address_does_not_help(key, settings, forwarded):
    assert_problem(answer_to(key, "198.51.100.7", forwarded), 403, "address_not_allowed")
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert_problem(answer_to(key, "198.51.100.7", forwarded), 403, "address_not_allowed")
    seen_by_the_proxy = f"{forwarded}, 198.51.100.7"
    assert_problem(answer_to(key, "10.0.0.1", seen_by_the_proxy), 403, "address_not_allowed")


def test_behind_our_own_proxy_the_address_is_the_clients(key, settings):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert answer_to(key, "10.0.0.1", "203.0.113.9").status_code == 200
    assert_problem(answer_to(key, "10.0.0.1"), 403, "address_not_allowed")


def test_a_key_without_networks_opens_from_anywhere(make_key, gallery):
    assert answer_to(make_key("read"), "198.51.100.7").status_code == 200


def test_the_details_of_readiness_are_refused_from_elsewhere_too(key):
    answer = Api(key, REMOTE_ADDR="198.51.100.7").get("/health/ready")
    assert_problem(answer, 403, "address_not_allowed")


def test_the_log_names_the_key_that_was_used_from_elsewhere(key, log):
    answer_to(key, "198.51.100.7")
    assert f"key:{key.partition('.')[0]}" in log.getvalue()
    assert "address_not_allowed" in log.getvalue() and key not in log.getvalue()
