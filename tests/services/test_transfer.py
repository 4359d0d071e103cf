"""A gallery's way into another one: what is exported, and what is taken."""

from __future__ import annotations

import pytest

from recognition import services, vault
from recognition.errors import RecognitionError
from recognition.models import Gallery, Reference, Subject
from recognition.services import transfer
from tests.conftest import TESTER


@pytest.fixture
def moved(gallery, register, tmp_path):
    """Return a function that moves everybody into a gallery ``other``, and what came of it."""
    register("barack", "obama", "obama2")

    def move():
        _, key = transfer.export(gallery, tmp_path / "people", TESTER)
        other, _ = Gallery.objects.get_or_create(name="other")
        return transfer.take(tmp_path / "people", key, other, TESTER, dry_run=False)

    return move


def taken() -> list[Reference]:
    return list(Reference.objects.filter(subject__gallery__name="other").order_by("created"))


def test_what_a_reviewer_set_aside_stays_aside(moved):
    first = Reference.objects.first()
    Reference.objects.filter(pk=first.pk).update(aside=True)
    moved()
    assert [one.aside for one in taken()] == [True, False]


def test_pictures_come_along(moved):
    moved()
    own, key = Reference.objects.first(), vault.key_of(taken()[0].subject.number)
    assert taken()[0].crop == own.crop
    assert taken()[0].open_context(key) == own.open_context(vault.key_of(own.subject.number))


def test_no_picture_is_kept_where_none_are(moved, settings):
    settings.KEEP_CROPS = False
    moved()
    assert [(one.crop, one.sealed_context, one.context_place) for one in taken()] == [
        (None, None, None)
    ] * 2


def test_who_cannot_be_read_is_left_out(moved, register):
    register("joe", "biden")
    vault.keys().destroy([Subject.objects.get(user_id="joe").number])
    assert moved()["people"] == 1


def test_what_another_embedder_made_is_left_out(moved, gallery, photos):
    former = Reference.objects.first()
    Reference.objects.filter(pk=former.pk).update(embedder="facenet-vggface2")
    moved()
    assert len(taken()) == 1
    found = services.identify(
        Gallery.objects.get(name="other"), photos.upload("obama3"), actor=TESTER
    )
    assert found.matches[0].user_id == "barack"


def test_people_of_another_embedder_than_the_gallerys_are_refused(moved):
    Gallery.objects.create(name="other", embedder="facenet-vggface2")
    with pytest.raises(RecognitionError, match="facenet-vggface2's") as refusal:
        moved()
    assert refusal.value.code == "invalid_request" and taken() == []


def test_somebody_whose_user_id_is_none_is_refused(moved, gallery):
    Subject.objects.create(gallery=gallery, user_id="../x")
    with pytest.raises(RecognitionError, match="'../x' is no user_id") as refusal:
        moved()
    assert refusal.value.code == "invalid_request"
    assert not Subject.objects.filter(gallery__name="other", user_id="../x").exists()
