"""Sign-ins stand among the events, and the names that failed do not."""

from __future__ import annotations

import pytest
from django.test import Client

from recognition.models import Event


@pytest.mark.parametrize(("password", "outcome"), [("right", "ok"), ("wrong", "refused")])
def test_a_sign_in_is_an_event(gallery, django_user_model, password, outcome):
    django_user_model.objects.create_superuser("ada", password="right")
    Client().post("/admin/login/", {"username": "ada", "password": password})
    event = Event.objects.get(act="sign_in")
    assert (event.outcome, event.actor) == (outcome, "user:ada" if outcome == "ok" else "-")
    assert event.request_id
