"""Receipts, suppression, and what is left where an erasure was cut short."""

from __future__ import annotations

import json

import pytest

from recognition import services, vault
from recognition.errors import RecognitionError
from recognition.models import Erasure, Subject, Suppression
from recognition.services import orphans, receipts
from tests.conftest import TESTER


@pytest.fixture(autouse=True)
def empty_log() -> None:
    receipts.log_path().unlink(missing_ok=True)


@pytest.fixture
def erase(register, gallery):
    """Register somebody, erase them, and return what the service said."""

    def erase_by_name(user_id: str):
        register(user_id, "obama")
        erased = services.unregister(gallery, user_id, actor=TESTER)
        receipts.finish()  # what the commit, which this test never reaches, calls
        return erased

    return erase_by_name


def test_a_receipt_counts_and_names_nobody(erase):
    (receipt,) = erase("barack").receipts
    assert receipt.counts == {"references": 1, "crops": 1}
    assert receipt.user_hash == receipts.user_hash("default", "barack")
    stored = Erasure.objects.get()
    assert stored.finished and stored.subject_number is None


def test_erasing_destroys_the_key(erase, register):
    erase("barack")
    register("joe", "biden")
    numbers = [n for page in vault.keys().pages() for n in page if n != receipts.HASHING]
    assert Subject.objects.get().number in numbers
    assert Erasure.objects.get().subject_number not in numbers


def test_erasing_is_noted_in_the_log_without_a_name(erase):
    erase("barack")
    (line,) = receipts.log_path().read_text().splitlines()
    assert json.loads(line)["user"] == receipts.user_hash("default", "barack")
    assert "barack" not in line


def test_who_was_erased_is_refused_in_bulk(erase, register):
    erase("barack")
    with pytest.raises(RecognitionError) as refusal:
        register("barack", "obama", bulk=True)
    assert refusal.value.code == "suppressed"


def test_registering_by_name_lifts_the_suppression(
    erase, register, django_capture_on_commit_callbacks
):
    erase("barack")
    with django_capture_on_commit_callbacks(execute=True):
        register("barack", "obama")
    assert not Suppression.objects.exists()
    assert receipts.logged() == set()


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


def test_a_key_of_nobody_is_found_and_destroyed(register):
    register("barack", "obama")
    vault.made_keys([77])
    assert 77 in orphans.search().keys
    orphans.mend(orphans.search(), TESTER)
    assert list(vault.keys().read([77, Subject.objects.get().number])) != [77]
    assert 77 not in orphans.search().keys


def test_people_without_a_key_are_told(register):
    register("barack", "obama")
    number = Subject.objects.get().number
    vault.keys().destroy([number])
    assert orphans.search().locked == [number]


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
