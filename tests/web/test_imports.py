"""The pages of imports without a browser: what they say, who may do what, the calls of scripts."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from recognition import services
from recognition.import_models import Import, Worker
from recognition.models import Subject
from recognition.services import imports
from tests.conftest import TESTER, queries
from tests.imports.conftest import begin_folder, packed, run, states, work

ADDRESS = "/console/imports"


def begin(client, **sent):
    return client.post(ADDRESS, json.dumps(sent), content_type="application/json")


def test_a_zip_is_sent_by_a_form(operator, portraits):
    file = SimpleUploadedFile("people.zip", packed(portraits), "application/zip")
    answer = operator.post(ADDRESS, {"file": file, "gallery": "default"})
    batch = Import.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{ADDRESS}/{batch.pk}")
    assert states(work(batch.pk)) == {"new": 3}


@pytest.mark.parametrize("data", [b"no zip", b""])
def test_a_form_without_a_zip_is_answered_in_words_and_leaves_nothing(operator, data):
    answer = operator.post(ADDRESS, {"file": SimpleUploadedFile("a.zip", data)})
    assert answer.status_code == 400 and b"<h1>" in answer.content
    assert not Import.objects.exists()


def test_a_form_that_is_refused_shows_what_was_filled_in_and_what_is_to_be_mended(operator):
    consent = {"consent_given": "2026-01-02", "consent_expires": "2026-01-01"}
    sent = {"gallery": "default", "consent_version": "v7", **consent}
    answer = operator.post(ADDRESS, {"file": SimpleUploadedFile("a.zip", b"zip"), **sent})
    page = answer.content.decode()
    assert answer.status_code == 400 and 'value="v7"' in page
    assert "<li>Consent cannot end before it was given.</li>" in page
    assert '<details class="field" id="consent" open>' in page


def test_a_folder_is_sent_file_by_file(operator, portraits):
    files = [[path, len(data)] for path, data in portraits.items()]
    begun = begin(operator, name="people", files=[*files, ["people/.x", 1]]).json()
    assert begun["awaited"] == [0, 1, 2]
    for place, data in enumerate(portraits.values()):
        part = SimpleUploadedFile("x.jpg", data)
        assert operator.post(f"{begun['address']}/files", {str(place): part}).status_code == 200
    operator.post(f"{begun['address']}/complete", headers={"accept": "application/json"})
    assert states(work(Import.objects.get().pk)) == {"new": 3, "passed_over": 1}


def test_a_zip_is_sent_in_slices_and_gone_on_with(operator, portraits):
    data = packed(portraits)
    begun = begin(operator, name="people.zip", size=len(data)).json()
    half = len(data) // 2
    sent = {"offset": 0, "slice": SimpleUploadedFile("slice", data[:half])}
    assert operator.post(f"{begun['address']}/slices", sent).json() == {"received": half}
    assert operator.get(f"{begun['address']}/awaited").json()["received"] == half
    sent = {"offset": half, "slice": SimpleUploadedFile("slice", data[half:])}
    operator.post(f"{begun['address']}/slices", sent)
    operator.post(f"{begun['address']}/complete")
    assert states(work(Import.objects.get().pk)) == {"new": 3}


@pytest.mark.parametrize(
    "sent",
    [
        b"[]",
        b"no json",
        b"{}",
        b'{"files": 1}',
        b'{"files": [["a"]]}',
        b'{"files": [["a", -1]]}',
        b'{"files": []}',
        b'{"size": "x"}',
        b'{"size": 9, "gallery": "nowhere"}',
    ],
)
def test_what_cannot_be_begun_is_refused_as_a_problem(operator, sent):
    answer = operator.post(ADDRESS, sent, content_type="application/json")
    assert answer.status_code in {400, 404} and answer.json()["detail"]
    assert not Import.objects.exists()


def test_the_page_tells_what_became_of_each_file(operator, gallery, portraits):
    batch = run(begin_folder(gallery, portraits | {"barack/3.jpg": b"a text"}))
    page = operator.get(f"{ADDRESS}/{batch.pk}").content.decode()
    assert "The file seems to be a text." in page and "joe-biden" in page
    page = operator.get(f"{ADDRESS}/{batch.pk}?state=refused").content.decode()
    assert "The file seems to be a text." in page and "joe-biden" not in page


def test_many_files_stand_on_several_pages(operator, gallery):
    files = {f"joe/{number:03}.txt": b"x" for number in range(250)}
    batch = begin_folder(gallery, files)
    page = operator.get(f"{ADDRESS}/{batch.pk}?page=3").content.decode()
    assert "Page 3 of 3" in page and "joe/249.txt" in page and "joe/100.txt" not in page


@pytest.mark.parametrize("path", ["", "/{}"])
def test_the_pages_say_that_no_worker_runs(operator, gallery, portraits, path):
    batch = begin_folder(gallery, portraits)
    imports.complete(batch, TESTER)
    address = ADDRESS + path.format(batch.pk)
    shown = '<div data-worker><div class="note warning" data-no-worker>' if path else "data-no-wor"
    assert shown in operator.get(address).content.decode()
    Worker.objects.create(id="alive")
    assert shown not in operator.get(address).content.decode()


def test_the_report_is_csv_that_no_spreadsheet_computes(operator, gallery, photos):
    files = {"=1+1/@a.jpg": photos.biden.read_bytes(), "joe/1.jpg": photos.biden.read_bytes()}
    batch = run(begin_folder(gallery, files))
    answer = operator.get(f"{ADDRESS}/{batch.pk}/report.csv")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["file"] for row in rows] == ["'=1+1/@a.jpg", "joe/1.jpg"]
    assert [row["outcome"] for row in rows] == ["registered", "registered"]
    assert rows[1]["possible_duplicates"].startswith("11 1.0")


def test_an_import_is_cancelled_and_its_report_erased(operator, gallery, portraits):
    batch = begin_folder(gallery, portraits)
    imports.complete(batch, TESTER)
    page = operator.post(f"{ADDRESS}/{batch.pk}/cancel", follow=True).content.decode()
    assert "What was registered stays." in page and "Erase this report" in page
    operator.post(f"{ADDRESS}/{batch.pk}/discard")
    assert not Import.objects.exists() and not Subject.objects.exists()


def test_what_is_over_is_said(operator, gallery, portraits):
    batch = run(begin_folder(gallery, portraits))
    page = operator.post(f"{ADDRESS}/{batch.pk}/cancel", follow=True).content.decode()
    assert "The import is over already." in page
    answer = operator.post(f"{ADDRESS}/{batch.pk}/files", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "import_closed")


@pytest.mark.parametrize("act", ["", "/files", "/slices", "/complete", "/cancel", "/discard"])
def test_a_viewer_may_look_and_do_nothing(viewer, gallery, portraits, act):
    batch = begin_folder(gallery, portraits)
    assert viewer.get(f"{ADDRESS}/{batch.pk}").status_code == 200
    address = f"{ADDRESS}/{batch.pk}{act}" if act else ADDRESS
    assert viewer.post(address).status_code == 403
    assert Import.objects.get().state == Import.UPLOADING


def test_pages_take_as_many_queries_for_many_files(
    operator, gallery, portraits, django_assert_max_num_queries
):
    batch = run(begin_folder(gallery, portraits))
    services.unregister(gallery, "joe-biden", actor=TESTER)
    with django_assert_max_num_queries(12):
        operator.get(f"{ADDRESS}/{batch.pk}")
    with django_assert_max_num_queries(8):
        operator.get(f"{ADDRESS}/{batch.pk}/progress")


def test_thirty_imports_take_as_many_queries_as_three(viewer, gallery):
    counts = []
    for number in (3, 27):
        for _ in range(number):
            begin_folder(gallery, {"a/1.jpg": b"x", "a/2.jpg": b"y"})
        counts.append(queries(viewer, ADDRESS))
    assert counts[0] == counts[1] <= 10
    assert viewer.get(ADDRESS).context["batches"][0][1]["total"] == 2
