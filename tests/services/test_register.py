"""Registering through the service: what is stored, refused, flagged and left alone."""

from __future__ import annotations

import numpy as np
import pytest

from recognition import runtime, services
from recognition.errors import RecognitionError
from recognition.models import (
    Event,
    Gallery,
    GalleryChange,
    PersonTemplate,
    Reference,
    Subject,
    from_bytes,
)
from recognition.pipeline.quality import QualityLimits
from recognition.pipeline.types import Face, Quality
from recognition.services import RegisterOptions, registration
from recognition.services.looking import Clock, View
from recognition.services.results import Upload
from tests.conftest import TESTER
from tests.pipeline import faces


def test_register_stores_a_reference_of_unit_length(register):
    done = register("barack", "obama")
    stored = Reference.objects.get(pk=done.accepted[0].reference_id)
    assert done.total_references == 1
    assert np.linalg.norm(from_bytes(stored.embedding)) == pytest.approx(1, abs=1e-5)
    assert bytes(stored.crop).startswith(b"\xff\xd8")


def test_register_makes_the_template_the_unit_mean(register):
    register("barack", "obama", "obama2")
    mean = np.mean([from_bytes(r.embedding) for r in Reference.objects.all()], axis=0)
    template = from_bytes(PersonTemplate.objects.get().vector)
    assert template == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_register_again_adds_nothing(register):
    first = register("barack", "obama")
    again = register("barack", "obama")
    assert again.accepted[0].reference_id == first.accepted[0].reference_id
    assert (again.accepted[0].new, again.total_references) == (False, 1)


def test_register_the_same_picture_twice_at_once_stores_it_once(register):
    assert register("barack", "obama", "obama").total_references == 1


def test_register_keeps_the_usable_pictures(gallery, photos):
    uploads = [photos.upload("obama"), Upload("notes.jpg", b"only text")]
    done = services.register(gallery, "barack", uploads, RegisterOptions(), TESTER)
    assert [a.index for a in done.accepted] == [0]
    assert [(r.index, r.error.code) for r in done.rejected] == [(1, "unsupported_image")]


def test_register_of_nothing_usable_is_refused_and_stores_nothing(gallery):
    with pytest.raises(RecognitionError) as refusal:
        services.register(gallery, "barack", [Upload("a", b"text")], RegisterOptions(), TESTER)
    assert refusal.value.code == "unsupported_image"
    assert refusal.value.extra["rejected"][0]["index"] == 0
    assert not Subject.objects.exists()


def test_what_the_service_cannot_do_is_no_fault_of_a_picture(register, monkeypatch):
    look = registration._registrable

    def out_of_memory(upload, *arguments):
        if "biden" in upload.name:
            raise RecognitionError("overloaded", "Later.")
        return look(upload, *arguments)

    monkeypatch.setattr(registration, "_registrable", out_of_memory)
    with pytest.raises(RecognitionError, match="Later") as refusal:
        register("barack", "obama", "biden")
    assert "rejected" not in refusal.value.extra and not Subject.objects.exists()


@pytest.mark.parametrize("user_id", ["", "../x", "..", "a b", "😀", "a\0b", "x" * 129, "-a", "a\n"])
def test_register_refuses_an_odd_user_id(gallery, photos, user_id):
    with pytest.raises(RecognitionError) as refusal:
        services.register(gallery, user_id, [photos.upload("obama")], RegisterOptions(), TESTER)
    assert refusal.value.code == "invalid_request"
    assert not Subject.objects.exists()


def test_dry_run_writes_nothing(register):
    done = register("barack", "obama", dry_run=True)
    assert (len(done.accepted), done.total_references) == (1, 0)
    assert not Subject.objects.exists() and not GalleryChange.objects.exists()


def test_replace_leaves_only_the_new_references(register):
    register("barack", "obama", "obama2")
    done = register("barack", "obama3", replace=True)
    assert done.total_references == 1
    assert str(Reference.objects.get().pk) == done.accepted[0].reference_id


