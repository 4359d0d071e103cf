"""``purge``, and consent as commands take it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from recognition import services
from recognition.models import Erasure, Subject
from tests.conftest import TESTER

PAST = timezone.localdate() - timedelta(days=1)


@pytest.fixture
def due(gallery):
    other = services.create_gallery("other", actor=TESTER)
    Subject.objects.create(gallery=gallery, user_id="zoe", retain_until=PAST)
    Subject.objects.create(gallery=other, user_id="bob", retain_until=PAST)
    Subject.objects.create(gallery=gallery, user_id="eve")


def test_without_yes_people_are_listed_and_nobody_is_erased(due, command):
    ran = command("purge")
    assert ran.lines[:2] == ["default\tzoe\tretain_until", "other\tbob\tretain_until"]
    assert "Would erase: 2 people (retain_until 2, unmatched 0)." in ran.stdout
    assert Subject.objects.count() == 3


def test_with_yes_they_are_erased_and_receipts_are_listed(due, command):
    ran = command("purge", "--yes")
    ids = {line.partition("\t")[0] for line in ran.lines[:2]}
    assert ids == {str(erasure.pk) for erasure in Erasure.objects.all()}
    assert "zoe" not in ran.stdout and "Erased: 2 people" in ran.stdout
    assert [one.user_id for one in Subject.objects.all()] == ["eve"]


def test_one_gallery_is_purged_alone(due, command):
    command("purge", "--yes", "--gallery", "other")
    assert not Subject.objects.filter(user_id="bob").exists()
    assert Subject.objects.filter(user_id="zoe").exists()


def test_a_folder_is_registered_with_a_consent_for_all(command, people, settings):
    settings.CONSENT_REQUIRED = True
    folder = people({"barack": ["obama"], "joe": ["biden"]})
    options = ("--lawful-basis", "consent", "--consent-version", "v1", "--retain-until")
    command("register_folder", folder, *options, "2099-01-02")
    said = Subject.objects.values_list("consent_version", "consent_given", "retain_until")
    assert {(v, g.isoformat(), str(r)) for v, g, r in said} == {
        ("v1", timezone.localdate().isoformat(), "2099-01-02")
    }


def test_a_folder_without_a_required_consent_is_refused_by_person(command, people, settings):
    settings.CONSENT_REQUIRED = True
    ran = command("register_folder", people({"barack": ["obama"]}))
    assert ran.status == 1 and "consent_required" in ran.stderr
    assert not Subject.objects.exists()


@pytest.mark.parametrize("option", [("--retain-until", "soon"), ("--lawful-basis", "x")])
def test_odd_options_are_refused(command, people, option):
    assert command("register_folder", people({"barack": ["obama"]}), *option).status
