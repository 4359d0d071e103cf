"""People in the admin: listed, searched, altered by the services."""

from __future__ import annotations

import base64

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry

from recognition import services
from recognition.errors import RecognitionError
from recognition.models import Event, GalleryChange, Reference, Subject
from tests.admin.conftest import address
from tests.conftest import TESTER, crowd, queries


def listed(client, **query) -> list[str]:
    page = client.get(address("subject", "changelist"), query)
    return [subject.user_id for subject in page.context["cl"].result_list]


def test_the_list_counts_references(admin_client, register):
    register("barack", "obama", "obama2")
    page = admin_client.get(address("subject", "changelist")).content.decode()
    assert '<td class="field-references">2</td>' in page


@pytest.mark.parametrize("text", ["BARA", "obama", "number"])
def test_people_are_found_by_id_name_and_number(admin_client, register, text):
    register("barack", "obama", display_name="Barack Obama")
    register("joe", "biden")
    number = Subject.objects.get(user_id="barack").number
    assert listed(admin_client, q=number if text == "number" else text) == ["barack"]


def test_people_are_filtered_by_gallery_and_activity(admin_client, gallery):
    other = services.create_gallery("other", actor=TESTER)
    Subject.objects.create(gallery=gallery, user_id="here")
    Subject.objects.create(gallery=other, user_id="there", active=False)
    assert listed(admin_client, gallery__id__exact=gallery.pk) == ["here"]
    assert listed(admin_client, active__exact=0) == ["there"]


def test_the_list_takes_as_many_queries_for_forty_people_as_for_one(admin_client, gallery):
    path = address("subject", "changelist")
    crowd(gallery, 1)
    one = queries(admin_client, path)
    Subject.objects.all().delete()
    crowd(gallery, 40)
    assert queries(admin_client, path) == one


def test_a_person_takes_as_many_queries_with_three_references_as_with_one(admin_client, register):
    register("barack", "obama")
    register("joe", "biden", "astronaut", "obama3")
    one, three = (address("subject", "change", s.pk) for s in Subject.objects.order_by("user_id"))
    assert queries(admin_client, three) == queries(admin_client, one)


def test_a_person_is_shown_with_the_crops(admin_client, register):
    register("barack", "obama")
    crop = base64.b64encode(Reference.objects.get().crop).decode()
    page = admin_client.get(address("subject", "change", Subject.objects.get().pk))
    assert f'src="data:image/jpeg;base64,{crop}"' in page.content.decode()


def test_changes_are_made_by_the_service(pages, register):
    register("barack", "obama")
    head = GalleryChange.objects.count()
    pages.change(Subject.objects.get(), display_name="Barack Obama", metadata='{"floor": 3}')
    subject = Subject.objects.get()
    assert (subject.display_name, subject.metadata) == ("Barack Obama", {"floor": 3})
    assert GalleryChange.objects.count() == head + 1
    assert Event.objects.filter(act="update", actor="user:admin").count() == 1


def test_metadata_that_no_answer_could_hold_are_refused_at_their_field(pages, gallery):
    subject = Subject.objects.create(gallery=gallery, user_id="barack")
    answer = pages.change(subject, metadata='{"a": "\\ud800"}')
    assert list(answer.context["adminform"].form.errors) == ["metadata"]
    assert Subject.objects.get().metadata == {}


def test_saving_without_a_change_writes_nothing(pages, register):
    register("barack", "obama")
    before = (GalleryChange.objects.count(), Event.objects.count())
    pages.change(Subject.objects.get())
    assert (GalleryChange.objects.count(), Event.objects.count()) == before


def test_an_inactive_person_is_no_longer_matched(pages, register, gallery, photos):
    register("barack", "obama")
    pages.change(Subject.objects.get(), active="")
    assert not services.identify(gallery, photos.upload("obama2"), actor=TESTER).matches


def test_the_user_id_cannot_be_changed(pages, register):
    register("barack", "obama")
    pages.change(Subject.objects.get(), user_id="joe")
    assert Subject.objects.get().user_id == "barack"


