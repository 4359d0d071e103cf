"""Erasing: nothing of a face is left, and nobody else is touched."""

from __future__ import annotations

import uuid

import pytest

from recognition import services
from recognition.errors import RecognitionError
from recognition.models import (
    Gallery,
    GalleryChange,
    PersonTemplate,
    Reference,
    Subject,
    from_bytes,
)
from tests.conftest import TESTER


def test_unregister_erases_references_crops_and_template(register, gallery):
    register("barack", "obama", "obama2")
    register("joe", "biden")
    erased = services.unregister(gallery, "barack", actor=TESTER)
    assert (erased.references, erased.crops, erased.templates) == (2, 2, 1)
    assert [s.user_id for s in Subject.objects.all()] == ["joe"]
    assert Reference.objects.count() == PersonTemplate.objects.count() == 1


def test_only_crops_that_were_kept_are_counted(register, gallery, settings):
    register("barack", "obama")
    settings.KEEP_CROPS = False
    done = register("barack", "obama2", "obama3")
    gone = done.accepted[0].reference_id
    assert services.delete_reference(gallery, "barack", gone, actor=TESTER).crops == 0
    erased = services.unregister(gallery, "barack", actor=TESTER)
    assert (erased.references, erased.crops) == (2, 1)
    assert erased.receipts[0].counts == {"references": 2, "crops": 1}


def test_unregister_says_so_in_the_log(register, gallery):
    register("barack", "obama")
    number = Subject.objects.get().number
    services.unregister(gallery, "barack", actor=TESTER)
    last = GalleryChange.objects.order_by("id").last()
    assert (last.operation, last.subject_number) == ("remove", number)


def test_unregister_of_an_unknown_user_is_not_found(gallery):
    with pytest.raises(RecognitionError) as refusal:
        services.unregister(gallery, "nobody", actor=TESTER)
    assert refusal.value.code == "user_not_found"


def test_deleting_a_reference_makes_the_template_anew(register, gallery):
    done = register("barack", "obama", "obama2")
    before = bytes(PersonTemplate.objects.get().vector)
    services.delete_reference(gallery, "barack", done.accepted[0].reference_id, actor=TESTER)
    left = Reference.objects.get()
    after = from_bytes(PersonTemplate.objects.get().vector)
    assert after == pytest.approx(from_bytes(left.embedding), abs=1e-6)
    assert after != pytest.approx(from_bytes(before), abs=1e-3)


def test_a_search_compares_with_what_is_left_after_a_reference_is_deleted(
    register, gallery, photos
):
    done = register("barack", "obama", "obama2")
    seen = photos.upload("obama")
    [before] = services.identify(gallery, seen, actor=TESTER).matches
    services.delete_reference(gallery, "barack", done.accepted[0].reference_id, actor=TESTER)
    [after] = services.identify(gallery, seen, actor=TESTER).matches
    assert after.similarity < before.similarity - 0.001


def test_the_last_reference_leaves_a_user_without_a_face(register, gallery, photos):
    done = register("barack", "obama")
    services.delete_reference(gallery, "barack", done.accepted[0].reference_id, actor=TESTER)
    assert Subject.objects.get().user_id == "barack"
    assert services.identify(gallery, photos.upload("obama"), actor=TESTER).people == 0
    assert services.find_gallery("default").embedder == ""


@pytest.mark.parametrize("reference_id", ["no-uuid", str(uuid.UUID(int=1))])
def test_deleting_an_unknown_reference_is_not_found(register, gallery, reference_id):
    register("barack", "obama")
    with pytest.raises(RecognitionError) as refusal:
        services.delete_reference(gallery, "barack", reference_id, actor=TESTER)
    assert refusal.value.code == "not_found"


def test_a_gallery_with_people_is_deleted_only_by_force(register, gallery):
    register("barack", "obama")
    with pytest.raises(RecognitionError) as refusal:
        services.delete_gallery("default", force=False, actor=TESTER)
    assert (refusal.value.code, Subject.objects.count()) == ("gallery_not_empty", 1)


def test_the_default_gallery_is_emptied_but_stays(register, gallery):
    register("barack", "obama")
    erased = services.delete_gallery("default", force=True, actor=TESTER)
    gallery.refresh_from_db()
    assert (erased.subjects, Subject.objects.count(), gallery.embedder) == (1, 0, "")


def test_another_gallery_goes_whole(gallery):
    services.create_gallery("other", actor=TESTER)
    services.delete_gallery("other", force=False, actor=TESTER)
    assert not Gallery.objects.filter(name="other").exists()
