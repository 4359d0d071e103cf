"""``create_api_key``: the key alone on stdout."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from recognition.models import SCOPES, ApiKey, Event, Gallery

VARIABLE, VALUE = "FACESITE_TEST_KEY", "q7VnJtW3xLr9KfYb2HsDzP5mCgE8aUw4"


def test_the_key_alone_is_on_stdout_and_works(command):
    ran = command("create_api_key", "door")
    [secret] = ran.lines
    key = ApiKey.objects.get_from_key(secret)
    assert (key.name, key.scopes, key.galleries) == ("door", list(SCOPES), [])
    assert secret not in ran.stderr


def test_scopes_and_galleries_limit_the_key(command):
    Gallery.objects.create(name="door")
    secret = command(
        "create_api_key", "x", "--scope", "read", "--scope=identify", "--gallery=door"
    ).lines[0]
    key = ApiKey.objects.get_from_key(secret)
    assert (key.scopes, key.galleries) == (["identify", "read"], ["door"])
    assert not key.may_use("default")


@pytest.mark.parametrize(
    "arguments",
    [
        ["x", "--scope", "rule"],
        ["x", "--gallery", "none"],
        ["x", "--network", "10.0.0.1/8"],
        ["x", "--rate", "0/m"],
        ["x", "--expires", "soon"],
        ["x", "--expires", "2026-01-31"],
        ["x", "--value-from", "FACESITE_TEST_KEY"],
        [""],
        [" "],
        ["x" * 51],
        ["a\nb"],
        [],
    ],
)
def test_what_is_not_known_is_refused(command, arguments):
    ran = command("create_api_key", *arguments)
    assert ran.status != 0
    assert ran.stdout == ""
    assert not ApiKey.objects.exists()


def test_networks_rate_and_end_limit_the_key(command):
    ran = command(
        "create_api_key", "x", "--network", "10.0.0.0/8", "::1", "--rate=100/m", "--expires",
        "2100-12-31",
    )  # fmt: skip
    key = ApiKey.objects.get_from_key(ran.lines[0])
    assert (key.networks, key.rate) == (["10.0.0.0/8", "::1/128"], "100/m")
    assert key.expiry_date == datetime(2100, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_if_missing_twice_gives_one_key(command):
    first = command("create_api_key", "door", "--if-missing")
    second = command("create_api_key", "door", "--if-missing", "--scope", "read")
    assert (first.status, second.status, second.stdout) == (0, 0, "")
    key = ApiKey.objects.get()
    assert (key.name, key.scopes) == ("door", list(SCOPES))
    assert "is there already" in second.stderr and "It differs in scopes:" in second.stderr
    assert Event.objects.filter(act="create_key").count() == 1


@pytest.mark.parametrize(
    "ended", [{"revoked": True}, {"expiry_date": timezone.now()}], ids=["revoked", "expired"]
)
def test_a_key_that_ended_is_missing(command, ended):
    command("create_api_key", "door", "--if-missing")
    ApiKey.objects.update(**ended)
    secret = command("create_api_key", "door", "--if-missing").lines[0]
    assert ApiKey.objects.get_from_key(secret).name == "door"


@pytest.fixture
def given(command, monkeypatch):
    """Return a function that makes a key with a value of the environment."""

    def run(value: str, *options: str, name: str = "door"):
        monkeypatch.setenv(VARIABLE, value)
        return command("create_api_key", name, "--value-from", VARIABLE, *options)

    return run


def test_a_value_of_the_environment_is_the_key_however_often_it_is_given(given):
    first, second = given(VALUE, "--scope", "read"), given(VALUE, "--scope", "read")
    assert [(ran.status, ran.stdout) for ran in (first, second)] == [(0, "")] * 2
    key = ApiKey.objects.get_from_key(VALUE)
    assert (key.name, key.scopes, key.from_environment) == ("door", ["read"], False)
    assert VALUE not in first.stderr + second.stderr and "differs" not in second.stderr


def test_a_value_lies_in_a_file(command, monkeypatch, tmp_path):
    (tmp_path / "key").write_text(f"{VALUE}\n")
    monkeypatch.setenv(f"{VARIABLE}_FILE", str(tmp_path / "key"))
    assert command("create_api_key", "door", "--value-from", VARIABLE).status == 0
    assert ApiKey.objects.get_from_key(VALUE).name == "door"


@pytest.mark.parametrize("value", ["", "short", "a" * 40, "changeme" * 5, VALUE + "é"])
def test_a_value_that_is_no_good_is_refused(given, value):
    ran = given(value)
    assert (ran.status, ApiKey.objects.count()) == (2, 0)
    assert VARIABLE in ran.stderr


def test_another_value_for_the_same_name_is_refused_where_one_is_asked_for(given):
    given(VALUE)
    ran = given(VALUE[::-1], "--if-missing")
    assert (ran.status, ApiKey.objects.count()) == (2, 1)
    assert "another value" in ran.stderr


def test_a_value_that_was_revoked_does_not_come_back(given):
    given(VALUE)
    ApiKey.objects.update(revoked=True)
    ran = given(VALUE, "--if-missing")
    assert (ran.status, ApiKey.objects.count()) == (2, 1)
    assert "revoked or expired" in ran.stderr
