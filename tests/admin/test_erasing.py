"""Deleting in the admin, by whatever way, erases like ``unregister``."""

from __future__ import annotations

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from recognition import services
from recognition.changelog import Database
from recognition.gallery.follow import Follower
from recognition.models import Event, Gallery, GalleryChange, PersonTemplate, Reference, Subject
from tests.admin.conftest import address
from tests.conftest import TESTER


class Elsewhere:
    """Another process: an index that has loaded the gallery and hears of changes by the log."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery, self.follower = gallery.pk, Follower(Database())

    def people(self) -> int:
        return len(self.follower.caught_up(self.gallery, 128))


@pytest.fixture
def elsewhere(gallery) -> Elsewhere:
    return Elsewhere(gallery)


def delete_one(client, subjects) -> None:
    client.post(address("subject", "delete", subjects[0].pk), {"post": "yes"})


def delete_ticked(client, subjects, **form) -> None:
    chosen = {ACTION_CHECKBOX_NAME: [subject.pk for subject in subjects]}
    sent = {"action": "delete_selected", "post": "yes", **chosen, **form}
    client.post(address("subject", "changelist"), sent)


def delete_all(client, subjects) -> None:
    delete_ticked(client, [], select_across="1", **{ACTION_CHECKBOX_NAME: ["0"]})


@pytest.mark.parametrize("delete", [delete_one, delete_ticked, delete_all])
def test_deleting_people_leaves_nothing_anywhere(admin_client, register, elsewhere, delete):
    register("barack", "obama", "obama2")
    assert elsewhere.people() == 1
    delete(admin_client, list(Subject.objects.all()))
    assert elsewhere.people() == 0
    assert not Subject.objects.exists()
    assert not Reference.objects.exists()
    assert not PersonTemplate.objects.exists()


def test_deleting_in_bulk_takes_those_ticked_and_nobody_else(admin_client, register, elsewhere):
    register("barack", "obama")
    register("joe", "biden")
    elsewhere.people()
    delete_ticked(admin_client, Subject.objects.filter(user_id="joe"))
    assert [subject.user_id for subject in Subject.objects.all()] == ["barack"]
    assert elsewhere.people() == 1


def test_deleting_all_of_a_search_spares_the_others(admin_client, register):
    register("barack", "obama")
    register("joe", "biden")
    form = {"action": "delete_selected", "post": "yes", "select_across": "1"}
    path = address("subject", "changelist") + "?q=joe"
    admin_client.post(path, {**form, ACTION_CHECKBOX_NAME: "0"})
    assert [subject.user_id for subject in Subject.objects.all()] == ["barack"]


def test_deleting_is_written_down_by_number(admin_client, register):
    register("barack", "obama")
    number = Subject.objects.get().number
    delete_one(admin_client, Subject.objects.all())
    event, change = Event.objects.get(act="unregister"), GalleryChange.objects.last()
    assert (event.actor, event.subject_number) == ("user:admin", number)
    assert (change.operation, change.subject_number) == ("remove", number)


def test_the_confirmation_counts_what_goes(admin_client, register):
    register("barack", "obama", "obama2")
    register("joe", "biden")
    one = admin_client.get(address("subject", "delete", Subject.objects.get(user_id="joe").pk))
    ticked = [subject.pk for subject in Subject.objects.all()]
    form = {"action": "delete_selected", ACTION_CHECKBOX_NAME: ticked}
    all_of_them = admin_client.post(address("subject", "changelist"), form)
    assert dict(one.context["model_count"]) == {"people": 1, "references": 1, "crops": 1}
    assert dict(all_of_them.context["model_count"]) == {"people": 2, "references": 3, "crops": 3}
    assert Subject.objects.count() == 2


def test_the_confirmation_names_at_most_a_hundred(admin_client, gallery):
    people = [Subject(gallery=gallery, user_id=f"u{number:03}") for number in range(130)]
    Subject.objects.bulk_create(people)
    form = {"action": "delete_selected", ACTION_CHECKBOX_NAME: "0", "select_across": "1"}
    page = admin_client.post(address("subject", "changelist"), form).content.decode()
    assert "<li>u099</li>" in page
    assert "<li>and 30 more</li>" in page
    assert page.count('name="_selected_action"') == 1


def test_deleting_a_reference_makes_the_template_anew(pages, register):
    register("barack", "obama", "obama2")
    pages.change(Subject.objects.get(), 0)
    left = Reference.objects.get()
    assert PersonTemplate.objects.get().vector == left.embedding


def test_deleting_the_last_reference_leaves_a_person_without_a_face(pages, register, elsewhere):
    register("barack", "obama")
    assert elsewhere.people() == 1
    pages.change(Subject.objects.get(), 0)
    assert elsewhere.people() == 0
    assert Subject.objects.get().user_id == "barack"
    assert Event.objects.filter(act="delete_reference", actor="user:admin").count() == 1


def test_deleting_a_gallery_erases_its_people(admin_client, photos):
    other = services.create_gallery("other", actor=TESTER)
    options = services.RegisterOptions()
    services.register(other, "barack", [photos.upload("obama")], options, TESTER)
    elsewhere = Elsewhere(other)
    assert elsewhere.people() == 1
    admin_client.post(address("gallery", "delete", other.pk), {"post": "yes"})
    assert elsewhere.people() == 0
    assert not Subject.objects.exists()
    assert [gallery.name for gallery in Gallery.objects.all()] == ["default"]


def test_whoever_may_change_people_cannot_erase_a_reference(staff, photos, register):
    from tests.admin.conftest import Pages

    register("barack", "obama")
    Pages(staff("change_subject"), photos).change(Subject.objects.get(), 0)
    assert Reference.objects.count() == 1


def test_whoever_may_only_look_cannot_erase(staff, register):
    register("barack", "obama")
    viewer, subject = staff("view_subject"), Subject.objects.get()
    delete_ticked(viewer, [subject])
    assert viewer.post(address("subject", "delete", subject.pk), {"post": "yes"}).status_code == 403
    assert Subject.objects.exists()
