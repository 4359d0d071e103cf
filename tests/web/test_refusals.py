"""What is said where a page cannot be shown: no database, no such method, refusals in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection

from recognition.models import Subject
from tests.web.test_rules import NAMES, addresses

__all__ = ["addresses"]

#: What is answered without the database: the words of scripts; who signs out is led on.
WITHOUT = {"texts", "sign_out"}
OTHERS = ["/admin/", "/admin/recognition/event/", "/console/nowhere"]
AWAY = "The database does not answer at the moment."


def gone(*_rest: Any) -> None:
    raise OperationalError("server closed the connection unexpectedly")


def test_without_the_database_every_page_says_so(administrator, addresses):
    administrator.raise_request_exception = False
    paths = [addresses[name] for name in NAMES if name not in WITHOUT]
    with connection.execute_wrapper(gone):
        answers = {path: administrator.get(path) for path in [*paths, *OTHERS]}
    for path, answer in answers.items():
        assert (answer.status_code, AWAY in answer.content.decode()) == (503, True), path
        assert answer["Retry-After"] == "5", path


def test_an_error_of_ours_is_said_without_asking_who_is_signed_in(administrator, monkeypatch):
    monkeypatch.setattr("recognition.web.home.health", lambda: 1 / 0)
    administrator.raise_request_exception = False
    answer = administrator.get("/console/")
    text = answer.content.decode()
    assert (answer.status_code, "Something went wrong in the service." in text) == (500, True)
    assert "Sign out" not in text


@pytest.mark.parametrize("path", ["", "users", "activity", "users/default/ada/thumbnail"])
def test_a_method_that_is_not_for_a_page_is_said_in_words(operator, path):
    answer = operator.put(f"/console/{path}")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert "This cannot be done here." in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("galleries/default/rename", "galleries/default"),
        ("users/default/ada/consent", "users/default/ada"),
        ("imports/{id}/cancel", "imports/{id}"),
        ("sign-out", ""),
    ],
)
def test_who_reloads_where_a_form_was_sent_is_led_back_to_it(operator, gallery, path, to):
    Subject.objects.create(gallery=gallery, user_id="ada")
    known = {"id": "00000000-0000-4000-8000-000000000000"}
    answer = operator.get(f"/console/{path}".format(**known))
    assert (answer.status_code, answer.url) == (302, f"/console/{to}".format(**known))


def test_people_are_advised_in_their_own_words(operator, gallery):
    page = operator.get("/console/users", {"gallery": "nowhere"}).content.decode()
    assert "Galleries lists those there are." in page and "POST /galleries" not in page


def test_scripts_get_the_advice_for_people_by_the_hint_of_the_api(client):
    text = client.get("/console/texts").content.decode()
    assert '"Send a valid key in the header X-API-Key.": "Sign in, then try again."' in text
    assert "globalThis.advice = {" in text
