"""Registering in the admin: through the services, with refusals at the file field."""

from __future__ import annotations

import json

import pytest

from recognition import services
from recognition.models import Event, Reference, Subject
from tests.admin.conftest import Pages, address
from tests.conftest import TESTER, blank


def at_the_field(answer) -> list[str]:
    return answer.context["adminform"].form.errors.get("photographs", [])


def test_adding_a_person_registers_the_photographs(pages, gallery, photos):
    answer = pages.add("barack", "obama", "obama2", display_name="Barack Obama")
    assert answer.status_code == 302
    assert Reference.objects.filter(subject__user_id="barack").count() == 2
    found = services.identify(gallery, photos.upload("obama3"), actor=TESTER)
    assert [(m.user_id, m.display_name) for m in found.matches] == [("barack", "Barack Obama")]


def test_adding_a_person_is_written_down_under_the_user(pages):
    answer = pages.add("barack", "obama")
    event = Event.objects.get(act="register")
    assert (event.actor, event.request_id) == ("user:admin", answer["X-Request-ID"])


def test_a_person_without_a_usable_photograph_is_refused_at_the_field(pages):
    answer = pages.add("nobody", blank(), b"no picture")
    no_face, no_picture = at_the_field(answer)
    assert no_face.startswith("file0.jpg: No face was found in the picture. Use a sharp")
    assert no_picture.startswith("file1.jpg: The file seems to be a text.")
    assert "JPEG" in no_picture
    assert not Subject.objects.exists()


def test_the_usable_photographs_stay_and_the_refused_ones_may_be_replaced(pages):
    answer = pages.add("barack", "obama", blank())
    subject = Subject.objects.get(user_id="barack")
    assert [line.split(":")[0] for line in at_the_field(answer)] == ["file1.jpg"]
    assert address("subject", "photographs", subject.pk) in answer.content.decode()
    pages.add_photographs(subject, "obama2")
    assert subject.references.count() == 2


def test_a_photograph_that_is_too_large_is_refused_at_the_field(pages, settings):
    settings.MAX_IMAGE_BYTES = 100_000
    answer = pages.add("barack", b"\xff\xd8\xff" + bytes(100_000))
    assert "100,003 bytes, more than the 100,000 allowed" in at_the_field(answer)[0]


@pytest.mark.parametrize("count", [0, 11])
def test_a_person_comes_with_one_to_ten_photographs(pages, count):
    answer = pages.add("barack", *[blank()] * count)
    assert len(at_the_field(answer)) == 1
    assert not Event.objects.exists()


def test_a_user_id_that_is_taken_is_refused_before_any_face_is_sought(pages, register):
    register("barack", "obama")
    answer = pages.add("barack", "biden")
    assert "already exists" in answer.content.decode()
    assert Reference.objects.count() == 1


@pytest.mark.parametrize("user_id", ["../x", "", "a b", "x" * 129])
def test_an_odd_user_id_is_refused_at_its_own_field(pages, user_id):
    answer = pages.add(user_id, "obama")
    assert list(answer.context["adminform"].form.errors) == ["user_id"]
    assert not Subject.objects.exists()


@pytest.mark.parametrize("odd", ["[1]", '{"a": "\\ud800"}'])
def test_odd_metadata_is_refused_at_its_own_field(pages, odd):
    answer = pages.add("barack", "obama", metadata=odd)
    assert list(answer.context["adminform"].form.errors) == ["metadata"]


def test_a_face_that_is_known_under_another_id_is_said(pages, register):
    register("barack", "obama")
    answer = pages.add("somebody", "obama2")
    page = pages.client.get(answer["Location"]).content.decode()
    assert "This face looks like barack: similarity 0.9" in page


def test_a_photograph_that_the_person_has_already_adds_nothing(pages, register):
    register("barack", "obama")
    subject = Subject.objects.get()
    answer = pages.add_photographs(subject, "obama")
    assert answer["Location"] == address("subject", "change", subject.pk)
    assert "New photographs of barack: 0." in pages.client.get(answer["Location"]).content.decode()


def test_further_photographs_are_refused_at_the_field(pages, register):
    register("barack", "obama")
    answer = pages.add_photographs(Subject.objects.get(), blank())
    assert "No face was found" in at_the_field(answer)[0]
    assert Reference.objects.count() == 1


def test_photographs_of_nobody_are_not_found(admin_client, gallery):
    assert admin_client.get(address("subject", "photographs", 4711)).status_code == 404


def test_whoever_may_only_look_cannot_register(staff, photos, register):
    register("barack", "obama")
    viewer = Pages(staff("view_subject", "change_subject"), photos)
    assert viewer.add("joe", "biden").status_code == 403
    assert viewer.add_photographs(Subject.objects.get(), "obama2").status_code == 403
    assert Reference.objects.count() == 1


def test_whoever_may_add_registers_new_and_known_people(staff, photos, register):
    register("barack", "obama")
    registrar = Pages(staff("add_subject"), photos)
    registrar.add_photographs(Subject.objects.get(), "obama2")
    registrar.add("joe", "biden")
    assert Reference.objects.count() == 3


def test_registering_wants_the_csrf_token(staff, photos):
    client = staff("add_subject", enforce_csrf_checks=True)
    assert Pages(client, photos).add("joe", "biden").status_code == 403
    assert not Subject.objects.exists()


def test_strangers_are_sent_to_the_login(client, photos, gallery):
    answer = Pages(client, photos).add("joe", "biden")
    assert answer["Location"].startswith("/admin/login/")


def test_a_request_that_is_too_large_leads_back_to_the_form(pages, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = pages.add("barack", "obama", metadata=json.dumps({"note": "x" * 1000}))
    assert answer["Location"] == address("subject", "add")
    page = pages.client.get(answer["Location"]).content.decode()
    assert "Send fewer or smaller photographs." in page


def test_networks_that_are_missing_are_said_at_the_field(pages, no_networks):
    answer = pages.add("barack", "obama")
    assert at_the_field(answer)[0].startswith("The network mtcnn-pnet is not converted yet.")
