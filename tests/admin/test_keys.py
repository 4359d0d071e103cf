"""API keys in the admin."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ObjectDoesNotExist

from recognition.models import ApiKey, Event, Gallery
from tests.admin.conftest import address
from tests.conftest import queries


def make(client, **form) -> str:
    """Make a key in the admin and return what the page shows of it."""
    page = client.post(address("apikey", "add"), {"name": "door", "scopes": ["read"], **form})
    return re.search(r'id="api-key">([^<]+)<', page.content.decode())[1]


@pytest.fixture
def key(admin_client, gallery) -> ApiKey:
    make(admin_client, galleries=["default"])
    return ApiKey.objects.get()


def change(client, key: ApiKey, **form) -> None:
    client.post(address("apikey", "change", key.pk), {"name": "door", "scopes": ["read"], **form})


def test_a_key_is_shown_once_and_works(admin_client, gallery):
    secret = make(admin_client, scopes=["read", "delete"], galleries=["default"])
    key = ApiKey.objects.get_from_key(secret)
    assert (key.scopes, key.galleries) == (["read", "delete"], ["default"])
    for path in (address("apikey", "changelist"), address("apikey", "change", key.pk)):
        assert secret not in admin_client.get(path).content.decode()


def test_the_answer_with_the_key_is_kept_by_nobody(admin_client, gallery):
    form = {"name": "door", "scopes": ["read"]}
    answer = admin_client.post(address("apikey", "add"), form)
    assert "no-store" in answer["Cache-Control"]
    assert "messages" not in answer.cookies


def test_revoking_a_key_by_its_form_is_told_as_that(admin_client, key):
    change(admin_client, key, revoked="on")
    assert ApiKey.objects.get().revoked
    assert Event.objects.order_by("id").last().act == "revoke_key"


def test_a_key_without_galleries_is_for_all(admin_client, gallery):
    make(admin_client)
    assert ApiKey.objects.get().may_use("any")


ODD = [
    {"scopes": []},
    {"scopes": ["rule"]},
    {"galleries": ["none"]},
    {"networks": "x"},
    {"rate": "x"},
]


@pytest.mark.parametrize("form", ODD, ids=str)
def test_odd_scopes_and_galleries_are_refused_at_their_field(admin_client, gallery, form):
    sent = {"name": "door", "scopes": ["read"], **form}
    answer = admin_client.post(address("apikey", "add"), sent)
    assert list(answer.context["adminform"].form.errors) == list(form)
    assert not ApiKey.objects.exists()


def test_networks_and_rate_are_shown_and_changed(admin_client, key):
    change(admin_client, key, networks="10.0.0.0/8\n::1", rate="100/m")
    page = admin_client.get(address("apikey", "change", key.pk)).content.decode()
    assert "10.0.0.0/8\n::1/128</textarea>" in page
    change(admin_client, key, networks="", rate="")
    key.refresh_from_db()
    assert (key.networks, key.rate) == ([], "")
    newest, before = Event.objects.filter(act="change_key")
    assert (newest.decision["rate"], before.decision["rate"]) == ("", "100/m")


def test_a_key_of_a_gallery_that_is_gone_does_not_open_the_others(admin_client, gallery):
    Gallery.objects.create(name="gone")
    make(admin_client, galleries=["gone"])
    key = ApiKey.objects.get()
    Gallery.objects.filter(name="gone").delete()
    page = admin_client.get(address("apikey", "change", key.pk)).content.decode()
    change(admin_client, key, galleries=["gone"], name="renamed")
    key.refresh_from_db()
    assert re.search(r'value="gone"[^>]* checked', page)
    assert (key.name, key.galleries) == ("renamed", ["gone"])


def test_a_revoked_key_works_no_longer(admin_client, gallery):
    secret = make(admin_client)
    form = {"action": "revoke", ACTION_CHECKBOX_NAME: ApiKey.objects.get().pk}
    admin_client.post(address("apikey", "changelist"), form)
    with pytest.raises(ObjectDoesNotExist):
        ApiKey.objects.get_from_key(secret)


def test_a_key_that_is_revoked_again_is_written_down_once(admin_client, key):
    form = {"action": "revoke", ACTION_CHECKBOX_NAME: key.pk}
    for _ in range(2):
        admin_client.post(address("apikey", "changelist"), form)
    assert Event.objects.filter(act="revoke_key").count() == 1


def test_a_revoked_key_cannot_be_changed_back(admin_client, key):
    change(admin_client, key, revoked="on")
    change(admin_client, key, scopes=["delete"])
    key.refresh_from_db()
    assert (key.revoked, key.scopes) == (True, ["read"])


def test_whoever_may_only_look_revokes_nothing(staff, key):
    form = {"action": "revoke", ACTION_CHECKBOX_NAME: key.pk}
    staff("view_apikey").post(address("apikey", "changelist"), form)
    key.refresh_from_db()
    assert not key.revoked


def test_the_keys_of_the_package_which_open_nothing_are_not_offered(admin_client, gallery):
    page = admin_client.get("/admin/").content.decode()
    assert "rest_framework_api_key" not in page
    assert "<title>Administration | Facesite</title>" in page


def test_the_list_takes_as_many_queries_for_many_keys_as_for_one(admin_client, key):
    path = address("apikey", "changelist")
    one = queries(admin_client, path)
    for number in range(20):
        ApiKey.objects.create_key(name=f"k{number}", galleries=["default"])
    assert queries(admin_client, path) == one
