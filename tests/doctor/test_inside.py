"""doctor: networks, calibrations, worker, what is late, settings; and the command."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from recognition import runtime, worker
from recognition.curves import CALIBRATIONS
from recognition.doctor import FAULT, OK, WARNING, inside
from recognition.import_models import Import
from recognition.models import Erasure, Event, PersonTemplate, StoredCalibration, Subject
from tests.commands.conftest import run

LATE = timezone.now() - timedelta(hours=1)


@pytest.fixture
def own_networks(gallery, networks_dir, settings, tmp_path):
    """Return a folder with the networks that a test may spoil."""
    folder = tmp_path / "networks"
    shutil.copytree(networks_dir, folder)
    settings.NETWORKS_FOLDERS = [folder]
    runtime.store.cache_clear()
    yield folder
    runtime.store.cache_clear()


def test_a_network_that_was_altered_is_named(own_networks):
    assert [verdict.state for verdict in inside.networks()] == [OK]
    (path,) = own_networks.glob("mtcnn-pnet-*.onnx")
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 1
    path.write_bytes(raw)
    (found,) = inside.networks()
    assert found.state == FAULT and "mtcnn-pnet was altered" in found.said
    assert "manage.py prepare" in found.remedy


def test_a_network_that_is_missing_is_named(own_networks):
    (own_networks / "dlib-resnet-v1.json").unlink()
    (found,) = inside.networks()
    assert found.state == FAULT and "dlib-resnet-v1 is not converted" in found.said


def test_a_calibration_that_does_not_reach_is_told(gallery, settings):
    Subject.objects.create(gallery=gallery, user_id="ada")
    assert [verdict.state for verdict in inside.calibrations()] == [OK]
    settings.FACE_TARGET_FPIR = 1e-9
    (found,) = inside.calibrations()
    assert found.state == WARNING and "manage.py evaluate" in found.remedy


def test_a_calibration_must_reach_for_who_has_the_most_references(gallery, settings):
    ada = Subject.objects.create(gallery=gallery, user_id="ada")
    settings.FACE_TARGET_FPIR = 5e-6
    assert [verdict.state for verdict in inside.calibrations()] == [OK]
    PersonTemplate.objects.create(subject=ada, sealed=b"", references=5)
    (found,) = inside.calibrations()
    assert found.state == WARNING and "for people with 5 references" in found.said


def test_a_calibration_of_long_ago_is_told(gallery):
    document = json.loads((CALIBRATIONS / "dlib-resnet-v1.json").read_text())
    made = StoredCalibration.objects.create(
        name="door", embedder="dlib-resnet-v1", document=document, active=True
    )
    StoredCalibration.objects.filter(pk=made.pk).update(created=LATE - timedelta(days=365))
    (found,) = inside.calibrations()
    assert found.state == WARNING and "door was measured on" in found.said


def test_imports_that_nobody_works_on_are_a_fault(gallery):
    assert [verdict.state for verdict in inside.worker()] == [WARNING]
    Import.objects.create(gallery=gallery, kind="zip", size=1, state=Import.WAITING)
    assert [verdict.state for verdict in inside.worker()] == [FAULT]
    with worker.alive("w"):
        assert [verdict.state for verdict in inside.worker()] == [OK]


def test_what_is_late_is_told(db):
    assert [v.state for check in (inside.erasures, inside.events) for v in check()] == [OK, OK]
    Erasure.objects.create(gallery="default", user_hash="0" * 64, time=LATE)
    Event.objects.create(actor="-", act="verify", outcome="ok", time=LATE)
    (erasure,), (event,) = inside.erasures(), inside.events()
    assert erasure.state == FAULT and "--mend" in erasure.remedy
    assert event.state == WARNING and "1 events" in event.said


def test_what_the_checks_say_is_passed_on(db, settings):
    settings.API_KEY = "short"
    found = [v for v in inside.settings_as_deployed() if v.state == FAULT]
    assert ["facesite.E001" in verdict.said for verdict in found] == [True]
    assert "create_api_key" in found[0].remedy


def test_the_cost_of_no_https_is_told_once(db, settings):
    settings.HOST = "192.0.2.1"
    found = [v for v in inside.settings_as_deployed() if "https" in v.said]
    assert len(found) == 1 and "security.W012" in found[0].said
    assert "yet" not in found[0].said and "TLS=1" in found[0].remedy


def test_the_command_lists_what_it_found_with_remedies(gallery, settings):
    settings.SECRET_KEY = "short"
    ran = run("doctor")
    assert ran.status == 1 and "faults" in ran.stderr
    line = next(n for n, text in enumerate(ran.lines) if text.startswith("fault    secret key"))
    assert ran.lines[line + 1].strip().startswith("-> Leave it out")


def test_the_command_writes_json(gallery):
    found = json.loads(run("doctor", "--json").stdout)
    assert set(found) == {"counts", "findings"}
    assert sum(found["counts"].values()) == len(found["findings"])
    assert all(v["said"] and (v["remedy"] or v["state"] == "ok") for v in found["findings"])
