"""Every act is an event of the chain: who did what, with what outcome, by which request."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client

from recognition.models import ApiKey, Event
from recognition.services import audit
from recognition.services.calibrations import activate, store_calibration
from recognition.services.configuration import note_settings
from recognition.services.results import Actor
from tests.api.conftest import Api, Pictures

PASSWORD = "a right and proper passphrase"
BARACK = "/console/users/default/barack"


@dataclass
class Cast:
    """Who acts: a client of the API, an administrator in a browser, whoever types commands."""

    api: Api
    browser: Client
    pictures: Pictures
    folder: Path
    reference: str = ""
    user: User | None = None

    def post(self, path: str, **form: Any) -> None:
        answer = self.browser.post(path, form)
        assert answer.status_code in {200, 302}, answer.content[:2000]

    def identify(self, call: str, **fields: Any) -> None:
        self.api.post(call, file=self.pictures.obama2, **fields)


@pytest.fixture
def cast(own_vault, api, pictures, django_user_model, tmp_path, settings) -> Cast:
    """Return the cast, with Barack registered and an administrator who is signed in."""
    settings.AUDIT_HEAD_FILE = tmp_path / "audit.head"
    django_user_model.objects.create_superuser("ada", password=PASSWORD)
    made = Cast(api, Client(), pictures, tmp_path)
    made.user = django_user_model.objects.create_user("viv", password=PASSWORD, is_staff=True)
    answer = api.post("/register", user_id="barack", file=pictures.obama).json()
    made.reference = answer["accepted"][0]["reference_id"]
    made.browser.post("/console/sign-in", {"username": "ada", "password": PASSWORD})
    return made


def crop(cast: Cast) -> str:
    return f"/users/barack/references/{cast.reference}/crop"


def key() -> ApiKey:
    return ApiKey.objects.latest("created")


def account(cast: Cast) -> str:
    return f"/admin/auth/user/{cast.user.pk}"


def give_a_role(cast: Cast) -> None:
    form = {"username": "viv", "is_active": "on", "is_staff": "on", "date_joined_0": "2026-01-01"}
    form |= {"date_joined_1": "00:00:00", "groups": str(Group.objects.get(name="viewer").pk)}
    cast.post(f"{account(cast)}/change/", **form)


def give_a_permission(cast: Cast) -> None:
    group = Group.objects.get(name="viewer")
    wanted = [Permission.objects.get(codename="delete_subject").pk]
    cast.post(f"/admin/auth/group/{group.pk}/change/", name="viewer", permissions=wanted)


def set_a_password(cast: Cast) -> None:
    new = dict.fromkeys(("password1", "password2"), f"{PASSWORD} 2")
    cast.post(f"{account(cast)}/password/", **new, usable_password="true")


def add_somebody(cast: Cast) -> None:
    new = dict.fromkeys(("password1", "password2"), PASSWORD)
    cast.post("/admin/auth/user/add/", username="eve", usable_password="true", **new)


def measure(cast: Cast) -> None:
    made = store_calibration("door", {"embedder": "dlib-resnet-v1"}, actor=Actor("command:x"))
    activate(made, actor=Actor("command:x"))


def export(cast: Cast) -> None:
    call_command("export", str(cast.folder / "people"))


def register_a_text(cast: Cast) -> None:
    cast.api.post("/register", user_id="joe", file=b"-")


def delete_a_key(cast: Cast) -> None:
    cast.post(f"/admin/recognition/apikey/{key().pk}/delete/", post="yes")


def sign_in(cast: Cast, password: str) -> None:
    cast.post("/console/sign-in", username="ada", password=password)


KEY, USER, COMMAND, NOBODY = "key:", "user:ada", "command:", "-"
Act = Callable[[Cast], Any]
#: What is done; the act, the actor and the outcome that are written down.
ACTS: list[tuple[Act, str, str, str]] = [
    (lambda c: c.identify("/register", user_id="barack"), "register", KEY, "ok"),
    (register_a_text, "register", KEY, "unsupported_image"),
    (lambda c: c.identify("/verify", user_id="barack"), "verify", KEY, "verified"),
    (lambda c: c.identify("/verify", user_id="joe"), "verify", KEY, "user_not_found"),
    (lambda c: c.identify("/identify"), "identify", KEY, "match"),
    (lambda c: c.api.get("/users/barack"), "view", KEY, "ok"),
    (lambda c: c.api.get(crop(c)), "view", KEY, "ok"),
    (lambda c: c.browser.get(BARACK), "view", USER, "ok"),
    (lambda c: c.browser.get(BARACK + crop(c).removeprefix("/users/barack")), "view", USER, "ok"),
    (lambda c: c.api.send_json("PATCH", "/users/barack", {"active": False}), "update", KEY, "ok"),
    (lambda c: c.api.delete(crop(c).removesuffix("/crop")), "delete_reference", KEY, "ok"),
    (lambda c: c.api.delete("/unregister/barack"), "unregister", KEY, "ok"),
    (lambda c: c.api.post("/galleries", name="door"), "create_gallery", KEY, "ok"),
    (lambda c: c.api.delete("/galleries/default?force=true"), "delete_gallery", KEY, "ok"),
    (lambda c: c.post("/console/galleries/default", threshold="0.9"), "set_threshold", USER, "ok"),
    (measure, "activate_calibration", COMMAND, "ok"),
    (lambda c: note_settings(), "settings", "server", "ok"),
    (export, "export", COMMAND, "ok"),
    (lambda c: call_command("backup", str(c.folder / "b")), "backup", COMMAND, "ok"),
    (lambda c: call_command("rotate_keys"), "rotate_keys", COMMAND, "ok"),
    (lambda c: call_command("create_api_key", "door"), "create_key", COMMAND, "ok"),
    (lambda c: c.post("/console/keys", name="x", scopes=["read"]), "create_key", USER, "ok"),
    (lambda c: c.post(f"/console/keys/{key().prefix}/revoke"), "revoke_key", USER, "ok"),
    (delete_a_key, "delete_key", USER, "ok"),
    (add_somebody, "create_user", USER, "ok"),
    (give_a_role, "change_user", USER, "ok"),
    (set_a_password, "change_user", USER, "ok"),
    (give_a_permission, "change_group", USER, "ok"),
    (lambda c: c.post(f"{account(c)}/delete/", post="yes"), "delete_user", USER, "ok"),
    (lambda c: c.post("/console/sign-out"), "sign_out", USER, "ok"),
    (lambda c: sign_in(c, "x"), "sign_in", NOBODY, "refused"),
    (lambda c: sign_in(c, PASSWORD), "sign_in", USER, "ok"),
]  # fmt: skip


@pytest.mark.parametrize(("does", "act", "actor", "outcome"), ACTS, ids=lambda one: str(one)[:20])
def test_an_act_is_an_event_of_the_chain(cast, does, act, actor, outcome):
    before = Event.objects.latest("id").pk
    does(cast)
    event = Event.objects.filter(pk__gt=before, act=act).latest("id")
    assert event.actor.startswith(actor) and event.outcome == outcome
    assert bool(event.request_id) is actor.startswith((KEY, USER, NOBODY))
    assert list(audit.faults()) == []
    assert Event.objects.filter(pk=event.pk).exclude(position=None).exists()


def test_what_was_given_to_whom_is_told(cast):
    give_a_role(cast)
    event = Event.objects.filter(act="change_user").latest("id")
    assert event.decision == {"user": "viv", "what": "groups", "given": ["viewer"]}
    cast.user.groups.clear()  # outside of a request: nobody's act
    assert Event.objects.latest("id") == event


def test_an_account_made_by_a_command_is_told(db, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["manage.py", "createsuperuser"])
    call_command("createsuperuser", "--no-input", username="eve", email="eve@example.org")
    event = Event.objects.get(act="create_user")
    assert event.actor == "command:createsuperuser" and event.decision["is_superuser"] is True


def test_a_restart_with_other_settings_is_told_once(db, settings):
    assert note_settings() and not note_settings()
    settings.FACE_TARGET_FMR = 0.01
    assert note_settings()
    event = Event.objects.filter(act="settings").latest("id")
    assert event.decision["changed"] == {"FACE_TARGET_FMR": [0.001, 0.01]}
