"""How often: per key, per address, per member of staff; each limit a setting."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from tests.api.conftest import Api, assert_problem


@pytest.fixture(autouse=True)
def counters(settings):
    """Begin with empty counters; a window of a day does not end during a test."""
    cache.clear()
    for name in ("REGISTER", "VERIFY", "IDENTIFY", "DEFAULT", "SESSION"):
        setattr(settings, f"RATE_{name}", "3/d")
    yield
    cache.clear()


def statuses(api: Api, path: str = "/users", times: int = 5, **headers: str) -> list[int]:
    return [api.get(path, headers=headers).status_code for _ in range(times)]


def test_exactly_the_limit_passes_and_429_says_when_to_come_back(make_api, gallery):
    api = make_api("read")
    assert statuses(api, times=3) == [200] * 3
    answer = api.get("/users")
    problem = assert_problem(answer, 429, "rate_limited")
    assert int(answer["Retry-After"]) == problem["retry_after"]
    assert 1 <= problem["retry_after"] <= 86_401


def test_each_key_has_a_count_of_its_own(make_api, gallery):
    assert statuses(make_api("read")) == [200] * 3 + [429] * 2
    assert statuses(make_api("read"), times=3) == [200] * 3


def test_each_call_has_a_count_of_its_own_under_both_addresses(make_api, gallery):
    api = make_api("read")
    assert statuses(api, "/users", 2) + statuses(api, "/api/v1/users", 2) == [200] * 3 + [429]
    assert statuses(api, "/galleries", 3) == [200] * 3


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("REGISTER", "/register"),
        ("VERIFY", "/verify"),
        ("IDENTIFY", "/identify"),
        ("DEFAULT", "/compare"),
        ("DEFAULT", "/detect"),
    ],
)
def test_each_limit_is_a_setting_and_empty_means_none(make_api, gallery, settings, name, path):
    api = make_api("register", "verify", "identify")
    setattr(settings, f"RATE_{name}", "1/d")
    assert [api.post(path).status_code for _ in range(2)] == [400, 429]
    setattr(settings, f"RATE_{name}", "")
    assert {api.post(path).status_code for _ in range(5)} == {400}


@pytest.mark.parametrize("key", ["", "wrong.key"])
def test_without_a_valid_key_the_address_is_counted(gallery, key):
    nobody = Api(key)
    assert statuses(nobody) == [401] * 3 + [429] * 2
    assert statuses(Api(key, REMOTE_ADDR="203.0.113.9"), times=3) == [401] * 3


def test_wrong_keys_of_one_address_share_a_count(gallery):
    answers = [Api(f"wrong.{n}").get("/users").status_code for n in range(5)]
    assert answers == [401] * 3 + [429] * 2


def test_a_rate_of_its_own_holds_for_all_calls_of_a_key_and_instead_of_the_settings(
    make_api, gallery, settings
):
    api = make_api("read", rate="5/d")
    settings.RATE_DEFAULT = "1/d"
    assert statuses(api, "/users", 3) + statuses(api, "/galleries", 2) == [200] * 5
    answer = api.get("/api/v1/users")
    assert assert_problem(answer, 429, "rate_limited")["limit"] == "5/d"


def test_a_rate_of_its_own_limits_where_the_settings_do_not(make_api, gallery, settings):
    settings.RATE_DEFAULT = ""
    assert statuses(make_api("read", rate="2/d")) == [200] * 2 + [429] * 3
    assert statuses(make_api("read")) == [200] * 5


def test_a_key_used_from_elsewhere_counts_for_that_address(make_api, gallery):
    api = make_api("read", networks=("203.0.113.0/24",), rate="1/d")
    assert statuses(api) == [403] * 3 + [429] * 2
    assert statuses(Api(api.key, REMOTE_ADDR="203.0.113.9"), times=1) == [200]


def test_an_address_that_is_refused_does_not_stop_a_valid_key(make_api, gallery):
    assert statuses(Api("wrong"))[-1] == 429
    assert statuses(make_api("read"), times=3) == [200] * 3


def test_a_key_that_may_not_is_counted_too(make_api, gallery):
    assert statuses(make_api("verify")) == [403] * 3 + [429] * 2


def test_forwarded_addresses_are_believed_from_proxies_alone(gallery, settings):
    for n in range(3):
        statuses(Api(""), times=1, **{"X-Forwarded-For": f"203.0.113.{n}"})
    assert statuses(Api(""), times=1, **{"X-Forwarded-For": "203.0.113.9"}) == [429]
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    assert statuses(Api(""), times=1, **{"X-Forwarded-For": "203.0.113.9"}) == [401]


def test_staff_are_counted_per_user_over_all_calls(staff, gallery):
    viewer = staff("view_subject")
    assert statuses(viewer, "/users", 2) + statuses(viewer, "/galleries", 2) == [200] * 3 + [429]


def test_dry_runs_of_staff_are_counted(staff, gallery):
    clerk = staff("add_subject")
    answers = [clerk.post("/register", user_id="ada", dry_run="true") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400] * 3 + [429]


def test_health_is_never_limited(anonymous):
    assert set(statuses(anonymous, "/health", 9) + statuses(anonymous, "/health/ready", 9)) == {200}


def test_who_tries_keys_at_readiness_is_limited(gallery):
    assert statuses(Api("wrong.key"), "/health/ready") == [401] * 3 + [429] * 2


def test_each_method_of_a_call_has_a_count_of_its_own(make_api, gallery):
    api = make_api("read", "register")
    assert statuses(api, "/galleries", 3) == [200] * 3
    assert api.post("/galleries", name="door").status_code == 201


def test_options_are_counted(make_api, gallery):
    api = make_api("read")
    answers = [api.call("OPTIONS", "/users").status_code for _ in range(4)]
    assert answers == [200] * 3 + [429]
