"""Galleries in the console: made, renamed, given a threshold, emptied, deleted."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission

from recognition import services
from recognition.models import ApiKey, Event, Gallery, Sighting, Subject
from tests.conftest import TESTER, crowd, queries

GALLERIES = "/console/galleries"


@pytest.fixture
def door(gallery) -> Gallery:
    return Gallery.objects.create(name="door")


def key(*galleries: str) -> ApiKey:
    return ApiKey.objects.create_key(name="k", galleries=list(galleries))[0]


def test_a_gallery_is_made(administrator, gallery):
    page = administrator.post(GALLERIES, {"name": "front-door"}, follow=True)
    assert "The gallery front-door is there." in page.content.decode()
    assert Event.objects.get(act="create_gallery").actor == "user:administrator"


@pytest.mark.parametrize("name", ["", "Door", "a b", "../x", "x" * 65, "default", "\0"])
def test_an_odd_or_taken_name_is_refused_at_its_field(administrator, gallery, name):
    answer = administrator.post(GALLERIES, {"name": name})
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["name"]
    assert Gallery.objects.count() == 1


def test_a_gallery_has_a_threshold_of_its_own_and_then_none(administrator, door):
    administrator.post(f"{GALLERIES}/door", {"threshold": "0.5"})
    assert Gallery.objects.get(name="door").threshold == 0.5
    administrator.post(f"{GALLERIES}/door", {"threshold": ""})
    assert Gallery.objects.get(name="door").threshold is None


@pytest.mark.parametrize("threshold", ["nan", "1.5", "much"])
def test_an_odd_threshold_is_refused_at_its_field(administrator, door, threshold):
    answer = administrator.post(f"{GALLERIES}/door", {"threshold": threshold})
    assert answer.status_code == 400
    assert list(answer.context["rules_form"].errors) == ["threshold"]


def test_a_gallery_has_a_retention_of_its_own(administrator, door):
    administrator.post(f"{GALLERIES}/door", {"threshold": "0.5", "retention_unmatched_days": "30"})
    page = administrator.get(f"{GALLERIES}/door").content.decode()
    assert Gallery.objects.get(name="door").retention_unmatched_days == 30
    assert "until 30 days have passed without a match" in page and 'value="30"' in page
    administrator.post(f"{GALLERIES}/door", {"threshold": "0.5", "retention_unmatched_days": ""})
    assert Gallery.objects.get(name="door").retention_unmatched_days is None
    acts = Event.objects.order_by("id").values_list("act", flat=True)
    assert list(acts) == ["set_threshold", "set_retention", "set_retention"]


@pytest.mark.parametrize("days", ["-1", "91", "1.5", "many"])
def test_an_odd_retention_is_refused_at_its_field(administrator, door, days):
    answer = administrator.post(f"{GALLERIES}/door", {"retention_unmatched_days": days})
    assert answer.status_code == 400
    assert list(answer.context["rules_form"].errors) == ["retention_unmatched_days"]


def test_rules_that_are_not_changed_are_not_written_down(administrator, door):
    page = administrator.post(f"{GALLERIES}/door", {"threshold": ""}, follow=True)
    assert "Nothing was changed." in page.content.decode()
    assert not Event.objects.exists()


def test_a_renamed_gallery_keeps_its_people_keys_and_attendance(administrator, door):
    [ada] = crowd(door, 1)
    ours, other = key("door", "default"), key("default")
    event = Event.objects.create(act="identify", gallery="door")
    Sighting.objects.create(
        event=event, time=event.time, gallery="door", subject_number=ada.number, similarity=0.9
    )
    page = administrator.post(f"{GALLERIES}/door/rename", {"name": "gate"}, follow=True)
    assert "The gallery is called gate now." in page.content.decode()
    ours.refresh_from_db()
    other.refresh_from_db()
    assert (ours.galleries, other.galleries) == (["gate", "default"], ["default"])
    assert Sighting.objects.get().gallery == Subject.objects.get().gallery.name == "gate"
    assert Event.objects.get(act="rename_gallery").decision == {"from": "door"}


def test_events_of_before_are_found_by_the_names_of_then_and_of_now(administrator, door):
    assert "keep the name of then" in administrator.get(f"{GALLERIES}/door").content.decode()
    old = Event.objects.create(act="identify", gallery="door")
    administrator.post(f"{GALLERIES}/door/rename", {"name": "gate"})
    other = Event.objects.create(act="identify", gallery="other")
    found = administrator.get("/console/activity?gallery=door").context["lines"]
    assert [line.event for line in found] == [old]
    found = administrator.get("/console/activity?gallery=gate").context["lines"]
    assert [line.event.act for line in found] == ["rename_gallery", "identify"]
    assert other not in [line.event for line in found]


def test_a_renamed_gallery_still_finds_its_people(gallery, door, photos):
    services.register(door, "ada", [photos.upload("obama")], services.RegisterOptions(), TESTER)
    services.rename_gallery("door", "gate", actor=TESTER)
    found = services.identify(Gallery.objects.get(name="gate"), photos.upload("obama2"),
                              actor=TESTER)  # fmt: skip
    assert [match.user_id for match in found.matches] == ["ada"]


@pytest.mark.parametrize("new", ["default", "x y", "gone", "revoked", ""])
def test_a_name_that_is_odd_taken_or_a_key_s_is_refused(administrator, door, new):
    named, revoked = key("gone"), key("revoked")
    ApiKey.objects.filter(pk=revoked.pk).update(revoked=True)
    answer = administrator.post(f"{GALLERIES}/door/rename", {"name": new})
    assert answer.status_code == 400
    assert list(answer.context["name_form"].errors) == ["name"]
    named.refresh_from_db()
    assert named.galleries == ["gone"] and Gallery.objects.filter(name="door").exists()


def test_the_first_gallery_keeps_its_name(administrator, gallery):
    answer = administrator.post(f"{GALLERIES}/default/rename", {"name": "other"})
    assert answer.status_code == 400
    assert Gallery.objects.get().name == "default"


@pytest.mark.parametrize(("act", "left"), [("empty", 1), ("delete", 0)])
def test_people_are_erased_once_the_name_is_typed(administrator, door, act, left):
    crowd(door, 3)
    path = f"{GALLERIES}/door/{act}"
    assert administrator.post(path, {"typed": "dor"}).status_code == 400
    assert Subject.objects.count() == 3
    assert administrator.post(path, {"typed": "door"}).url == GALLERIES
    assert not Subject.objects.exists()
    assert Gallery.objects.filter(name="door").count() == left


def test_the_first_gallery_is_emptied_and_never_deleted(administrator, gallery):
    crowd(gallery, 2)
    for answer in (
        administrator.get(f"{GALLERIES}/default/delete"),
        administrator.post(f"{GALLERIES}/default/delete", {"typed": "default"}, follow=True),
    ):
        assert "The gallery default can be emptied, not deleted." in answer.content.decode()
    assert Subject.objects.count() == 2
    administrator.post(f"{GALLERIES}/default/empty", {"typed": "default"})
    assert Gallery.objects.exists() and not Subject.objects.exists()


def test_erasing_people_with_a_gallery_wants_the_permission_for_both(
    client, django_user_model, door
):
    user = django_user_model.objects.create_user("keeper", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="delete_gallery"))
    client.force_login(user)
    crowd(door, 1)
    for act in ("empty", "delete"):
        assert client.get(f"{GALLERIES}/door/{act}").status_code == 403
        assert client.post(f"{GALLERIES}/door/{act}", {"typed": "door"}).status_code == 403
    assert Subject.objects.exists()


@pytest.mark.parametrize("path", ["", "/empty", "/delete"])
def test_a_gallery_that_is_not_there_is_said_in_words(administrator, gallery, path):
    answer = administrator.get(f"{GALLERIES}/nowhere{path}")
    assert answer.status_code == 404
    assert "There is no gallery" in answer.content.decode()


def test_many_galleries_take_as_many_queries_as_one(administrator, gallery):
    one = queries(administrator, GALLERIES)
    Gallery.objects.bulk_create(Gallery(name=f"g{number}") for number in range(30))
    assert queries(administrator, GALLERIES) == one <= 6


def test_a_viewer_looks_at_galleries_and_is_offered_nothing(viewer, door):
    page = viewer.get(f"{GALLERIES}/door").content.decode()
    assert "What it holds" in page
    for word in ("Rename", "Empty it", "Delete it", "Save"):
        assert word not in page