def test_djangos_own_log_keeps_nothing_of_a_person(pages, register):
    pages.add("barack", "obama")
    subject = Subject.objects.get()
    pages.change(subject, display_name="Barack Obama")
    pages.client.post(address("subject", "delete", subject.pk), {"post": "yes"})
    assert not LogEntry.objects.exists()


def test_the_history_leads_to_the_events(admin_client, register):
    register("barack", "obama")
    answer = admin_client.get(address("subject", "history", Subject.objects.get().pk), follow=True)
    assert [event.act for event in answer.context["cl"].result_list] == ["register"]


def test_whoever_may_only_look_sees_crops_and_changes_nothing(staff, register):
    register("barack", "obama")
    viewer, path = staff("view_subject"), address("subject", "change", Subject.objects.get().pk)
    page = viewer.get(path).content.decode()
    assert "data:image/jpeg" in page
    assert "photographs/" not in page
    assert viewer.post(path, {"display_name": "x"}).status_code == 403


def test_whoever_has_no_permission_sees_nobody(staff, register):
    register("barack", "obama")
    assert staff("view_event").get(address("subject", "changelist")).status_code == 403


@pytest.mark.parametrize("page", ["change", "history"])
def test_whoever_is_refused_has_not_looked(staff, gallery, page):
    joe = Subject.objects.create(gallery=gallery, user_id="joe")
    assert staff("view_event").get(address("subject", page, joe.pk)).status_code == 403
    assert not Event.objects.filter(act="view").exists()


def test_consent_given_anew_holds_from_the_day_that_the_form_shows(pages, gallery):
    joe = Subject.objects.create(gallery=gallery, user_id="joe", consent_given="2026-01-02")
    pages.change(joe, lawful_basis="consent", consent_given="2026-01-02")
    joe.refresh_from_db()
    assert (joe.lawful_basis, str(joe.consent_given)) == ("consent", "2026-01-02")


def test_a_refusal_leads_back_to_the_page_where_it_is_shown(pages, register, monkeypatch):
    def refuse(*args, **options):
        raise RecognitionError("user_not_found", "No user 'barack' is registered.")

    register("barack", "obama")
    monkeypatch.setattr(services, "update_user", refuse)
    answer = pages.change(Subject.objects.get(), display_name="x")
    page = pages.client.get(answer["Location"]).content.decode()
    assert "No user &#x27;barack&#x27; is registered. Check the user id" in page


def test_people_are_filtered_by_references(admin_client, register, gallery):
    register("barack", "obama")
    Subject.objects.create(gallery=gallery, user_id="joe")
    assert listed(admin_client, references="yes") == ["barack"]
    assert listed(admin_client, references="no") == ["joe"]
    assert listed(admin_client, references="x") == ["barack", "joe"]


@pytest.mark.parametrize(("action", "active"), [("activate", True), ("deactivate", False)])
def test_people_are_made_active_or_not_by_the_service(admin_client, gallery, action, active):
    for number in range(2):
        Subject.objects.create(gallery=gallery, user_id=f"u{number}", active=not number)
    ticked = [subject.pk for subject in Subject.objects.all()]
    form = {"action": action, ACTION_CHECKBOX_NAME: ticked}
    admin_client.post(address("subject", "changelist"), form)
    assert set(Subject.objects.values_list("active", flat=True)) == {active}
    assert Event.objects.filter(act="update", actor="user:admin").count() == 1
    assert GalleryChange.objects.count() == 1


def test_whoever_may_only_look_makes_nobody_inactive(staff, gallery):
    one = Subject.objects.create(gallery=gallery, user_id="joe")
    form = {"action": "deactivate", ACTION_CHECKBOX_NAME: one.pk}
    staff("view_subject").post(address("subject", "changelist"), form)
    one.refresh_from_db()
    assert one.active


def test_a_person_leads_to_the_console_and_the_console_back(admin_client, gallery):
    one = Subject.objects.create(gallery=gallery, user_id="joe")
    here, there = address("subject", "change", one.pk), "/console/users/default/joe"
    assert f'href="{there}"' in admin_client.get(here).content.decode()
    assert f'href="{here}"' in admin_client.get(there).content.decode()
