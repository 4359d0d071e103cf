"""Galleries in the admin."""

from __future__ import annotations

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from recognition.models import Event, Gallery, Subject
from tests.admin.conftest import address
from tests.conftest import queries


def test_the_list_counts_people_and_references(admin_client, register):
    register("barack", "obama", "obama2")
    register("joe", "biden")
    page = admin_client.get(address("gallery", "changelist")).content.decode()
    assert '<td class="field-people">2</td><td class="field-references">3</td>' in page
    assert '<td class="field-embedder">dlib-resnet-v1</td>' in page


def test_the_list_takes_as_many_queries_for_many_galleries_as_for_one(admin_client, gallery):
    path, counts = address("gallery", "changelist"), []
    for number in range(2):
        Gallery.objects.bulk_create(Gallery(name=f"g{number}-{n}") for n in range(number * 20))
        counts.append(queries(admin_client, path))
    assert counts[0] == counts[1]


def test_adding_a_gallery_is_done_by_the_service(admin_client, gallery):
    admin_client.post(address("gallery", "add"), {"name": "door-1", "threshold": "0.95"})
    assert Gallery.objects.get(name="door-1").threshold == 0.95
    acts = Event.objects.order_by("id").values_list("act", flat=True)
    assert list(acts) == ["create_gallery", "set_threshold"]


@pytest.mark.parametrize("name", ["", "Door", "a b", "../x", "x" * 65, "default"])
def test_a_gallery_with_an_odd_or_taken_name_is_refused_at_its_field(admin_client, gallery, name):
    answer = admin_client.post(address("gallery", "add"), {"name": name})
    assert list(answer.context["adminform"].form.errors) == ["name"]
    assert Gallery.objects.count() == 1


@pytest.mark.parametrize("threshold", ["nan", "1.5", "-2", "inf", "much"])
def test_an_odd_threshold_is_refused_at_its_field(admin_client, gallery, threshold):
    path = address("gallery", "change", gallery.pk)
    answer = admin_client.post(path, {"threshold": threshold})
    assert list(answer.context["adminform"].form.errors) == ["threshold"]


def test_a_gallery_is_given_a_retention_of_its_own(admin_client, gallery):
    path = address("gallery", "change", gallery.pk)
    admin_client.post(path, {"retention_unmatched_days": "30"})
    assert Gallery.objects.get().retention_unmatched_days == 30
    assert Event.objects.get(act="set_retention").decision == {"unmatched_days": 30}
    answer = admin_client.post(path, {"retention_unmatched_days": "91"})
    assert list(answer.context["adminform"].form.errors) == ["retention_unmatched_days"]


def test_a_gallery_keeps_its_name(admin_client, gallery):
    admin_client.post(address("gallery", "change", gallery.pk), {"name": "x", "threshold": "0.5"})
    gallery.refresh_from_db()
    assert (gallery.name, gallery.threshold) == ("default", 0.5)


def test_the_default_gallery_cannot_be_deleted(admin_client, gallery):
    Subject.objects.create(gallery=gallery, user_id="barack")
    one = admin_client.post(address("gallery", "delete", gallery.pk), {"post": "yes"})
    form = {"action": "delete_selected", "post": "yes", ACTION_CHECKBOX_NAME: gallery.pk}
    ticked = admin_client.post(address("gallery", "changelist"), form)
    assert one.status_code == 403
    assert "it can be emptied, not deleted" in ticked.content.decode()
    assert Subject.objects.exists()


def test_deleting_people_with_a_gallery_wants_the_permission_for_both(staff):
    other = Gallery.objects.create(name="other")
    Subject.objects.create(gallery=other, user_id="barack")
    keeper = staff("delete_gallery")
    answer = keeper.post(address("gallery", "delete", other.pk), {"post": "yes"})
    assert answer.status_code == 403
    assert Subject.objects.exists()


def test_the_confirmation_counts_what_goes(admin_client, gallery):
    other = Gallery.objects.create(name="other")
    Subject.objects.create(gallery=other, user_id="barack")
    page = admin_client.get(address("gallery", "delete", other.pk))
    expected = {"galleries": 1, "people": 1, "references": 0, "crops": 0}
    assert dict(page.context["model_count"]) == expected


def test_a_gallery_leads_to_the_console_and_the_console_back(admin_client, gallery):
    here, there = address("gallery", "change", gallery.pk), "/console/galleries/default"
    assert f'href="{there}"' in admin_client.get(here).content.decode()
    assert f'href="{here}"' in admin_client.get(there).content.decode()
