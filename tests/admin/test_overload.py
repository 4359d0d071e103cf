"""Photographs in the admin, when all places are taken or the browser has gone."""

from __future__ import annotations

import socket

from recognition import runtime
from recognition.admission import Client
from recognition.models import Reference


def test_all_places_taken_is_told_at_the_field(pages, settings):
    settings.MAX_RUNNING, settings.MAX_WAITING = 1, 0
    runtime.places.cache_clear()
    with runtime.places().place(Client()):
        answer = pages.add("ada", "obama")
    runtime.places.cache_clear()
    [said] = answer.context["adminform"].form.errors["photographs"]
    assert "1 requests are computed and 0 wait" in said and not Reference.objects.exists()


def test_nothing_is_computed_for_a_browser_that_has_gone(pages):
    server, browser = socket.socketpair()
    browser.close()
    pages.client.raise_request_exception = False
    pages.client.defaults["gunicorn.socket"] = server
    answer = pages.add("ada", "obama")
    assert (answer.status_code, answer.content) == (499, b"")
    assert not Reference.objects.exists()
