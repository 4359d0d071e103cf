"""The log: one line a request with the id of its answer, for people or for machines."""

from __future__ import annotations

import json
import logging
import re

import pytest

from facesite.logs import ConsoleFormatter, JsonFormatter
from recognition.models import ApiKey, Subject
from tests.conftest import logged


@pytest.fixture(params=[ConsoleFormatter, JsonFormatter], ids=["console", "json"])
def either(request):
    with logged(request.param()) as stream:
        yield stream


@pytest.fixture
def console():
    with logged(ConsoleFormatter()) as stream:
        yield stream


@pytest.fixture
def machine():
    with logged(JsonFormatter()) as stream:
        yield stream


@pytest.fixture
def key(db) -> str:
    return str(ApiKey.objects.create_key(name="t")[1])


def test_a_request_is_one_line_with_who_what_and_how_it_ended(client, key, console):
    answer = client.get("/users/ada?gallery=default", headers={"X-API-Key": key})
    prefix = key.partition(".")[0]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    "
        rf"{answer['X-Request-ID']} key:{prefix} GET /users/<user_id> 404 user_not_found \d+ ms\n",
        console.getvalue(),
    )


def test_the_same_as_json(client, key, machine):
    answer = client.get("/users", headers={"X-API-Key": key})
    line = json.loads(machine.getvalue())
    assert line["request_id"] == answer["X-Request-ID"]
    assert (line["call"], line["status"], line["code"]) == ("GET /users", 200, "-")
    assert line["actor"] == f"key:{key.partition('.')[0]}" and line["ms"] >= 0


def test_staff_stand_in_the_log_by_name_and_strangers_by_nothing(client, admin_user, machine):
    client.get("/users")
    client.force_login(admin_user)
    client.get("/users")
    client.get("/admin/")
    actors = [json.loads(line)["actor"] for line in machine.getvalue().splitlines()]
    assert actors == ["-", "user:admin", "user:admin"]


def test_no_key_and_no_user_id_is_logged(client, key, either):
    Subject.objects.create(gallery_id=1, user_id="ada-lovelace")
    wrong = "wrong.very-secret"
    for sent in (key, wrong, f"Api-Key {key}"):
        header = "Authorization" if sent.startswith("Api") else "X-API-Key"
        client.get("/users/ada-lovelace", headers={header: sent})
        client.delete("/unregister/nobody-known?gallery=x", headers={header: sent})
        client.get(f"/users?search=ada-lovelace&key={key}", headers={header: sent})
    text = either.getvalue()
    assert len(text.splitlines()) == 9
    for secret in (key, key.partition(".")[2], "very-secret", "ada-lovelace", "nobody-known"):
        assert secret not in text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/users/ada/nothing", "/users/..."),
        ("/api/v2/ada", "/api/..."),
        ("/ada", "/..."),
        ("/ada/users", "/..."),
        ("/wp-login.php", "/..."),
    ],
)
def test_of_an_address_that_leads_nowhere_only_what_is_ours_is_logged(client, console, path, said):
    client.get(path)
    assert f" - GET {said} 404 not_found " in console.getvalue()


def test_nobody_forges_a_line(client, either):
    client.get("/x%0d%0a2026-01-01T00:00:00.000Z INFO    forged%1b[31m%e2%80%a8")
    assert len(either.getvalue().splitlines()) == 1
    assert "\x1b" not in either.getvalue()


def test_a_traceback_stands_under_the_id(machine):
    try:
        raise KeyError("why")
    except KeyError:
        logging.getLogger("somewhere").exception("It failed")
    line = json.loads(machine.getvalue())
    assert (line["message"], line["level"], line["logger"]) == ("It failed", "ERROR", "somewhere")
    assert "KeyError: 'why'" in line["traceback"]


def test_server_errors_are_logged_as_errors(client, machine, monkeypatch):
    from recognition.api import health

    monkeypatch.setattr(health, "readiness", lambda: {"networks": "not ok"})
    monkeypatch.setattr(health, "embedder", lambda: None)
    assert client.get("/health/ready").status_code == 503
    line = json.loads(machine.getvalue())
    assert (line["level"], line["code"], line["status"]) == ("ERROR", "not_ready", 503)
