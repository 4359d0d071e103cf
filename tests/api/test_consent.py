"""Consent, retention and export over the API."""

from __future__ import annotations

import io
import zipfile

import pytest

from recognition.models import Event, Subject
from tests.api.conftest import assert_problem, stored

SAID = {
    "lawful_basis": "consent",
    "consent_version": "2026-1",
    "consent_given": "2026-01-02",
    "consent_expires": "2099-01-02",
    "retain_until": "2099-03-04",
}


@pytest.fixture
def ada(api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama, **SAID)
    return "/users/ada"


def test_what_was_said_at_registration_is_shown(ada, api):
    user = api.get(ada).json()
    assert {name: user[name] for name in SAID} == SAID and user["consent_valid"]
    assert api.get("/users").json()["results"][0]["retain_until"] == SAID["retain_until"]


def test_patch_changes_what_is_sent_and_null_takes_a_date_back(ada, api):
    changes = {"lawful_basis": "contract", "retain_until": None}
    user = api.send_json("PATCH", ada, changes).json()
    assert (user["lawful_basis"], user["retain_until"]) == ("contract", None)
    assert (user["consent_version"], user["consent_valid"]) == ("2026-1", False)
    told = Event.objects.get(act="update").decision
    assert told == {"changed": ["lawful_basis", "retain_until"], "consent": changes}


@pytest.mark.parametrize(
    "change",
    [{"lawful_basis": "none"}, {"lawful_basis": None}, {"consent_given": "2026-13-01"}]
    + [{"consent_version": "x" * 65}, {"consent_version": None}, {"retain_until": 5}]
    + [{"consent_expires": "2020-01-01"}, {"consent_given": "yesterday"}],
)
def test_odd_values_are_refused_and_change_nothing(ada, api, change):
    before = api.get(ada).json()
    problem = assert_problem(api.send_json("PATCH", ada, change), 400, "invalid_request")
    assert list(problem["errors"]) == list(change)
    assert api.get(ada).json() == before


def test_registering_without_a_required_consent_is_a_422(api, pictures, settings):
    settings.CONSENT_REQUIRED = True
    before = stored()
    answer = api.post("/register", user_id="ada", file=pictures.obama)
    assert_problem(answer, 422, "consent_required")
    assert stored() == before


def test_a_consent_that_ended_is_not_matched(ada, api, pictures, settings):
    settings.CONSENT_REQUIRED = True
    assert api.post("/identify", file=pictures.obama2).json()["matches"]
    Subject.objects.update(consent_expires="2020-01-01")
    assert api.post("/identify", file=pictures.obama2).json()["matches"] == []
    answer = api.post("/verify", user_id="ada", file=pictures.obama2)
    assert_problem(answer, 422, "consent_required")


def test_the_export_of_a_person_is_a_zip(ada, api):
    answer = api.get(f"{ada}/export")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert answer["Content-Disposition"] == 'attachment; filename="ada.zip"'
    assert "subject.json" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert Event.objects.get(act="export").actor.startswith("key:")


def test_nobody_s_export_is_not_found(api):
    assert_problem(api.get("/users/nobody/export"), 404, "user_not_found")
