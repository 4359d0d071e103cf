"""Register, verify and identify without JavaScript: the forms come to the console itself."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from recognition import runtime
from recognition.admission import Places
from recognition.models import Event, Reference


def file(photos, name: str) -> SimpleUploadedFile:
    upload = photos.upload(name)
    return SimpleUploadedFile(upload.name, upload.data)


def test_several_photographs_are_registered(operator, photos):
    sent = {"user_id": "ada", "file": [file(photos, "obama"), file(photos, "obama2")]}
    page = operator.post("/console/register", sent)
    assert "ada has 2 references." in page.content.decode()
    assert Event.objects.get(act="register").actor == "user:operator"


def test_references_are_replaced_by_who_may_erase_alone(
    gallery, django_user_model, register, photos
):
    register("ada", "obama")
    user = django_user_model.objects.create_user("adder", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="add_subject"))
    client = Client()
    client.force_login(user)
    sent = {"user_id": "ada", "file": file(photos, "obama2"), "replace": "true"}
    assert client.post("/console/register", sent).status_code == 403
    assert Reference.objects.count() == 1


def test_each_picture_that_was_refused_is_listed(operator):
    files = [SimpleUploadedFile(name, b"no picture") for name in ("a.jpg", "b.jpg")]
    page = operator.post("/console/register", {"user_id": "ada", "file": files})
    assert "a.jpg:" in page.content.decode() and "b.jpg:" in page.content.decode()


def test_what_is_sent_to_pages_is_counted(operator, photos, settings):
    settings.RATE_SESSION = "2/d"
    sent = [operator.post("/console/identify", {"file": file(photos, "obama")}) for _ in range(3)]
    assert [page.status_code for page in sent] == [200, 200, 429]
    assert int(sent[2]["Retry-After"]) > 0


def test_what_was_refused_is_said_and_what_was_filled_in_stays(operator, photos):
    page = operator.post("/console/register", {"user_id": "a b", "file": file(photos, "obama")})
    text = page.content.decode()
    assert page.status_code == 400
    assert "the first a letter or a digit" in text and 'value="a b"' in text


@pytest.mark.parametrize(
    ("path", "sent", "status", "said"),
    [
        ("register", {"user_id": "ada"}, 400, "file"),
        ("register", {"file": True}, 400, "user_id"),
        ("verify", {"user_id": "ada", "file": True}, 404, "is registered in"),
        ("verify", {"user_id": "ada", "file": True, "threshold": "x"}, 400, "threshold"),
        ("identify", {"file": True, "gallery": "none"}, 404, "There is no gallery"),
        ("identify", {"file": b"no picture"}, 415, "JPEG"),
    ],
)
def test_bad_input_is_said_in_words(operator, photos, path, sent, status, said):
    if "file" in sent:
        data = sent["file"]
        sent["file"] = file(photos, "obama") if data is True else SimpleUploadedFile("a", data)
    page = operator.post(f"/console/{path}", sent)
    assert page.status_code == status
    assert said in page.content.decode() and 'role="alert"' in page.content.decode()


@pytest.mark.parametrize("path", ["register", "verify", "identify"])
def test_json_is_refused_in_words_by_pages(operator, path):
    page = operator.post(f"/console/{path}", b"{}", content_type="application/json")
    assert page.status_code == 415 and 'role="alert"' in page.content.decode()


def test_a_hostile_name_stays_text(operator, register, photos):
    register("ada", "obama", display_name="<img src=x onerror=alert(1)>")
    page = operator.post("/console/identify", {"file": file(photos, "obama2")})
    assert "&lt;img src=x" in page.content.decode() and "<img src=x" not in page.content.decode()


def test_a_form_without_its_token_changes_nothing(sign_in, photos):
    client = sign_in("operator", enforce_csrf_checks=True)
    page = client.post("/console/register", {"user_id": "ada", "file": file(photos, "obama")})
    assert page.status_code == 403
    assert "This page is too old" in page.content.decode()
    assert not Reference.objects.exists()


@pytest.mark.parametrize("path", ["register", "verify", "identify"])
def test_a_viewer_may_not(viewer, photos, path):
    sent = {"user_id": "ada", "file": file(photos, "obama")}
    assert viewer.get(f"/console/{path}").status_code == 403
    assert viewer.post(f"/console/{path}", sent).status_code == 403
    assert not Event.objects.exists()


def test_who_is_signed_in_but_no_staff_sees_nothing(gallery, django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("guest", password="x"))
    page = client.get("/console/")
    assert page.status_code == 403
    assert "Sign out" in page.content.decode() and "Admin" not in page.content.decode()
    assert client.get("/console/sign-in?next=/console/sign-in").status_code == 200


def test_too_many_at_once_are_told_to_wait(operator, photos, monkeypatch):
    full = Places(running=1, waiting=0)
    monkeypatch.setattr(runtime, "places", lambda: full)
    with full.sending():
        page = operator.post("/console/identify", {"file": file(photos, "obama")})
    assert page.status_code == 503
    assert "sending pictures already" in page.content.decode()


def test_a_picture_that_is_too_large_is_said(operator, settings):
    settings.MAX_IMAGE_BYTES = 1000
    page = operator.post("/console/identify", {"file": SimpleUploadedFile("a", bytes(2000))})
    assert page.status_code == 413
    assert "1,000 bytes at most" in page.content.decode()


def test_the_page_says_how_large_a_picture_may_be(operator, settings):
    settings.MAX_IMAGE_BYTES = 3 * 2**20
    assert "3.0\xa0MB at most" in operator.get("/console/identify").content.decode()


def test_the_pages_name_the_zone_of_their_times(operator):
    with timezone.override("Europe/Berlin"):
        page = operator.get("/console/live").content.decode()
    assert 'data-zone="Europe/Berlin"' in page and "of the zone Europe/Berlin." in page


def test_pages_are_kept_by_no_cache(operator):
    assert operator.get("/console/")["Cache-Control"] == "no-store"
