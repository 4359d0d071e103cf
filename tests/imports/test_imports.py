"""Imports from beginning to end, with the worker's work done in this process."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from recognition import services, worker
from recognition.errors import RecognitionError
from recognition.import_models import Import, Worker
from recognition.models import Event, Reference, Subject
from recognition.services import importing, imports
from recognition.services.manifest import Entry
from tests.conftest import TESTER, registered
from tests.imports.conftest import (
    begin_folder,
    begin_zip,
    left,
    outcomes,
    packed,
    run,
    states,
    work,
)


def test_a_folder_is_registered(gallery, portraits):
    batch = run(begin_folder(gallery, portraits))
    assert batch.state == Import.DONE and batch.finished
    assert registered() == {"barack": 2, "joe-biden": 1}
    assert Subject.objects.get(user_id="joe-biden").display_name == "Joe Biden"
    assert states(batch) == {"new": 3} and left(batch) == 0


def test_a_zip_is_registered(gallery, portraits):
    inner = {f"people/{path}": data for path, data in portraits.items()}
    batch = run(begin_zip(gallery, packed(inner)))
    assert batch.state == Import.DONE
    assert registered() == {"barack": 2, "joe-biden": 1}
    assert states(batch) == {"new": 3} and left(batch) == 0


def test_each_file_is_told_of(gallery, portraits):
    files = portraits | {"barack/3.jpg": b"no picture", "barack/.x": b"", "a.jpg": b"x"}
    files["barack/4.jpg"] = portraits["barack/1.jpg"]
    batch = run(begin_folder(gallery, files))
    assert outcomes(batch) == {
        "barack/1.jpg": "new",
        "barack/2.jpg": "new",
        "barack/3.jpg": "unsupported_image",
        "barack/4.jpg": "there",
        "Joe Biden/1.jpg": "new",
        "barack/.x": "passed_over",
        "a.jpg": "passed_over",
    }


def test_a_second_import_adds_nothing(gallery, portraits):
    run(begin_folder(gallery, portraits))
    before = set(Reference.objects.values_list("pk", flat=True))
    batch = run(begin_folder(gallery, portraits))
    assert states(batch) == {"there": 3}
    assert set(Reference.objects.values_list("pk", flat=True)) == before


def test_a_face_of_two_people_is_told_by_their_ids(gallery, photos):
    files = {"a/1.jpg": photos.obama.read_bytes(), "b/1.jpg": photos.obama2.read_bytes()}
    batch = run(begin_folder(gallery, files))
    alike = {file.path: [name for name, _ in whom] for file, whom in imports.report(batch)}
    assert alike == {"a/1.jpg": [], "b/1.jpg": ["a"]}
    services.unregister(gallery, "a", actor=TESTER)
    assert {file.path: whom[0][0] for file, whom in imports.report(batch)} == {
        "b/1.jpg": "(erased)"
    }


def test_a_cancelled_import_keeps_what_it_has_registered(gallery, portraits, monkeypatch):
    batch = begin_folder(gallery, portraits)
    register = importing.register

    def register_and_cancel(*args, **options):
        Worker.objects.update(seen=timezone.now())
        imports.cancel(batch, TESTER)
        return register(*args, **options)

    monkeypatch.setattr(importing, "register", register_and_cancel)
    batch = run(batch)
    assert batch.state == Import.CANCELLED
    assert states(batch) == {"new": 1, "left": 2} and left(batch) == 0


def test_a_gallery_renamed_meanwhile_gets_the_rest_under_its_new_name(
    gallery, portraits, monkeypatch
):
    guests = services.create_gallery("guests", actor=TESTER)
    register = importing.register

    def register_and_rename(*args, **options):
        monkeypatch.undo()
        services.rename_gallery("guests", "visitors", actor=TESTER)
        return register(*args, **options)

    batch = begin_folder(guests, portraits)
    monkeypatch.setattr(importing, "register", register_and_rename)
    assert states(run(batch)) == {"new": 3}
    told = Event.objects.filter(act__in=["register", "import"]).exclude(outcome="begun")
    assert set(told.values_list("gallery", flat=True)) == {"visitors"}


@pytest.mark.parametrize("completed", [False, True])
def test_an_import_that_nobody_runs_is_cancelled_at_once(gallery, portraits, completed):
    batch = begin_folder(gallery, portraits)
    if completed:
        imports.complete(batch, TESTER)
    imports.cancel(batch, TESTER)
    batch.refresh_from_db()
    assert batch.state == Import.CANCELLED and left(batch) == 0
    assert work(batch.pk).state == Import.CANCELLED and registered() == {}


def test_a_worker_that_shall_end_leaves_the_rest_to_the_next(
    gallery, portraits, stopped, monkeypatch
):
    register = importing.register

    def register_and_stop(*args, **options):
        stopped()
        return register(*args, **options)

    monkeypatch.setattr(importing, "register", register_and_stop)
    batch = run(begin_folder(gallery, portraits))
    assert batch.state == Import.WAITING and states(batch) == {"new": 1, "ready": 2}
    worker.stop.asked = False
    monkeypatch.undo()
    assert states(work(batch.pk, "the next")) == {"new": 3}


def test_a_file_registered_by_a_worker_that_died_is_not_added_twice(gallery, portraits):
    batch = begin_folder(gallery, portraits)
    imports.complete(batch, TESTER)
    file = batch.files.first()
    importing.Run(batch, "dead").outcome(file)  # and no more: it died before it wrote that down
    batch = work(batch.pk)
    assert states(batch) == {"new": 3}
    assert registered() == {"barack": 2, "joe-biden": 1}


def test_a_file_that_workers_die_of_is_given_up(gallery, portraits):
    batch = begin_folder(gallery, portraits)
    batch.files.filter(place=0).update(attempts=importing.MOST_ATTEMPTS)
    assert outcomes(run(batch))["barack/1.jpg"] == "internal_error"


def test_a_service_that_is_not_ready_lets_the_import_wait(gallery, portraits, no_networks):
    batch = run(begin_folder(gallery, portraits))
    assert batch.state == Import.WAITING and batch.trouble
    assert states(batch) == {"ready": 3}


def test_an_import_whose_worker_is_gone_is_taken_up(gallery, portraits):
    batch = begin_folder(gallery, portraits)
    imports.complete(batch, TESTER)
    Worker.objects.create(id="gone", seen=timezone.now() - timedelta(minutes=1))
    Import.objects.update(state=Import.RUNNING, worker="gone")
    worker.take_up("new")
    batch.refresh_from_db()
    assert (batch.state, batch.worker) == (Import.WAITING, None)
    assert not Worker.objects.exists()


def test_an_import_whose_worker_lives_is_left_alone(gallery, portraits):
    batch = begin_folder(gallery, portraits)
    imports.complete(batch, TESTER)
    Worker.objects.create(id="busy")
    Import.objects.update(state=Import.RUNNING, worker="busy")
    worker.take_up("new")
    assert work(batch.pk, "new").state == Import.RUNNING
    assert registered() == {}


def test_a_worker_that_lost_its_import_writes_nothing_more(gallery, portraits, monkeypatch):
    register = importing.register

    def register_and_lose(*args, **options):
        Import.objects.update(worker=Worker.objects.create(id="quicker"))
        return register(*args, **options)

    monkeypatch.setattr(importing, "register", register_and_lose)
    batch = run(begin_folder(gallery, portraits))
    assert (batch.state, batch.worker_id) == (Import.RUNNING, "quicker")
    assert states(batch) == {"ready": 3}


def test_whoever_is_erased_is_erased_from_imports(gallery, portraits, register):
    register("barack", "obama3")
    batch = begin_folder(gallery, portraits)
    services.unregister(gallery, "barack", actor=TESTER)
    assert outcomes(run(batch)) == {"Joe Biden/1.jpg": "new"}
    assert registered() == {"joe-biden": 1}


def test_whoever_is_erased_while_being_registered_stays_erased(gallery, portraits, monkeypatch):
    batch = begin_folder(gallery, portraits)
    outcome = importing.Run.outcome

    def erase_meanwhile(self, file):
        found = outcome(self, file)
        batch.files.filter(user_id="barack").delete()
        return found

    monkeypatch.setattr(importing.Run, "outcome", erase_meanwhile)
    run(batch)
    assert registered() == {"joe-biden": 1}


def test_what_was_not_sent_is_told_of(gallery, portraits):
    entries = [Entry(path, len(data)) for path, data in portraits.items()]
    batch = imports.begin_folder(gallery, "people", entries, TESTER)
    imports.receive_files(batch, {0: portraits["barack/1.jpg"]})
    assert list(imports.awaited(batch)) == [1, 2]
    assert list(outcomes(run(batch)).values()) == ["new", "not_sent", "not_sent"]


def test_a_slice_that_does_not_follow_is_not_kept(gallery, portraits):
    data = packed(portraits)
    batch = imports.begin_zip(gallery, "people.zip", len(data), TESTER)
    assert imports.receive_slice(batch, 0, data[:1000]) == 1000
    assert imports.receive_slice(batch, 5000, data[5000:6000]) == 1000
    assert imports.receive_slice(batch, 0, data[:1000]) == 1000
    with pytest.raises(RecognitionError, match="1,000 of"):
        imports.complete(batch, TESTER)
    imports.receive_slice(batch, 1000, data[1000:])
    assert states(run(batch)) == {"new": 3}


def test_nothing_is_taken_once_an_upload_is_over(gallery, portraits):
    batch = run(begin_folder(gallery, portraits))
    for late in (
        lambda: imports.receive_files(batch, {0: b"x"}),
        lambda: imports.complete(batch, TESTER),
        lambda: imports.cancel(batch, TESTER),
    ):
        with pytest.raises(RecognitionError) as refused:
            late()
        assert refused.value.code == "import_closed"


@pytest.mark.parametrize(
    ("limit", "value", "code"),
    [("MAX_IMPORT_FILES", 2, "invalid_request"), ("MAX_IMPORT_BYTES", 1024, "image_too_large")],
)
def test_an_import_that_is_too_large_is_refused(gallery, portraits, settings, limit, value, code):
    setattr(settings, limit, value)
    with pytest.raises(RecognitionError) as refused:
        begin_folder(gallery, portraits)
    assert refused.value.code == code and not Import.objects.exists()


def test_uploads_that_nobody_goes_on_with_are_erased(gallery, portraits):
    abandoned, fresh = begin_folder(gallery, portraits), begin_folder(gallery, portraits)
    long_ago = timezone.now() - timedelta(days=1, minutes=1)
    Import.objects.filter(pk=abandoned.pk).update(changed=long_ago)
    worker.tidy()
    assert list(Import.objects.all()) == [fresh]


def test_an_import_is_discarded_with_its_report_but_not_its_people(gallery, portraits):
    batch = run(begin_folder(gallery, portraits))
    imports.discard(batch, TESTER)
    assert not Import.objects.exists() and registered() == {"barack": 2, "joe-biden": 1}


def test_an_import_is_written_down_without_names(gallery, portraits):
    batch = run(begin_folder(gallery, portraits))
    events = list(Event.objects.filter(act="import").order_by("id"))
    assert [event.outcome for event in events] == ["begun", "done"]
    assert {event.actor for event in Event.objects.all()} == {TESTER.name}
    assert "barack" not in str([event.decision for event in events])
    assert Event.objects.filter(act="register", request_id=batch.pk.hex).count() == 3


def test_the_progress_tells_how_far_it_is(gallery, portraits):
    batch = begin_folder(gallery, portraits)
    told = imports.progress(batch)
    assert (told["done"], told["total"], told["worker"]) == (0, 3, False)
    told = imports.progress(run(batch))
    assert (told["state"], told["done"], told["counts"]["new"], told["worker"]) == (
        "done",
        3,
        3,
        True,
    )


def test_a_file_that_grew_since_it_was_announced_is_refused(gallery, portraits):
    entries = [Entry(path, 1000) for path in portraits]
    batch = imports.begin_folder(gallery, "people", entries, TESTER)
    imports.receive_files(batch, dict(enumerate(portraits.values())))
    assert set(outcomes(run(batch)).values()) == {"invalid_request"}


def test_whoever_is_erased_leaves_no_line_of_their_folder(gallery, portraits):
    files = {**portraits, "Joe Biden/notes.txt": b"", "Joe Biden/old/1.jpg": b""}
    batch = run(begin_folder(gallery, files))
    services.unregister(gallery, "joe-biden", actor=TESTER)
    assert set(outcomes(batch)) == {"barack/1.jpg", "barack/2.jpg"}
