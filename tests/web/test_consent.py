"""Consent, retention and export in the console, without JavaScript."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from recognition.import_models import Import
from recognition.models import Event, Subject

ADA = "/console/users/default/ada"
SAID = {
    "lawful_basis": "consent",
    "consent_version": "2026-1",
    "consent_given": "2026-01-02",
    "consent_expires": "",
    "retain_until": "2099-03-04",
}


@pytest.fixture
def ada(register) -> Subject:
    register("ada", "obama")
    return Subject.objects.get()


def kept(subject: Subject) -> dict[str, str]:
    subject.refresh_from_db()
    return {name: str(value or "") for name, value in subject.consent.items()}


def test_consent_is_stored_by_the_service(operator, ada):
    page = operator.post(f"{ADA}/consent", SAID, follow=True).content.decode()
    assert "Consent and retention are stored." in page and "valid consent" in page
    assert kept(ada) == SAID
    assert Event.objects.filter(act="update", actor="user:operator").count() == 1
    page = operator.post(f"{ADA}/consent", SAID, follow=True).content.decode()
    assert "Nothing was changed." in page


def test_consent_given_anew_holds_from_the_day_that_the_form_shows(operator, ada):
    operator.post(f"{ADA}/consent", SAID)
    operator.post(f"{ADA}/consent", {**SAID, "lawful_basis": "unset"})
    operator.post(f"{ADA}/consent", SAID)
    assert kept(ada) == SAID


def test_consent_given_anew_without_a_day_holds_from_today(operator, ada):
    operator.post(f"{ADA}/consent", {**SAID, "lawful_basis": "unset"})
    operator.post(f"{ADA}/consent", {**SAID, "consent_given": ""})
    assert kept(ada) == {**SAID, "consent_given": str(timezone.localdate())}


def test_odd_days_are_refused_at_their_field_and_stay_to_be_mended(operator, ada):
    answer = operator.post(f"{ADA}/consent", {**SAID, "consent_expires": "2025-01-01"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Consent cannot end before it was given." in page and 'value="2025-01-01"' in page
    assert kept(ada)["lawful_basis"] == "unset"


def test_a_viewer_reads_and_is_offered_neither_form_nor_export(viewer, ada):
    page = viewer.get(ADA).content.decode()
    assert "Consent and retention" in page
    assert "/export" not in page and "/consent" not in page


def test_everything_on_a_person_is_handed_out(operator, ada):
    assert f'href="{ADA}/export"' in operator.get(ADA).content.decode()
    answer = operator.get(f"{ADA}/export")
    assert "references.json" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert Event.objects.get(act="export").actor == "user:operator"


def test_the_page_says_that_consent_is_missing(operator, ada, settings):
    settings.CONSENT_REQUIRED = True
    assert (
        "Without a valid consent this user is never matched." in operator.get(ADA).content.decode()
    )


def test_consent_is_given_while_registering(operator, photos):
    upload = photos.upload("obama")
    form = {"user_id": "ada", "file": SimpleUploadedFile(upload.name, upload.data), **SAID}
    assert operator.post("/console/register", form).status_code == 200
    assert kept(Subject.objects.get()) == SAID


@pytest.mark.parametrize("page", ["register", "imports"])
def test_a_basis_that_is_not_chosen_beside_photographs_is_not_sent(operator, gallery, page):
    form = operator.get(f"/console/{page}").context["consent"]
    assert form.fields["lawful_basis"].choices[0][0] == ""
    assert 'value="unset"' not in str(form)


def test_a_further_photograph_leaves_consent_as_it_was(operator, ada, photos):
    operator.post(f"{ADA}/consent", SAID)
    upload, page = photos.upload("obama2"), operator.get("/console/register")
    untouched = {one.name: one.value() or "" for one in page.context["consent"]}
    untouched["lawful_basis"] = page.context["consent"].fields["lawful_basis"].choices[0][0]
    form = {"user_id": "ada", "file": SimpleUploadedFile(upload.name, upload.data), **untouched}
    assert operator.post("/console/register", form).status_code == 200
    assert ada.references.count() == 2 and kept(ada) == SAID


def test_what_was_filled_in_stays_where_consent_is_required(operator, photos, settings):
    settings.CONSENT_REQUIRED = True
    form = {"user_id": "ada", "lawful_basis": "contract", "consent_version": "v7"}
    form["file"] = SimpleUploadedFile("a.jpg", photos.upload("obama").data)
    answer = operator.post("/console/register", form)
    page = answer.content.decode()
    assert answer.status_code == 422 and "No consent of this person is known." in page
    assert 'value="v7"' in page and '<details class="field" id="consent" open>' in page


def test_odd_days_are_refused_at_their_field_while_registering(operator, photos):
    form = {"user_id": "ada", **SAID, "consent_expires": "2025-01-01"}
    form["file"] = SimpleUploadedFile("a.jpg", photos.upload("obama").data)
    page = operator.post("/console/register", form).content.decode()
    assert "<li>Consent cannot end before it was given.</li>" in page


def test_an_import_keeps_the_consent_of_its_people(operator, gallery):
    sent = {"files": [["ada/1.jpg", 3]], "consent": SAID}
    answer = operator.post("/console/imports", json.dumps(sent), "application/json")
    assert answer.status_code == 200
    wanted = {name: value for name, value in SAID.items() if value}
    assert Import.objects.get().consent == wanted


def test_a_version_that_no_database_could_hold_is_kept_as_far_as_it_can_be(operator, gallery):
    sent = {"files": [["ada/1.jpg", 3]], "consent": {"consent_version": "v\ud8001"}}
    operator.post("/console/imports", json.dumps(sent), "application/json")
    assert Import.objects.get().consent == {"consent_version": "v?1"}


@pytest.mark.parametrize(
    "odd", [{"lawful_basis": "x"}, {"retain_until": [1]}, {"retain_until": {}}]
)
def test_an_import_with_odd_consent_is_refused(operator, gallery, odd):
    sent = {"files": [["ada/1.jpg", 3]], "consent": odd}
    answer = operator.post("/console/imports", json.dumps(sent), "application/json")
    assert answer.status_code == 400 and answer.json()["code"] == "invalid_request"
    assert not Import.objects.exists()


def test_a_consent_of_one_day_is_stored(operator, ada):
    day = {**SAID, "consent_expires": SAID["consent_given"]}
    assert operator.post(f"{ADA}/consent", day).status_code == 302
    assert kept(ada) == day
