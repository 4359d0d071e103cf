"""doctor: secret key, master key, the keys of people."""

from __future__ import annotations

import pytest

from recognition import doctor, vault
from recognition.doctor import FAULT, OK, secrets
from recognition.models import Subject


@pytest.mark.parametrize(
    "key", ["short", "a" * 50, "django-insecure-" + "q7VnJtW3xLr9KfYb2HsDzP5mC"]
)
def test_a_secret_key_that_can_be_guessed_is_a_fault(settings, key):
    assert [verdict.state for verdict in secrets.secret_key()] == [OK]
    settings.SECRET_KEY = key
    assert [verdict.state for verdict in secrets.secret_key()] == [FAULT]


def test_a_master_key_is_not_made_by_looking(own_vault):
    assert [verdict.state for verdict in secrets.master_key()] == [OK]
    assert list(secrets.people_have_keys()) == []
    assert not (own_vault / "master.key").exists()


def test_a_master_key_that_others_may_read_is_a_fault(own_vault):
    vault.ring()
    assert [verdict.state for verdict in secrets.master_key()] == [OK]
    (own_vault / "master.key").chmod(0o640)
    wrong, right = secrets.master_key()
    assert (wrong.state, right.state) == (FAULT, OK)
    assert wrong.remedy == f"chmod 600 '{own_vault / 'master.key'}'"


def test_a_master_key_that_is_none_is_a_fault(own_vault):
    (own_vault / "master.key").write_text("c2hvcnQ=\n")
    (own_vault / "master.key").chmod(0o600)
    (found,) = secrets.master_key()
    assert found.state == FAULT and "base64 of 32 bytes" in found.said


def test_a_master_key_that_is_none_ends_no_examination(register, settings, tmp_path, monkeypatch):
    register("barack", "obama")
    settings.FACE_MASTER_KEY_FILE = tmp_path / "master.key"
    settings.FACE_MASTER_KEY_FILE.write_text("c2hvcnQ=\n")
    monkeypatch.setattr(doctor, "CHECKS", (secrets.people_have_keys, secrets.secret_key))
    assert [verdict.state for verdict in doctor.examine()] == [FAULT, OK]


def test_a_master_key_that_is_gone_is_a_fault(own_vault, gallery):
    Subject.objects.create(gallery=gallery, user_id="ada")
    (found,) = secrets.master_key()
    assert found.state == FAULT and "is gone" in found.said


def test_people_whose_key_is_gone_are_counted(register):
    register("barack", "obama")
    register("joe", "biden")
    (found,) = secrets.people_have_keys()
    assert found.state == OK and "2 people" in found.said
    vault.keys().destroy([Subject.objects.get(user_id="joe").number])
    (found,) = secrets.people_have_keys()
    assert found.state == FAULT and "Of 2 people, 1 have no key" in found.said


def test_another_master_key_opens_nobody(register, settings, tmp_path):
    register("barack", "obama")
    settings.FACE_MASTER_KEY_FILE = tmp_path / "other.key"
    vault.master.make(settings.FACE_MASTER_KEY_FILE)
    (found,) = secrets.people_have_keys()
    assert found.state == FAULT and "Of 1 people, 1" in found.said
