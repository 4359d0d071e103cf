"""A gallery on its way: what is said of consent and retention goes with its people."""

from __future__ import annotations

from datetime import date

import pytest

from recognition import services
from recognition.models import Subject
from recognition.services import transfer
from tests.conftest import TESTER

SAID = {
    "lawful_basis": "consent",
    "consent_version": "v1",
    "consent_given": date(2026, 1, 2),
    "consent_expires": None,
    "retain_until": date(2030, 1, 2),
}


@pytest.fixture
def other(db):
    return services.create_gallery("other", actor=TESTER)


@pytest.fixture
def exported(register, gallery, tmp_path):
    """Return a file of two people, one without a lawful basis, and its key."""
    register("barack", "obama", consent=SAID)
    register("joe", "biden")
    _, key = transfer.export(gallery, tmp_path / "people", TESTER)
    return tmp_path / "people", key


def test_consent_and_retention_go_with_a_person(exported, other):
    transfer.take(*exported, other, TESTER, dry_run=False)
    assert Subject.objects.get(gallery=other, user_id="barack").consent == SAID


def test_a_default_is_for_those_of_whom_the_file_says_nothing(exported, other):
    default = {"lawful_basis": "contract"}
    transfer.take(*exported, other, TESTER, dry_run=False, consent=default)
    bases = Subject.objects.filter(gallery=other).values_list("user_id", "lawful_basis")
    assert dict(bases) == {"barack": "consent", "joe": "contract"}


@pytest.mark.parametrize("dry_run", [True, False])
def test_who_has_no_consent_is_left_out_and_named(exported, other, settings, dry_run):
    settings.CONSENT_REQUIRED = True
    counts = transfer.take(*exported, other, TESTER, dry_run=dry_run)
    assert counts == {"people": 1, "references": 1, "consent_required:joe": 1}
    assert Subject.objects.filter(gallery=other).count() == (0 if dry_run else 1)


def test_who_is_there_without_a_consent_gets_no_further_photograph(exported, other, settings):
    Subject.objects.create(gallery=other, user_id="barack")
    settings.CONSENT_REQUIRED = True
    counts = transfer.take(*exported, other, TESTER, dry_run=False)
    assert counts == {"consent_required:barack": 1, "consent_required:joe": 1}
    assert not Subject.objects.get(gallery=other).references.exists()
