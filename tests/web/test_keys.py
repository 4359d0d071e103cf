"""API keys: made, shown once, revoked; when they were last used."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from recognition import key_models
from recognition.models import ApiKey, Event
from tests.conftest import queries

KEYS = "/console/keys"


def make(client, **form):
    return client.post(KEYS, {"name": "door", "scopes": ["read"], **form})


@pytest.fixture
def secret(administrator) -> str:
    """Return a new key, as its page shows it."""
    return make(administrator).context["secret"]


def test_a_key_is_made_as_asked_and_shown_once(administrator):
    answer = make(administrator, galleries=["default"], expiry_date="2100-01-01T12:30")
    key = ApiKey.objects.get_from_key(answer.context["secret"])
    assert (key.name, key.scopes, key.galleries) == ("door", ["read"], ["default"])
    assert key.expiry_date.isoformat() == "2100-01-01T12:30:00+00:00"
    assert f'value="{answer.context["secret"]}"' in answer.content.decode()
    assert answer.context["secret"] not in administrator.get(KEYS).content.decode()
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "form",
    [
        {"name": ""},
        {"scopes": []},
        {"scopes": ["x"]},
        {"galleries": ["x"]},
        {"networks": "10.1.2.3/8"},
        {"rate": "often"},
        {"expiry_date": "x"},
    ],
)
def test_odd_fields_are_refused_at_their_place(administrator, form):
    answer = make(administrator, **form)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == list(form)
    assert not ApiKey.objects.exists()


def test_a_key_is_made_with_networks_and_a_rate_which_the_list_shows(administrator):
    make(administrator, networks="10.0.0.0/8,  ::1\r\n10.0.0.0/8", rate="100/m")
    key = ApiKey.objects.get()
    assert (key.networks, key.rate) == (["10.0.0.0/8", "::1/128"], "100/m")
    page = administrator.get(KEYS).content.decode()
    assert "10.0.0.0/8, ::1/128" in page and "100/m" in page
    made = Event.objects.get(act="create_key").decision
    assert (made["networks"], made["rate"]) == (key.networks, "100/m")


def test_what_was_refused_stands_in_the_form_again(administrator):
    page = make(administrator, networks="10.0.0.0/8\nhere").content.decode()
    assert "10.0.0.0/8\nhere</textarea>" in page
    assert "&#x27;here&#x27; is no address or network." in page


def test_a_key_cannot_be_made_revoked_already(administrator):
    make(administrator, revoked="on")
    assert not ApiKey.objects.get().revoked


def test_a_revoked_key_works_no_longer(administrator, secret):
    prefix = ApiKey.objects.get().prefix
    asked = administrator.get(f"{KEYS}/{prefix}/revoke").content.decode()
    page = administrator.post(f"{KEYS}/{prefix}/revoke", follow=True).content.decode()
    assert "Revoke the key of door?" in asked
    assert f"The key {prefix} is revoked." in page
    with pytest.raises(ObjectDoesNotExist):
        ApiKey.objects.get_from_key(secret)


@pytest.mark.parametrize("prefix", ["nothing", "%00", "%E2%82%AC"])
def test_a_key_that_is_not_there_is_said_in_words(administrator, prefix):
    answer = administrator.post(f"{KEYS}/{prefix}/revoke")
    assert answer.status_code == 404
    assert "There is no such key." in answer.content.decode()


def test_the_list_tells_the_state_and_never_the_hash(administrator, secret):
    make(administrator, name="old")
    ApiKey.objects.filter(name="old").update(expiry_date=timezone.now() - timedelta(days=1))
    page = administrator.get(KEYS).content.decode()
    assert "valid" in page and "expired" in page
    assert not [key for key in ApiKey.objects.all() if key.hashed_key in page]


def test_many_keys_take_as_many_queries_as_one(administrator, secret):
    one = queries(administrator, KEYS)
    for _ in range(10):
        make(administrator)
    assert queries(administrator, KEYS) == one <= 6


def use(secret: str) -> int:
    """Use a key; return how often it was written down."""
    with CaptureQueriesContext(connection) as sent:
        assert Client().get("/users", headers={"X-API-Key": secret}).status_code == 200
    return sum(query["sql"].startswith("UPDATE") for query in sent)


def test_the_use_of_a_key_is_noted_once_a_minute(administrator, secret, monkeypatch):
    assert (use(secret), use(secret)) == (1, 0)
    assert timezone.now() - ApiKey.objects.get().last_used < timedelta(minutes=1)
    monkeypatch.setattr(key_models, "USE_NOTED", 0.0)
    assert use(secret) == 1


def test_a_key_that_is_refused_was_not_used(administrator, secret):
    ApiKey.objects.update(revoked=True)
    assert Client().get("/users", headers={"X-API-Key": secret}).status_code == 401
    assert ApiKey.objects.get().last_used is None


TERMS = {"galleries": ["default"], "networks": "10.0.0.0/8", "rate": "9/m"}
TERMS |= {"expiry_date": "2100-01-01T12:30"}


def test_what_a_key_is_bound_to_is_changed_and_written_down(administrator, secret):
    path = f"{KEYS}/{ApiKey.objects.get().prefix}"
    shown = administrator.get(path).content.decode()
    assert secret not in shown and ApiKey.objects.get().hashed_key not in shown
    assert administrator.post(path, TERMS).url == KEYS
    key, event = ApiKey.objects.get(), Event.objects.get(act="change_key")
    assert (key.galleries, key.networks, key.rate) == (["default"], ["10.0.0.0/8"], "9/m")
    assert (key.name, key.scopes) == ("door", ["read"]) and key.expiry_date.year == 2100
    assert (event.actor, event.decision) == ("user:administrator", key.terms())
    answer = Client().get("/users", headers={"X-API-Key": secret})  # from outside of its network
    assert answer.json()["code"] == "address_not_allowed"


def test_what_is_not_changed_is_not_written_down(administrator, secret):
    prefix = ApiKey.objects.get().prefix
    page = administrator.post(f"{KEYS}/{prefix}", {}, follow=True).content.decode()
    assert "Nothing was changed." in page
    assert not Event.objects.filter(act="change_key").exists()


@pytest.mark.parametrize("form", [{"networks": "x"}, {"rate": "x"}, {"expiry_date": "x"}], ids=str)
def test_odd_terms_are_refused_at_their_place(administrator, secret, form):
    answer = administrator.post(f"{KEYS}/{ApiKey.objects.get().prefix}", form)
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, list(form))


def test_a_revoked_key_is_not_changed(administrator, secret):
    ApiKey.objects.update(revoked=True)
    page = administrator.post(f"{KEYS}/{ApiKey.objects.get().prefix}", TERMS, follow=True)
    assert "The key is revoked, which cannot be undone." in page.content.decode()
    assert ApiKey.objects.get().networks == [] and ApiKey.objects.get().revoked