@pytest.mark.parametrize("options", [{}, {"replace": True}])
def test_a_known_picture_that_is_erased_meanwhile_brings_nobody_back(
    register, gallery, monkeypatch, options
):
    register("barack", "obama")
    store = registration._store

    def erased_first(*arguments):
        services.unregister(gallery, "barack", actor=TESTER)
        return store(*arguments)

    monkeypatch.setattr(registration, "_store", erased_first)
    with pytest.raises(RecognitionError) as refusal:
        register("barack", "obama", **options)
    assert refusal.value.code == "not_ready"
    assert not Subject.objects.exists()


def test_replace_with_nothing_usable_keeps_the_old_ones(register, gallery):
    register("barack", "obama")
    options = RegisterOptions(replace=True)
    with pytest.raises(RecognitionError):
        services.register(gallery, "barack", [Upload("a", b"text")], options, TESTER)
    assert Reference.objects.count() == 1


def test_a_face_known_under_another_id_is_flagged(register):
    register("barack", "obama")
    done = register("somebody-else", "obama2")
    assert [m.user_id for m in done.possible_duplicates] == ["barack"]
    assert Subject.objects.count() == 2


def test_somebody_unlike_is_no_duplicate(register):
    register("barack", "obama")
    assert register("joe", "biden", on_duplicate="reject").possible_duplicates == []


def test_a_face_known_under_another_id_is_rejected_where_asked(register):
    register("barack", "obama")
    with pytest.raises(RecognitionError) as refusal:
        register("somebody-else", "obama2", on_duplicate="reject")
    assert refusal.value.code == "duplicate_face"
    assert refusal.value.extra["possible_duplicates"][0]["user_id"] == "barack"
    assert Subject.objects.count() == 1
    assert Event.objects.latest("id").outcome == "duplicate_face"


def test_another_face_of_the_same_user_is_no_duplicate(register):
    register("barack", "obama")
    assert register("barack", "obama2", on_duplicate="reject").possible_duplicates == []


def test_register_settles_the_embedder_of_the_gallery(register, gallery):
    register("barack", "obama")
    gallery.refresh_from_db()
    assert gallery.embedder == runtime.DLIB


def test_a_gallery_that_took_another_embedder_meanwhile_is_given_nothing(
    register, gallery, monkeypatch
):
    store = registration._store

    def settled_first(*arguments):
        Gallery.objects.update(embedder="facenet-vggface2")
        return store(*arguments)

    monkeypatch.setattr(registration, "_store", settled_first)
    with pytest.raises(RecognitionError, match="has just got the embedder") as refusal:
        register("barack", "obama")
    assert refusal.value.code == "not_ready" and not Subject.objects.exists()


def test_register_writes_an_event_without_the_user_id(register):
    register("barack", "obama")
    event = Event.objects.get(act="register")
    assert event.subject_number == Subject.objects.get().number
    assert "barack" not in f"{event.decision}{event.actor}"


def test_no_crop_is_kept_where_crops_are_off(register, settings):
    settings.KEEP_CROPS = False
    register("barack", "obama")
    stored = Reference.objects.get()
    assert (stored.sealed_crop, stored.sealed_context, stored.context_place) == (None, None, None)


def rivals(*sizes: int) -> None:
    """Look for rivals of the first of some faces, made up, of so many pixels."""
    good = {"sharpness": 1, "brightness": 120, "yaw": 0, "pitch": 0, "roll": 0}
    found = [Face(faces.detection((0, 0, s, s)), Quality(size=s, **good)) for s in sizes]
    registration._refuse_rivals(View(None, found, QualityLimits(), None, Clock()), found[0])


def test_another_face_of_more_than_half_the_area_is_a_rival():
    with pytest.raises(RecognitionError, match="3 faces of similar size") as refusal:
        rivals(100, 71, 99)
    assert refusal.value.code == "multiple_faces"


@pytest.mark.parametrize("sizes", [(100,), (100, 70), (50, 39)], ids=str)
def test_faces_that_are_smaller_or_too_small_are_no_rivals(sizes):
    assert rivals(*sizes) is None


def test_further_photographs_leave_name_and_metadata_alone(register):
    register("barack", "obama", display_name="Barack Obama", metadata={"floor": 3})
    register("barack", "obama2")
    subject = Subject.objects.get()
    assert (subject.display_name, subject.metadata) == ("Barack Obama", {"floor": 3})
