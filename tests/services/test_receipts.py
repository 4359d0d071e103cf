"""Receipts, suppression, and what is left where an erasure was cut short."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from datetime import timedelta

import environ
import pytest
from django.utils import timezone

from recognition import runtime, services, vault
from recognition.errors import RecognitionError
from recognition.gallery.follow import CopyLostError
from recognition.models import (
    Erasure,
    Gallery,
    GalleryChange,
    Reference,
    Subject,
    Suppression,
)
from recognition.services import backups, orphans, receipts, transfer
from tests.conftest import TESTER


@pytest.fixture(autouse=True)
def empty_log() -> None:
    receipts.log_path().unlink(missing_ok=True)


@pytest.fixture
def own_store(db, postgres, settings, tmp_path) -> Iterator[None]:
    """Let the keys lie in a PostgreSQL, and the log of this machine in a folder of its own."""
    settings.KEYS_DATABASE = environ.Env.db_url_config(postgres.create("facesite_log"))
    settings.DATA_DIR = tmp_path
    vault.keys.cache_clear()
    yield
    vault.keys().close()
    vault.keys.cache_clear()


@pytest.fixture
def erase(register, gallery):
    """Register somebody, erase them, and return what the service said."""

    def erase_by_name(user_id: str):
        register(user_id, "obama")
        erased = services.unregister(gallery, user_id, actor=TESTER)
        receipts.finish()  # what the commit, which this test never reaches, calls
        return erased

    return erase_by_name


def test_a_receipt_counts_and_names_nobody(erase, gallery):
    (receipt,) = erase("barack").receipts
    assert receipt.counts == {"references": 1, "crops": 1}
    assert receipt.user_hash == receipts.user_hash(gallery.token, "barack")
    stored = Erasure.objects.get()
    assert stored.finished and stored.subject_number is None


def test_erasing_destroys_the_key(erase, register):
    register("barack", "obama2")
    erased = Subject.objects.get().number
    erase("barack")
    register("joe", "biden")
    kept = Subject.objects.get().number
    assert list(vault.keys().read([erased, kept])) == [kept]


def test_erasing_is_noted_in_the_log_without_a_name(erase, gallery):
    erase("barack")
    (line,) = receipts.log_path().read_text().splitlines()
    assert json.loads(line)["user"] == receipts.user_hash(gallery.token, "barack")
    assert "barack" not in line
    assert receipts.log_path().stat().st_mode & 0o777 == 0o600


def test_another_machine_with_the_same_key_store_knows_who_was_erased(erase, settings, tmp_path):
    erase("barack")
    settings.DATA_DIR = tmp_path
    assert not receipts.log_path().exists()
    assert receipts.is_logged() and receipts.logged() == {Erasure.objects.get().user_hash}


def test_a_line_that_was_cut_off_is_told_and_hides_no_other(db, caplog):
    receipts.append(receipts.ERASED, [(timezone.now(), "first")])
    with receipts.log_path().open("a") as file:
        file.write('{"time": "2026-')
    receipts.append(receipts.ERASED, [(timezone.now(), "second")])
    assert receipts.logged() == {"first", "second"}
    assert 'cannot be read: \'{"time": "2026-\'' in caplog.text


class LostCopy:
    def load(self):
        return 1, self._blocks()

    def _blocks(self):
        yield from ()
        raise CopyLostError("it is being made anew")


def test_a_copy_that_is_lost_while_it_is_looked_through_is_none(db, monkeypatch, caplog):
    monkeypatch.setattr(runtime, "template_cache", LostCopy)
    assert orphans.search().copied == []
    assert "it is being made anew" in caplog.text


def test_so_it_is_where_the_key_store_is_a_postgresql(own_store, settings, tmp_path):
    (tmp_path / "other").mkdir()
    receipts.append(receipts.ERASED, [(timezone.now(), "a hash")])
    settings.DATA_DIR = tmp_path / "other"
    assert not receipts.log_path().exists()
    assert receipts.is_logged() and receipts.logged() == {"a hash"}


def test_who_was_erased_is_refused_in_bulk(erase, register):
    erase("barack")
    with pytest.raises(RecognitionError) as refusal:
        register("barack", "obama", bulk=True)
    assert refusal.value.code == "suppressed"


@pytest.fixture
def erased_at_the_door(gallery, photos) -> Gallery:
    """Return a gallery from which barack was erased."""
    door = services.create_gallery("door", actor=TESTER)
    take(door, photos)
    services.unregister(door, "barack", actor=TESTER)
    receipts.finish()
    return door


def take(gallery: Gallery, photos, *, bulk: bool = False) -> None:
    options = services.RegisterOptions(bulk=bulk)
    services.register(gallery, "barack", [photos.upload("obama")], options, TESTER)


def refused(gallery: Gallery, photos) -> bool:
    with pytest.raises(RecognitionError) as refusal:
        take(gallery, photos, bulk=True)
    return refusal.value.code == "suppressed"


def test_who_was_erased_stays_so_when_the_gallery_gets_another_name(erased_at_the_door, photos):
    services.rename_gallery("door", "gate", actor=TESTER)
    gate, gone = services.find_gallery("gate"), receipts.logged()
    assert refused(gate, photos)
    take(gate, photos)
    assert orphans.people_of(gone) == [Subject.objects.get().number]


def test_who_was_erased_stays_so_when_the_gallery_is_made_again(erased_at_the_door, photos):
    services.delete_gallery("door", force=True, actor=TESTER)
    assert refused(services.create_gallery("door", actor=TESTER), photos)


def test_who_was_erased_by_the_name_of_the_gallery_is_still_known(gallery, photos):
    key = vault.made_keys([receipts.HASHING])[receipts.HASHING]
    before = hmac.digest(key, b"default\0barack", "sha256").hex()
    Suppression.objects.create(user_hash=before)
    assert refused(gallery, photos)
    take(gallery, photos)
    assert not receipts.suppressed()


@pytest.fixture
def erased_while_waiting(gallery, monkeypatch):
    """Let barack be erased by whoever has the lock before the next one who waits for it."""
    lock = GalleryChange.lock

    def lock_after_another() -> None:
        monkeypatch.setattr(GalleryChange, "lock", lock)
        services.unregister(gallery, "barack", actor=TESTER)
        lock()

    return lambda: monkeypatch.setattr(GalleryChange, "lock", lock_after_another)


def test_who_is_erased_while_their_picture_is_looked_at_does_not_come_back(
    register, erased_while_waiting
):
    register("barack", "obama")
    erased_while_waiting()
    with pytest.raises(RecognitionError) as refusal:
        register("barack", "obama2", bulk=True)
    assert refusal.value.code == "suppressed"


def test_who_is_erased_while_a_file_is_imported_does_not_come_back(
    register, gallery, erased_while_waiting, tmp_path
):
    register("barack", "obama")
    _, key = transfer.export(gallery, tmp_path / "people", TESTER)
    erased_while_waiting()
    counts = transfer.take(tmp_path / "people", key, gallery, TESTER, dry_run=False)
    assert counts == {"suppressed:barack": 1}


def test_registering_by_name_lifts_the_suppression(
    erase, register, django_capture_on_commit_callbacks
):
    erase("barack")
    with django_capture_on_commit_callbacks(execute=True):
        register("barack", "obama")
    assert not Suppression.objects.exists()
    assert receipts.logged() == set()


def test_who_was_registered_before_their_erasure_was_finished_stays(
    register, gallery, django_capture_on_commit_callbacks
):
    register("barack", "obama")
    services.unregister(gallery, "barack", actor=TESTER)  # and the process dies
    with django_capture_on_commit_callbacks(execute=True):
        register("barack", "obama")
    assert Erasure.objects.get().finished and receipts.finish() == 0
    assert receipts.logged() == set()
    assert orphans.search().returned == []


def test_who_is_registered_again_by_a_process_that_dies_then_is_not_erased(erase, register):
    erase("barack")
    register("barack", "obama")  # and nothing after the commit
    assert receipts.log_path().read_text().count(receipts.LIFTED) == 0
    assert not receipts.logged() and not orphans.search().returned
    receipts.finish()
    assert receipts.log_path().read_text().count(receipts.LIFTED) == 1
    assert not Suppression.objects.exists() and not receipts.logged()


def test_who_is_erased_once_more_before_the_log_tells_stays_erased(erase, register):
    erase("barack")
    register("barack", "obama")  # and nothing after the commit
    erase("barack")
    assert receipts.logged() == receipts.suppressed() != set()


@pytest.fixture
def back_though_dated_ahead(erase, register) -> None:
    """Erase somebody by a clock that is ahead, and register them again by one that is not."""
    erase("barack")
    ahead = timezone.now() + timedelta(minutes=1)
    Erasure.objects.update(time=ahead)
    receipts.append(receipts.ERASED, [(ahead, Erasure.objects.get().user_hash)])
    register("barack", "obama")
    receipts.finish()


def test_registering_again_comes_after_an_erasure_by_a_clock_that_is_ahead(back_though_dated_ahead):
    assert receipts.logged() == set()


def test_an_erasure_comes_after_those_of_a_clock_that_is_ahead(back_though_dated_ahead, erase):
    erase("barack")
    assert len(receipts.logged()) == 1


def test_an_erasure_cut_short_is_found_and_finished(register, gallery):
    register("barack", "obama")
    number = Subject.objects.get().number
    services.unregister(gallery, "barack", actor=TESTER)  # and nothing after the commit
    assert orphans.search().unfinished == 1
    orphans.mend(orphans.search(), TESTER, nobody=True)
    assert vault.keys().read([number]) == {}
    assert not orphans.search().unfinished


def test_somebody_who_came_back_behind_the_log_is_found_and_erased(erase, register):
    erase("barack")
    register("barack", "obama")
    Suppression.objects.all().delete()
    found = orphans.search()
    assert found.returned == [Subject.objects.get().number]
    orphans.mend(found, TESTER)
    assert not Subject.objects.exists()


def test_restoring_wants_a_log_that_tells_of_all_erasures(erase, tmp_path):
    erase("barack")
    receipts.log_path().unlink()
    receipts.append(receipts.ERASED, [(timezone.now(), "another")])
    with pytest.raises(RecognitionError, match="1 people were erased") as refusal:
        backups.restore(tmp_path / "none", TESTER, erasures=True)
    assert "erasure_check --mend" in refusal.value.hint
    assert Erasure.objects.exists()


def test_a_key_of_nobody_is_found_and_destroyed(register):
    register("barack", "obama")
    vault.made_keys([77])
    assert 77 in orphans.search().keys
    orphans.mend(orphans.search(), TESTER)
    number = Subject.objects.get().number
    assert list(vault.keys().read([77, number])) == [number]


def test_a_key_whose_person_came_meanwhile_is_left_alone(gallery):
    vault.made_keys([77])
    found = orphans.search()
    Subject.objects.create(gallery=gallery, user_id="ada", number=77)
    orphans.mend(found, TESTER)
    assert vault.keys().read([77])


def test_people_without_a_key_are_told(register):
    register("barack", "obama")
    number = Subject.objects.get().number
    vault.keys().destroy([number])
    assert orphans.search().locked == [number]


def test_who_has_lost_their_key_gets_no_second_one(register, gallery, photos, tmp_path):
    register("barack", "obama")
    _, key = transfer.export(gallery, tmp_path / "people", TESTER)
    number = Subject.objects.get().number
    vault.keys().destroy([number])
    Reference.objects.update(source_sha256="another")
    with pytest.raises(RecognitionError) as refusal:
        register("barack", "obama2")
    assert refusal.value.code == "not_ready" and not vault.keys().read([number])
    with pytest.raises(RecognitionError, match="not in the key store"):
        transfer.take(tmp_path / "people", key, gallery, TESTER, dry_run=False)


def test_keys_are_not_destroyed_where_the_database_is_empty(gallery, register):
    register("barack", "obama")
    lost = Subject.objects.get().number
    Subject.objects.all().delete()  # as if it were another database
    found = orphans.search()
    assert lost in found.keys
    with pytest.raises(RecognitionError, match="Nobody is registered"):
        orphans.mend(found, TESTER)
    assert vault.keys().read([lost])
    orphans.mend(found, TESTER, nobody=True)
    assert not vault.keys().read([lost])


def test_a_lost_key_of_hashes_is_not_made_anew(erase, gallery):
    erase("barack")
    kept = vault.keys().read([receipts.HASHING])
    vault.keys().destroy(kept)
    with pytest.raises(RecognitionError, match="not in the key store"):
        receipts.refuse_suppressed(gallery, "joe")
    vault.keys().add(kept)
