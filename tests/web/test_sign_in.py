"""Who tries too often to sign in is locked out, in the console and in the admin alike."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from axes.models import AccessAttempt
from django.core.cache import cache
from django.test import Client

from recognition.models import Event

CONSOLE, ADMIN = "/console/sign-in", "/admin/login/"
ELSEWHERE = "198.51.100.7"
LIMIT = 3
WAIT = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def ada(db, settings, django_user_model):
    settings.AXES_FAILURE_LIMIT = LIMIT
    return django_user_model.objects.create_superuser("ada", password="right")


def sign_in(password: str, page: str = CONSOLE, *, name: str = "ada", **options):
    client = Client(**{"REMOTE_ADDR": "203.0.113.9", **options})
    return client.post(page, {"username": name, "password": password})


def fail(times: int = LIMIT, page: str = CONSOLE, **options) -> list[int]:
    return [sign_in("wrong", page, **options).status_code for _ in range(times)]


@pytest.mark.parametrize("page", [CONSOLE, ADMIN])
def test_whoever_fails_too_often_is_locked_out_even_with_the_right_password(page):
    assert fail(LIMIT + 1, page) == [200] * (LIMIT - 1) + [429] * 2
    assert [sign_in("right", each).status_code for each in (CONSOLE, ADMIN)] == [429] * 2
    assert sign_in("right", page, REMOTE_ADDR=ELSEWHERE).status_code == 302


def test_the_page_says_in_plain_words_how_long_it_lasts():
    fail()
    answer = sign_in("right", ADMIN)
    page = answer.content.decode()
    assert "Too many failed sign-ins from your address" in page and "console.css" in page
    assert "Wait 15 minutes, then sign in again." in page
    assert answer["Retry-After"] == "900"


def test_failures_of_both_pages_and_of_all_names_are_counted_together():
    fail(1, CONSOLE, name="ada")
    fail(1, ADMIN, name="bob")
    assert fail(1, CONSOLE, name="eve", headers={"user-agent": "another"}) == [429]


def test_a_success_in_between_does_not_begin_the_count_anew():
    fail(LIMIT - 1)
    assert sign_in("right").status_code == 302
    assert fail(1) == [429]


def test_a_forged_address_does_not_help(settings):
    forged = [fail(1, headers={"X-Forwarded-For": f"192.0.2.{n}"})[0] for n in range(LIMIT)]
    assert forged == [200] * (LIMIT - 1) + [429]
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    chain = {"X-Forwarded-For": "192.0.2.1, 203.0.113.9"}
    assert sign_in("right", REMOTE_ADDR="10.0.0.1", headers=chain).status_code == 429


def test_behind_our_own_proxy_the_clients_are_told_apart(settings):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    proxied = {"REMOTE_ADDR": "10.0.0.1"}
    fail(LIMIT, headers={"X-Forwarded-For": ELSEWHERE}, **proxied)
    answers = [
        sign_in("right", headers={"X-Forwarded-For": client}, **proxied).status_code
        for client in (ELSEWHERE, "198.51.100.8")
    ]
    assert answers == [429, 302]


def test_an_ipv6_client_does_not_help_itself_by_another_address_of_its_network():
    answers = [fail(1, REMOTE_ADDR=f"2001:db8::{n}")[0] for n in range(LIMIT)]
    assert answers[-1] == 429
    assert sign_in("right", REMOTE_ADDR="2001:db8:0:1::1").status_code == 302


def test_a_lock_out_ends():
    fail()
    AccessAttempt.objects.update(attempt_time=AccessAttempt.objects.get().attempt_time - WAIT)
    assert sign_in("right").status_code == 302
    assert not AccessAttempt.objects.exists()


def test_the_count_lies_in_the_database_and_not_in_a_process():
    fail()
    cache.clear()
    assert AccessAttempt.objects.get().failures_since_start == LIMIT
    assert sign_in("right").status_code == 429


def test_whoever_is_signed_in_stays_so(ada):
    client = Client(REMOTE_ADDR="203.0.113.9")
    client.force_login(ada)
    fail()
    assert client.get("/console/keys").status_code == 200


def test_neither_names_nor_passwords_that_failed_are_kept():
    sign_in("pass-word-99", name="a-name-99")
    next_page = {"next": "/console/users/default/somebody-99"}
    Client(REMOTE_ADDR="203.0.113.9").post(
        f"{CONSOLE}?{urlencode(next_page)}", {"username": "a", "password": "b", **next_page}
    )
    row = AccessAttempt.objects.values().get()
    assert row["failures_since_start"] == 2
    assert not [value for value in row.values() if "-99" in str(value)]


def test_a_lock_out_is_an_event_and_what_follows_it_is_none():
    fail(LIMIT + 3)
    sign_in("right")
    events = Event.objects.filter(act="sign_in").order_by("id")
    assert [event.outcome for event in events] == ["refused"] * (LIMIT - 1) + ["locked_out"]
