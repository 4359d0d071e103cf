"""Which calibration is in force."""

from __future__ import annotations

import json

import pytest

from recognition.curves import CALIBRATIONS
from recognition.errors import RecognitionError
from recognition.models import StoredCalibration
from recognition.runtime import DLIB
from recognition.services import find_gallery, verify
from recognition.services.calibrations import activate, deactivate, store_calibration
from recognition.services.results import Selection
from tests.commands.conftest import run
from tests.conftest import TESTER


@pytest.fixture
def stored(gallery) -> StoredCalibration:
    """Return a calibration of which every threshold is higher than the shipped one's."""
    document = json.loads((CALIBRATIONS / f"{DLIB}.json").read_text())
    for table in document["by_references"]:
        for row in table["thresholds"]:
            row["similarity"] += 0.01
    return store_calibration("our-door", document, actor=TESTER)


def test_a_calibration_decides_once_it_is_active(stored, register, photos):
    register("barack", "obama")

    def decided():
        upload = photos.upload("obama2")
        return verify(
            find_gallery("default"), "barack", upload, selection=Selection(), actor=TESTER
        ).policy

    before = decided()
    activate(stored, actor=TESTER)
    assert decided().threshold == pytest.approx(before.threshold + 0.01)
    assert decided().calibration.id == "our-door"
    deactivate(DLIB, actor=TESTER)
    assert decided() == before


def test_one_calibration_is_active_for_an_embedder(stored):
    other = store_calibration("other", stored.document, actor=TESTER)
    activate(stored, actor=TESTER)
    activate(other, actor=TESTER)
    assert [c.name for c in StoredCalibration.objects.filter(active=True)] == ["other"]


def test_a_name_is_taken_once(stored):
    with pytest.raises(RecognitionError, match="'our-door' exists already"):
        store_calibration("our-door", stored.document, actor=TESTER)


def test_the_command_lists_and_activates(stored):
    assert run("calibrations").lines[1].startswith("* dlib-resnet-v1")
    ran = run("calibrations", "--activate", "our-door")
    assert [line[0] for line in ran.lines] == ["*", " ", "*"]
    assert run("calibrations", "--shipped", DLIB).lines[1].startswith("*")
    assert run("calibrations", "--activate", "nobody's").status == 2
